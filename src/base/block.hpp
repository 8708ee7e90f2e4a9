// Sixteen bytes at a time: the compilers' own vectors, which are one instruction where the machine
// has such registers and several where it has not. A byte is marked when its bit 7 is set; which
// ones are, SSE2 tells in an instruction that those vectors cannot say.
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

// For every machine, and for the test of what follows.
namespace portable {

inline bool any_marked(Block block) {
  std::uint64_t halves[2];
  std::memcpy(halves, &block, sizeof block);
  return ((halves[0] | halves[1]) & 0x8080808080808080) != 0;
}

inline unsigned before_marked(Block block) {
  std::uint64_t halves[2];
  block &= 0x80;
  std::memcpy(halves, &block, sizeof block);
  const std::uint64_t half = halves[0] != 0 ? halves[0] : halves[1];
  const int bits =
      std::endian::native == std::endian::little ? std::countr_zero(half) : std::countl_zero(half);
  return (halves[0] != 0 ? 0U : 8U) + static_cast<unsigned>(bits) / 8;
}

}  // namespace portable

// Whether the compiler has SSE2's instruction. Others do not even know its name, which is looked up
// only when V is known.
using Chars = char __attribute__((vector_size(16)));
template <class V>
concept Gathers = requires(V bytes) {
  __builtin_ia32_pmovmskb128(bytes);  // one bit for each byte
};

template <class V = Chars>
bool any_marked(Block block) {
  if constexpr (Gathers<V>)
    return __builtin_ia32_pmovmskb128(std::bit_cast<V>(block)) != 0;
  else
    return portable::any_marked(block);
}

// Bytes before the first that is marked; there is one.
template <class V = Chars>
unsigned before_marked(Block block) {
  if constexpr (Gathers<V>) {
    const int marks = __builtin_ia32_pmovmskb128(std::bit_cast<V>(block));
    return static_cast<unsigned>(std::countr_zero(static_cast<unsigned>(marks)));
  } else {
    return portable::before_marked(block);
  }
}

}  // namespace socketio::base
