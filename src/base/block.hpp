// Sixteen bytes at a time: the compilers' own vectors, which are one instruction where the machine
// has such registers and several where it has not.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

// Whether the top bit of any byte is set.
inline bool any(Block block) {
#ifdef __SSE2__
  return _mm_movemask_epi8(reinterpret_cast<__m128i>(block)) != 0;
#else
  std::uint64_t halves[2];
  std::memcpy(halves, &block, sizeof block);
  return ((halves[0] | halves[1]) & 0x8080808080808080) != 0;
#endif
}

// Bytes before the first whose top bit is set, in a block of zeros and ones; there is one.
inline unsigned bytes_before(Block block) {
#ifdef __SSE2__
  return static_cast<unsigned>(
      std::countr_zero(static_cast<unsigned>(_mm_movemask_epi8(reinterpret_cast<__m128i>(block)))));
#else
  std::uint64_t halves[2];
  std::memcpy(halves, &block, sizeof block);
  const std::uint64_t half = halves[0] != 0 ? halves[0] : halves[1];
  const int bits =
      std::endian::native == std::endian::little ? std::countr_zero(half) : std::countl_zero(half);
  return (halves[0] != 0 ? 0U : 8U) + static_cast<unsigned>(bits) / 8;
#endif
}

}  // namespace socketio::base
