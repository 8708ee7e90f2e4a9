#include "server/rate_by_address.hpp"

#include <gtest/gtest.h>

namespace socketio::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr base::Time kStart{};

TEST(RatesByAddress, RunOutAndComeBack) {
  RateByAddress rate(2, seconds(1), 10);
  EXPECT_TRUE(rate.take("a", kStart));
  EXPECT_TRUE(rate.take("a", kStart));
  EXPECT_FALSE(rate.take("a", kStart));
  EXPECT_TRUE(rate.take("b", kStart));
  rate.give_back("a");
  rate.give_back("never seen");
  EXPECT_TRUE(rate.take("a", kStart));
  EXPECT_FALSE(rate.take("a", kStart + milliseconds(499)));
  EXPECT_TRUE(rate.take("a", kStart + milliseconds(500)));
  EXPECT_TRUE(rate.take("a", kStart + seconds(60)));
  EXPECT_TRUE(rate.take("a", kStart + seconds(60)));
  EXPECT_FALSE(rate.take("a", kStart + seconds(60)));
}

TEST(RatesByAddress, AreOfAnySpan) {
  RateByAddress rate(60, std::chrono::minutes(1), 10);
  for (int i = 0; i < 60; ++i) EXPECT_TRUE(rate.take("a", kStart));
  EXPECT_FALSE(rate.take("a", kStart + milliseconds(999)));
  EXPECT_TRUE(rate.take("a", kStart + seconds(1)));
  EXPECT_FALSE(rate.take("a", kStart + seconds(1)));
}

TEST(RatesByAddress, RememberSoMany) {
  RateByAddress rate(1, seconds(1), 3);
  for (const char* peer : {"a", "b", "c"}) EXPECT_TRUE(rate.take(peer, kStart));
  EXPECT_FALSE(rate.take("a", kStart));  // not the quietest any more: b is
  EXPECT_TRUE(rate.take("d", kStart));
  EXPECT_EQ(rate.peers(), 3U);
  EXPECT_FALSE(rate.take("a", kStart));
  EXPECT_FALSE(rate.take("c", kStart));
  EXPECT_TRUE(rate.take("b", kStart));  // forgotten: it starts afresh
  EXPECT_EQ(rate.peers(), 3U);
}

}  // namespace
}  // namespace socketio::server
