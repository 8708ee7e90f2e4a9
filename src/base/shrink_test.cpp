#include "base/shrink.hpp"

#include <memory>

#include <gtest/gtest.h>

namespace socketio::base {
namespace {

TEST(Shrink, AListThatIsMostlyEmptyKeepsWhatItHolds) {
  std::vector<std::unique_ptr<int>> list(10'000);
  list.resize(3);
  list[2] = std::make_unique<int>(7);
  ASSERT_GE(list.capacity(), 10'000u);
  shrink_list(list);
  EXPECT_EQ(list.capacity(), 3u);
  EXPECT_EQ(*list[2], 7);
}

// Or it would soon grow again.
TEST(Shrink, AListInUseStaysAsItIs) {
  std::vector<int> list;
  list.reserve(1'000);
  list.resize(251);
  shrink_list(list);
  EXPECT_EQ(list.capacity(), 1'000u);
  list.resize(250);
  shrink_list(list);
  EXPECT_EQ(list.capacity(), 250u);
}

TEST(Shrink, AFewElementsAreNotWorthIt) {
  std::vector<int> list;
  list.reserve(kKept);
  shrink_list(list);
  EXPECT_EQ(list.capacity(), kKept);
}

}  // namespace
}  // namespace socketio::base
