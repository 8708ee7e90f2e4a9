#include "base/few.hpp"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace socketio::base {
namespace {

TEST(Few, AgreesWithAVector) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    Few<int> few;
    std::vector<int> model;
    for (int step = 0; step < 60; ++step) {
      const auto action = random() % 8;
      if (action < 4) {
        few.push_back(step);
        model.push_back(step);
      } else if (action < 6 && !model.empty()) {
        const auto at = static_cast<std::ptrdiff_t>(random() % model.size());
        few.erase(few.begin() + at);
        model.erase(model.begin() + at);
      } else if (action == 6 && !model.empty()) {
        few.push_back(few[0]);
        model.push_back(model[0]);
      } else if (action == 7 && !model.empty()) {
        few.pop_back();
        model.pop_back();
      }
      ASSERT_EQ(std::vector<int>(few.begin(), few.end()), model);
      ASSERT_EQ(few.empty(), model.empty());
    }
    few.clear();
    EXPECT_EQ(few.size(), 0u);
  }
}

TEST(Few, IsSmall) {
  static_assert(sizeof(Few<std::uint64_t>) == 16);
  struct Two {
    std::uint32_t a[3];
  };
  static_assert(sizeof(Few<Two>) == 24);
}

}  // namespace
}  // namespace socketio::base
