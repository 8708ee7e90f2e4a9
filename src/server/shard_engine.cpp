// Engine.IO in the shard: requests under the path become sessions, polls, posts and WebSockets;
// sessions' events are carried out here.
#include <cstring>

#include "http/url.hpp"
#include "server/shard.hpp"
#include "server/upgrade.hpp"
#include "ws/handshake.hpp"

namespace socketio::server {
namespace {

constexpr base::Bytes kPostType = "text/html";
constexpr base::Bytes kPostHeaders = "Content-Type: text/html\r\nCache-Control: no-store\r\n";

bool is_trident(base::Bytes user_agent) {
  return user_agent.find(";MSIE") != base::Bytes::npos ||
         user_agent.find("Trident/") != base::Bytes::npos;
}

// The id's bits are random already (and unknown ids only look up, never insert), but they come in
// letters, whose high bits say little: the multiplication spreads what they have.
std::uint32_t hash_of(const eio::Sid& sid) {
  std::uint64_t h = 0;
  std::memcpy(&h, sid.chars.data(), sizeof h);
  h *= 0x9E3779B97F4A7C15;
  return static_cast<std::uint32_t>(h ^ (h >> 32));
}

// The session's WebSocket from now on. What the connection has said before may not have left yet.
void take_over(Connection& c, eio::Session& session) {
  c.probe = false;
  c.unflushed = c.in_flight && !c.apart;
  if (c.unflushed) session.on_flushed(false);
}

}  // namespace

SessionRecord* Shard::find_session(base::Bytes sid) {
  if (settings_.options.engine.generate_id) [[unlikely]] {
    const auto place = hub_->custom_ids.find(sid);
    if (!place || place->shard != index_) return nullptr;
    return sessions_.get(SessionId::unpack(place->session));
  }
  const std::optional<eio::Sid> parsed = eio::parse_sid(sid);
  if (!parsed) return nullptr;
  const std::optional<std::uint32_t> place =
      sids_.find(hash_of(*parsed), [&](std::uint32_t candidate) {
        return sessions_.at_place(candidate)->session.sid() == *parsed;
      });
  return place ? sessions_.at_place(*place) : nullptr;
}

std::optional<eio::SessionFacts> Shard::find(base::Bytes sid) const {
  // const for the gateway's sake: looking up changes nothing.
  SessionRecord* record = const_cast<Shard*>(this)->find_session(sid);
  if (record == nullptr) return std::nullopt;
  return eio::SessionFacts{record->session.transport(), record->session.upgrading(),
                           !record->session.open(), record->session.v3(), record->session.owner()};
}

SessionRecord& Shard::open_session(Connection& c, const http::Request& request,
                                   const eio::Decision& decision) {
  const eio::Sid sid = eio::make_sid(*random_, hub_->sid_key, index_);
  const auto [id, record] = sessions_.emplace(shared_, sid, decision.transport, std::uint64_t{0},
                                              now(), base::Bytes(decision.sid), decision.dialect);
  hub_->sessions.fetch_add(1, std::memory_order_relaxed);
  try {
    fill_session(*record, id, c, request);
    if (record->session.has_custom_id()) {
      hub_->custom_ids.place(decision.sid, {index_, id.packed()});
    } else {
      sids_.insert(hash_of(sid), id.index);
    }
    // The last that may fail: the client's connect timeout ends whatever happens to it from here.
    if (engine_ == nullptr) record->client = core_.open(record->session, id.packed(), now());
  } catch (...) {
    forget_session(*record);
    throw;
  }
  if (decision.transport == eio::Transport::websocket) {
    counters_.websocket_opened.add();
    counters_.websocket_clients.add();
  } else {
    counters_.polling_opened.add();
  }
  return *record;
}

void Shard::fill_session(SessionRecord& session, SessionId id, const Connection& c,
                         const http::Request& request) {
  SessionRecord* record = &session;
  record->session.set_owner(id.packed());
  record->timer.owner = id.packed();
  record->timer.kind = kSessionTimer;
  record->head = http::StoredHead(request, c.http->peer.packed());
  ledger_.charge_input(record->head.bytes());  // until forget_session()
  record->issued_ms = unix_ms_();
  if (c.tls) {
    record->secure = true;
    record->certificate = certificate_of(c);
    ledger_.charge_input(kept_bytes(record->certificate));
  }
  record->is_trident = is_trident(request.header("user-agent"));
}

// A POST's head: refused before its body is read, or accepted up to the limit.
void Shard::on_engine_head(Connection& c, const http::Request& request) {
  const eio::Decision decision =
      eio::decide(request, eio::asks_for_websocket(request), settings_.eio, *this);
  if (decision.kind == eio::Decision::Kind::post) begin_post(c, request, decision);
}

void Shard::begin_post(Connection& c, const http::Request& request, const eio::Decision& decision) {
  SessionRecord* record = sessions_.get(SessionId::unpack(decision.session));
  const eio::Session::Post outcome =
      record->session.on_post_begin(request.header("content-type"), now());
  if (outcome != eio::Session::Post::accepted) {
    respond(c, http::Response{400, {}, {}}, true);
    if (Connection* reading = connections_.get(record->post);
        outcome == eio::Session::Post::overlap && reading != nullptr)
      drop(*reading);
    pump(*record);
    return;
  }
  c.http->exchange = Exchange::post;
  c.http->session = record->id();
  if (record->is_trident) [[unlikely]]
    answer_headers(c).set("X-XSS-Protection", "0");
  record->post = c.self;
  c.http->machine.accept_body(settings_.eio.max_payload);
}

int Shard::on_engine_request(Connection& c, const http::Request& request, base::MutBytes body) {
  if (c.http->exchange == Exchange::post) {
    SessionRecord* record = sessions_.get(std::exchange(c.http->session, SessionId{}));
    c.http->exchange = Exchange::none;
    const ConnectionId id = c.self;
    int messages = 0;
    if (record != nullptr) {
      const SessionId session = record->id();
      record->post = {};
      record->session.on_post(body, now());
      if (!record->session.reading_body() || !overloaded(*record)) messages = pump(*record);
      record = sessions_.get(session);
      if (record != nullptr && record->session.reading_body()) {
        if (Connection* still = connections_.get(id); still != nullptr && still->http) {
          still->http->exchange = Exchange::post;
          still->http->session = session;
        }
        put_off(*record, id);
        return messages;
      }
    }
    if (Connection* still = connections_.get(id); still != nullptr) {
      answer_post(*still);
    }
    return messages;
  }
  const bool websocket = eio::asks_for_websocket(request);
  carry_out(c, request, websocket, eio::decide(request, websocket, settings_.eio, *this));
  return 0;
}

void Shard::carry_out(Connection& c, const http::Request& request, bool websocket,
                      eio::Decision decision) {
  switch (decision.kind) {
    case eio::Decision::Kind::reject:
      return reject(c, request, decision.reject, websocket);
    case eio::Decision::Kind::method_not_allowed:
      return respond(c, http::Response{500, {}, {}});
    case eio::Decision::Kind::open:
      return open(c, request, std::move(decision));
    case eio::Decision::Kind::poll:
      return on_poll(c, *sessions_.get(SessionId::unpack(decision.session)));
    case eio::Decision::Kind::upgrade:
      start_websocket(c, request, decision);
      return;
    // What its head named was nobody then; custom ids may come later, and again.
    case eio::Decision::Kind::post:
      return reject(c, request, {eio::ErrorCode::unknown_sid, {}, {}}, websocket);
  }
}

void Shard::on_poll(Connection& c, SessionRecord& record) {
  if (record.session.on_poll(now()) == eio::Session::Poll::parked) {
    record.poll = c.self;
    c.http->exchange = Exchange::poll;
    c.http->session = record.id();
  } else {
    respond(c, http::Response{400, {}, {}});
  }
  pump(record);
}

bool Shard::start_websocket(Connection& c, const http::Request& request,
                            const eio::Decision& decision) {
  const Upgrade upgrade(request);
  if (upgrade.refusal) {
    respond(c, *upgrade.refusal, true);
    return false;
  }
  std::string head = upgrade.head(ws::first_protocol(upgrade.protocols));
  if (!agree_on_extensions(c, upgrade.extensions, head)) return false;
  head += upgrade_headers(c);
  head += "\r\n";

  SessionRecord* record = decision.kind == eio::Decision::Kind::upgrade
                              ? sessions_.get(SessionId::unpack(decision.session))
                              : &open_session(c, request, decision);
  base::InBuffer rest = switch_to_websocket(c, head, settings_.ws);
  if (decision.dialect.v3 && decision.kind == eio::Decision::Kind::open) send_apart(c);
  c.session = record->id();
  if (decision.kind == eio::Decision::Kind::upgrade) {
    c.probe = true;
    if (!record->session.attach_probe(c, now(), decision.dialect.base64)) {
      c.session = {};
      c.ws->close(0, "", ws_env(c), now());
      arm(c);
      return true;
    }
    record->probe = c.self;
  } else {
    record->websocket = c.self;
    take_over(c, record->session);
    record->session.attach_websocket(c);
    greet(*record);
    if (record->session.v3()) join_root(*record);
  }
  pump(*record);
  read_behind_request(c, rest);
  return true;
}

// Carries out what the session says, until it has nothing more to say. It says nothing while a
// POST is being worked off.
int Shard::pump(SessionRecord& record) {
  if (record.unread) [[unlikely]] {
    if (record.session.reading_body()) return arm(record), 0;
    read_on(record);  // it has ended: so has the POST
  }
  return work_off(record);
}

// When that fails the session ends: what it shows (a POST's body) is gone with the caller.
int Shard::work_off(SessionRecord& record) {
  try {
    return follow(record);
  } catch (...) {
    give_up(record);
    throw;
  }
}

// Of a POST's packets only as many as a turn may have, and as handlers may run.
int Shard::follow(SessionRecord& record) {
  const base::Time t = now();
  int messages = 0;
  while (!record.session.quiet()) {
    const eio::Event event = record.session.next(t);
    switch (event.kind) {
      case eio::EventKind::none:
        break;
      case eio::EventKind::message:
        deliver(record, event);
        if ((++messages == events_per_turn_ || shedder_.too_much_output() || overloaded(record)) &&
            record.session.reading_body()) {
          arm(record);
          return messages;
        }
        break;
      case eio::EventKind::closed:
        if (record.session.transport() == eio::Transport::websocket)
          counters_.websocket_clients.subtract();
        counters_.closes.at(static_cast<std::size_t>(event.reason)).add();
        deliver_end(record, event);
        // Who has not read what was sent before will not read a farewell either.
        if (Connection* c = connections_.get(record.websocket);
            c != nullptr && c->takes_nothing() &&
            (event.reason == eio::CloseReason::ping_timeout ||
             event.reason == eio::CloseReason::transport_error))
          drop(*c);
        break;
      case eio::EventKind::upgraded: {
        counters_.upgrades.add();
        counters_.websocket_clients.add();
        record.websocket = std::exchange(record.probe, ConnectionId{});
        if (Connection* c = connections_.get(record.websocket); c != nullptr)
          take_over(*c, record.session);
        tell_upgraded(record);
        break;
      }
      case eio::EventKind::close_websocket:
        close_websocket(std::exchange(record.websocket, ConnectionId{}));
        break;
      case eio::EventKind::close_probe:
        close_websocket(std::exchange(record.probe, ConnectionId{}));
        break;
      case eio::EventKind::noted:
        tell_notes(record);
        break;
      case eio::EventKind::gone:
        erase_session(record);
        return messages;
    }
  }
  arm(record);
  return messages;
}

// Upwards: to Socket.IO, unless somebody wants bare Engine.IO.
void Shard::deliver(SessionRecord& record, const eio::Event& event) {
  const bool message = event.kind == eio::EventKind::message;
  const base::Time t = now();
  if (message && !event.binary) return deliver_text(record, event.payload, t);
  if (messages_aside_ && !deliver_aside(record, event)) [[unlikely]]
    return;
  if (!message) {
    core_.on_session_closed(record.client, event.reason, event.detail, t);
  } else if (core_.on_binary(record.client, event.payload, t, arrival_)) {
    return dispatcher_.on_arrival(arrival_, t);
  }
  dispatcher_.pump(t);
}

void Shard::deliver_text(SessionRecord& record, base::MutBytes payload, base::Time t) {
  if (messages_aside_) [[unlikely]] {
    eio::Event event;
    event.kind = eio::EventKind::message;
    event.payload = payload;
    if (!deliver_aside(record, event)) return;
  }
  if (core_.on_text(record.client, payload, t, arrival_))
    return dispatcher_.on_arrival(arrival_, t);
  dispatcher_.pump(t);
}

// To whoever wants to know of it before Socket.IO, or instead. False: that was all.
bool Shard::deliver_aside(SessionRecord& record, const eio::Event& event) {
  const bool message = event.kind == eio::EventKind::message;
  if (engine_ != nullptr) {
    message ? engine_->message(record.session, event.payload, event.binary)
            : engine_->closed(record.session, event.reason, event.detail);
    return false;
  }
  if (message) return tell_message(record, event);
  tell_closed(record, event);
  return true;
}

// Said once, and not to be missed: a first failure may pass.
void Shard::deliver_end(SessionRecord& record, const eio::Event& event) {
  try {
    deliver(record, event);
  } catch (const std::bad_alloc&) {
    out_of_memory();
    deliver(record, event);
  }
}

void Shard::close_websocket(ConnectionId id) {
  Connection* c = connections_.get(id);
  if (c == nullptr || !c->ws) return;
  c->session = {};
  spare(id, [&] {
    c->ws->close(0, "", ws_env(*c), now());
    mark_dirty(*c);
    arm(*c);
    if (c->paused) revisit(*c);  // its handlers are not waited for any more, but its close frame is
  });
}

bool Shard::poll_is_due(const SessionRecord& record) {
  return record.session.poll_parked() && record.session.poll_ready() && !record.poll_lost;
}

// The session has something to say: a parked poll is answered with one payload, when its turn has
// come. (Frames are with their connection already.)
void Shard::flush_session(SessionRecord& record) {
  if (poll_is_due(record) && !must_wait(record)) answer_due(record);
  pump(record);
}

void Shard::answer_due(SessionRecord& record) {
  const ConnectionId poll = std::exchange(record.poll, ConnectionId{});
  try {
    answer_parked(record, connections_.get(poll));
  } catch (...) {  // half an answer is none
    if (Connection* c = connections_.get(poll)) drop(*c);
    throw;
  }
}

void Shard::answer_parked(SessionRecord& record, Connection* c) {
  scratch_.clear();
  const eio::Session::Payload taken = record.session.take_payload(scratch_, now());
  if (c == nullptr || !c->http) return;
  c->http->exchange = Exchange::none;
  c->http->session = {};
  if (record.is_trident) [[unlikely]]
    answer_headers(*c).set("X-XSS-Protection", "0");
  if (taken.form == eio::FormV3::text && !record.session.jsonp()) {
    answer_poll(*c, taken.compress);
  } else {
    answer_old_client(*c, record, taken.form);
  }
}

void Shard::answer_post(Connection& c) {
  answer_engine(c, kPostType, kPostHeaders, "ok");
}

// The same headers twice: as the lines that mostly leave as they are, and as what they say, for
// when others join them.
void Shard::answer_engine(Connection& c, base::Bytes type, base::Bytes lines, base::Bytes body) {
  if (c.http->headers) [[unlikely]] {
    answer_with_headers(c, type, body);
  } else {
    c.http->machine.respond(200, lines, body, http_env(c), now(), closing_);
  }
  mark_dirty(c);
}

void Shard::arm(SessionRecord& record) {
  const base::Time deadline = record.session.deadline();
  // As for connections: heartbeats move the deadline later many times for each time the timer
  // fires.
  if (deadline == base::kNever || (record.timer.armed() && record.timer.deadline() <= deadline))
    return;
  loop_.timers().arm(record.timer, deadline);
}

void Shard::erase_session(SessionRecord& record) {
  if (record.unread) finish_post(record);
  for (const ConnectionId id : {record.poll, record.post}) {
    Connection* c = connections_.get(id);
    if (c == nullptr || !c->http) continue;
    c->http->session = {};
    const Exchange exchange = std::exchange(c->http->exchange, Exchange::none);
    // The rest of its body has nobody to go to any more, and no answer: as in the reference.
    if (exchange == Exchange::post) drop(*c);
    if (exchange == Exchange::poll)
      spare(id, [&] {
        respond(*c, http::Response{400, {}, {}}, true);
        revisit(*c);
      });
  }
  close_websocket(record.websocket);
  close_websocket(record.probe);
  forget_session(record);
}

void Shard::forget_session(SessionRecord& record) {
  if (record.session.has_custom_id()) {
    hub_->custom_ids.remove(record.session.id());
  } else {
    sids_.erase(hash_of(record.session.sid()), record.id().index);
  }
  watches_.erase(record.session.owner());
  ledger_.credit_input(record.head.bytes() + kept_bytes(record.certificate));
  hub_->sessions.fetch_sub(1, std::memory_order_relaxed);
  sessions_.erase(record.id());
}

}  // namespace socketio::server
