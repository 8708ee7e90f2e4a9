// Where sessions are, who gets them, and who has to wait.
#include "sio/recovery_table.hpp"

#include <gtest/gtest.h>

namespace socketio::sio {
namespace {

using std::chrono::seconds;

IdText id(char kind, int n) {
  IdText text{};
  text.fill(kind);
  const std::string digits = std::to_string(n);
  digits.copy(text.data(), digits.size());
  return text;
}

std::unique_ptr<RecoverySession> session(int n, std::uint32_t nsp = 0) {
  return std::make_unique<RecoverySession>(id('p', n), id('s', n), nsp, 0);
}

class Table : public ::testing::Test {
 protected:
  void open(int n, RecoveryTable::Place place = {0, 1}) { table.open(*session(n), place); }
  std::optional<RecoveryTable::Place> save(int n) { return table.save(session(n), now, dropped); }
  RecoveryTable::Claim claim(int n, std::uint64_t waiter = 99, std::uint32_t nsp = 0) {
    return table.claim(view(id('p', n)), nsp, {1, waiter}, now, false);
  }
  RecoveryTable::Claim claim_again(int n, std::uint64_t waiter) {
    return table.claim(view(id('p', n)), 0, {1, waiter}, now, true);
  }

  base::Time now = base::Time{} + seconds(1);
  RecoveryTable::Sessions dropped;
  RecoveryTable table{2, seconds(10)};
};

TEST_F(Table, ASavedSessionIsClaimedOnce) {
  open(1);
  EXPECT_FALSE(save(1));
  EXPECT_EQ(table.saved(), 1U);
  EXPECT_EQ(claim(1, 99, 7).session, nullptr) << "of another namespace";
  EXPECT_EQ(claim(2).session, nullptr);
  EXPECT_EQ(table.claim("short", 0, {}, now, false).session, nullptr);
  RecoveryTable::Claim mine = claim(1);
  ASSERT_NE(mine.session, nullptr);
  EXPECT_EQ(table.saved(), 0U);
  const RecoveryTable::Claim other = claim(1, 5);
  EXPECT_EQ(other.session, nullptr);
  EXPECT_TRUE(other.wait);
  EXPECT_FALSE(other.holder) << "it is on its way";
  const auto waiter = table.settle(id('p', 1), {3, 33});
  ASSERT_TRUE(waiter);
  EXPECT_EQ(waiter->socket, 5U);
  EXPECT_EQ(table.find(view(id('s', 1)))->place.shard, 3U);
}

TEST_F(Table, WhoComesWhileItIsLiveWaitsForItsEnd) {
  open(1, {2, 22});
  const RecoveryTable::Claim early = claim(1, 5);
  EXPECT_TRUE(early.wait);
  EXPECT_EQ(early.holder->shard, 2U);
  EXPECT_EQ(early.holder->socket, 22U);
  EXPECT_EQ(save(1)->socket, 5U);
  EXPECT_NE(claim_again(1, 5).session, nullptr);
  EXPECT_TRUE(claim(1, 6).wait);
  EXPECT_EQ(table.erase(id('p', 1))->socket, 6U) << "it ended for good";
  EXPECT_FALSE(claim_again(1, 6).wait);
  EXPECT_FALSE(table.find(view(id('s', 1))));
  EXPECT_TRUE(table.empty());
}

// Each end of the session has who waits claim again.
TEST_F(Table, OneWaits) {
  open(1, {2, 22});
  EXPECT_TRUE(claim(1, 5).holder);
  for (std::uint64_t later = 6; later <= 1'000; ++later) {
    const RecoveryTable::Claim one = claim(1, later);
    EXPECT_TRUE(one.wait);
    EXPECT_FALSE(one.holder) << "its end has been asked for";
    ASSERT_TRUE(one.displaced);
    EXPECT_EQ(one.displaced->socket, later - 1);
  }
  EXPECT_EQ(save(1)->socket, 1'000U);
  EXPECT_NE(claim_again(1, 1'000).session, nullptr);
  EXPECT_FALSE(table.settle(id('p', 1), {1, 1'000}));
}

// Between being handed out and claiming again, a later connection of the same client may come.
TEST_F(Table, WhoClaimsAgainGivesWayToWhoCameLater) {
  open(1, {2, 22});
  EXPECT_TRUE(claim(1, 5).wait);
  EXPECT_EQ(save(1)->socket, 5U);
  EXPECT_NE(claim(1, 6).session, nullptr) << "it came first, with the newer connection";
  EXPECT_FALSE(claim_again(1, 5).wait);
  EXPECT_FALSE(table.settle(id('p', 1), {1, 6})) << "5 has been told";

  EXPECT_TRUE(claim(1, 7).holder);
  EXPECT_EQ(save(1)->socket, 7U);
  EXPECT_NE(claim_again(1, 7).session, nullptr);
  EXPECT_TRUE(claim(1, 8).wait);
  EXPECT_EQ(table.settle(id('p', 1), {1, 7})->socket, 8U);
  const RecoveryTable::Claim last = claim(1, 9);
  EXPECT_TRUE(last.wait);
  EXPECT_FALSE(last.displaced) << "8 claims again anyway";
  EXPECT_EQ(last.holder->socket, 7U);
  const RecoveryTable::Claim late = claim_again(1, 8);
  EXPECT_FALSE(late.wait);
  EXPECT_FALSE(late.displaced);
  EXPECT_EQ(save(1)->socket, 9U);
  EXPECT_NE(claim_again(1, 9).session, nullptr);
}

// What ends a state does not hand it out twice.
TEST_F(Table, WhoWasHandedOutIsNotHandedOutAgain) {
  open(1, {2, 22});
  EXPECT_TRUE(claim(1, 5).wait);
  EXPECT_EQ(save(1)->socket, 5U);
  EXPECT_FALSE(table.erase(id('p', 1)));
  EXPECT_FALSE(claim_again(1, 5).wait);
}

TEST_F(Table, ExpiresOldestFirst) {
  open(1);
  save(1);
  now += seconds(5);
  open(2);
  save(2);
  now += seconds(5) - std::chrono::nanoseconds(1);
  EXPECT_TRUE(table.expire(now).empty());
  now += std::chrono::nanoseconds(1);
  EXPECT_EQ(claim(1).session, nullptr) << "too late, though still there";
  const RecoveryTable::Sessions old = table.expire(now);
  ASSERT_EQ(old.size(), 1U);
  EXPECT_EQ(old[0]->pid, id('p', 1));
  EXPECT_NE(claim(2).session, nullptr);
  EXPECT_TRUE(table.expire(now + seconds(100)).empty()) << "claimed: not its to take";
}

TEST_F(Table, OneMoreThanMaxSavedDropsTheOldest) {
  for (int n = 1; n <= 2; ++n) {
    open(n);
    save(n);
  }
  EXPECT_TRUE(dropped.empty());
  open(3);
  save(3);
  ASSERT_EQ(dropped.size(), 1U);
  EXPECT_EQ(dropped[0]->pid, id('p', 1));
  EXPECT_EQ(table.saved(), 2U);
  EXPECT_EQ(claim(1).session, nullptr);
  EXPECT_EQ(table.clear().size(), 2U);
  EXPECT_TRUE(table.empty());
}

TEST_F(Table, UnknownOnesAreNotKept) {
  EXPECT_FALSE(save(1));
  EXPECT_EQ(dropped.size(), 1U);
  EXPECT_FALSE(table.settle(id('p', 1), {}));
  EXPECT_FALSE(table.erase(id('p', 1)));
  EXPECT_TRUE(table.empty());
}

}  // namespace
}  // namespace socketio::sio
