// Sixteen bytes at a time: the compilers' own vectors, which are one instruction where the machine
// has such registers and several where it has not.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace socketio::base {

using Block = std::uint8_t __attribute__((vector_size(16)));
inline constexpr std::size_t kBlock = sizeof(Block);

inline Block load_block(const char* at) {
  Block block;
  std::memcpy(&block, at, sizeof block);
  return block;
}

inline void store_block(char* at, Block block) {
  std::memcpy(at, &block, sizeof block);
}

// Whether any bit is set.
inline bool any(Block block) {
  std::uint64_t halves[2];
  std::memcpy(halves, &block, sizeof block);
  return (halves[0] | halves[1]) != 0;
}

// Bytes before the first that is not zero; there is one.
inline unsigned bytes_before(Block block) {
  std::uint64_t halves[2];
  std::memcpy(halves, &block, sizeof block);
  const std::uint64_t half = halves[0] != 0 ? halves[0] : halves[1];
  const int bits =
      std::endian::native == std::endian::little ? std::countr_zero(half) : std::countl_zero(half);
  return (halves[0] != 0 ? 0U : 8U) + static_cast<unsigned>(bits) / 8;
}

}  // namespace socketio::base
