// Numbers between JSON, JS and C++: which doubles are integers, and JS's notation.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

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

// The longest text of a number: "-0.00000" and 17 digits.
inline constexpr std::size_t kMaxNumber = 32;
// Writes what JSON.stringify writes for the number, at most kMaxNumber bytes: ECMA-262
// Number::toString, null for NaN and infinities. Returns the end of it.
char* write_number(char* to, double v);
char* write_number(char* to, std::int64_t v);
char* write_number(char* to, std::uint64_t v);

}  // namespace socketio::value
