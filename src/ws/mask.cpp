#include "ws/mask.hpp"

#include <array>
#include <bit>
#include <cstring>

#include "base/block.hpp"

namespace socketio::ws {

namespace {

// memcpy because payloads start at any address; compilers make plain (vector) loads of it.
template <class Word>
void xor_word(char* at, Word key) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  word ^= key;
  std::memcpy(at, &word, sizeof word);
}

}  // namespace

std::uint32_t apply_mask(base::MutBytes bytes, std::uint32_t key) {
  char* at = bytes.data();
  std::size_t left = bytes.size();
  const std::uint64_t wide = std::uint64_t{key} << 32 | key;
  for (; left >= 32; left -= 32, at += 32) {
    for (std::size_t i = 0; i < 32; i += 8) xor_word(at + i, wide);
  }
  // The rest by its bits, instead of loops whose set-up a short message would pay.
  if ((left & 16) != 0) {
    xor_word(at, wide);
    xor_word(at + 8, wide);
    at += 16;
  }
  if ((left & 8) != 0) {
    xor_word(at, wide);
    at += 8;
  }
  if ((left & 4) != 0) {
    xor_word(at, key);
    at += 4;
  }
  left &= 3;
  if (left == 0) return key;
  std::array<char, 4> key_bytes;
  std::memcpy(key_bytes.data(), &key, sizeof key);
  for (std::size_t i = 0; i < left; ++i) at[i] = static_cast<char>(at[i] ^ key_bytes[i]);
  const int turn = static_cast<int>(left) * 8;
  return std::endian::native == std::endian::little ? std::rotr(key, turn) : std::rotl(key, turn);
}

// The last word or block is read first and written last: it overlaps those before it, and needs no
// loop for what is left over.
bool unmask_ascii(base::MutBytes bytes, std::uint32_t& key) {
  char* const at = bytes.data();
  const std::size_t size = bytes.size();
  const std::uint64_t wide = std::uint64_t{key} << 32 | key;
  const int turn = static_cast<int>(size % 4) * 8;
  const std::uint64_t turned =
      std::endian::native == std::endian::little ? std::rotr(wide, turn) : std::rotl(wide, turn);
  if (size >= base::kBlock) {
    using Pair = std::array<std::uint64_t, 2>;
    const auto mask = std::bit_cast<base::Block>(Pair{wide, wide});
    key = static_cast<std::uint32_t>(turned);
    const base::Block last = base::load_block(at + size - base::kBlock) ^
                             std::bit_cast<base::Block>(Pair{turned, turned});
    base::Block seen = last;
    for (std::size_t i = 0; i + base::kBlock < size; i += base::kBlock) {
      const base::Block block = base::load_block(at + i) ^ mask;
      seen |= block;
      base::store_block(at + i, block);
    }
    base::store_block(at + size - base::kBlock, last);
    return !base::any_marked(seen);
  }
  if (size >= sizeof wide) {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::memcpy(&first, at, sizeof first);
    std::memcpy(&last, at + size - sizeof last, sizeof last);
    first ^= wide;
    last ^= turned;
    key = static_cast<std::uint32_t>(turned);
    std::memcpy(at, &first, sizeof first);
    std::memcpy(at + size - sizeof last, &last, sizeof last);
    return ((first | last) & 0x8080808080808080) == 0;
  }
  key = apply_mask(bytes, key);
  std::uint8_t seen = 0;
  for (const char c : bytes) seen = static_cast<std::uint8_t>(seen | static_cast<std::uint8_t>(c));
  return seen < 0x80;
}

}  // namespace socketio::ws
