#include "base/slab.hpp"

#include <set>
#include <string>
#include <vector>

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

TEST(Slab, GivesBackPagesThatNobodyLivesOn) {
  Slab<std::string> slab;
  const auto [first, name] = slab.emplace("first");
  std::vector<Id<std::string>> crowd;
  for (int i = 0; i < 10'000; ++i) crowd.push_back(slab.emplace("one").first);
  const auto [last, other] = slab.emplace("last");
  EXPECT_GE(slab.room(), 10'002u);
  for (const auto id : crowd) slab.erase(id);
  EXPECT_GE(slab.room(), 10'002u);
  slab.shrink();
  EXPECT_EQ(slab.room(), 128u);  // the first one's page and the last one's
  EXPECT_EQ(slab.get(first), name);
  EXPECT_EQ(slab.get(last), other);
  EXPECT_EQ(*other, "last");
  for (const auto id : crowd) {
    EXPECT_EQ(slab.get(id), nullptr);
    EXPECT_FALSE(slab.erase(id));
  }
  EXPECT_EQ(slab.at_place(5'000), nullptr);
  int seen = 0;
  slab.each([&](Id<std::string>, std::string&) { ++seen; });
  EXPECT_EQ(seen, 2);
}

// A place that had no memory for a while has another generation than all who lived there.
TEST(Slab, IdsOfPagesThatWereGoneStayStale) {
  Slab<int> slab;
  std::set<std::uint64_t> all;
  std::vector<Id<int>> crowd;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 300; ++i) crowd.push_back(slab.emplace(i).first);
    // Some places are used more often than others of their page.
    for (int i = 0; i < 50 * round; ++i) {
      slab.erase(crowd.back());
      crowd.back() = slab.emplace(i).first;
      EXPECT_TRUE(all.insert(crowd.back().packed()).second);
    }
    for (const auto id : crowd) all.insert(id.packed());
    for (const auto id : crowd) EXPECT_TRUE(slab.erase(id));
    crowd.clear();
    slab.shrink();
    EXPECT_EQ(slab.room(), 0u);
    for (const std::uint64_t id : all) EXPECT_EQ(slab.get(Id<int>::unpack(id)), nullptr);
  }
  EXPECT_GE(all.size(), 20u * 300);
}

// What comes after a crowd gathers in front, so that the pages behind can go.
TEST(Slab, TakesTheLowestPlacesFirstAfterShrinking) {
  Slab<int> slab;
  std::vector<Id<int>> crowd;
  for (int i = 0; i < 1'000; ++i) crowd.push_back(slab.emplace(i).first);
  for (int i = 0; i < 1'000; ++i) {
    if (i != 900) slab.erase(crowd[static_cast<std::size_t>(i)]);
  }
  slab.shrink();
  EXPECT_EQ(slab.room(), 64u);
  EXPECT_EQ(slab.emplace(1).first.index / 64, 900u / 64);  // there is room
  for (std::uint32_t i = 0; i < 62; ++i) slab.emplace(1);
  EXPECT_EQ(slab.room(), 64u);
  EXPECT_EQ(slab.emplace(1).first.index, 0u);
  EXPECT_EQ(*slab.get(crowd[900]), 900);
}

TEST(Slab, KeepsWhatIsInUseWhenItShrinks) {
  Slab<int> slab;
  slab.shrink();
  EXPECT_EQ(slab.room(), 0u);
  std::vector<Id<int>> all;
  for (int i = 0; i < 640; ++i) all.push_back(slab.emplace(i).first);
  slab.shrink();
  for (int i = 0; i < 640; ++i) EXPECT_EQ(*slab.get(all[static_cast<std::size_t>(i)]), i);
  // One is left on every page.
  for (std::size_t i = 0; i < 640; ++i) {
    if (i % 64 != 7) slab.erase(all[i]);
  }
  slab.shrink();
  EXPECT_EQ(slab.room(), 640u);
  EXPECT_EQ(slab.emplace(-1).first.index, 0u);
  EXPECT_EQ(*slab.get(all[7]), 7);
}

}  // namespace
}  // namespace socketio::base
