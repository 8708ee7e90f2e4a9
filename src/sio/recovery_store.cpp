#include "sio/recovery_store.hpp"

#include <algorithm>

namespace socketio::sio {

RecoveryStore::RecoveryStore(base::Random& random, Limits limits)
    : log_(random, limits.log),
      table_(limits.sessions, limits.log.age),
      replay_bytes_(limits.replay_bytes) {}

std::string RecoveryStore::next_offset(bool kept) const {
  return log_.offset(kept ? log_.last() + 1 : log_.last());
}

LogEntryPtr RecoveryStore::add(LogEntry packet, bool kept) {
  // Without a session there is nobody who could miss it.
  if (kept) return log_.append(std::move(packet), !table_.empty());
  packet.number = log_.last();
  return std::make_shared<LogEntry>(std::move(packet));
}

RecoveryStore::Claim RecoveryStore::claim(const Socket& socket, Place place,
                                          const RecoveryRequest& request, base::Time now,
                                          bool again) {
  RecoveryTable::Claim found = table_.claim(request.pid, socket.nsp, place, now, again);
  Claim claim{std::move(found.session), found.wait, found.holder, std::nullopt,
              found.displaced,          nullptr};
  if (claim.session == nullptr || resume(*claim.session, request)) return claim;
  claim.waiter = table_.erase(claim.session->pid);
  claim.dropped = std::move(claim.session);
  return claim;
}

// False: what it has missed is not known, or too much.
bool RecoveryStore::resume(RecoverySession& session, const RecoveryRequest& request) const {
  session.has = session.start;
  if (request.offset) {
    const std::optional<std::uint64_t> number = log_.find(*request.offset);
    if (!number) return false;
    session.has = std::max(session.start, *number);
  }
  const std::optional<std::uint64_t> from = session.resume(session.has);
  if (!from || !log_.reaches(*from)) return false;
  session.from = *from;
  return fits(log_.missed(session, session.from));
}

bool RecoveryStore::fits(const std::vector<LogEntryPtr>& missed) const {
  std::size_t bytes = 0;
  for (const LogEntryPtr& entry : missed) bytes += entry->size;
  return bytes <= replay_bytes_;
}

bool RecoveryStore::admit(Core& core, Socket& socket, Place place, std::optional<Place>& waiter) {
  core.set_position(log_.last());
  if (socket.recovery == nullptr) {
    // A client of Socket.IO 2 could not ask for it.
    if (socket.session != nullptr && socket.session->v3()) return true;
    core.begin_session(socket);
    table_.open(*socket.recovery, place);
    return true;
  }
  RecoverySession& session = *socket.recovery;
  if (!log_.reaches(session.from)) return false;
  session.missed = log_.missed(session, session.from);
  if (!fits(session.missed)) return false;
  session.sent =
      session.missed.empty() ? std::min(session.sent, session.has) : session.missed.back()->number;
  waiter = table_.settle(session.pid, place);
  return true;
}

std::optional<RecoveryStore::Place> RecoveryStore::leave(std::unique_ptr<RecoverySession> session,
                                                         bool keep, base::Time now,
                                                         RecoveryTable::Sessions& dropped) {
  if (keep) return table_.save(std::move(session), now, dropped);
  const std::optional<Place> waiter = table_.erase(session->pid);
  dropped.push_back(std::move(session));
  return waiter;
}

RecoveryTable::Sessions RecoveryStore::expire(base::Time now) {
  RecoveryTable::Sessions old = table_.expire(now);
  if (table_.empty()) log_.clear();
  log_.expire(now);
  return old;
}

RecoveryTable::Sessions RecoveryStore::clear() {
  log_.clear();
  return table_.clear();
}

}  // namespace socketio::sio
