#include "ws/sha1.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

namespace socketio::ws {
namespace {

constexpr std::size_t kBlock = 64;
using Sums = std::array<std::uint32_t, 5>;

std::uint32_t load(const char* at) {
  std::uint32_t word = 0;
  for (int i = 0; i < 4; ++i) word = word << 8 | static_cast<std::uint8_t>(at[i]);
  return word;
}

void store(std::uint64_t value, std::size_t size, char* to) {
  for (std::size_t i = size; i-- > 0; value >>= 8) to[i] = static_cast<char>(value & 0xFF);
}

// §6.1
void process(const char* block, Sums& state) {
  std::array<std::uint32_t, 80> w;
  for (std::size_t t = 0; t < 16; ++t) w[t] = load(block + 4 * t);
  for (std::size_t t = 16; t < 80; ++t)
    w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  std::uint32_t a = state[0];
  std::uint32_t b = state[1];
  std::uint32_t c = state[2];
  std::uint32_t d = state[3];
  std::uint32_t e = state[4];
  const auto step = [&](std::size_t t, std::uint32_t f, std::uint32_t k) {
    const std::uint32_t next = std::rotl(a, 5) + f + e + w[t] + k;
    e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
  };
  for (std::size_t t = 0; t < 20; ++t) step(t, d ^ (b & (c ^ d)), 0x5A827999);
  for (std::size_t t = 20; t < 40; ++t) step(t, b ^ c ^ d, 0x6ED9EBA1);
  for (std::size_t t = 40; t < 60; ++t) step(t, (b & c) | (d & (b | c)), 0x8F1BBCDC);
  for (std::size_t t = 60; t < 80; ++t) step(t, b ^ c ^ d, 0xCA62C1D6);
  const Sums sums = {a, b, c, d, e};
  for (std::size_t i = 0; i < state.size(); ++i) state[i] += sums[i];
}

}  // namespace

std::array<char, 20> sha1(base::Bytes text) {
  Sums state = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  const std::uint64_t bits = std::uint64_t{text.size()} * 8;
  for (; text.size() >= kBlock; text.remove_prefix(kBlock)) process(text.data(), state);
  // The rest, a bit, zeros, and the length at the end of one block or the next.
  std::array<char, 2 * kBlock> last{};
  if (!text.empty()) std::memcpy(last.data(), text.data(), text.size());
  last[text.size()] = '\x80';
  const std::size_t end = text.size() + 9 <= kBlock ? kBlock : 2 * kBlock;
  store(bits, 8, last.data() + end - 8);
  for (std::size_t at = 0; at < end; at += kBlock) process(last.data() + at, state);
  std::array<char, 20> digest;
  for (std::size_t i = 0; i < state.size(); ++i) store(state[i], 4, digest.data() + 4 * i);
  return digest;
}

}  // namespace socketio::ws
