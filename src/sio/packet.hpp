// Socket.IO v5 packets (docs/protocol/socket.io.md).
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace socketio::sio {

enum class PacketType : std::uint8_t {
  connect,
  disconnect,
  event,
  ack,
  connect_error,
  binary_event,
  binary_ack
};

// connect, connect_error, disconnect, disconnecting, newListener, removeListener: never a user's
// event.
bool reserved_event(base::Bytes name);

inline constexpr std::uint64_t kMaxAckId = (std::uint64_t{1} << 53) - 1;

}  // namespace socketio::sio
