#include "ws/mask.hpp"

#include <array>
#include <bit>
#include <cstring>

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

}  // namespace socketio::ws
