// The logger interface. Machines never log; drivers do. A Logger limits how many lines of
// each kind there are in a second, so that a flood of bad input cannot become a flood of log lines;
// what it swallowed is counted in the next line. What it passes on is printable and short, whoever
// wrote it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace socketio::base {

enum class LogLevel : std::uint8_t { debug, info, warn, error };

// One value per kind of line; the limit is per kind.
enum class LogKind : std::uint8_t { general, accept, connection, protocol, handler, http, count };

struct LogField {
  Bytes name;  // ours
  Bytes value;
};

// Views live for the call of the sink.
struct LogLine {
  LogLevel level;
  LogKind kind;
  Bytes text;
  std::span<const LogField> fields;
  std::uint64_t suppressed;  // lines of this kind left out since the last one
};

class Logger {
 public:
  using Sink = std::function<void(const LogLine& line)>;
  using Fields = std::initializer_list<LogField>;
  struct Limits {
    std::uint32_t lines_per_second = 10;  // of each kind
    std::size_t max_text = 256;           // bytes of the text, and of each field's value
  };
  static constexpr std::size_t kMaxFields = 8;  // more are left out

  Logger() = default;
  explicit Logger(Sink sink, LogLevel least = LogLevel::info)
      : Logger(std::move(sink), least, {}) {}
  Logger(Sink sink, LogLevel least, Limits limits)
      : sink_(std::move(sink)), least_(least), limits_(limits) {}

  bool wants(LogLevel level) const { return sink_ && level >= least_; }
  // Thread-safe as far as the sink is. Never fails: a line that the sink throws at, or that there
  // is no memory for, is left out.
  void write(LogLevel level, LogKind kind, Bytes text, Time now, Fields fields = {});
  // All lines ever left out. Any thread.
  std::uint64_t suppressed() const { return suppressed_.load(std::memory_order_relaxed); }

 private:
  struct Window {
    std::atomic<std::int64_t> second{-1};
    std::atomic<std::uint32_t> lines{0};
    std::atomic<std::uint64_t> swallowed{0};
  };
  void tell(LogLevel level, LogKind kind, Bytes text, Fields fields, std::uint64_t swallowed) const;

  Sink sink_;
  LogLevel least_ = LogLevel::info;
  Limits limits_;
  std::array<Window, static_cast<std::size_t>(LogKind::count)> windows_;
  std::atomic<std::uint64_t> suppressed_{0};
};

}  // namespace socketio::base
