#include "server/plain_websockets.hpp"

#include <new>

#include "http/message.hpp"
#include "server/engine_options.hpp"
#include "server/shard.hpp"
#include "server/upgrade.hpp"

namespace socketio::server {
namespace {

constexpr base::Bytes kTerminated = "terminated";  // nothing that an error handler wants to know

// Handlers hear of the end even when there is no memory for why.
std::string text_or_none(base::Bytes text) {
  try {
    return std::string(text);
  } catch (const std::bad_alloc&) {
    return {};
  }
}

}  // namespace

// -- The beginning.

void PlainWebSockets::start(Connection& c, const http::Request& request, std::string path,
                            const std::shared_ptr<const PlainRoute>& route, Params params) {
  const Upgrade upgrade(request);
  if (upgrade.refusal) return shard_.respond(c, *upgrade.refusal, true);
  const Origins& origins = route->route.allowed_origins.empty()
                               ? shard_.settings().options.engine.allowed_origins
                               : route->route.allowed_origins;
  if (!shard_.origin_allowed(request, origins))
    return shard_.respond(c, http::Response{403, {}, {}}, true);
  if (shard_.closing()) return shard_.respond(c, http::Response{503, {}, {}}, true);
  auto content = copy_request(request, std::move(path), {});
  shard_.show_connection(c, *content);
  content->params = std::move(params);
  const HttpRequest shown(content);
  std::optional<HttpReply> instead;
  if (route->route.upgrade &&
      !shard_.dispatcher().guarded(content->path, [&] { instead = route->route.upgrade(shown); }))
    instead = HttpReply{500, {}, {}};
  if (instead) return shard_.respond(c, to_response(*instead), true);

  const std::string protocol = agreed_protocol(route->route.protocols, upgrade.protocols);
  std::string head = upgrade.head(protocol);
  if (!shard_.agree_on_extensions(c, upgrade.extensions, head)) return;
  // Whole before the connection has it: memory may end in between.
  auto side = std::make_unique<PlainSide>();
  side->route = route;
  side->state = std::make_shared<detail::WebSocketState>(shown, protocol);
  side->state->hub = shard_.hub();
  side->state->shard = shard_.index();
  side->state->connection = c.self.packed();
  side->state->soft = route->route.send_queue_soft;
  side->state->hard = route->route.send_queue_hard;
  side->timer.owner = c.self.packed();
  side->timer.kind = kPlainTimer;
  base::InBuffer rest = shard_.switch_to_websocket(c, head + "\r\n", route->limits);
  c.plain = std::move(side);
  shard_.counters().plain_websockets.add();
  shard_.loop().timers().arm(c.plain->timer, base::after(shard_.now(), route->route.ping_interval));
  if (route->route.open)
    shard_.dispatcher().guarded("open", [&] { route->route.open(WebSocket(c.plain->state)); });
  shard_.read_behind_request(c, rest);
}

// -- Messages.

void PlainWebSockets::turn(Connection& c) {
  PlainSide& plain = *c.plain;
  const std::shared_ptr<const PlainRoute> route = plain.route;
  // Whoever is in the middle of a long message cannot answer a ping before its end.
  plain.heard |= c.ws->has_input();
  const int most = shard_.events_per_turn();
  std::size_t inflated = 0;
  for (int n = c.spent == Shard::kSpent ? most : 0; n < most; ++n) {
    if (plain.over) return;
    if (c.deflate != nullptr && inflated >= shard_.settings().deflate->piece) break;
    if (!plain.why.empty()) return c.ws->keep(shard_.hub()->ledger);  // cut by a handler
    if (c.compressing()) break;
    const ws::Event event = c.ws->next(shard_.ws_env(c), shard_.now());
    if (!c.out.empty()) shard_.mark_dirty(c);
    if (c.ws->inflating()) break;
    inflated += event.payload.size();
    switch (event.kind) {
      case ws::EventKind::none:
        shard_.spend(c, n);
        // Input that waits for our pongs to leave must not grow.
        shard_.set_paused(c, c.ws->has_input());
        if (c.ws->has_input()) c.ws->keep(shard_.hub()->ledger);
        return shard_.arm(c);
      case ws::EventKind::closed: {
        const bool broken = event.failed && event.code != 1006;
        shard_.close_when_sent(c);
        return finish(c, broken ? event.reason : base::Bytes(), event.code, event.reason,
                      !event.failed);
      }
      case ws::EventKind::text:
      case ws::EventKind::binary:
        shard_.counters().plain_in.add();
        if (route->route.message)
          shard_.dispatcher().guarded("message", [&] {
            route->route.message(WebSocket(plain.state), base::as_bytes(event.payload),
                                 event.kind == ws::EventKind::binary);
          });
        break;
      case ws::EventKind::ping:
        break;
      case ws::EventKind::pong:
        on_pong(plain);
        break;
    }
  }
  // Cut short: the rest waits inside the machine until the others had their turn.
  shard_.spend(c, most);
  c.ws->keep(shard_.hub()->ledger);
  shard_.set_paused(c, true);
  shard_.later(c);
}

Connection* PlainWebSockets::find(const detail::WebSocketState& state) {
  Connection* c = shard_.connection(state.connection);
  return c != nullptr && c->plain && state.open.load(std::memory_order_relaxed) ? c : nullptr;
}

bool PlainWebSockets::send(const detail::WebSocketState& state, base::Bytes payload, bool binary) {
  Connection* c = find(state);
  if (c == nullptr) return false;
  const std::size_t held = count(*c);
  if (payload.size() > state.hard || held > state.hard - payload.size()) {
    cut(*c, "send buffer limit");
    return false;
  }
  if (!(binary ? c->ws->send_binary(payload, shard_.ws_env(*c))
               : c->ws->send_text(payload, shard_.ws_env(*c))))
    return false;
  shard_.counters().plain_out.add();
  shard_.mark_dirty(*c);
  count(*c);
  if (c->plain->state->queued.get() > state.soft) c->plain->congested = true;
  return true;
}

// What is queued, as handles on other threads see it too.
std::size_t PlainWebSockets::count(Connection& c) {
  const std::size_t queued = c.queued() + (c.tls ? c.tls->wire.bytes() : 0);
  c.plain->state->queued.set(queued);
  return queued;
}

void PlainWebSockets::on_flushed(Connection& c) {
  PlainSide& plain = *c.plain;
  if (count(c) > 0 || !plain.congested) return;
  plain.congested = false;
  if (!plain.route->route.drained) return;
  // In a turn of its own: a handler that fills the queue again must not keep this one from ending.
  shard_.hub()->post(shard_.index(), detail::Mail::always, [state = plain.state](Shard& on) {
    Connection* still = on.plain_websockets().find(*state);
    if (still == nullptr) return;
    const std::shared_ptr<const PlainRoute> route = still->plain->route;
    route->route.drained(WebSocket(state));
  });
}

void PlainWebSockets::on_pong(PlainSide& plain) {
  if (!plain.awaiting) return;
  plain.awaiting = false;
  shard_.loop().timers().arm(plain.timer,
                             base::after(shard_.now(), plain.route->route.ping_interval));
}

void PlainWebSockets::on_timer(Connection& c) {
  PlainSide& plain = *c.plain;
  if (plain.over || !plain.state->open.load(std::memory_order_relaxed)) return;
  if (plain.awaiting && !plain.heard) return cut(c, "ping timeout");
  if (!plain.awaiting) {
    plain.heard = false;
    c.ws->ping({}, shard_.ws_env(c));
    shard_.mark_dirty(c);
  }
  plain.awaiting = !plain.awaiting;
  const WebSocketRoute& route = plain.route->route;
  shard_.loop().timers().arm(
      plain.timer,
      base::after(shard_.now(), plain.awaiting ? route.ping_timeout : route.ping_interval));
}

// -- The end.

bool PlainWebSockets::close(const detail::WebSocketState& state, std::uint16_t code,
                            base::Bytes reason) {
  Connection* c = find(state);
  if (c == nullptr) return false;
  c->plain->state->open.store(false, std::memory_order_relaxed);
  c->ws->close(code, reason, shard_.ws_env(*c), shard_.now());
  shard_.mark_dirty(*c);
  shard_.arm(*c);
  return true;
}

// The handlers hear of it when the connection has ended: whoever calls may be one of them.
void PlainWebSockets::cut(Connection& c, base::Bytes why) {
  PlainSide& plain = *c.plain;
  if (plain.over || !plain.why.empty()) return;
  plain.why = why;
  plain.state->open.store(false, std::memory_order_relaxed);
  shard_.drop(c);
}

void PlainWebSockets::overfill(const detail::WebSocketState& state) {
  if (Connection* c = find(state); c != nullptr) cut(*c, "send buffer limit");
}

void PlainWebSockets::terminate(const detail::WebSocketState& state) {
  Connection* c = shard_.connection(state.connection);
  if (c != nullptr && c->plain) cut(*c, kTerminated);
}

void PlainWebSockets::on_lost(Connection& c) {
  const base::Bytes why = c.plain->why == kTerminated ? base::Bytes() : c.plain->why;
  finish(c, why, 1006, why, false);
}

void PlainWebSockets::finish(Connection& c, base::Bytes error_text, std::uint16_t code,
                             base::Bytes reason_text, bool clean) {
  PlainSide& plain = *c.plain;
  if (plain.over) return;
  // Copies: what the handlers do may end what these are views of.
  const std::string error = text_or_none(error_text);
  const std::string reason = text_or_none(reason_text);
  plain.over = true;
  plain.state->open.store(false, std::memory_order_relaxed);
  shard_.loop().timers().cancel(plain.timer);
  shard_.counters().plain_websockets.subtract();
  const std::shared_ptr<const PlainRoute> route = plain.route;
  const WebSocket peer(plain.state);
  if (!error.empty() && route->route.error)
    shard_.dispatcher().guarded("error", [&] { route->route.error(peer, error); });
  if (route->route.close)
    shard_.dispatcher().guarded("close", [&] { route->route.close(peer, code, reason, clean); });
}

}  // namespace socketio::server
