#include "server/namespace_names.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sio/core.hpp"

namespace socketio::server {
namespace {

// Names come and go for years; an index that was kept is never another's.
TEST(NamespaceNames, OnePlaceIsUsedWithoutEnd) {
  NamespaceNames names;
  std::set<sio::NamespaceIndex> indexes;
  for (int i = 0; i < 10'000; ++i) {
    const NamespaceNames::Added added = names.add("/n" + std::to_string(i));
    ASSERT_NE(added.entry, nullptr);
    EXPECT_EQ(sio::slot_of(added.entry->index), 1U);
    EXPECT_FALSE(is_parent(added.entry->index));
    EXPECT_TRUE(indexes.insert(added.entry->index).second);
    names.remove(*added.entry);
    EXPECT_EQ(names.entry(added.entry->index), nullptr);
    names.recycle(added.entry->index);
  }
  EXPECT_EQ(names.size(), 1U);
}

TEST(NamespaceNames, ThePlaceThatHasRestedLongestIsUsedNext) {
  NamespaceNames names;
  std::vector<NamespaceEntryPtr> entries;
  for (const char* name : {"/a", "/b", "/c"}) entries.push_back(names.add(name).entry);
  for (const std::size_t i : {1U, 2U, 0U}) {
    names.remove(*entries[i]);
    names.recycle(entries[i]->index);
  }
  for (const std::uint32_t slot : {2U, 3U, 1U, 4U})
    EXPECT_EQ(sio::slot_of(names.add("/" + std::to_string(slot)).entry->index), slot);
}

TEST(NamespaceNames, WhoWaitsIsToldWhatHasBecomeOfIt) {
  NamespaceNames names;
  std::vector<std::optional<sio::NamespaceIndex>> told;
  const auto tell = [&told](std::optional<sio::NamespaceIndex> index) { told.push_back(index); };
  EXPECT_FALSE(names.await("/a", tell));
  const NamespaceEntryPtr first = names.add("/a").entry;
  EXPECT_TRUE(names.await("/a", tell));
  EXPECT_TRUE(told.empty());
  names.ready(*first);
  EXPECT_TRUE(names.await("/a", tell));
  EXPECT_EQ(told, (std::vector{std::optional(first->index), std::optional(first->index)}));
  names.remove(*first);
  const NamespaceEntryPtr second = names.add("/a").entry;
  EXPECT_TRUE(names.await("/a", tell));
  EXPECT_EQ(told.size(), 2U) << "it is not ready";
  names.remove(*second);
  EXPECT_EQ(told.back(), std::nullopt);
}

}  // namespace
}  // namespace socketio::server
