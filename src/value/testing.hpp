// For tests and fuzzers: whether two documents show the same to whoever reads them.
#pragma once

#include <bit>
#include <string>

#include "value/json_read.hpp"

namespace socketio::value {

// Everything an element tells about itself, apart from its members; not the sign of a NaN, which
// JSON has not.
inline std::string described(const Element& element) {
  std::string out = std::to_string(static_cast<int>(element.kind()));
  bool boolean = false;
  std::int64_t integer = 0;
  std::uint64_t natural = 0;
  double number = 0;
  std::string_view text;
  std::string raw;
  if (element.as_bool(boolean)) out += boolean ? " true" : " false";
  if (element.as_integer(integer)) out += " i" + std::to_string(integer);
  if (element.as_unsigned(natural)) out += " u" + std::to_string(natural);
  if (element.as_number(number)) out += " n" + std::to_string(std::bit_cast<std::uint64_t>(number));
  if (element.as_string(text)) out += " s" + std::string(text);
  if (element.as_binary(text)) out += " b" + std::string(text);
  if (element.as_raw(raw)) out += " r" + raw;
  if (element.as_raw_view(text)) out += " v" + std::string(text);
  return out + " of " + std::to_string(element.size());
}

inline bool same(const Element& a, const Element& b) {
  if (described(a) != described(b)) return false;
  auto in_a = a.children();
  auto in_b = b.children();
  for (;;) {
    const bool more = in_a.next();
    if (more != in_b.next()) return false;
    if (!more) return true;
    if (in_a.key() != in_b.key() || !same(in_a.value(), in_b.value())) return false;
  }
}

inline bool same(const JsonDocument& a, const JsonDocument& b) {
  base::Bytes name_a;
  base::Bytes name_b;
  return a.first_string(name_a) == b.first_string(name_b) && name_a == name_b &&
         a.rest_of_array() == b.rest_of_array() && same(a.root(), b.root());
}

}  // namespace socketio::value
