#include "base/log.hpp"

namespace socketio::base {

void Logger::write(LogLevel level, LogKind kind, std::string_view text, Time now) {
  if (!wants(level)) return;
  Window& window = windows_[static_cast<std::size_t>(kind)];
  const std::int64_t second =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (window.second.exchange(second, std::memory_order_relaxed) != second)
    window.lines.store(0, std::memory_order_relaxed);
  if (window.lines.fetch_add(1, std::memory_order_relaxed) >= kLinesPerSecond) {
    window.swallowed.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  sink_(level, text, window.swallowed.exchange(0, std::memory_order_relaxed));
}

}  // namespace socketio::base
