// Plain WebSocket routes beside Socket.IO (RFC 6455), for peers that speak no Socket.IO: devices,
// feeds, other servers.
//
//   io.http().websocket("/feed", {
//       .open = [](WebSocket peer) { peer.send("hello"); },
//       .message = [](WebSocket peer, std::string_view bytes, bool binary) { … },
//   });
#pragma once

#include <any>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <socketio/cors.hpp>
#include <socketio/export.hpp>
#include <socketio/http.hpp>
#include <socketio/task.hpp>
#include <socketio/value.hpp>

namespace socketio {

namespace detail {
struct WebSocketState;
}

// One connection: a small handle that is copied freely and never dangles. All calls are allowed on
// any thread but data(); handlers run on the connection's own, which it never leaves.
class SOCKETIO_EXPORT WebSocket {
 public:
  WebSocket() = default;  // none
  explicit operator bool() const { return state_ != nullptr; }
  bool operator==(const WebSocket&) const = default;

  // Not closed and not closing. False for none.
  bool open() const;
  // The request that opened it; its params are the route's.
  const HttpRequest& request() const;
  // The sub-protocol that was agreed upon; empty: none.
  std::string_view protocol() const;

  // Queues one message. False: not open, no UTF-8, a queue between threads is full, or the
  // connection's is: then it is closed (see WebSocketRoute::send_queue_hard). Messages of one
  // thread keep their order.
  bool send(std::string_view text) const;
  bool send(const char* text) const { return send(std::string_view(text)); }
  bool send(BinaryView bytes) const;
  bool send(const Binary& bytes) const { return send(BinaryView{bytes.view()}); }
  // Bytes that were sent here and have not left for the kernel.
  std::size_t buffered_amount() const;
  // More than WebSocketRoute::send_queue_soft of them: send no more until `drained`.
  bool congested() const;

  // Starts the closing handshake; what was sent before is delivered. False: not open, or a code
  // that may not be sent (allowed are 1000-1003, 1007-1014 and 3000-4999). Of the reason 123 bytes
  // are sent.
  bool close(std::uint16_t code = 1000, std::string_view reason = {}) const;
  // Cuts the connection: the peer sees 1006.
  void terminate() const;
  // Runs `job` on the connection's thread. False when the server is gone or the queue is full.
  bool post(std::function<void()> job) const;
  template <detail::ReturnsTask<> F>
  bool post(F coroutine) const = delete;  // it would never run
  // Yours; goes with the last handle, on whatever thread that is. On the connection's thread only.
  std::any& data() const;

  explicit WebSocket(std::shared_ptr<detail::WebSocketState> state) : state_(std::move(state)) {}

 private:
  bool put(std::string_view bytes, bool binary) const;
  std::shared_ptr<detail::WebSocketState> state_;
};

// What a route does. Handlers run on the loop's thread of the connection, on several threads at
// once when there are several; what they throw goes to on_error, and the connection lives.
// The compiler refuses coroutines.
struct WebSocketRoute {
  // Asked before the handshake is answered. A reply is the answer instead: the way to refuse, with
  // 401 for instance. What it throws refuses with 500. None: everybody is welcome.
  std::function<std::optional<HttpReply>(const HttpRequest& request)> upgrade{};
  // The handshake is done: messages can be sent.
  detail::PlainFunction<void(WebSocket peer)> open{};
  // `bytes` live for the call; text is valid UTF-8.
  detail::PlainFunction<void(WebSocket peer, std::string_view bytes, bool binary)> message{};
  // The connection was congested(), and everything has left now.
  detail::PlainFunction<void(WebSocket peer)> drained{};
  // The connection is about to be closed although neither side asked for it. `what` says why: a
  // broken rule of RFC 6455, "send buffer limit", "ping timeout". `close` follows.
  detail::PlainFunction<void(WebSocket peer, std::string_view what)> error{};
  // The last call, exactly once for each `open`. The peer's code and reason (1005: it gave none);
  // after an error ours, or 1006 for no closing handshake, as when the peer vanished: then not
  // `clean`.
  detail::PlainFunction<void(WebSocket peer, std::uint16_t code, std::string_view reason,
                             bool clean)>
      close{};

  // The sub-protocols spoken here, the preferred first; the first that the peer offers is agreed
  // upon. A peer that offers none of them is let in without (browsers then close).
  std::vector<std::string> protocols{};
  // Who may connect, by the Origin header: others get 403. Empty: those of
  // EngineOptions::allowed_origins. Requests without Origin do not come from a browser.
  Origins allowed_origins{};
  // Bytes of one message; more closes with 1009.
  std::size_t max_message = 1'000'000;
  // Queued bytes: above the first the connection is congested(), above the second it is cut.
  std::size_t send_queue_soft = 1024 * 1024;
  std::size_t send_queue_hard = 16 * 1024 * 1024;
  // A ping that often; a peer from which nothing at all has come `ping_timeout` later is cut.
  std::chrono::milliseconds ping_interval{25'000};
  std::chrono::milliseconds ping_timeout{20'000};
};

}  // namespace socketio
