#include "server/peer_counts.hpp"

#include <gtest/gtest.h>

namespace socketio::server {
namespace {

TEST(PeerCounts, AreLimitedForEach) {
  PeerCounts counts(2);
  EXPECT_TRUE(counts.take("a"));
  EXPECT_TRUE(counts.take("a"));
  EXPECT_FALSE(counts.take("a"));
  EXPECT_TRUE(counts.take("b"));
  EXPECT_EQ(counts.size(), 2U);
  counts.give_back("a");
  EXPECT_TRUE(counts.take("a"));
  EXPECT_FALSE(counts.take("a"));
}

TEST(PeerCounts, KeepNothingOfThoseWhoAreGone) {
  PeerCounts counts(2);
  EXPECT_TRUE(counts.take("a"));
  EXPECT_TRUE(counts.take("a"));
  counts.give_back("a");
  counts.give_back("a");
  counts.give_back("never seen");
  EXPECT_EQ(counts.size(), 0U);
}

}  // namespace
}  // namespace socketio::server
