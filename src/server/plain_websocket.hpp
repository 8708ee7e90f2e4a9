// A connection that is one of the user's own WebSockets: the route's handlers and limits, the
// handle's shared state, keepalive. What happens to it is plain_websockets.hpp's.
#pragma once

#include <any>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <socketio/websocket.hpp>

#include "base/counter.hpp"
#include "base/time.hpp"
#include "net/timer_wheel.hpp"
#include "ws/machine.hpp"

namespace socketio::detail {

struct Hub;

// What every copy of a handle shares, and the only thing of a connection that other threads touch.
struct WebSocketState {
  WebSocketState(HttpRequest r, std::string agreed)
      : request(std::move(r)), protocol(std::move(agreed)) {}
  std::shared_ptr<Hub> hub;
  std::size_t shard = 0;
  std::uint64_t connection = 0;  // a packed ConnectionId
  std::size_t soft = 0;
  std::size_t hard = 0;
  const HttpRequest request;
  const std::string protocol;
  std::atomic<bool> open{true};        // its shard sets it to false, once
  std::atomic<std::size_t> posted{0};  // bytes that other threads have sent on their way
  base::Counter queued;                // bytes in the connection's output
  std::any data;                       // of its shard's thread
  std::size_t buffered() const { return posted.load() + queued.get(); }
};

}  // namespace socketio::detail

namespace socketio::server {

struct PlainRoute {
  // Throws std::invalid_argument naming the member.
  explicit PlainRoute(WebSocketRoute given);
  WebSocketRoute route;
  ws::Limits limits;
};

struct PlainSide {
  std::shared_ptr<const PlainRoute> route;
  std::shared_ptr<detail::WebSocketState> state;
  net::Timer timer;        // the next ping, or the end of waiting for an answer to it
  base::Bytes why{};       // static text: the connection is being cut for this
  bool heard = false;      // something came since the last ping
  bool awaiting = false;   // a ping is out
  bool congested = false;  // `drained` is owed
  bool over = false;       // the handlers have been told
};

// The first of ours that is in the peer's list ("a, b"); empty: none.
std::string agreed_protocol(const std::vector<std::string>& ours, base::Bytes offered);

}  // namespace socketio::server
