// Which end of the connection one is (RFC 6455 §1.2).
#pragma once

#include <cstdint>

namespace socketio::ws {

enum class Role : std::uint8_t { server, client };

}  // namespace socketio::ws
