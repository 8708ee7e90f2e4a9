// The user's own WebSockets of one shard: from the upgrade that a route takes to the last handler.
// The connections are the shard's, which tells of what happens to them; their side of it is
// plain_websocket.hpp's.
//
//   on_user_request -> start -> [101] -> open … message … drained … [error] -> close
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "http/message.hpp"
#include "server/plain_websocket.hpp"
#include "server/routes.hpp"

namespace socketio::server {

class Shard;
struct Connection;

class PlainWebSockets {
 public:
  explicit PlainWebSockets(Shard& shard) : shard_(shard) {}

  // -- For the shard.
  void start(Connection& c, const http::Request& request, std::string path,
             const std::shared_ptr<const PlainRoute>& route, Params params);
  void turn(Connection& c);
  void on_flushed(Connection& c);
  void on_timer(Connection& c);
  void on_lost(Connection& c);

  // -- For WebSocket, on the shard's thread. No-ops (false) when it is not open.
  bool send(const detail::WebSocketState& state, base::Bytes payload, bool binary);
  bool close(const detail::WebSocketState& state, std::uint16_t code, base::Bytes reason);
  void overfill(const detail::WebSocketState& state);  // other threads sent too much
  void terminate(const detail::WebSocketState& state);

 private:
  Connection* find(const detail::WebSocketState& state);
  static std::size_t count(Connection& c);
  void on_pong(PlainSide& plain);
  void cut(Connection& c, base::Bytes why);
  void finish(Connection& c, base::Bytes error_text, std::uint16_t code, base::Bytes reason_text,
              bool clean);

  Shard& shard_;
};

}  // namespace socketio::server
