#include "base/log.hpp"

#include <string>

#include "base/printable.hpp"

namespace socketio::base {

void Logger::write(LogLevel level, LogKind kind, Bytes text, Time now, Fields fields) {
  if (!wants(level)) return;
  Window& window = windows_[static_cast<std::size_t>(kind)];
  const std::int64_t second =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  // Only a later second begins anew: threads whose turns began in different ones take turns here.
  std::int64_t seen = window.second.load(std::memory_order_relaxed);
  if (second > seen &&
      window.second.compare_exchange_strong(seen, second, std::memory_order_relaxed))
    window.lines.store(0, std::memory_order_relaxed);
  if (window.lines.fetch_add(1, std::memory_order_relaxed) >= limits_.lines_per_second) {
    window.swallowed.fetch_add(1, std::memory_order_relaxed);
    suppressed_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const std::uint64_t swallowed = window.swallowed.exchange(0, std::memory_order_relaxed);
  try {
    tell(level, kind, text, fields, swallowed);
  } catch (...) {
    window.swallowed.fetch_add(swallowed + 1, std::memory_order_relaxed);
    suppressed_.fetch_add(1, std::memory_order_relaxed);
  }
}

void Logger::tell(LogLevel level, LogKind kind, Bytes text, Fields fields,
                  std::uint64_t swallowed) const {
  // All of the line's memory, reserved so that views of it stay.
  std::string memory;
  memory.reserve((kMaxFields + 1) * (limits_.max_text + 3));
  const auto printable = [&](Bytes raw) {
    const std::size_t begin = memory.size();
    append_printable(memory, raw, limits_.max_text);
    return Bytes(memory).substr(begin);
  };
  const Bytes shown = printable(text);
  std::array<LogField, kMaxFields> parts;
  std::size_t count = 0;
  for (const LogField& field : fields) {
    if (count == parts.size()) break;
    parts[count++] = {field.name, printable(field.value)};
  }
  sink_({level, kind, shown, std::span(parts.data(), count), swallowed});
}

}  // namespace socketio::base
