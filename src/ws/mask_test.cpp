#include "ws/mask.hpp"

#include <gtest/gtest.h>

#include "ws/testing.hpp"

namespace socketio::ws::testing {
namespace {

constexpr std::string_view kKey = "\x37\xfa\x21\x3d";

std::uint32_t key_word() {
  std::uint32_t key = 0;
  std::memcpy(&key, kKey.data(), kKey.size());
  return key;
}

std::string reference(std::string bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(bytes[i] ^ kKey[i % 4]);
  return bytes;
}

std::string random_bytes(SeededRandom& random, std::size_t size) {
  std::string bytes(size, '\0');
  random.fill(bytes);
  return bytes;
}

TEST(Mask, EqualsTheScalarReferenceAtEveryAlignmentAndSize) {
  SeededRandom random(1);
  for (std::size_t offset = 0; offset < 16; ++offset) {
    for (std::size_t size = 0; size < 200; ++size) {
      const std::string input = random_bytes(random, size);
      std::string block = std::string(offset, '#') + input + std::string(16, '#');
      apply_mask({block.data() + offset, size}, key_word());
      ASSERT_EQ(block, std::string(offset, '#') + reference(input) + std::string(16, '#'));
    }
  }
}

TEST(Mask, WholePayloadsAtEveryAlignmentAndSize) {
  SeededRandom random(3);
  for (std::size_t offset = 0; offset < 16; ++offset) {
    for (std::size_t size = 0; size < 100; ++size) {
      std::string plain = random_bytes(random, size);
      for (char& c : plain) c = static_cast<char>(c & 0x7F);
      const auto unmask = [&](const std::string& text) {
        std::string block = std::string(offset, '#') + reference(text) + std::string(16, '#');
        std::uint32_t key = key_word();
        const bool ascii = unmask_ascii({block.data() + offset, size}, key);
        std::string same = block;
        EXPECT_EQ(key, apply_mask({same.data() + offset, size}, key_word()));
        EXPECT_EQ(block, std::string(offset, '#') + text + std::string(16, '#'));
        return ascii;
      };
      ASSERT_TRUE(unmask(plain));
      // One byte that is not ASCII, wherever it is.
      for (std::size_t i = 0; i < size; ++i) {
        std::string other = plain;
        other[i] = static_cast<char>(other[i] | '\x80');
        ASSERT_FALSE(unmask(other));
      }
    }
  }
}

TEST(Mask, GoesOnWhereItStopped) {
  SeededRandom random(2);
  const std::string input = random_bytes(random, 1000);
  for (int round = 0; round < 200; ++round) {
    std::string output = input;
    std::uint32_t key = key_word();
    for (std::size_t from = 0; from < output.size();) {
      const std::size_t n = std::min(random.below(50), output.size() - from);
      key = apply_mask({output.data() + from, n}, key);
      from += n;
    }
    ASSERT_EQ(output, reference(input));
  }
}

}  // namespace
}  // namespace socketio::ws::testing
