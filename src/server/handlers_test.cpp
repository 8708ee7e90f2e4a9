// The table of handlers, against a map.
#include "server/handlers.hpp"

#include <map>

#include <gtest/gtest.h>

namespace socketio::server {
namespace {

std::size_t count(const EventMap& map, std::string_view name) {
  const ListenersPtr& list = map.find(name);
  return list ? list->size() : 0;
}

TEST(EventMap, NamesOfEveryLengthAreTheirOwn) {
  EventMap map;
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(count(map, "nobody"), 0U);
  std::vector<std::string> names{""};
  for (std::size_t size = 1; size <= 40; ++size) {
    names.push_back(std::string(size, 'a'));
    names.push_back(std::string(size, '\0'));
    // Alike in their first and last eight bytes, where there are more.
    names.push_back(std::string(size / 2, 'a') + "b" + std::string(size - size / 2, 'a'));
  }
  ListenerId id = 0;
  for (const std::string& name : names) map.add(name, {++id, false, nullptr});
  for (const std::string& name : names) EXPECT_EQ(count(map, name), 1U) << name.size();
  EXPECT_EQ(count(map, std::string(41, 'a')), 0U);
  for (const std::string& name : names) EXPECT_TRUE(map.remove(name));
  EXPECT_TRUE(map.empty());
}

TEST(EventMap, AgreesWithAMap) {
  EventMap map;
  std::map<std::string, std::vector<ListenerId>> model;
  std::uint64_t state = 88172645463325252;
  const auto below = [&state](std::uint64_t n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 16) % n;
  };
  const auto name = [&] { return std::string(1 + below(3) * 10, 'n') + std::to_string(below(30)); };
  for (ListenerId id = 1; id < 20'000; ++id) {
    const std::string one = name();
    const std::uint64_t what = below(10);
    if (what < 5) {
      map.add(one, {id, false, nullptr});
      model[one].push_back(id);
    } else if (what < 7) {
      EXPECT_EQ(map.remove(one), model.erase(one) > 0);
    } else if (const auto found = model.find(one); found != model.end()) {
      EXPECT_TRUE(map.remove(found->second.front()));
      found->second.erase(found->second.begin());
      if (found->second.empty()) model.erase(found);
    } else {
      EXPECT_FALSE(map.remove(id));
    }
    ASSERT_EQ(map.empty(), model.empty());
    ASSERT_EQ(count(map, one), model.contains(one) ? model[one].size() : 0);
  }
  for (const auto& [one, ids] : model) EXPECT_EQ(count(map, one), ids.size());
}

// Who walks a list keeps it, whatever becomes of it.
TEST(EventMap, WhoHoldsAListKeepsIt) {
  EventMap map;
  map.add("e", {1, false, nullptr});
  map.add("e", {2, false, nullptr});
  const ListenersPtr held = map.find("e");
  EXPECT_TRUE(map.remove(ListenerId{1}));
  EXPECT_EQ(held->size(), 2U);
  EXPECT_EQ(count(map, "e"), 1U);
  EXPECT_TRUE(map.remove("e"));
  EXPECT_FALSE(map.remove("e"));
  EXPECT_EQ(held->size(), 2U);
}

}  // namespace
}  // namespace socketio::server
