// Log lines as text and as JSON.
#include <ctime>

#include <fmt/format.h>

#include <socketio/log.hpp>
#include <socketio/value.hpp>

namespace socketio {
namespace {

std::string timestamp(std::chrono::system_clock::time_point time) {
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  const std::time_t seconds = since.count() / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     since.count() % 1000);
}

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warn:
      return "warn";
    case LogLevel::error:
      break;
  }
  return "error";
}

std::string_view to_string(LogKind kind) {
  switch (kind) {
    case LogKind::accept:
      return "accept";
    case LogKind::connection:
      return "connection";
    case LogKind::protocol:
      return "protocol";
    case LogKind::handler:
      return "handler";
    case LogKind::http:
      return "http";
    case LogKind::general:
      break;
  }
  return "general";
}

std::string to_text(const LogLine& line) {
  std::string out = fmt::format("{} {} {}: {}", timestamp(line.time), to_string(line.level),
                                to_string(line.kind), line.text);
  for (const LogField& field : line.fields) {
    out += fmt::format(" {}=\"", field.name);
    for (const char c : field.value) {
      if (c == '"') out += '\\';
      out += c;
    }
    out += '"';
  }
  if (line.suppressed > 0) out += fmt::format(" ({} suppressed)", line.suppressed);
  return out;
}

std::string to_json(const LogLine& line) {
  Object fields;
  for (const LogField& field : line.fields) fields[field.name] = field.value;
  return Value::object({{"time", timestamp(line.time)},
                        {"level", to_string(line.level)},
                        {"kind", to_string(line.kind)},
                        {"text", line.text},
                        {"fields", std::move(fields)},
                        {"suppressed", line.suppressed}})
      .to_json();
}

}  // namespace socketio
