#include "base/block.hpp"

#include <array>

#include <gtest/gtest.h>

namespace socketio::base {
namespace {

// All the other bits are set, or none.
Block marked(std::size_t place, std::uint8_t others) {
  std::array<std::uint8_t, kBlock> bytes;
  bytes.fill(others);
  if (place < kBlock) bytes[place] |= 0x80;
  return std::bit_cast<Block>(bytes);
}

TEST(Block, FindsTheFirstMarkedByte) {
  for (const std::uint8_t others : {std::uint8_t{0}, std::uint8_t{0x7F}}) {
    EXPECT_FALSE(any_marked(marked(kBlock, others)));
    EXPECT_FALSE(portable::any_marked(marked(kBlock, others)));
    for (std::size_t place = 0; place < kBlock; ++place) {
      for (std::size_t second = place; second < kBlock; ++second) {
        const Block block = marked(place, others) | marked(second, others);
        EXPECT_TRUE(any_marked(block));
        EXPECT_TRUE(portable::any_marked(block));
        EXPECT_EQ(before_marked(block), place);
        EXPECT_EQ(portable::before_marked(block), place);
      }
    }
  }
}

}  // namespace
}  // namespace socketio::base
