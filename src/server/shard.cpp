// The shard's facts: bytes in, bytes out, connections ending. See shard.hpp for the map.
#include "server/shard.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <new>

#include "base/prefetch.hpp"
#include "server/admission.hpp"
#include "server/recovery.hpp"

namespace socketio::server {
namespace {

constexpr base::Duration kUnreadPause = std::chrono::milliseconds(10);
constexpr base::Duration kLinger =
    std::chrono::seconds(2);  // our FIN is out: how long we wait for theirs
// Of work that is owed to nobody in particular, when memory has run out in it.
constexpr base::Duration kRetry = std::chrono::seconds(1);

}  // namespace

ShardServices system_services(std::unique_ptr<net::Backend> backend) {
  return {std::move(backend), nullptr, std::make_unique<net::SystemRandom>(), [] {
            timespec ts{};
            clock_gettime(CLOCK_REALTIME, &ts);
            return std::int64_t{ts.tv_sec} * 1000 + ts.tv_nsec / 1'000'000;
          }};
}

Shard::Shard(ShardServices services, std::shared_ptr<detail::Hub> hub, HttpRoutes& routes,
             std::uint8_t index)
    : hub_(std::move(hub)),
      settings_(hub_->settings),
      routes_(routes),
      index_(index),
      loop_(std::move(services.backend), std::move(services.clock)),
      random_(std::move(services.random)),
      unix_ms_(std::move(services.unix_ms)),
      ledger_(hub_->ledger),
      arena_(&ledger_),
      shared_{settings_.eio, arena_, ledger_},
      core_(shared_, *random_, settings_.sio),
      dispatcher_(*this, core_, shared_, counters_, hub_),
      offload_(loop_.mailbox()) {
  if (hub_->tls != nullptr) {
    const TlsOptions& limits = hub_->tls->limits();
    tls_ = std::make_unique<TlsDesk>(hub_->tls->seed(), limits.session_lifetime,
                                     std::max<std::size_t>(1, limits.max_handshakes / hub_->size()),
                                     settings_.options.limits.max_read_per_turn);
  }
  if (settings_.deflate) deflate_pool_.emplace(*settings_.deflate);
  if (settings_.options.http_compression)
    poll_compressor_.emplace(settings_.options.http_compression->level);
  hub_->open(index_, *this);
}

Shard::~Shard() {
  hub_->close(index_);
  loop_.mailbox().close();
  if (hub_->recovery != nullptr) hub_->recovery->drop(index_);
  closing_ = closed_ = true;
}

void Shard::add_listener(net::Listener listener) {
  accept_on(listener.fd());
  listeners_.push_back(std::move(listener));
}

void Shard::accept_on(int listen_fd) {
  loop_.backend().accept_start(listen_fd, accepting_++);
}

// -- Facts.

void Shard::on_received(net::StreamId, net::Owner owner, base::MutBytes bytes) {
  Connection* c = connection(owner);
  counters_.bytes_in.add(bytes.size());
  if (c == nullptr || c->lingering) return;
  spare(c->self, [&] { c->tls ? on_ciphertext(*c, bytes) : on_plaintext(*c, bytes); });
}

void Shard::on_plaintext(Connection& c, base::MutBytes bytes) {
  if (c.move)
    return c.move->bytes.append(base::as_bytes(bytes), ledger_);  // was on its way already
  if (shedder_.too_much_input() && !shedder_.make_room(c)) [[unlikely]]
    return;
  if (c.ws) {
    c.ws->feed(bytes, now());
    return turn_ws(c);
  }
  c.http->machine.feed(bytes, now());
  turn(c);
}

void Shard::turn(Connection& c) {
  if (c.waiting == Connection::Waiting::never) return;
  const ConnectionId id = c.self;
  if (c.http) turn_http(c);
  Connection* still = connections_.get(id);
  if (still == nullptr || !still->ws) return;
  turn_ws(*still);
  // What input_ended() has put off until all was read.
  if (still = connections_.get(id); still == nullptr) return;
  if (still->eof) return input_ended(*still);
  if (still->tls) end_of_tls(*still);
}

void Shard::on_eof(net::StreamId, net::Owner owner) {
  Connection* c = connection(owner);
  if (c == nullptr || c->move) return;
  c->eof = true;
  if (c->lingering) return drop(*c);
  spare(c->self, [&] { input_ended(*c); });
}

void Shard::input_ended(Connection& connection) {
  Connection* c = &connection;
  const ConnectionId id = c->self;
  // A handshake may have come just before it: its answer is a poll's.
  if (SessionRecord* record = c->http ? sessions_.get(c->http->session) : nullptr;
      record != nullptr && c->http->exchange == Exchange::poll) {
    flush_session(*record);
    c = connections_.get(id);
    if (c == nullptr) return;
    record = c->http ? sessions_.get(c->http->session) : nullptr;
    if (record != nullptr && record->poll == id && record->linked()) return;  // comes again then
  }
  if (c->http && c->http->exchange != Exchange::poll) {
    // A half-closed peer still gets the answers to its complete requests (RFC 9112 §9.6).
    c->http->machine.on_eof();
    turn(*c);
    c = connections_.get(id);
    if (c == nullptr) return;
    if (c->http && (c->http->machine.answering() || c->http->machine.has_input() || c->closing))
      return;
  }
  // What a WebSocket has not read comes first: whatever it waits for ends in turn(), which comes
  // back.
  if (c->ws && !c->closing && (c->paused || c->ws->has_input())) return;
  lost(*c, false);
  close_when_sent(*c);
}

void Shard::on_sent(net::StreamId, net::Owner owner, std::size_t n) {
  Connection* c = connection(owner);
  if (c == nullptr) return;
  counters_.bytes_out.add(n);
  c->in_flight = false;
  base::OutQueue& wire = c->wire();
  wire.consume(n);
  // Not before: while the send was in flight its memory had to stay where it was.
  spare(c->self, [&] { settle(*c); });
  if (c->http && n > 0) c->http->machine.on_progress(now(), wire.empty() && c->out.empty());
  if ((c->closing || c->move) && n > 0) arm_stall(*c);
  // Nothing is left: from now on, not from the end of the turn on, volatile packets may follow.
  if (wire.empty()) return spare(c->self, [&] { flush_connection(*c); });
  mark_dirty(*c);
}

// An error is an end like another: so networks, proxies and programs end what they are done with.
void Shard::on_closed(net::StreamId, net::Owner owner, std::error_code) {
  Connection* c = connection(owner);
  if (c == nullptr) return;
  spare(c->self, [&] { lost(*c, false); });
  shedder_.on_closed(*c);
  connections_.erase(ConnectionId::unpack(owner));
  hub_->forget_connection(index_, take_count(ConnectionId::unpack(owner)));
  finish_closing();
}

void Shard::lost(Connection& c, bool failed) {
  const base::Time t = now();
  SessionRecord* record = nullptr;
  if (c.move) return;
  if (c.plain) return plain_websockets_.on_lost(c);
  if (c.http) {
    record = sessions_.get(std::exchange(c.http->session, SessionId{}));
    const Exchange exchange = std::exchange(c.http->exchange, Exchange::none);
    if (record == nullptr) return;
    if (exchange == Exchange::poll) {
      record->poll = {};
      // Not before the packets that came whole.
      if (record->unread) return static_cast<void>(record->poll_lost = true);
      record->session.on_poll_aborted(t);
    } else if (exchange == Exchange::post) {
      record->post = {};
      if (!record->unread) record->session.on_post_failed(false, t);
    }
  } else {
    record = sessions_.get(std::exchange(c.session, SessionId{}));
    if (record == nullptr) return;
    (c.probe ? record->probe : record->websocket) = {};
    record->session.on_websocket_closed(c.probe, failed, "", t);
  }
  spare(record->id(), [&] { pump(*record); });
}

bool Shard::has_work() const {
  return !shared_.outlets.empty() || !backlog_.empty() || !unread_.empty() ||
         !shared_.dirty.empty() || (!disk_.places.empty() && disk_.reading == 0) ||
         (!waiting_polls_.empty() && !poll_timer_.armed()) ||
         (deflate_pool_ && deflate_pool_->is_compressing());
}

void Shard::on_timer(net::Timer& timer) {
  const base::Time t = now();
  if (timer.kind == kSessionTimer) {
    const SessionId id = SessionId::unpack(timer.owner);
    if (SessionRecord* record = sessions_.get(id); record != nullptr) {
      // What has come is read before anybody looks at the clock, unless it is its own handlers that
      // take so long.
      const Connection* websocket = connections_.get(record->websocket);
      const bool unread = record->unread && !record->awaits_handlers;
      if (unread || (websocket != nullptr && websocket->is_behind()))
        return loop_.timers().arm(timer, base::after(t, kUnreadPause));
      spare(id, [&] {
        if (record->session.deadline() <= t) record->session.on_deadline(t);
        pump(*record);
      });
    }
  } else if (timer.kind == kConnectionTimer) {
    if (Connection* c = connection(timer.owner); c != nullptr)
      spare(c->self, [&] { on_connection_timer(*c); });
  } else if (timer.kind == kCoreTimer) {
    try {
      core_.on_deadline(t);
    } catch (const std::bad_alloc&) {  // what is due still is: flush() arms the timer again
      out_of_memory();
    }
    dispatcher_.pump(t);
  } else if (timer.kind == kShutdownTimer) {
    past_close_timeout_ = true;
    connections_.each([this](ConnectionId, Connection& c) { drop(c); });
    finish_closing();
  } else if (timer.kind == kRecoveryTimer) {
    expire_recovery();
  } else if (timer.kind == kPlainTimer) {
    Connection* c = connection(timer.owner);
    if (c == nullptr || !c->plain) return;
    if (c->is_behind()) return loop_.timers().arm(timer, base::after(t, kUnreadPause));
    spare(c->self, [&] { plain_websockets_.on_timer(*c); });
  } else if (timer.kind == kTrimTimer) {
    trim();
  } else if (timer.kind == kPollTimer) {
    answer_first_in_line();
  }
}

void Shard::on_connection_timer(Connection& connection) {
  Connection* c = &connection;
  const ConnectionId id = c->self;
  const base::Time t = now();
  if (c->closing || c->move || c->shaking_hands()) return drop(*c);
  end_apart(*c);
  // Timers that fire early look again.
  const bool over = c->http ? std::min(c->http->machine.deadline(), c->http->patience) <= t
                            : c->ws && c->ws->deadline() <= t;
  if (c->http && c->http->machine.deadline() <= t) {
    if (c->http->exchange == Exchange::admission)
      end_admission(*c);  // the machine lets go of its request
    c->http->machine.on_deadline(t, http_env(*c));
    // The machine has ended, though this turn may ask it nothing more: who has used it must know.
    lost(*c, false);
  }
  if (c->http && c->http->patience <= t) {
    // A route has left an upgrade alone: there is nothing to say to it.
    if (c->http->exchange != Exchange::admission) return drop(*c);
    on_out_of_patience(*c);
  }
  if (c->ws && c->ws->deadline() <= t) c->ws->on_deadline(t, ws_env(*c));
  turn(*c);
  if (c = connections_.get(id); c == nullptr) return;
  // Its time is over and it does not even take what is there: no use in waiting once more.
  if (over && c->closing && c->takes_nothing()) return drop(*c);
  arm(*c);
}

void Shard::expire_recovery() {
  base::Time next = base::after(now(), kRetry);
  try {
    next = hub_->recovery->expire(now());
  } catch (const std::bad_alloc&) {
    out_of_memory();
  }
  if (next != base::kNever) loop_.timers().arm(recovery_timer_, next);
}

// -- Output.

void Shard::flush() {
  settle();
  work_off_backlog();
  dispatcher_.pump(now());
  counters_.clients.set(core_.clients());  // before any of them can hear that it is one
  answer_waiting_polls();
  while (eio::Session* session = shared_.dirty.pop_front()) {
    if (SessionRecord* record = sessions_.get(SessionId::unpack(session->owner()));
        record != nullptr)
      spare(SessionId::unpack(session->owner()), [&] { flush_session(*record); });
  }
  compress_long_messages();
  while (eio::Outlet* outlet = shared_.outlets.pop_front()) {
    // Sending pushes everything of ours out of the nearest caches.
    if (const eio::Outlet* next = shared_.outlets.front(); next != nullptr)
      base::prefetch<128>(next);
    Connection& c = static_cast<Connection&>(*outlet);
    spare(c.self, [&] { flush_connection(c); });
  }
  shedder_.end_turn();
  note_peak();
  if (const base::Time deadline = core_.deadline();
      deadline != core_timer_.deadline() || !core_timer_.armed()) {
    loop_.timers().arm(core_timer_, deadline);
  }
  end_backlog();
  due_ = unsettled_.size();
  answers_until_ = answered() + kAnswersPerTurn;
  counters_.clients.set(core_.clients());
  // A server without connections owns no buffers: its ledger is back at zero.
  if (connections_.size() > 0) {
    arena_.recycle();
  } else {
    arena_.release();
    release_compression();
  }
  // What is emitted between two turns (in somebody else's loop) is a dispatch of its own.
  ++shared_.dispatch;
  if (hub_->measure_turns.load(std::memory_order_relaxed)) counters_.turns.record(loop_.in_turn());
  if (on_ended_ && !ended_ && connections_.size() == 0) finish_ending();
}

void Shard::flush_connection(Connection& c) {
  if (!c.usual() || !c.out.together()) return flush_unusual(c);
  const base::Bytes part = c.out.front();
  const std::size_t taken = loop_.backend().send(c.stream, {&part, 1});
  counters_.bytes_out.add(taken);
  // Its deadline is as it was, and it has no input: else it would be paused.
  if (taken == part.size()) [[likely]]
    return c.out.consume_front();
  flush_was_short(c, taken);
}

void Shard::flush_was_short(Connection& c, std::size_t taken) {
  c.out.consume(taken);
  await_sent(c);
  after_flush(c, false);
}

void Shard::await_sent(Connection& c) {
  c.in_flight = true;
  c.wire().hold();
  unsettled_.push_back(c.self);
}

void Shard::flush_unusual(Connection& c) {
  if (c.lingering) return;
  if (c.in_flight) return settle_behind(c);
  base::OutQueue& wire = c.tls ? seal(c) : c.out;
  bool everything = !c.compressing();
  while (!wire.empty()) {
    const std::size_t count = wire.gather(parts_);
    std::size_t total = wire.bytes();
    if (count == parts_.size()) {  // perhaps not all of it
      total = 0;
      for (std::size_t i = 0; i < count; ++i) total += parts_[i].size();
    }
    const std::size_t taken = loop_.backend().send(c.stream, std::span(parts_.data(), count));
    counters_.bytes_out.add(taken);
    wire.consume(taken);
    if (c.http && taken > 0) {
      // What the peer is given for the rest counts from now on: user's code may have run long.
      const base::Time sent = taken < total ? now() + loop_.in_turn() : now();
      c.http->machine.on_progress(sent, wire.empty() && c.out.empty());
    }
    if ((c.closing || c.move) && taken > 0) arm_stall(c);
    if (taken < total) {
      await_sent(c);
      everything = false;
      break;
    }
    if (c.tls) seal(c);  // there is room for more
  }
  if (c.tls && !c.closing && !c.move && c.tls->engine.state() == tls::State::failed) {
    // While sealing: what has been thrown away may not be followed by more.
    log(base::LogLevel::debug, base::LogKind::connection,
        std::string("TLS: ") + c.tls->engine.failure());
    return drop(c);
  }
  // The engine is stuck. It may take long, and nobody reads from the plaintext.
  if (c.tls && !c.in_flight && !c.out.empty()) c.out.settle(&ledger_);
  after_flush(c, everything && c.out.empty());
}

void Shard::after_flush(Connection& c, bool everything) {
  if (c.ws) {
    if (c.plain) [[unlikely]]
      plain_websockets_.on_flushed(c);
    // Said again where somebody waits to hear of the flush (expect_flush): it changes nothing.
    if (!c.probe && (!everything || c.unflushed)) {
      c.unflushed = !everything;
      if (SessionRecord* record = sessions_.get(c.session); record != nullptr)
        record->session.on_flushed(everything);
    }
    if (everything) {
      c.ponged = false;
      c.ws->on_drained();
      if (c.ws->has_input() && !c.closing && !overloaded(sessions_.get(c.session))) revisit(c);
    }
  }
  if (everything && c.http && c.paused && c.http->machine.has_input()) revisit(c);
  if (everything && c.move) return loop_.backend().detach(c.stream);
  if (everything && c.closing) {
    if (!loop_.backend().flushed(c.stream)) return await_sent(c);
    c.lingering = true;
    loop_.backend().shutdown_write(c.stream);
    if (c.eof) return drop(c);
    set_paused(c, false);
    arm_at(c, base::after(now(), kLinger));
    return;
  }
  arm(c);
}

void Shard::arm(Connection& c) {
  if (c.closing) return;  // its timer holds the end of draining, then of lingering
  const base::Time deadline = c.http ? std::min(c.http->machine.deadline(), c.http->patience)
                              : c.ws ? std::min(c.ws->deadline(), c.rested_at())
                                     : base::kNever;
  // A timer that fires early looks again; only an earlier deadline has to be armed. Most turns arm
  // nothing.
  if (deadline == base::kNever) return;
  if (c.timer != nullptr && c.timer->armed() && c.timer->deadline() <= deadline) return;
  arm_at(c, deadline);
}

void Shard::arm_at(Connection& c, base::Time deadline) {
  if (c.timer == nullptr) c.timer = std::make_unique<net::Timer>(c.self.packed(), kConnectionTimer);
  loop_.timers().arm(*c.timer, deadline);
}

void Shard::close_when_sent(Connection& c) {
  if (c.closing) return;
  end_apart(c);
  c.closing = true;
  arm_stall(c);
  mark_dirty(c);
}

// The machine is over and has no deadline any more; without this one a peer that does not read
// would keep the connection and what is queued for it. It counts from now, not from the turn's
// beginning, because user's code may have run long since.
void Shard::arm_stall(Connection& c) {
  const base::Duration patience = c.ws ? settings_.ws.close_timeout : settings_.http.send_timeout;
  arm_at(c, base::after(now() + loop_.in_turn(), patience));
}

void Shard::drop(Connection& c) {
  loop_.backend().close(c.stream);
}

void Shard::set_paused(Connection& c, bool paused) {
  if (c.paused == paused) return;
  c.paused = paused;
  if (paused) {
    loop_.backend().recv_stop(c.stream);
  } else {
    loop_.backend().recv_start(c.stream);
  }
}

}  // namespace socketio::server
