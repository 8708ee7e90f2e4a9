// The library's version and what it speaks.
#pragma once

#define SOCKETIO_VERSION_MAJOR 0
#define SOCKETIO_VERSION_MINOR 1
#define SOCKETIO_VERSION_PATCH 0

namespace socketio {
inline constexpr int kEngineProtocol = 4;  // Engine.IO
inline constexpr int kSocketProtocol = 5;  // Socket.IO
}  // namespace socketio
