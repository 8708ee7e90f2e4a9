// Numbers between JSON, JS and C++: which doubles are integers, and JS's notation.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

namespace socketio::value {

// 2^63 and 2^64: the first doubles that do not fit.
inline constexpr double kTwoTo63 = 9223372036854775808.0;
inline constexpr double kTwoTo64 = 18446744073709551616.0;

// False, and `out` untouched, unless `v` is an integer in range.
inline bool exact_integer(double v, std::int64_t& out) {
  if (!(v >= -kTwoTo63 && v < kTwoTo63) || v != std::trunc(v)) return false;
  out = static_cast<std::int64_t>(v);
  return true;
}

inline bool exact_unsigned(double v, std::uint64_t& out) {
  if (!(v >= 0 && v < kTwoTo64) || v != std::trunc(v)) return false;
  out = static_cast<std::uint64_t>(v);
  return true;
}

// Appends what JSON.stringify writes for the number: ECMA-262 Number::toString, null for NaN and
// infinities.
void write_number(std::string& out, double v);
void write_number(std::string& out, std::int64_t v);
void write_number(std::string& out, std::uint64_t v);

}  // namespace socketio::value
