#include "server/recovery.hpp"

#include <algorithm>

#include "base/raised.hpp"
#include "server/callers_encoder.hpp"
#include "server/facade_emit.hpp"
#include "server/shard.hpp"

namespace socketio::server {

namespace {

constexpr base::Duration kMostBetweenChecks = std::chrono::seconds(10);
constexpr base::Duration kLeastBetweenChecks = std::chrono::milliseconds(1);
// Of a shard in one turn for one socket. Who queues is mostly not as fast.
constexpr int kMostPullsToAdmit = 16;
// Of a shard's queue: as of its mailbox.
constexpr net::Mailbox::Limits kQueueLimits{};

}  // namespace

Recovery::Recovery(detail::Hub& hub, const ConnectionStateRecoveryOptions& options,
                   std::size_t shards, base::Random& random)
    : hub_(hub),
      interval_(std::clamp<base::Duration>(options.max_disconnection_duration / 4,
                                           kLeastBetweenChecks, kMostBetweenChecks)),
      // Half of what closes a connection: that much may be missed.
      store_(random,
             {{options.max_log_bytes, options.max_log_packets, options.max_disconnection_duration,
               hub.settings.options.per_message_deflate.has_value()},
              options.max_sessions,
              hub.settings.eio.send_hard / 2}),
      queues_(shards) {}

Recovery::~Recovery() = default;

// -- Sending.

Recovery::Sent Recovery::emit(const detail::Target& target, std::string_view event,
                              detail::ArgsRef args) {
  Shard* here = hub_.enter();
  CallersEncoder encoder(hub_, here);
  Writer& writer = encoder->begin_event(event);
  args.write(args.arguments, writer);
  Sent sent = Sent::no;
  {
    const std::lock_guard lock(mutex_);
    sent = append(target, event, *encoder, writer, here);
  }
  if (sent == Sent::refused) refuse_attachments(hub_, event);
  if (here != nullptr) pull_due(*here);
  return sent;
}

Recovery::Sent Recovery::append(const detail::Target& target, std::string_view event,
                                sio::Encoder& encoder, Writer& writer, const Shard* here) {
  std::size_t first = 0;
  std::size_t end = queues_.size();
  sio::Selection selection;
  if (target.single) {
    const base::Bytes sid = target.sender_id();
    const auto whereabouts = store_.find(sid);
    if (!whereabouts) return Sent::unknown_socket;
    selection.rooms.emplace_back(sid);
    first = whereabouts->place.shard;
    // Without a connection there is only the log.
    end = whereabouts->state == sio::RecoveryTable::State::live ? first + 1 : first;
    if (first == end && target.is_volatile) return Sent::no;
  } else {
    selection = selection_of(target);
  }
  bool open = first == end;
  for (std::size_t i = first; i < end; ++i) {
    if (!has_room(queues_[i], target.is_volatile)) return Sent::no;
    open = open || !queues_[i].closed;
  }
  if (!open) return Sent::no;
  const std::string nsp = hub_.names.name(target.nsp);
  if (nsp.empty()) return Sent::no;  // gone
  sio::LogEntryPtr entry = number(target, nsp, std::move(selection), encoder, writer);
  if (entry == nullptr) return Sent::refused;
  const Job job = [entry = std::move(entry), name = std::string(event),
                   flags = sio::Flags{target.is_volatile, target.compress}](Shard& shard) {
    shard.dispatcher().deliver(*entry, name, flags);
  };
  for (std::size_t i = first; i < end; ++i) put(i, job, here);
  return Sent::yes;
}

// Null: too many attachments, or a parser makes nothing of it.
sio::LogEntryPtr Recovery::number(const detail::Target& target, base::Bytes nsp,
                                  sio::Selection selection, sio::Encoder& encoder, Writer& writer) {
  const bool kept = !target.is_volatile;
  writer.string(store_.next_offset(kept));
  const sio::Encoded encoded =
      encoder.finish(sio::PacketType::event, nsp, std::nullopt, hub_.settings.sio.max_attachments);
  sio::LogEntry packet;
  packet.nsp = target.nsp;
  packet.selection = std::move(selection);
  packet.packet = sio::Encoder::share(encoded, &hub_.ledger);
  packet.compress = target.compress;
  if (!packet.packet.text) return nullptr;
  sio::LogEntryPtr entry = store_.add(std::move(packet), kept);
  if (store_.packets() > 0) wake_expiry();
  return entry;
}

bool Recovery::has_room(const Queue& queue, bool is_volatile) const {
  return queue.jobs.size() < (is_volatile ? kQueueLimits.soft : kQueueLimits.hard);
}

void Recovery::put(std::size_t shard, Job job, const Shard* here) {
  Queue& queue = queues_[shard];
  if (queue.closed) return;
  const bool own = here != nullptr && here->index() == shard && (!queue.pulling || queue.chained);
  queue.jobs.push_back({std::move(job), own});
  if (own) {
    queue.due = queue.jobs.size();
  } else if (!queue.woken) {
    queue.woken = hub_.post(shard, detail::Mail::always,
                            [](Shard& on) { on.hub()->recovery->pull_woken(on); });
  }
}

bool Recovery::post(std::size_t shard, Job job, bool is_volatile) {
  const std::lock_guard lock(mutex_);
  if (queues_[shard].closed || !has_room(queues_[shard], is_volatile)) return false;
  put(shard, std::move(job), nullptr);
  return true;
}

bool Recovery::pulling(const Shard& shard) const {
  return queues_[shard.index()].pulling;
}

void Recovery::pull(Shard& shard) {
  Queue& queue = queues_[shard.index()];
  {
    const std::lock_guard lock(mutex_);
    queue.due = queue.jobs.size();
  }
  pull_due(shard);
}

void Recovery::pull_woken(Shard& shard) {
  Queue& queue = queues_[shard.index()];
  {
    const std::lock_guard lock(mutex_);
    queue.woken = false;
    queue.due = queue.jobs.size();
  }
  pull_due(shard);
}

std::vector<Recovery::Queued> Recovery::take_due(Queue& queue) {
  std::vector<Queued> batch;
  const std::lock_guard lock(mutex_);
  const auto end = queue.jobs.begin() + static_cast<std::ptrdiff_t>(queue.due);
  if (end == queue.jobs.end()) {
    batch.swap(queue.jobs);
  } else {
    batch.assign(std::move_iterator(queue.jobs.begin()), std::move_iterator(end));
    queue.jobs.erase(queue.jobs.begin(), end);
  }
  queue.due = 0;
  return batch;
}

void Recovery::pull_due(Shard& shard) {
  Queue& queue = queues_[shard.index()];
  if (queue.pulling) return;
  const base::Raised raised(queue.pulling);
  std::exception_ptr error;
  bool first = true;
  for (auto batch = take_due(queue); !batch.empty(); batch = take_due(queue)) {
    for (Queued& item : batch) {
      // Listeners of outgoing events emit too, and that is due with what they listened to; but not
      // for ever, only because others go on.
      queue.chained = first || item.own;
      const Job job = std::move(item.job);
      if (!item.own) {
        shard.dispatcher().guarded("post", [&] { job(shard); });
        continue;
      }
      try {
        job(shard);
      } catch (...) {  // for whoever emitted it, and not instead of what comes behind it
        error = std::current_exception();
      }
    }
    first = false;
  }
  if (error) std::rethrow_exception(error);
}

// -- Sessions.

Recovery::Claim Recovery::claim(Shard& shard, const sio::Socket& socket,
                                const sio::RecoveryRequest& request, bool again) {
  sio::RecoveryStore::Claim claim;
  {
    const std::lock_guard lock(mutex_);
    claim =
        store_.claim(socket, {shard.index(), socket.self.packed()}, request, shard.now(), again);
  }
  retry(claim.waiter);
  retry(claim.displaced, true);
  if (claim.holder) {
    hub_.post(claim.holder->shard, detail::Mail::always, [id = claim.holder->socket](Shard& on) {
      on.dispatcher().supersede(sio::SocketId::unpack(id));
    });
  }
  return {std::move(claim.session), claim.wait};
}

Recovery::Admitted Recovery::admit(Shard& shard, sio::Socket& socket) {
  std::optional<Place> waiter;
  for (int pulls = 0;; ++pulls) {
    if (pulls == kMostPullsToAdmit) return Admitted::later;
    pull(shard);
    const std::lock_guard lock(mutex_);
    // Others may have been quick.
    if (!queues_[shard.index()].jobs.empty()) continue;
    if (!store_.admit(shard.dispatcher().core(), socket, {shard.index(), socket.self.packed()},
                      waiter))
      return Admitted::no;
    break;
  }
  retry(waiter);
  return Admitted::yes;
}

void Recovery::leave(Shard& shard, std::unique_ptr<sio::RecoverySession> session, bool keep) {
  sio::RecoveryTable::Sessions dropped;
  std::optional<Place> waiter;
  {
    const std::lock_guard lock(mutex_);
    waiter = store_.leave(std::move(session), keep, shard.now(), dropped);
    if (store_.holds_anything()) wake_expiry();
  }
  retry(waiter);
}

void Recovery::retry(std::optional<Place> waiter, bool anew) {
  if (!waiter) return;
  hub_.post(waiter->shard, detail::Mail::always, [id = waiter->socket, anew](Shard& on) {
    on.dispatcher().reconnect(sio::SocketId::unpack(id), anew);
  });
}

// -- Time and the end.

void Recovery::wake_expiry() {
  if (ticking_) return;
  ticking_ = hub_.post(0, detail::Mail::always, [](Shard& on) { on.expire_recovery(); });
}

base::Time Recovery::expire(base::Time now) {
  sio::RecoveryTable::Sessions old;  // with the user's data, so they go after the lock
  const std::lock_guard lock(mutex_);
  old = store_.expire(now);
  ticking_ = store_.holds_anything();
  return ticking_ ? base::after(now, interval_) : base::kNever;
}

void Recovery::close(std::size_t shard) {
  sio::RecoveryTable::Sessions sessions;
  const std::lock_guard lock(mutex_);
  queues_[shard].closed = true;
  if (!std::all_of(queues_.begin(), queues_.end(), [](const Queue& q) { return q.closed; })) return;
  sessions = store_.clear();
}

void Recovery::drop(std::size_t shard) {
  std::vector<Queued> left;  // holds what is the user's, and maybe the hub
  const std::lock_guard lock(mutex_);
  left.swap(queues_[shard].jobs);
  queues_[shard].due = 0;
}

void Recovery::add_stats(Stats& all) const {
  const std::lock_guard lock(mutex_);
  all.recovery_sessions += store_.sessions();
  all.recovery_packets += store_.packets();
  all.recovery_bytes += store_.bytes();
}

}  // namespace socketio::server
