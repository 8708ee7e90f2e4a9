// JS dates as JSON has them: milliseconds since 1970 and the text of Date.toISOString().
#pragma once

#include <cstdint>
#include <string>

namespace socketio::value {

// ECMA-262 21.4.1.1: a hundred million days around 1970.
inline constexpr std::int64_t kMaxDate = 8'640'000'000'000'000;
inline bool is_date(std::int64_t milliseconds) {
  return milliseconds >= -kMaxDate && milliseconds <= kMaxDate;
}

// "2026-11-28T19:22:21.000Z"; years outside of 0 to 9999 have a sign and six digits. Only of what
// is_date().
std::string iso_date(std::int64_t milliseconds);

}  // namespace socketio::value
