// What the machines of this layer need to know of the server's options; defaults are those of
// engine.io.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/time.hpp"

namespace socketio::eio {

struct Options {
  base::Duration ping_interval = std::chrono::seconds(25);
  base::Duration ping_timeout = std::chrono::seconds(20);
  base::Duration upgrade_timeout = std::chrono::seconds(10);
  base::Duration drain_timeout =
      std::chrono::seconds(30);  // a closing polling session waits this long for its last poll
  std::size_t max_payload = 1'000'000;  // bytes: POST body, WebSocket message, one poll response
  std::uint32_t max_packets_per_payload = 16'384;  // records of one POST
  std::size_t send_soft = 1024 * 1024;  // queued bytes above which volatile packets are dropped
  std::size_t send_hard = 16 * 1024 * 1024;  // queued bytes above which the session is closed
  bool polling = true;
  bool websocket = true;
  bool allow_upgrades = true;
  bool allow_v3 = false;  // clients of Engine.IO 3, and JSONP
};

}  // namespace socketio::eio
