#include "base/printable.hpp"

#include <cstdint>

namespace socketio::base {
namespace {

// The length of the well-formed code point at the front (Unicode 15, table 3-7); 0: there is none.
std::size_t code_point(Bytes text) {
  const auto at = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = at(0);
  if (first < 0x80) return 1;
  const std::size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (length == 0 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (at(i) < 0x80 || at(i) > 0xBF) return 0;
  }
  const std::uint8_t second = at(1);
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
      (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F))
    return 0;
  return length;
}

bool is_control(Bytes point) {
  const auto first = static_cast<std::uint8_t>(point[0]);
  if (point.size() == 1) return first < 0x20 || first == 0x7F;
  return first == 0xC2 && static_cast<std::uint8_t>(point[1]) < 0xA0;  // C1: 0x9b begins a command
}

void append_byte(std::string& out, char byte) {
  static constexpr char kDigits[] = "0123456789abcdef";
  if (byte == '\n') {
    out += "\\n";
  } else if (byte == '\r') {
    out += "\\r";
  } else if (byte == '\t') {
    out += "\\t";
  } else {
    const auto value = static_cast<std::uint8_t>(byte);
    out += {'\\', 'x', kDigits[value >> 4], kDigits[value & 15]};
  }
}

}  // namespace

void append_printable(std::string& out, Bytes text, std::size_t limit) {
  const std::size_t end = out.size() + limit;
  while (!text.empty()) {
    const std::size_t before = out.size();
    const std::size_t length = code_point(text);
    const Bytes point = text.substr(0, length == 0 ? 1 : length);
    if (length == 0 || is_control(point)) {
      for (const char byte : point) append_byte(out, byte);
    } else {
      if (point == "\\") out += '\\';
      out += point;
    }
    if (out.size() > end) {
      out.resize(before);
      out += "...";
      return;
    }
    text.remove_prefix(point.size());
  }
}

}  // namespace socketio::base
