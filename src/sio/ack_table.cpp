#include "sio/ack_table.hpp"

#include <algorithm>

#include <tsl/robin_map.h>

#include "base/check.hpp"
#include "base/shrink.hpp"

namespace socketio::sio {

namespace {

constexpr NamespaceIndex kNoNamespace = ~NamespaceIndex{0};  // what no packet can name
constexpr std::uint32_t kNoTimer = ~std::uint32_t{0};

}  // namespace

struct PendingAck : base::ListNode<PendingAck> {
  struct Key {
    std::uint64_t id;
    NamespaceIndex nsp;
    bool operator==(const Key&) const = default;
  };

  // Ids are counted by us, so their hash needs no secret: a client can only look them up.
  struct KeyHash {
    std::size_t operator()(const Key& of) const {
      return static_cast<std::size_t>((of.id ^ of.nsp << 40) * 0x9E3779B97F4A7C15ULL);
    }
  };

  struct Receiver {
    SocketId socket;
    bool replied = false;
  };

  static bool before(const Receiver& a, const Receiver& b) {
    return a.socket.packed() < b.socket.packed();
  }

  struct Group {
    std::vector<Receiver> receivers;  // sorted
    std::size_t missing = 0;

    bool take(SocketId from) {
      const auto found =
          std::lower_bound(receivers.begin(), receivers.end(), Receiver{from}, before);
      if (found == receivers.end() || found->socket != from || found->replied) return false;
      found->replied = true;
      --missing;
      return true;
    }
  };

  Key key{};
  base::Id<PendingAck> self{};
  SocketId socket{};              // who is to answer; none for a broadcast
  Socket::Acks* owner = nullptr;  // of that socket
  std::uint32_t timer = kNoTimer;
  std::unique_ptr<AckWaiter> waiter;
  std::unique_ptr<Group> group;
};

Socket::Acks::Acks() = default;
Socket::Acks::~Acks() = default;

struct AckTable::Index {
  // A binary heap whose elements know their place, so that an answered one can leave at once.
  struct Timer {
    base::Time deadline;
    PendingAck* ack;
    bool before(const Timer& other) const {
      if (deadline != other.deadline) return deadline < other.deadline;
      return ack->key.id < other.ack->key.id;
    }
  };

  Index() { by_key.min_load_factor(base::kLeastLoad); }

  base::Slab<PendingAck> acks;
  tsl::robin_map<PendingAck::Key, PendingAck*, PendingAck::KeyHash> by_key;
  std::vector<Timer> timers;
  std::vector<std::uint64_t> next_ids;
  std::uint64_t clocks = 0;  // ids of what nobody is to answer

  PendingAck& add(PendingAck::Key key, std::unique_ptr<AckWaiter> waiter, base::Time deadline);
  std::unique_ptr<AckWaiter> remove(PendingAck& ack);
  void arm(PendingAck& ack, base::Time deadline);
  void disarm(PendingAck& ack);
  void place(std::size_t at, Timer timer);
  void sift_up(std::size_t at, Timer timer);
  void sift_down(std::size_t at, Timer timer);
};

void AckTable::Index::place(std::size_t at, Timer timer) {
  timers[at] = timer;
  timer.ack->timer = static_cast<std::uint32_t>(at);
}

void AckTable::Index::sift_up(std::size_t at, Timer timer) {
  while (at > 0) {
    const std::size_t parent = (at - 1) / 2;
    if (!timer.before(timers[parent])) break;
    place(at, timers[parent]);
    at = parent;
  }
  place(at, timer);
}

void AckTable::Index::sift_down(std::size_t at, Timer timer) {
  for (;;) {
    std::size_t child = 2 * at + 1;
    if (child >= timers.size()) break;
    if (child + 1 < timers.size() && timers[child + 1].before(timers[child])) ++child;
    if (!timers[child].before(timer)) break;
    place(at, timers[child]);
    at = child;
  }
  place(at, timer);
}

void AckTable::Index::arm(PendingAck& ack, base::Time deadline) {
  if (deadline == base::kNever) return;
  timers.push_back({});
  sift_up(timers.size() - 1, {deadline, &ack});
}

void AckTable::Index::disarm(PendingAck& ack) {
  const std::size_t at = std::exchange(ack.timer, kNoTimer);
  if (at == kNoTimer) return;
  const Timer last = timers.back();
  timers.pop_back();
  if (at == timers.size()) return;
  if (at > 0 && last.before(timers[(at - 1) / 2]))
    sift_up(at, last);
  else
    sift_down(at, last);
}

PendingAck& AckTable::Index::add(PendingAck::Key key, std::unique_ptr<AckWaiter> waiter,
                                 base::Time deadline) {
  const auto [id, ack] = acks.emplace();
  ack->self = id;
  ack->key = key;
  ack->waiter = std::move(waiter);
  try {
    by_key[key] = ack;
    arm(*ack, deadline);
  } catch (...) {
    by_key.erase(key);
    acks.erase(id);
    throw;
  }
  return *ack;
}

std::unique_ptr<AckWaiter> AckTable::Index::remove(PendingAck& ack) {
  disarm(ack);
  by_key.erase(ack.key);
  if (ack.owner != nullptr) --ack.owner->count;
  std::unique_ptr<AckWaiter> waiter = std::move(ack.waiter);
  acks.erase(ack.self);
  return waiter;
}

AckTable::AckTable() : index_(std::make_unique<Index>()) {}
AckTable::~AckTable() = default;

std::uint64_t AckTable::next_id(NamespaceIndex nsp) {
  const std::uint32_t slot = slot_of(nsp);
  if (slot >= index_->next_ids.size()) index_->next_ids.resize(slot + 1);
  return index_->next_ids[slot]++;
}

std::uint64_t AckTable::expect(Socket& socket, std::unique_ptr<AckWaiter> waiter,
                               base::Time deadline) {
  if (socket.acks == nullptr) socket.acks = std::make_unique<Socket::Acks>();
  const std::uint64_t id = next_id(socket.nsp);
  PendingAck& ack = index_->add({id, socket.nsp}, std::move(waiter), deadline);
  ack.socket = socket.self;
  ack.owner = socket.acks.get();
  ++ack.owner->count;
  ack.owner->waiting.push_back(ack);
  return id;
}

void AckTable::expect_all(NamespaceIndex nsp, std::uint64_t id, std::vector<SocketId> receivers,
                          std::unique_ptr<AckWaiter> waiter, base::Time deadline) {
  SIO_CHECK(!receivers.empty());
  auto group = std::make_unique<PendingAck::Group>();
  group->missing = receivers.size();
  group->receivers.reserve(receivers.size());
  for (const SocketId receiver : receivers) group->receivers.push_back({receiver});
  std::sort(group->receivers.begin(), group->receivers.end(), PendingAck::before);
  index_->add({id, nsp}, std::move(waiter), deadline).group = std::move(group);
}

void AckTable::expect_nobody(std::unique_ptr<AckWaiter> waiter, base::Time deadline) {
  index_->add({index_->clocks++, kNoNamespace}, std::move(waiter), deadline);
}

AckTable::Reply AckTable::reply(NamespaceIndex nsp, std::uint64_t id, SocketId from) {
  const auto found = index_->by_key.find(PendingAck::Key{id, nsp});
  if (found == index_->by_key.end()) return {};
  PendingAck& ack = *found->second;
  if (ack.group == nullptr) {
    if (ack.socket != from) return {};
    return {nullptr, index_->remove(ack)};
  }
  if (!ack.group->take(from)) return {};
  Reply reply{ack.waiter.get()};
  if (ack.group->missing == 0) reply.waiter = index_->remove(ack);
  return reply;
}

std::unique_ptr<AckWaiter> AckTable::take_due(base::Time now) {
  if (index_->timers.empty() || index_->timers.front().deadline > now) return nullptr;
  return index_->remove(*index_->timers.front().ack);
}

std::unique_ptr<AckWaiter> AckTable::take_of(Socket& socket) {
  PendingAck* ack = socket.acks == nullptr ? nullptr : socket.acks->waiting.front();
  return ack == nullptr ? nullptr : index_->remove(*ack);
}

std::vector<std::unique_ptr<AckWaiter>> AckTable::take_all() {
  std::vector<std::unique_ptr<AckWaiter>> waiters;
  waiters.reserve(size());
  index_->acks.each([&](auto, PendingAck& ack) { waiters.push_back(index_->remove(ack)); });
  return waiters;
}

base::Time AckTable::deadline() const {
  return index_->timers.empty() ? base::kNever : index_->timers.front().deadline;
}

std::size_t AckTable::size() const {
  return index_->acks.size();
}

void AckTable::shrink() {
  index_->acks.shrink();
  base::shrink_table(index_->by_key);
  base::shrink_list(index_->timers);
}

}  // namespace socketio::sio
