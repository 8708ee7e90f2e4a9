// Eight bytes of JSON text at a time, in plain integers: for reading and for writing strings.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace socketio::value::swar {

inline constexpr std::uint64_t kOnes = 0x0101010101010101;
inline constexpr std::uint64_t kHighs = 0x8080808080808080;

// The first byte in the lowest bits, on every machine.
inline std::uint64_t load(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

// Non-zero when some byte of the word is zero; its lowest bit is in the first such byte.
constexpr std::uint64_t zero_bytes(std::uint64_t word) {
  return (word - kOnes) & ~word & kHighs;
}

// Non-zero when the word holds a control character, a quote or a backslash; the lowest bit is in
// the first one (carries only go upwards). Bytes of 0x80 and more never look like one of them: each
// term is masked by ~word.
constexpr std::uint64_t special_bytes(std::uint64_t word) {
  return ((word - kOnes * 0x20) & ~word & kHighs) | zero_bytes(word ^ kOnes * '"') |
         zero_bytes(word ^ kOnes * '\\');
}

// How many bytes come before the lowest bit of what the two above returned.
constexpr unsigned bytes_before(std::uint64_t found) {
  return static_cast<unsigned>(std::countr_zero(found)) / 8;
}

}  // namespace socketio::value::swar
