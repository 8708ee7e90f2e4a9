// Character classes of RFC 9110 §5.6 and the small scans that the parsers of this layer share.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "base/bytes.hpp"

namespace socketio::http {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}
constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}
constexpr bool is_control(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u < 0x20 || u == 0x7f;
}

using CharSet = std::array<bool, 256>;

constexpr CharSet alphanumeric_and(base::Bytes more) {
  CharSet set{};
  for (int i = 0; i < 128; ++i) {
    const char c = static_cast<char>(i);
    set[static_cast<std::size_t>(i)] = is_digit(c) || is_alpha(c);
  }
  for (const char c : more) set[static_cast<unsigned char>(c)] = true;
  return set;
}

constexpr bool all_of(base::Bytes text, const CharSet& set) {
  bool good = true;
  for (const char c : text) good = good && set[static_cast<unsigned char>(c)];
  return good;
}

// RFC 9110 §5.6.2
inline constexpr CharSet kTokenChars = alphanumeric_and("!#$%&'*+-.^_`|~");

constexpr bool is_token(base::Bytes text) {
  return !text.empty() && all_of(text, kTokenChars);
}

// Without surrounding SP and TAB (OWS).
constexpr base::Bytes trim(base::Bytes text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Index of the first control character (including TAB, CR, LF and DEL) in [from, to), or `to`.
// Eight bytes at a time: this is the one loop that touches every byte of a head.
inline std::size_t find_control(base::Bytes text, std::size_t from, std::size_t to) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHigh = kOnes * 0x80;
  while (from + 8 <= to) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + from, 8);
    const std::uint64_t below_space = (word - kOnes * 0x20) & ~word;
    const std::uint64_t delete_as_zero = word ^ (kOnes * 0x7f);
    const std::uint64_t is_delete = (delete_as_zero - kOnes) & ~delete_as_zero;
    if (((below_space | is_delete) & kHigh) != 0) break;
    from += 8;
  }
  while (from < to && !is_control(text[from])) ++from;
  return from;
}

}  // namespace socketio::http
