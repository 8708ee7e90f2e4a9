// Where the library's log lines go. It never prints by itself.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace socketio {

enum class LogLevel : std::uint8_t { debug, info, warn, error };

// Called on the loop's thread. At most ten lines of a kind a second; `swallowed` counts what was
// left out since the last one.
using LogSink = std::function<void(LogLevel level, std::string_view text, std::uint64_t swallowed)>;

}  // namespace socketio
