#include "sio/recovery_table.hpp"

#include <utility>

#include "base/check.hpp"
#include "base/shrink.hpp"

namespace socketio::sio {

namespace {

std::optional<IdText> id_of(base::Bytes text) {
  IdText id{};
  if (text.size() != id.size()) return std::nullopt;
  text.copy(id.data(), id.size());
  return id;
}

}  // namespace

RecoveryTable::RecoveryTable(std::size_t max_saved, base::Duration keep)
    : max_saved_(max_saved), keep_(keep) {
  by_pid_.min_load_factor(base::kLeastLoad);
  by_sid_.min_load_factor(base::kLeastLoad);
}

RecoveryTable::~RecoveryTable() = default;

void RecoveryTable::open(const RecoverySession& session, Place place) {
  auto slot = std::make_unique<Slot>();
  slot->pid = session.pid;
  slot->sid = session.sid;
  slot->nsp = session.nsp;
  slot->place = place;
  by_sid_.insert_or_assign(slot->sid, slot.get());
  by_pid_.insert_or_assign(session.pid, std::move(slot));
}

RecoveryTable::Claim RecoveryTable::claim(base::Bytes pid, std::uint64_t nsp, Place waiter,
                                          base::Time now, bool again) {
  Claim claim;
  const std::optional<IdText> id = id_of(pid);
  const auto found = id ? by_pid_.find(*id) : by_pid_.end();
  if (found == by_pid_.end() || found->second->nsp != nsp) return claim;
  Slot& slot = *found->second;
  if (again && !(slot.called && slot.waiter == waiter)) return claim;
  if (std::exchange(slot.called, false)) slot.waiter.reset();
  if (slot.state != State::saved) {
    claim.displaced = std::exchange(slot.waiter, waiter);
    claim.wait = true;
    if (slot.state == State::live && !claim.displaced) claim.holder = slot.place;
    return claim;
  }
  if (slot.expires <= now) return claim;  // expire() will take it
  slot.state = State::moving;
  slot.unlink();
  --saved_count_;
  claim.session = std::move(slot.session);
  return claim;
}

std::optional<RecoveryTable::Place> RecoveryTable::settle(const IdText& pid, Place place) {
  const auto found = by_pid_.find(pid);
  if (found == by_pid_.end()) return {};
  Slot& slot = *found->second;
  slot.state = State::live;
  slot.place = place;
  return call_waiter(slot);
}

std::optional<RecoveryTable::Place> RecoveryTable::call_waiter(Slot& slot) {
  if (!slot.waiter || std::exchange(slot.called, true)) return std::nullopt;
  return slot.waiter;
}

std::optional<RecoveryTable::Place> RecoveryTable::save(std::unique_ptr<RecoverySession> session,
                                                        base::Time now, Sessions& dropped) {
  const auto found = by_pid_.find(session->pid);
  if (found == by_pid_.end()) {
    dropped.push_back(std::move(session));
    return {};
  }
  Slot& slot = *found->second;
  SIO_CHECK(slot.state != State::saved);
  slot.state = State::saved;
  slot.session = std::move(session);
  slot.expires = base::after(now, keep_);
  saved_.push_back(slot);
  ++saved_count_;
  const std::optional<Place> waiter = call_waiter(slot);
  while (saved_count_ > max_saved_) dropped.push_back(remove(*saved_.front()));
  return waiter;
}

std::optional<RecoveryTable::Place> RecoveryTable::erase(const IdText& pid) {
  const auto found = by_pid_.find(pid);
  if (found == by_pid_.end()) return {};
  const std::optional<Place> waiter = call_waiter(*found->second);
  remove(*found->second);
  return waiter;
}

std::unique_ptr<RecoverySession> RecoveryTable::remove(Slot& slot) {
  if (slot.state == State::saved) --saved_count_;
  std::unique_ptr<RecoverySession> session = std::move(slot.session);
  const auto by_sid = by_sid_.find(slot.sid);
  if (by_sid != by_sid_.end() && by_sid->second == &slot) by_sid_.erase(by_sid);
  const IdText pid = slot.pid;
  by_pid_.erase(pid);
  return session;
}

std::optional<RecoveryTable::Whereabouts> RecoveryTable::find(base::Bytes sid) const {
  const std::optional<IdText> id = id_of(sid);
  const auto found = id ? by_sid_.find(*id) : by_sid_.end();
  if (found == by_sid_.end()) return std::nullopt;
  return Whereabouts{found->second->state, found->second->place};
}

RecoveryTable::Sessions RecoveryTable::expire(base::Time now) {
  Sessions old;
  for (Slot* slot = saved_.front(); slot != nullptr && slot->expires <= now; slot = saved_.front())
    old.push_back(remove(*slot));
  return old;
}

RecoveryTable::Sessions RecoveryTable::clear() {
  Sessions all;
  for (auto at = by_pid_.begin(); at != by_pid_.end(); ++at) {
    if (at->second->session != nullptr) all.push_back(std::move(at.value()->session));
  }
  by_sid_.clear();
  by_pid_.clear();
  saved_count_ = 0;
  return all;
}

}  // namespace socketio::sio
