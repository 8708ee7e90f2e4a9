// Where the library's log lines go. It never prints by itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <socketio/export.hpp>
#include <socketio/task.hpp>

namespace socketio {

// How much a line matters; "debug" is the least.
enum class LogLevel : std::uint8_t { debug, info, warn, error };

// What a line is about. At most LimitOptions::max_log_lines of a kind are passed on in a second.
enum class LogKind : std::uint8_t {
  general,
  accept,      // connections coming in
  connection,  // a connection that was dropped
  protocol,    // an Engine.IO request that was refused
  handler,     // your code: exceptions, events that do not fit
  http,        // malformed requests
};

// What a line says besides its text.
struct LogField {
  std::string_view name;  // chosen by the library: "peer", "event", "code", …
  std::string_view value;
};

// One line. Views live for the call. Text and values are printable, whoever wrote them: control
// characters and bytes that are no UTF-8 are written as \n or \x1b, a backslash is two, and each is
// cut at LimitOptions::max_log_text bytes.
struct LogLine {
  LogLevel level = LogLevel::info;
  LogKind kind = LogKind::general;
  std::string_view text{};
  std::chrono::system_clock::time_point time{};
  std::span<const LogField> fields{};
  std::uint64_t suppressed = 0;  // lines of this kind left out since the last one
};

// "warn", "handler", …
SOCKETIO_EXPORT std::string_view to_string(LogLevel level);
SOCKETIO_EXPORT std::string_view to_string(LogKind kind);
// One line without its end, for people:
//   2026-01-31T12:00:00.000Z warn handler: something threw event="chat" (3 suppressed)
SOCKETIO_EXPORT std::string to_text(const LogLine& line);
// One JSON object, for programs: time, level, kind, text, the fields in "fields", suppressed.
SOCKETIO_EXPORT std::string to_json(const LogLine& line);

// Called on the thread of the loop that has something to say (with several, at the same time). Must
// not block. What it throws is swallowed, and the line counts as suppressed.
using LogSink = detail::PlainFunction<void(const LogLine& line)>;

}  // namespace socketio
