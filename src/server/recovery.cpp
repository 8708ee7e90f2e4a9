#include "server/recovery.hpp"

#include <algorithm>

#include "server/shard.hpp"

namespace socketio::server {

namespace {

constexpr base::Duration kMostBetweenChecks = std::chrono::seconds(10);
constexpr base::Duration kLeastBetweenChecks = std::chrono::milliseconds(1);
// Of a shard's queue: as of its mailbox.
constexpr net::Mailbox::Limits kQueueLimits{};

// Set as long as it lives.
class Raised {
 public:
  explicit Raised(bool& flag) : flag_(flag) { flag_ = true; }
  ~Raised() { flag_ = false; }
  Raised(const Raised&) = delete;
  Raised& operator=(const Raised&) = delete;

 private:
  bool& flag_;
};

}  // namespace

Recovery::Recovery(detail::Hub& hub, const ConnectionStateRecoveryOptions& options,
                   std::size_t shards, base::Random& random)
    : hub_(hub),
      interval_(std::clamp<base::Duration>(options.max_disconnection_duration / 4,
                                           kLeastBetweenChecks, kMostBetweenChecks)),
      log_(random,
           {options.max_log_bytes, options.max_log_packets, options.max_disconnection_duration}),
      table_(options.max_sessions, options.max_disconnection_duration),
      queues_(shards) {}

Recovery::~Recovery() = default;

// -- Sending.

Recovery::Sent Recovery::emit(const detail::Target& target, std::string_view event,
                              detail::ArgsRef args) {
  thread_local sio::Encoder elsewhere;
  Shard* here = hub_.command();
  sio::Encoder& encoder = here != nullptr ? here->dispatcher().encoder() : elsewhere;
  Writer& writer = encoder.begin_event(event);
  args.write(args.arguments, writer);
  Sent sent = Sent::no;
  {
    const std::lock_guard lock(mutex_);
    sent = append(target, event, encoder, writer, here);
  }
  if (here != nullptr) pull(*here);
  return sent;
}

Recovery::Sent Recovery::append(const detail::Target& target, std::string_view event,
                                sio::Encoder& encoder, Writer& writer, const Shard* here) {
  std::size_t first = 0;
  std::size_t end = queues_.size();
  sio::Selection selection;
  if (target.single) {
    const base::Bytes sid(target.sender.data(), target.sender.size());
    const auto whereabouts = table_.find(sid);
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
  sio::LogEntryPtr entry = number(target, std::move(selection), encoder, writer);
  if (entry == nullptr) return Sent::no;
  const Job job = [entry = std::move(entry), name = std::string(event),
                   flags = sio::Flags{target.is_volatile, target.compress}](Shard& shard) {
    shard.dispatcher().deliver(*entry, name, flags);
  };
  for (std::size_t i = first; i < end; ++i) put(i, job, here);
  return Sent::yes;
}

// A volatile packet is not kept, but carries the number of the newest one: whoever gets it has got
// that as well. Null: too large, or too many attachments.
sio::LogEntryPtr Recovery::number(const detail::Target& target, sio::Selection selection,
                                  sio::Encoder& encoder, Writer& writer) {
  writer.string(log_.offset(target.is_volatile ? log_.last() : log_.last() + 1));
  const sio::Encoded encoded = encoder.finish(sio::PacketType::event, hub_.names.name(target.nsp),
                                              std::nullopt, hub_.settings.sio.max_attachments);
  sio::SharedPacket packet = sio::Encoder::share(encoded, &hub_.ledger);
  if (!packet.text) return nullptr;
  if (target.is_volatile) {
    auto entry = std::make_shared<sio::LogEntry>();
    entry->number = log_.last();
    entry->nsp = target.nsp;
    entry->selection = std::move(selection);
    entry->packet = std::move(packet);
    return entry;
  }
  const bool keep = !table_.empty();
  if (keep) wake_expiry();
  return log_.append(target.nsp, std::move(selection), std::move(packet), keep);
}

bool Recovery::has_room(const Queue& queue, bool is_volatile) const {
  return queue.jobs.size() < (is_volatile ? kQueueLimits.soft : kQueueLimits.hard);
}

void Recovery::put(std::size_t shard, Job job, const Shard* here) {
  Queue& queue = queues_[shard];
  if (queue.closed) return;
  const bool own = here != nullptr && here->index() == shard;
  queue.jobs.push_back({std::move(job), own});
  if (own || queue.woken) return;
  queue.woken = hub_.post_always(shard, [](Shard& on) { on.hub()->recovery->pull(on); });
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
  if (queue.pulling) return;
  const Raised raised(queue.pulling);
  for (;;) {
    std::vector<Queued> batch;
    {
      const std::lock_guard lock(mutex_);
      queue.woken = false;
      batch.swap(queue.jobs);
    }
    if (batch.empty()) return;
    for (Queued& item : batch) {
      const Job job = std::move(item.job);
      if (item.own)
        job(shard);
      else
        shard.dispatcher().guarded("post", [&] { job(shard); });
    }
  }
}

// -- Sessions.

Recovery::Claim Recovery::claim(Shard& shard, const sio::Socket& socket,
                                const sio::RecoveryRequest& request) {
  sio::RecoveryTable::Claim claim;
  sio::RecoveryTable::Places waiters;
  bool known = false;
  {
    const std::lock_guard lock(mutex_);
    claim =
        table_.claim(request.pid, socket.nsp, {shard.index(), socket.self.packed()}, shard.now());
    if (claim.session != nullptr) {
      known = resume(*claim.session, request);
      if (!known) waiters = table_.erase(claim.session->pid);
    }
  }
  retry(waiters);
  if (claim.holder) {
    hub_.post_always(claim.holder->shard, [id = claim.holder->socket](Shard& on) {
      on.dispatcher().supersede(sio::SocketId::unpack(id));
    });
  }
  if (claim.session != nullptr && !known) claim.session.reset();
  return {std::move(claim.session), claim.wait};
}

bool Recovery::resume(sio::RecoverySession& session, const sio::RecoveryRequest& request) const {
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

// More than a connection's queue takes would only close it again.
bool Recovery::fits(const std::vector<sio::LogEntryPtr>& missed) const {
  std::size_t bytes = 0;
  for (const sio::LogEntryPtr& entry : missed) bytes += entry->size;
  return bytes <= hub_.settings.eio.send_hard / 2;
}

bool Recovery::admit(Shard& shard, sio::Socket& socket) {
  sio::Core& core = shard.dispatcher().core();
  const Place place{shard.index(), socket.self.packed()};
  sio::RecoveryTable::Places waiters;
  for (bool admitted = false; !admitted;) {
    pull(shard);
    const std::lock_guard lock(mutex_);
    // Others may have been quick.
    if (!queues_[shard.index()].jobs.empty()) continue;
    admitted = true;
    core.set_position(log_.last());
    if (socket.recovery == nullptr) {
      core.begin_session(socket);
      table_.open(*socket.recovery, place);
      continue;
    }
    sio::RecoverySession& session = *socket.recovery;
    if (!log_.reaches(session.from)) return false;
    session.missed = log_.missed(session, session.from);
    if (!fits(session.missed)) return false;
    session.sent = session.missed.empty() ? std::min(session.sent, session.has)
                                          : session.missed.back()->number;
    waiters = table_.settle(session.pid, place);
  }
  retry(waiters);
  return true;
}

void Recovery::leave(Shard& shard, std::unique_ptr<sio::RecoverySession> session, bool keep) {
  sio::RecoveryTable::Sessions dropped;
  sio::RecoveryTable::Places waiters;
  {
    const std::lock_guard lock(mutex_);
    if (keep) {
      wake_expiry();
      waiters = table_.save(std::move(session), shard.now(), dropped);
    } else {
      waiters = table_.erase(session->pid);
    }
  }
  retry(waiters);
}

void Recovery::retry(const sio::RecoveryTable::Places& waiters) {
  for (const Place& place : waiters) {
    hub_.post_always(place.shard, [id = place.socket](Shard& on) {
      on.dispatcher().reconnect(sio::SocketId::unpack(id));
    });
  }
}

// -- Time and the end.

void Recovery::wake_expiry() {
  if (ticking_) return;
  ticking_ = hub_.post_always(0, [](Shard& on) { on.expire_recovery(); });
}

base::Time Recovery::expire(base::Time now) {
  sio::RecoveryTable::Sessions old;  // with the user's data, so they go after the lock
  const std::lock_guard lock(mutex_);
  old = table_.expire(now);
  if (table_.empty()) log_.clear();
  log_.expire(now);
  ticking_ = table_.saved() > 0 || log_.packets() > 0;
  return ticking_ ? base::after(now, interval_) : base::kNever;
}

void Recovery::close(std::size_t shard) {
  std::vector<Queued> left;
  sio::RecoveryTable::Sessions sessions;
  const std::lock_guard lock(mutex_);
  queues_[shard].closed = true;
  left.swap(queues_[shard].jobs);
  if (!std::all_of(queues_.begin(), queues_.end(), [](const Queue& q) { return q.closed; })) return;
  log_.clear();
  sessions = table_.clear();
}

void Recovery::add_stats(Stats& all) const {
  const std::lock_guard lock(mutex_);
  all.recovery_sessions += table_.saved();
  all.recovery_packets += log_.packets();
  all.recovery_bytes += log_.bytes();
}

}  // namespace socketio::server
