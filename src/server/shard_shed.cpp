// When all clients together hold more than the server may (the ledger), those who hold most go, and
// the rest are served on: who merely sends while others hold too much loses nothing. And what a
// burst has left in our buffers and with the allocator goes back to the system.
//
// A sixteenth of the limit is freed at a time, so that looking at everybody is rare. Of several
// shards each frees its part. What is counted but belongs to nobody (the packets kept for recovery;
// events with middlewares whose clients are gone) cannot be shed; so when shedding did not help, it
// is tried again a sixteenth later.
#include <algorithm>
#include <new>

#include "base/shrink.hpp"
#include "server/admission.hpp"
#include "server/shard.hpp"

// glibc's; other C libraries have none, and give memory back by themselves or not at all.
extern "C" int malloc_trim(std::size_t keep) __attribute__((weak));

namespace socketio::server {
namespace {

constexpr std::int64_t kParts = 16;
// What an event may take when the server is full: nobody who merely talks sends more.
constexpr std::size_t kLittle = std::size_t{16} * 1024;
// About what one costs beside what it holds.
constexpr std::size_t kPerConnection = 4096;
constexpr std::size_t kPerSession = 1024;
constexpr std::size_t kBurst = std::size_t{512} * 1024;  // worth giving back
constexpr base::Duration kTrimAfter = std::chrono::seconds(1);
// As much leaves holes that matter beside the limits when clients of all sizes come and go.
constexpr std::size_t kFlood = std::size_t{4} * 1024 * 1024;
constexpr base::Duration kTrimSoon = std::chrono::milliseconds(200);

// Shedding has not helped.
bool is_full(std::int64_t held, std::int64_t limit) {
  return held > limit + limit / 8;
}

// Half of what everybody holds on the average.
std::size_t least_worth_closing(std::int64_t total, const detail::Hub& hub, std::size_t sessions) {
  const std::size_t everybody = hub.connection_count() + hub.size() * sessions + 1;
  return static_cast<std::size_t>(total) / everybody / 2;
}

}  // namespace

struct Shard::Holder {
  std::size_t held;
  std::uint64_t id;
  bool is_session;  // else a connection
};

// Sends that did not end in the wait() after them may take long: they must not pin the arena. Not
// before that, because until then the backend reads from it: what has been sent since this turn's
// wait() (something long, which does not wait for the end of the turn) has its time in the next.
void Shard::settle() {
  const auto recent = unsettled_.begin() + static_cast<std::ptrdiff_t>(due_);
  for (auto id = unsettled_.begin(); id != recent; ++id) {
    Connection* c = connections_.get(*id);
    // One that has sent anew since then waits with the others.
    if (c != nullptr && c->in_flight &&
        std::find(recent, unsettled_.end(), *id) == unsettled_.end())
      spare(c->self, [&] { settle(*c); });
  }
  unsettled_.erase(unsettled_.begin(), recent);
  due_ = 0;
}

void Shard::settle(Connection& c) {
  c.wire().settle(&ledger_);
  if (c.tls) c.out.settle(&ledger_);
}

// A send is under way, however long: what is queued meanwhile must not pin the arena either.
void Shard::settle_behind(Connection& c) {
  c.wire().settle_behind(&ledger_);
  if (c.tls) c.out.settle(&ledger_);  // nobody reads from the plaintext
}

bool Shard::make_room(Connection& c) {
  shed_input();
  if (c.lingering) return false;
  // Nobody holds enough to be worth closing, or the other shards take their time; or it is held by
  // nobody who could be closed, which is not the fault of one who holds little.
  if (!is_full(ledger_.input(), input_quota_.limit)) return true;
  const SessionRecord* record = sessions_.get(c.http ? c.http->session : c.session);
  const std::size_t held = input_of(c) + (record != nullptr ? input_of(*record) : 0);
  if (held < least_worth_closing(ledger_.input(), *hub_, sessions_.size())) return true;
  log(base::LogLevel::warn, base::LogKind::connection,
      "max_input_bytes reached: connection dropped");
  counters_.shed.add();
  drop(c);
  return false;
}

// An event outlives its client when a middleware keeps its `next`, so that shedding would not help.
// Above a quarter more than the limit not even the little ones may, or they would have none.
bool Shard::may_wait(std::size_t bytes) const {
  const std::int64_t held = ledger_.input();
  const std::int64_t limit = input_quota_.limit;
  return !is_full(held, limit) || (bytes <= kLittle && held <= limit + limit / 4);
}

bool Shard::has_reserve(const Connection& c) const {
  const bool took_all = c.out.empty() && (!c.tls || c.tls->wire.empty());
  return took_all && ledger_.output() <= output_quota_.again + output_quota_.limit / kParts;
}

std::size_t Shard::input_of(const Connection& c) const {
  std::size_t bytes = 0;
  if (c.http) {
    bytes += c.http->machine.held();
    if (c.http->admission) bytes += c.http->admission->body.capacity();
  }
  if (c.ws) bytes += c.ws->held();
  if (c.deflate != nullptr) bytes += c.deflate->held();
  if (c.move) bytes += c.move->bytes.capacity();
  if (c.tls && c.tls->charged) bytes += TlsSide::kRecordMemory;
  return bytes;
}

std::size_t Shard::input_of(const SessionRecord& record) const {
  return core_.held(record.client) + dispatcher_.held(record.session.owner()) +
         record.body.capacity() + record.head.bytes() + kept_bytes(record.certificate);
}

std::size_t Shard::output_of(const Connection& c) const {
  std::size_t bytes = c.queued() + c.out.bookkeeping();
  if (c.tls) bytes += c.tls->wire.bytes() + c.tls->wire.bookkeeping();
  return bytes;
}

void Shard::shed_input() {
  if (!input_quota_.exceeded(ledger_.input())) return;
  std::vector<Holder> holders;
  connections_.each([&](ConnectionId id, const Connection& c) {
    if (const std::size_t held = c.lingering ? 0 : input_of(c); held > 0)
      holders.push_back({held, id.packed(), false});
  });
  sessions_.each([&](SessionId id, const SessionRecord& record) {
    holders.push_back({input_of(record), id.packed(), true});
  });
  shed(holders, ledger_.input(), input_quota_, "max_input_bytes reached");
  if (const std::int64_t left = ledger_.input(); left > input_quota_.limit) {
    input_quota_.again = left + input_quota_.limit / kParts;
    ask_others_to_shed(&Shard::shed_input);
  }
}

void Shard::shed_output() {
  // Those shed last have not let go of their memory yet.
  if (!output_quota_.exceeded(ledger_.output()) || shedding_ > 0) return;
  const std::int64_t before = ledger_.output();
  const auto shed_of = [&](bool waiting) {
    std::vector<Holder> holders = output_holders(waiting);
    return shed(holders, before, output_quota_, "max_output_bytes reached");
  };
  if (!shed_of(false) && (waiting_polls_.empty() || !shed_of(true)))
    output_quota_.again = before + output_quota_.limit / kParts;
  ask_others_to_shed(&Shard::shed_output);
}

// `waiting`: with the answers that polls wait for. It is we who hold those, and mostly once for
// all.
std::vector<Shard::Holder> Shard::output_holders(bool waiting) {
  std::vector<Holder> holders;
  connections_.each([&](ConnectionId id, const Connection& c) {
    const std::size_t held = output_of(c);
    if (held > 0) holders.push_back({held, id.packed(), false});
  });
  sessions_.each([&](SessionId id, const SessionRecord& record) {
    if (record.session.transport() == eio::Transport::websocket) return;  // its connection's
    std::size_t held = record.session.held_for_polls();
    if (!waiting && record.linked()) held -= std::min(held, record.session.payload_bytes());
    if (held > 0) holders.push_back({held, id.packed(), true});
  });
  return holders;
}

// Of those who hold half the average and more, who together hold half of all at least. False: there
// are none here.
bool Shard::shed(std::vector<Holder>& holders, std::int64_t total, const Quota& quota,
                 const char* why) {
  double share = static_cast<double>(total - (quota.limit - quota.limit / kParts));
  if (hub_->size() > 1) {
    double own = 0;
    for (const Holder& one : holders) own += static_cast<double>(one.held);
    share *= own / static_cast<double>(total);
  }
  const std::size_t least = least_worth_closing(total, *hub_, sessions_.size());
  std::erase_if(holders, [least](const Holder& one) { return one.held < least; });
  // Of those who hold the same, those who have been there longer have had more time to take it.
  std::sort(holders.begin(), holders.end(), [](const Holder& a, const Holder& b) {
    return a.held != b.held ? a.held > b.held : a.id < b.id;
  });
  std::size_t n = 0;
  for (double freed = 0; n < holders.size() && freed < share; ++n) {
    freed += static_cast<double>(holders[n].held);
    holders[n].is_session ? shed_session(SessionId::unpack(holders[n].id))
                          : shed_connection(ConnectionId::unpack(holders[n].id));
  }
  if (n == 0) return false;
  counters_.shed.add(n);
  log(base::LogLevel::warn, base::LogKind::connection,
      std::string(why) + ": the clients that hold most are closed",
      {{"closed", std::to_string(n)}});
  return true;
}

// Its input is freed at once, lest others are shed for the same bytes. Its output may be with the
// kernel, and goes with it.
void Shard::shed_connection(ConnectionId id) {
  Connection* c = connections_.get(id);
  if (c == nullptr) return;
  lost(*c, true);
  c->shed = c->closing = c->lingering = true;
  ++shedding_;
  c->timer.reset();
  c->ws.reset();
  c->deflate.reset();
  c->http.reset();
  c->move.reset();
  if (c->tls) {
    c->tls->end_handshake();
    c->tls->charge(false);
  }
  drop(*c);
}

void Shard::shed_session(SessionId id) {
  SessionRecord* record = sessions_.get(id);
  if (record == nullptr) return;
  const ConnectionId websocket = record->websocket;
  record->session.discard(eio::CloseReason::transport_error, "server is full", now());
  pump(*record);
  if (Connection* c = connections_.get(websocket); c != nullptr && !c->shed) drop(*c);
}

// One round at a time.
void Shard::ask_others_to_shed(void (Shard::*how)()) {
  std::size_t none = 0;
  const std::size_t others = hub_->size() - 1;
  if (others == 0 || !hub_->shedding.compare_exchange_strong(none, others)) return;
  for (std::size_t shard = 0; shard < hub_->size(); ++shard) {
    if (shard == index_) continue;
    bool asked = false;
    try {
      asked = hub_->post_always(shard, [how](Shard& other) {
        try {
          (other.*how)();
        } catch (const std::bad_alloc&) {
          other.out_of_memory();
        }
        other.hub_->shedding.fetch_sub(1);  // whatever happened, or there would be no next round
      });
    } catch (const std::bad_alloc&) {
      out_of_memory();
    }
    if (!asked) hub_->shedding.fetch_sub(1);
  }
}

void Shard::note_peak() {
  if (!too_much_input()) input_quota_.again = input_quota_.limit;
  const std::size_t held = static_cast<std::size_t>(ledger_.input() + ledger_.output()) +
                           connections_.size() * kPerConnection + sessions_.size() * kPerSession;
  if (held > peak_) {
    peak_ = held;
  } else if (peak_ - held > kBurst && !closed_) [[unlikely]] {
    const base::Time when = base::after(now(), peak_ - held > kFlood ? kTrimSoon : kTrimAfter);
    if (!trim_timer_.armed() || when < trim_timer_.deadline())
      loop_.timers().arm(trim_timer_, when);
  }
}

void Shard::trim() {
  peak_ = 0;
  dispatcher_.release_buffers();
  std::string().swap(scratch_);
  arena_.release();
  connections_.shrink();
  sessions_.shrink();
  dispatcher_.shrink();
  base::shrink_list(unsettled_);
  loop_.backend().shrink();
  if (malloc_trim != nullptr) malloc_trim(0);
}

}  // namespace socketio::server
