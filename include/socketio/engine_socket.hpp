// EngineSocket: a client's Engine.IO session, below the namespaces: which transport carries it,
// every packet that comes and goes, when they have left. For logging, measuring and debugging, and
// for messages that are none of Socket.IO's.
//
//   io.engine().on_connection([](EngineSocket engine) {
//     engine.on_packet([](const EnginePacket& packet) { … });
//     engine.on_upgrade([] { … });
//   });
//   socket.engine().transport();  // "websocket"
//
// A session without listeners costs nothing extra.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <socketio/export.hpp>
#include <socketio/http.hpp>
#include <socketio/task.hpp>
#include <socketio/value.hpp>

namespace socketio {

namespace detail {
struct Hub;
}

// A packet of Engine.IO as listeners see it.
struct EnginePacket {
  enum class Type : std::uint8_t { open, close, ping, pong, message, upgrade, noop };
  Type type = Type::message;
  std::string_view data{};  // Socket.IO's packets as they are sent; valid during the call
  bool binary = false;
};

// A small handle: copy it freely, keep it as long as you like. Its calls are for the session's own
// thread (where its handlers run); elsewhere, and when the session is gone, they return false or
// nothing. Listeners are called there too, and forgotten with the session.
class SOCKETIO_EXPORT EngineSocket {
 public:
  EngineSocket() = default;  // no session

  // The secret by which the client finds its session again: not for other clients.
  std::string id() const;
  // "polling" or "websocket"; empty when the session is gone.
  std::string_view transport() const;
  bool upgraded() const;  // began with polling, and has a WebSocket now
  int protocol() const;   // Engine.IO's: 4, or 3 of an old client
  bool open() const;
  // The one that opened the session: headers, query, address. A copy; empty when the session is
  // gone.
  HttpRequest request() const;
  std::string remote_address() const;  // the TCP peer of the request that opened the session
  std::size_t queued_bytes() const;    // not sent yet

  // A message of your own, text or bytes: engine.io clients get it as it is; socket.io clients
  // expect a packet of theirs. False when it was not queued. `sent` runs once, in order, when the
  // transport has taken the message: the kernel all of its bytes, or a poll's answer. It never
  // runs when the session closes before. `compress`: whether it may be, where compression is on.
  bool send(std::string_view text, std::function<void()> sent = {}, bool compress = true) const;
  bool send(const Binary& bytes, std::function<void()> sent = {}, bool compress = true) const;
  // What is queued is delivered first, unless it is to be thrown away.
  bool close(bool discard = false) const;

  // Every packet that the session gets (pongs too, probes not), before it takes effect further up.
  bool on_packet(std::function<void(const EnginePacket&)> listener) const;
  // Of these the messages; the sign of life that is awaited (a pong; an old client's ping).
  bool on_message(std::function<void(const EnginePacket&)> listener) const;
  bool on_heartbeat(std::function<void()> listener) const;
  // Every packet that is queued, before it leaves.
  bool on_packet_create(std::function<void(const EnginePacket&)> listener) const;
  // So many packets go to the transport; the transport has taken all there were.
  bool on_flush(std::function<void(std::size_t packets)> listener) const;
  bool on_drain(std::function<void()> listener) const;
  // The client tries the WebSocket; the WebSocket is the transport.
  bool on_upgrading(std::function<void()> listener) const;
  bool on_upgrade(std::function<void()> listener) const;
  // engine.io's reasons: "transport close", "transport error", "ping timeout", "parse error",
  // "forced close". Before the sockets of the client hear of it.
  bool on_close(
      std::function<void(std::string_view reason, std::string_view detail)> listener) const;
  // Coroutines would never run.
  template <detail::ReturnsTask<> F>
  bool send(std::string_view text, F coroutine, bool compress = true) const = delete;
  template <detail::ReturnsTask<> F>
  bool send(const Binary& bytes, F coroutine, bool compress = true) const = delete;
  template <detail::ReturnsTask<const EnginePacket&> F>
  bool on_packet(F coroutine) const = delete;
  template <detail::ReturnsTask<const EnginePacket&> F>
  bool on_message(F coroutine) const = delete;
  template <detail::ReturnsTask<> F>
  bool on_heartbeat(F coroutine) const = delete;
  template <detail::ReturnsTask<const EnginePacket&> F>
  bool on_packet_create(F coroutine) const = delete;
  template <detail::ReturnsTask<std::size_t> F>
  bool on_flush(F coroutine) const = delete;
  template <detail::ReturnsTask<> F>
  bool on_drain(F coroutine) const = delete;
  template <detail::ReturnsTask<> F>
  bool on_upgrading(F coroutine) const = delete;
  template <detail::ReturnsTask<> F>
  bool on_upgrade(F coroutine) const = delete;
  template <detail::ReturnsTask<std::string_view, std::string_view> F>
  bool on_close(F coroutine) const = delete;

  explicit operator bool() const { return hub_ != nullptr; }
  friend bool operator==(const EngineSocket& a, const EngineSocket& b) {
    return a.hub_ == b.hub_ && a.shard_ == b.shard_ && a.session_ == b.session_;
  }

  // -- Library.
  EngineSocket(std::shared_ptr<detail::Hub> hub, std::uint32_t shard, std::uint64_t session)
      : hub_(std::move(hub)), session_(session), shard_(shard) {}

 private:
  std::shared_ptr<detail::Hub> hub_;
  std::uint64_t session_ = 0;
  std::uint32_t shard_ = 0;
};

}  // namespace socketio
