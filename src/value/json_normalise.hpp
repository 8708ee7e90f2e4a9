// Rewrites what JSON.parse of JS accepts and simdjson refuses, so that the second attempt passes:
// integers beyond 64 bits (to doubles), numbers beyond a double (to infinity), escapes of lone
// surrogates (to U+FFFD). Everything else is copied as it is, errors included.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace socketio::value {

// A number beyond a double. JSON cannot say infinity, so the text holds a stand-in of four
// characters that is to become infinity in what was read, and "null" in the text.
struct Overflow {
  std::size_t at;       // of the stand-in, in the normalised text
  std::size_t ordinal;  // counting the numbers of the text from 0
  bool negative;
};

inline constexpr base::Bytes kOverflowStandIn = "1e99";
inline constexpr base::Bytes kOverflowText = "null";

// Appends to `out` and `overflows`. False: nothing had to be changed.
bool normalise_json(base::Bytes text, std::string& out, std::vector<Overflow>& overflows);

}  // namespace socketio::value
