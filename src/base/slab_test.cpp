#include "base/slab.hpp"

#include <string>

#include <gtest/gtest.h>

namespace socketio::base {
namespace {

TEST(Slab, StaleIdsFindNothing) {
  Slab<std::string> slab;
  auto [a, text] = slab.emplace("a");
  EXPECT_EQ(*text, "a");
  EXPECT_TRUE(slab.erase(a));
  EXPECT_FALSE(slab.erase(a));
  auto [b, other] = slab.emplace("b");
  EXPECT_EQ(b.index, a.index);
  EXPECT_EQ(slab.get(a), nullptr);
  EXPECT_EQ(*slab.get(b), "b");
  EXPECT_EQ(slab.at_place(b.index), slab.get(b));
  EXPECT_EQ(slab.at_place(b.index + 1), nullptr);
  EXPECT_EQ(slab.at_place(999), nullptr);
  EXPECT_EQ(slab.get({}), nullptr);
  EXPECT_EQ(slab.get(Id<std::string>{999, 1}), nullptr);
}

TEST(Slab, KeepsAddressesAndVisitsTheLiving) {
  Slab<int> slab;
  std::vector<std::pair<Id<int>, int*>> made;
  for (int i = 0; i < 1000; ++i) made.push_back(slab.emplace(i));
  for (int i = 0; i < 1000; i += 2) slab.erase(made[static_cast<std::size_t>(i)].first);
  int seen = 0;
  slab.each([&](Id<int> id, int& value) {
    EXPECT_EQ(value % 2, 1);
    EXPECT_EQ(slab.get(id), made[static_cast<std::size_t>(value)].second);
    ++seen;
  });
  EXPECT_EQ(seen, 500);
  EXPECT_EQ(slab.size(), 500u);
}

}  // namespace
}  // namespace socketio::base
