// When all clients together hold more than the server may (the ledger), those who hold most go, and
// the rest are served on: who merely sends while others hold too much loses nothing.
//
// A sixteenth of the limit is freed at a time, so that looking at everybody is rare. Of several
// shards each frees its part. What is counted but belongs to nobody (the packets kept for recovery;
// events with middlewares whose clients are gone) cannot be shed; so when shedding did not help, it
// is tried again a sixteenth later.
#include "server/shedder.hpp"

#include <algorithm>
#include <new>

#include "server/admission.hpp"
#include "server/shard.hpp"

namespace socketio::server {
namespace {

constexpr std::int64_t kParts = 16;
// What an event may take when the server is full: nobody who merely talks sends more.
constexpr std::size_t kLittle = std::size_t{16} * 1024;

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

Shedder::Shedder(Shard& shard, Connections& connections, Sessions& sessions)
    : shard_(shard),
      connections_(connections),
      sessions_(sessions),
      ledger_(shard.hub()->ledger),
      input_(shard.settings().options.max_input_bytes),
      output_(shard.settings().options.max_output_bytes) {}

void Shedder::end_turn() {
  try {
    shed_output();
  } catch (const std::bad_alloc&) {  // tried again by the next turn
    shard_.out_of_memory();
  }
  input_.relax(ledger_.input());
}

bool Shedder::make_room(Connection& c) {
  shed_input();
  if (c.lingering) return false;
  // Nobody holds enough to be worth closing, or the other shards take their time; or it is held by
  // nobody who could be closed, which is not the fault of one who holds little.
  if (!is_full(ledger_.input(), input_.limit)) return true;
  const SessionRecord* record = sessions_.get(c.http ? c.http->session : c.session);
  const std::size_t held = input_of(c) + (record != nullptr ? input_of(*record) : 0);
  if (held < least_worth_closing(ledger_.input(), *shard_.hub(), sessions_.size())) return true;
  shard_.log(base::LogLevel::warn, base::LogKind::connection,
             "max_input_bytes reached: connection dropped");
  shard_.counters().shed.add();
  shard_.drop(c);
  return false;
}

// An event outlives its client when a middleware keeps its `next`, so that shedding would not help.
// Above a quarter more than the limit not even the little ones may, or they would have none.
bool Shedder::may_wait(std::size_t bytes) const {
  const std::int64_t held = ledger_.input();
  const std::int64_t limit = input_.limit;
  return !is_full(held, limit) || (bytes <= kLittle && held <= limit + limit / 4);
}

bool Shedder::has_reserve(const Connection& c) const {
  const bool took_all = c.out.empty() && (!c.tls || c.tls->wire.empty());
  return took_all && ledger_.output() <= output_.again + output_.limit / kParts;
}

std::size_t Shedder::input_of(const Connection& c) const {
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

std::size_t Shedder::input_of(const SessionRecord& record) const {
  return shard_.dispatcher().core().held(record.client) +
         shard_.dispatcher().held(record.session.owner()) + record.body.capacity() +
         record.head.bytes() + kept_bytes(record.certificate);
}

std::size_t Shedder::output_of(const Connection& c) const {
  std::size_t bytes = c.queued() + c.out.bookkeeping();
  if (c.tls) bytes += c.tls->wire.bytes() + c.tls->wire.bookkeeping();
  return bytes;
}

void Shedder::shed_input() {
  if (!input_.exceeded(ledger_.input())) return;
  std::vector<Holder> holders;
  connections_.each([&](ConnectionId id, const Connection& c) {
    if (const std::size_t held = c.lingering ? 0 : input_of(c); held > 0)
      holders.push_back({held, id.packed(), false});
  });
  sessions_.each([&](SessionId id, const SessionRecord& record) {
    holders.push_back({input_of(record), id.packed(), true});
  });
  shed(holders, ledger_.input(), input_, "max_input_bytes reached");
  if (const std::int64_t left = ledger_.input(); left > input_.limit) {
    input_.again = left + input_.limit / kParts;
    ask_others_to_shed(&Shedder::shed_input);
  }
}

void Shedder::shed_output() {
  // Those shed last have not let go of their memory yet.
  if (!output_.exceeded(ledger_.output()) || under_way_ > 0) return;
  const std::int64_t before = ledger_.output();
  const auto shed_of = [&](bool waiting) {
    std::vector<Holder> holders = output_holders(waiting);
    return shed(holders, before, output_, "max_output_bytes reached");
  };
  if (!shed_of(false) && !shed_of(true)) output_.again = before + output_.limit / kParts;
  ask_others_to_shed(&Shedder::shed_output);
}

// `waiting`: with the answers that polls wait for. It is we who hold those, and mostly once for
// all.
std::vector<Shedder::Holder> Shedder::output_holders(bool waiting) {
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
bool Shedder::shed(std::vector<Holder>& holders, std::int64_t total, const Quota& quota,
                   const char* why) {
  double share = static_cast<double>(total - (quota.limit - quota.limit / kParts));
  if (shard_.hub()->size() > 1) {
    double own = 0;
    for (const Holder& one : holders) own += static_cast<double>(one.held);
    share *= own / static_cast<double>(total);
  }
  const std::size_t least = least_worth_closing(total, *shard_.hub(), sessions_.size());
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
  shard_.counters().shed.add(n);
  shard_.log(base::LogLevel::warn, base::LogKind::connection,
             std::string(why) + ": the clients that hold most are closed",
             {{"closed", std::to_string(n)}});
  return true;
}

// Its input is freed at once, lest others are shed for the same bytes. Its output may be with the
// kernel, and goes with it.
void Shedder::shed_connection(ConnectionId id) {
  Connection* c = connections_.get(id);
  if (c == nullptr) return;
  shard_.lost(*c, true);
  c->shed = c->closing = c->lingering = true;
  ++under_way_;
  c->timer.reset();
  c->ws.reset();
  c->deflate.reset();
  c->http.reset();
  c->move.reset();
  if (c->tls) {
    c->tls->end_handshake();
    c->tls->charge(false);
  }
  shard_.drop(*c);
}

void Shedder::shed_session(SessionId id) {
  SessionRecord* record = sessions_.get(id);
  if (record == nullptr) return;
  const ConnectionId websocket = record->websocket;
  record->session.discard(eio::CloseReason::transport_error, "server is full", shard_.now());
  shard_.pump(*record);
  if (Connection* c = connections_.get(websocket); c != nullptr && !c->shed) shard_.drop(*c);
}

// One round at a time.
void Shedder::ask_others_to_shed(void (Shedder::*how)()) {
  const std::shared_ptr<detail::Hub>& hub = shard_.hub();
  std::size_t none = 0;
  const std::size_t others = hub->size() - 1;
  if (others == 0 || !hub->shedding.compare_exchange_strong(none, others)) return;
  for (std::size_t shard = 0; shard < hub->size(); ++shard) {
    if (shard == shard_.index()) continue;
    bool asked = false;
    try {
      asked = hub->post(shard, detail::Mail::always, [how](Shard& other) {
        try {
          (other.shedder().*how)();
        } catch (const std::bad_alloc&) {
          other.out_of_memory();
        }
        other.hub()->shedding.fetch_sub(1);  // whatever happened, or there would be no next round
      });
    } catch (const std::bad_alloc&) {
      shard_.out_of_memory();
    }
    if (!asked) hub->shedding.fetch_sub(1);
  }
}

}  // namespace socketio::server
