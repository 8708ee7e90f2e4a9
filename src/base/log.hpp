// The logger interface. Machines never log; drivers do. A Logger limits each kind of line to ten a
// second, so that a flood of bad input cannot become a flood of log lines; what it swallowed is
// counted in the next line.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace socketio::base {

enum class LogLevel : std::uint8_t { debug, info, warn, error };

// One value per kind of line; the limit is per kind.
enum class LogKind : std::uint8_t { general, accept, connection, protocol, handler, http, count };

class Logger {
 public:
  using Sink = std::function<void(LogLevel level, std::string_view text, std::uint64_t swallowed)>;
  static constexpr std::uint32_t kLinesPerSecond = 10;

  Logger() = default;
  explicit Logger(Sink sink, LogLevel least = LogLevel::info)
      : sink_(std::move(sink)), least_(least) {}

  bool wants(LogLevel level) const { return sink_ && level >= least_; }
  // Thread-safe as far as the sink is.
  void write(LogLevel level, LogKind kind, std::string_view text, Time now);

 private:
  struct Window {
    std::atomic<std::int64_t> second{-1};
    std::atomic<std::uint32_t> lines{0};
    std::atomic<std::uint64_t> swallowed{0};
  };
  Sink sink_;
  LogLevel least_ = LogLevel::info;
  std::array<Window, static_cast<std::size_t>(LogKind::count)> windows_;
};

}  // namespace socketio::base
