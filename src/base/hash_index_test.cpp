#include "base/hash_index.hpp"

#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace socketio::base {
namespace {

TEST(HashIndex, FindsByHashAndRecord) {
  const std::vector<std::string> records = {"a", "b", "c"};
  HashIndex index;
  const auto find = [&](std::uint32_t hash, const std::string& key) {
    return index.find(hash, [&](std::uint32_t place) { return records[place] == key; });
  };
  EXPECT_EQ(find(7, "a"), std::nullopt);
  for (std::uint32_t i = 0; i < 3; ++i) index.insert(7, i);
  EXPECT_EQ(find(7, "b"), 1u);
  EXPECT_EQ(find(8, "b"), std::nullopt);
  EXPECT_EQ(find(7, "d"), std::nullopt);
  index.erase(7, 0);
  index.erase(7, 0);
  EXPECT_EQ(find(7, "a"), std::nullopt);
  EXPECT_EQ(find(7, "c"), 2u);
  EXPECT_EQ(index.size(), 2u);
  index.move(7, 2, 0);
  EXPECT_EQ(find(7, "c"), std::nullopt);
  EXPECT_EQ(find(7, "a"), 0u);
}

// Hashes of few values, so that entries push each other along, over the end too.
TEST(HashIndex, AgreesWithAMap) {
  for (const std::uint32_t spread : {3U, 40U, ~0U}) {
    std::mt19937 random(5);
    std::map<std::uint32_t, std::uint32_t> model;  // place -> hash
    HashIndex index;
    for (int step = 0; step < 20'000; ++step) {
      const std::uint32_t place = static_cast<std::uint32_t>(random() % 600);
      const auto known = model.find(place);
      if (known != model.end()) {
        index.erase(known->second, place);
        model.erase(known);
      } else if (step % 8000 < 4000) {  // grows and shrinks again
        const std::uint32_t hash = ~(static_cast<std::uint32_t>(random()) % spread);
        index.insert(hash, place);
        model.emplace(place, hash);
      }
      ASSERT_EQ(index.size(), model.size());
      if (step % 97 != 0) continue;
      for (const auto& [at, hash] : model) {
        ASSERT_EQ(index.find(hash, [at = at](std::uint32_t found) { return found == at; }), at);
      }
    }
  }
}

}  // namespace
}  // namespace socketio::base
