// WebSockets: what a connection is from its 101 on. Those that carry Engine.IO, read: from the
// bytes of a turn to the session and its handlers.
#include "server/shard.hpp"

namespace socketio::server {

// Says `head`, the whole 101: from here on the connection speaks frames. Returns what came behind
// the request, which is read when the driver of those frames is in its place.
base::InBuffer Shard::switch_to_websocket(Connection& c, base::Bytes head,
                                          const ws::Limits& limits) {
  c.out.append(arena_, head);
  mark_dirty(c);
  base::InBuffer rest = c.http->machine.take_rest(ledger_);
  c.http.reset();
  c.timer.reset();
  c.ws.emplace(ws::Role::server, limits);
  return rest;
}

// Frames that came in the same segment as the request.
void Shard::read_behind_request(Connection& c, base::InBuffer& rest) {
  if (rest.empty() || !c.ws) return;
  c.ws->feed(rest.view(), now());
  turn_ws(c);
  if (c.ws) c.ws->keep(ledger_);
}

void Shard::turn_ws(Connection& c) {
  if (c.deflate != nullptr && holds_back(c)) [[unlikely]]
    return;
  if (c.plain) [[unlikely]]
    return plain_websockets_.turn(c);
  const base::Time t = now();
  SessionRecord* record = sessions_.get(c.session);
  if (overloaded(record)) {
    c.ws->keep(ledger_);  // bytes the backend had already taken come all the same
    return set_paused(c, true);
  }
  // The POSTs of before the upgrade come first; and too much is shed first.
  if ((record != nullptr && record->unread) || c.spent == kSpent ||
      (shedder_.too_much_output() && !shedder_.has_reserve(c))) [[unlikely]] {
    c.ws->keep(ledger_);
    set_paused(c, true);
    return later(c);
  }
  std::size_t inflated = 0;
  for (int n = 0; n < events_per_turn_; ++n) {
    base::MutBytes text;
    if (record != nullptr && !c.probe && c.ws->next_text(text)) {
      if (!take_text(*record, text, t) && !drain(c, record)) return;
    } else {
      const ws::Event event = c.ws->next(ws_env(c), t);
      if (!c.out.empty()) mark_dirty(c);
      if (event.kind == ws::EventKind::none) {
        if (c.ws->inflating()) break;
        if (c.out.bytes() >= net::kSentAtOnce) [[unlikely]]
          flush_connection(c);
        // Input that waits for our pongs to leave must not grow.
        spend(c, n);
        set_paused(c, c.ws->has_input());
        if (c.ws->has_input()) c.ws->keep(ledger_);
        return arm(c);
      }
      if (event.kind == ws::EventKind::closed) return end_websocket(c, record, event);
      if (record == nullptr || !take_frame(c, *record, event, t)) continue;
      if (!drain(c, record)) return;
      if (c.deflate != nullptr && (inflated += event.payload.size()) >= settings_.deflate->piece)
        break;
    }
    if (overloaded(record)) break;
    if (shedder_.too_much_output() || c.compressing()) [[unlikely]]
      break;
    if (c.ws->idle()) {  // next() would find nothing
      if (c.out.bytes() >= net::kSentAtOnce) [[unlikely]]
        flush_connection(c);
      spend(c, n);
      if (c.paused) set_paused(c, false);
      if (c.ws->deadline() != base::kNever) arm(c);
      return;
    }
  }
  // Cut short: the rest waits inside the machine until the others had their turn (or until handlers
  // end), and so does what else of it the backend hands out in this turn.
  spend(c, events_per_turn_);
  c.ws->keep(ledger_);
  set_paused(c, true);
  if (!overloaded(record)) later(c);
}

// The usual frame. False: the session has more to say than a message.
bool Shard::take_text(SessionRecord& record, base::MutBytes text, base::Time t) {
  if (!record.session.is_plain_message(text)) {
    record.session.on_text(text, false, t);
    return false;
  }
  deliver_text(record, record.session.take_message(text, t), t);
  return record.session.quiet();
}

// False: it was none for the session.
bool Shard::take_frame(Connection& c, SessionRecord& record, const ws::Event& event, base::Time t) {
  if (event.kind == ws::EventKind::text) {
    record.session.on_text(event.payload, c.probe, t);
  } else if (event.kind == ws::EventKind::binary) {
    record.session.on_binary(event.payload, c.probe, t);
  } else {
    c.ponged = true;
    return false;
  }
  return true;
}

// Carries out what the session of a WebSocket says. False: the connection is over.
bool Shard::drain(Connection& c, SessionRecord*& record) {
  const ConnectionId id = c.self;
  pump(*record);
  if (connections_.get(id) == nullptr || c.closing) return false;
  record = sessions_.get(c.session);
  return true;
}

void Shard::end_websocket(Connection& c, SessionRecord* record, const ws::Event& event) {
  if (record != nullptr) {
    c.session = {};
    (c.probe ? record->probe : record->websocket) = {};
    record->session.on_websocket_closed(c.probe, event.failed,
                                        event.failed ? event.reason : base::Bytes(), now());
    pump(*record);
  }
  close_when_sent(c);
}

}  // namespace socketio::server
