#include "server/plain_websocket.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>

#include "http/message.hpp"
#include "server/engine_options.hpp"
#include "server/shard.hpp"
#include "server/upgrade.hpp"

namespace socketio::server {
namespace {

constexpr base::Bytes kTerminated = "terminated";  // nothing that an error handler wants to know

[[noreturn]] void refuse(const char* member, const char* why) {
  throw std::invalid_argument(std::string("socketio::WebSocketRoute::") + member + " " + why);
}

// Handlers hear of the end even when there is no memory for why.
std::string text_or_none(base::Bytes text) {
  try {
    return std::string(text);
  } catch (const std::bad_alloc&) {
    return {};
  }
}

// RFC 6455 §4.1: sub-protocols are tokens of RFC 9110.
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

}  // namespace

PlainRoute::PlainRoute(WebSocketRoute given) : route(std::move(given)) {
  if (route.max_message == 0 || route.max_message > 0x7fffffff)
    refuse("max_message", "must be between 1 and 2^31-1 bytes");
  if (route.send_queue_hard == 0) refuse("send_queue_hard", "must be positive");
  if (route.send_queue_soft > route.send_queue_hard)
    refuse("send_queue_soft", "must not exceed send_queue_hard");
  check_duration(route.ping_interval, "socketio::WebSocketRoute::ping_interval");
  check_duration(route.ping_timeout, "socketio::WebSocketRoute::ping_timeout");
  for (const std::string& protocol : route.protocols) {
    if (!is_token(protocol)) refuse("protocols", "must be tokens");
  }
  limits.max_message = route.max_message;
}

std::string agreed_protocol(const std::vector<std::string>& ours, base::Bytes offered) {
  for (const std::string& one : ours) {
    for (base::Bytes rest = offered; !rest.empty();) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      base::Bytes item = rest.substr(0, end);
      while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
      while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
      if (item == one) return one;  // RFC 6455 §4.2.2: case counts
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return {};
}

// -- The beginning.

void Shard::start_plain(Connection& c, const http::Request& request, std::string path,
                        const std::shared_ptr<const PlainRoute>& route, Params params) {
  const Upgrade upgrade(request);
  if (upgrade.refusal) return respond(c, *upgrade.refusal, true);
  const Origins& origins = route->route.allowed_origins.empty()
                               ? settings_.options.engine.allowed_origins
                               : route->route.allowed_origins;
  if (!origin_allowed(request, origins)) return respond(c, http::Response{403, {}, {}}, true);
  if (closing_) return respond(c, http::Response{503, {}, {}}, true);
  auto content = copy_request(request, std::move(path), {});
  show_connection(c, *content);
  content->params = std::move(params);
  const HttpRequest shown(content);
  std::optional<HttpReply> instead;
  if (route->route.upgrade &&
      !dispatcher_.guarded(content->path, [&] { instead = route->route.upgrade(shown); }))
    instead = HttpReply{500, {}, {}};
  if (instead) return respond(c, to_response(*instead), true);

  const std::string protocol = agreed_protocol(route->route.protocols, upgrade.protocols);
  std::string head = upgrade.head(protocol);
  if (!agree_on_extensions(c, upgrade.extensions, head)) return;
  // Whole before the connection has it: memory may end in between.
  auto side = std::make_unique<PlainSide>();
  side->route = route;
  side->state = std::make_shared<detail::WebSocketState>(shown, protocol);
  side->state->hub = hub_;
  side->state->shard = index_;
  side->state->connection = c.self.packed();
  side->state->soft = route->route.send_queue_soft;
  side->state->hard = route->route.send_queue_hard;
  side->timer.owner = c.self.packed();
  side->timer.kind = kPlainTimer;
  base::InBuffer rest = switch_to_websocket(c, head + "\r\n", route->limits);
  c.plain = std::move(side);
  counters_.plain_websockets.add();
  loop_.timers().arm(c.plain->timer, base::after(now(), route->route.ping_interval));
  if (route->route.open)
    dispatcher_.guarded("open", [&] { route->route.open(WebSocket(c.plain->state)); });
  read_behind_request(c, rest);
}

// -- Messages.

void Shard::turn_plain(Connection& c) {
  PlainSide& plain = *c.plain;
  const std::shared_ptr<const PlainRoute> route = plain.route;
  // Whoever is in the middle of a long message cannot answer a ping before its end.
  plain.heard |= c.ws->has_input();
  std::size_t inflated = 0;
  for (int n = c.spent == kSpent ? events_per_turn_ : 0; n < events_per_turn_; ++n) {
    if (plain.over) return;
    if (c.deflate != nullptr && inflated >= settings_.deflate->piece) break;
    if (!plain.why.empty()) return c.ws->keep(ledger_);  // cut by a handler
    if (c.compressing()) break;
    const ws::Event event = c.ws->next(ws_env(c), now());
    if (!c.out.empty()) mark_dirty(c);
    if (c.ws->inflating()) break;
    inflated += event.payload.size();
    switch (event.kind) {
      case ws::EventKind::none:
        spend(c, n);
        // Input that waits for our pongs to leave must not grow.
        set_paused(c, c.ws->has_input());
        if (c.ws->has_input()) c.ws->keep(ledger_);
        return arm(c);
      case ws::EventKind::closed: {
        const bool broken = event.failed && event.code != 1006;
        close_when_sent(c);
        return finish_plain(c, broken ? event.reason : base::Bytes(), event.code, event.reason,
                            !event.failed);
      }
      case ws::EventKind::text:
      case ws::EventKind::binary:
        counters_.plain_in.add();
        if (route->route.message)
          dispatcher_.guarded("message", [&] {
            route->route.message(WebSocket(plain.state), base::as_bytes(event.payload),
                                 event.kind == ws::EventKind::binary);
          });
        break;
      case ws::EventKind::ping:
        break;
      case ws::EventKind::pong:
        on_plain_pong(plain);
        break;
    }
  }
  // Cut short: the rest waits inside the machine until the others had their turn.
  spend(c, events_per_turn_);
  c.ws->keep(ledger_);
  set_paused(c, true);
  later(c);
}

Connection* Shard::plain_of(const detail::WebSocketState& state) {
  Connection* c = connections_.get(ConnectionId::unpack(state.connection));
  return c != nullptr && c->plain && state.open.load(std::memory_order_relaxed) ? c : nullptr;
}

bool Shard::send_plain(const detail::WebSocketState& state, base::Bytes payload, bool binary) {
  Connection* c = plain_of(state);
  if (c == nullptr) return false;
  const std::size_t held = count_plain(*c);
  if (payload.size() > state.hard || held > state.hard - payload.size()) {
    cut_plain(*c, "send buffer limit");
    return false;
  }
  if (!(binary ? c->ws->send_binary(payload, ws_env(*c)) : c->ws->send_text(payload, ws_env(*c))))
    return false;
  counters_.plain_out.add();
  mark_dirty(*c);
  count_plain(*c);
  if (c->plain->state->queued.get() > state.soft) c->plain->congested = true;
  return true;
}

// What is queued, as handles on other threads see it too.
std::size_t Shard::count_plain(Connection& c) {
  const std::size_t queued = c.queued() + (c.tls ? c.tls->wire.bytes() : 0);
  c.plain->state->queued.set(queued);
  return queued;
}

void Shard::on_plain_flushed(Connection& c) {
  PlainSide& plain = *c.plain;
  if (count_plain(c) > 0 || !plain.congested) return;
  plain.congested = false;
  if (!plain.route->route.drained) return;
  // In a turn of its own: a handler that fills the queue again must not keep this one from ending.
  hub_->post_always(index_, [state = plain.state](Shard& on) {
    Connection* still = on.plain_of(*state);
    if (still == nullptr) return;
    const std::shared_ptr<const PlainRoute> route = still->plain->route;
    route->route.drained(WebSocket(state));
  });
}

void Shard::on_plain_pong(PlainSide& plain) {
  if (!plain.awaiting) return;
  plain.awaiting = false;
  loop_.timers().arm(plain.timer, base::after(now(), plain.route->route.ping_interval));
}

void Shard::on_plain_timer(Connection& c) {
  PlainSide& plain = *c.plain;
  if (plain.over || !plain.state->open.load(std::memory_order_relaxed)) return;
  if (plain.awaiting && !plain.heard) return cut_plain(c, "ping timeout");
  if (!plain.awaiting) {
    plain.heard = false;
    c.ws->ping({}, ws_env(c));
    mark_dirty(c);
  }
  plain.awaiting = !plain.awaiting;
  const WebSocketRoute& route = plain.route->route;
  loop_.timers().arm(plain.timer,
                     base::after(now(), plain.awaiting ? route.ping_timeout : route.ping_interval));
}

// -- The end.

bool Shard::close_plain(const detail::WebSocketState& state, std::uint16_t code,
                        base::Bytes reason) {
  Connection* c = plain_of(state);
  if (c == nullptr) return false;
  c->plain->state->open.store(false, std::memory_order_relaxed);
  c->ws->close(code, reason, ws_env(*c), now());
  mark_dirty(*c);
  arm(*c);
  return true;
}

// The handlers hear of it when the connection has ended: whoever calls may be one of them.
void Shard::cut_plain(Connection& c, base::Bytes why) {
  PlainSide& plain = *c.plain;
  if (plain.over || !plain.why.empty()) return;
  plain.why = why;
  plain.state->open.store(false, std::memory_order_relaxed);
  drop(c);
}

void Shard::overfill_plain(const detail::WebSocketState& state) {
  if (Connection* c = plain_of(state); c != nullptr) cut_plain(*c, "send buffer limit");
}

void Shard::terminate_plain(const detail::WebSocketState& state) {
  Connection* c = connections_.get(ConnectionId::unpack(state.connection));
  if (c != nullptr && c->plain) cut_plain(*c, kTerminated);
}

void Shard::lose_plain(Connection& c) {
  const base::Bytes why = c.plain->why == kTerminated ? base::Bytes() : c.plain->why;
  finish_plain(c, why, 1006, why, false);
}

void Shard::finish_plain(Connection& c, base::Bytes error_text, std::uint16_t code,
                         base::Bytes reason_text, bool clean) {
  PlainSide& plain = *c.plain;
  if (plain.over) return;
  // Copies: what the handlers do may end what these are views of.
  const std::string error = text_or_none(error_text);
  const std::string reason = text_or_none(reason_text);
  plain.over = true;
  plain.state->open.store(false, std::memory_order_relaxed);
  loop_.timers().cancel(plain.timer);
  counters_.plain_websockets.subtract();
  const std::shared_ptr<const PlainRoute> route = plain.route;
  const WebSocket peer(plain.state);
  if (!error.empty() && route->route.error)
    dispatcher_.guarded("error", [&] { route->route.error(peer, error); });
  if (route->route.close)
    dispatcher_.guarded("close", [&] { route->route.close(peer, code, reason, clean); });
}

}  // namespace socketio::server
