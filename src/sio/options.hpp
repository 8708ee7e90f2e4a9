// Limits and switches of the Socket.IO level.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include <socketio/parser.hpp>

#include "base/time.hpp"

namespace socketio::sio {

struct Options {
  Parser parser{};  // how packets become messages
  base::Duration connect_timeout =
      std::chrono::seconds(45);  // a transport that joined no namespace by then is closed
  base::Duration packet_timeout = std::chrono::seconds(60);  // attachments of one packet
  std::uint32_t max_attachments = 10;                        // per packet
  std::size_t max_attachment_bytes = 10'000'000;             // of one packet together
  std::size_t max_depth = 512;                               // of JSON and MessagePack; 16 at least
  std::size_t max_namespace_length = 1024;  // bytes; CONNECT_ERROR above, never echoed in full
  std::uint32_t max_namespaces_per_client = 100;
  std::size_t max_auth_bytes = 1'000'000;        // of a client; CONNECT_ERROR above
  std::uint32_t max_pending_acks = 100'000;      // per socket; emit fails above
  std::uint32_t max_rooms_per_socket = 100'000;  // join fails above
};

}  // namespace socketio::sio
