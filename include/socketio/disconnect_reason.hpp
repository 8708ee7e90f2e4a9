// Why a socket disconnected. A header of its own, because the protocol decides it and handlers get
// it.
#pragma once

#include <cstdint>
#include <string_view>

#include <socketio/export.hpp>

namespace socketio {

// Names and meanings are those of the JavaScript server.
enum class DisconnectReason : std::uint8_t {
  transport_error,
  transport_close,
  forced_close,
  ping_timeout,
  parse_error,
  server_shutting_down,
  forced_server_close,
  client_namespace_disconnect,
  server_namespace_disconnect,
};
// The JS spelling: "transport close", …
SOCKETIO_EXPORT std::string_view to_string(DisconnectReason reason);

}  // namespace socketio
