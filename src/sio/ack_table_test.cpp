#include "sio/ack_table.hpp"

#include <gtest/gtest.h>

#include "sio/testing.hpp"

namespace socketio::sio {
namespace {

using testing::SeededRandom;
using testing::Waiters;

constexpr base::Time at(int seconds) {
  return base::Time{} + std::chrono::seconds(seconds);
}

struct Asked {
  explicit Asked(std::uint32_t index) { socket.self = {index, 1}; }
  Socket socket;
};

bool end(std::unique_ptr<AckWaiter> waiter, AckEnd how = AckEnd::replied) {
  if (waiter == nullptr) return false;
  waiter->finish(how, {});
  return true;
}

TEST(AckTable, OnlyTheAskedOneAnswersOnce) {
  AckTable table;
  Waiters waiters;
  Asked a(1);
  Asked b(2);
  const std::uint64_t first = table.expect(a.socket, waiters.make("a"), base::kNever);
  const std::uint64_t second = table.expect(b.socket, waiters.make("b"), base::kNever);
  EXPECT_NE(first, second);
  EXPECT_FALSE(end(table.reply(0, second, a.socket.self).waiter));
  EXPECT_FALSE(end(table.reply(1, first, a.socket.self).waiter));
  EXPECT_TRUE(end(table.reply(0, first, a.socket.self).waiter));
  EXPECT_FALSE(end(table.reply(0, first, a.socket.self).waiter));
  EXPECT_EQ(a.socket.acks->count, 0U);
  EXPECT_TRUE(end(table.take_of(b.socket)));
  EXPECT_EQ(table.take_of(b.socket), nullptr);
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(waiters.open(), 0);
}

TEST(AckTable, TimersLeaveWithTheirAnswers) {
  AckTable table;
  Waiters waiters;
  Asked a(1);
  SeededRandom random(3);
  std::vector<std::pair<std::uint64_t, int>> open;
  for (int i = 0; i < 500; ++i) {
    const int when = static_cast<int>(random.below(1000));
    open.emplace_back(table.expect(a.socket, waiters.make(std::to_string(when)), at(when)), when);
  }
  for (int i = 0; i < 300; ++i) {
    const std::size_t which = random.below(open.size());
    EXPECT_TRUE(end(table.reply(0, open[which].first, a.socket.self).waiter));
    open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
    int earliest = 1000;
    for (const auto& [id, when] : open) earliest = std::min(earliest, when);
    ASSERT_EQ(table.deadline(), at(earliest));
  }
  waiters.log.clear();
  EXPECT_EQ(table.take_due(table.deadline() - std::chrono::nanoseconds(1)), nullptr);
  while (end(table.take_due(at(2000)), AckEnd::timeout)) {
  }
  EXPECT_EQ(waiters.log.size(), open.size());
  const auto number = [](const std::string& line) { return std::stoi(line); };
  EXPECT_TRUE(std::is_sorted(waiters.log.begin(), waiters.log.end(),
                             [&](const auto& x, const auto& y) { return number(x) < number(y); }));
  EXPECT_EQ(table.deadline(), base::kNever);
  EXPECT_EQ(waiters.open(), 0);
}

TEST(AckTable, EachOfAGroupCountsOnce) {
  AckTable table;
  Waiters waiters;
  const std::uint64_t id = table.next_id(3);
  table.expect_all(3, id, {{7, 1}, {2, 1}, {5, 3}}, waiters.make("g"), at(9));
  EXPECT_EQ(table.reply(3, id, {2, 3}).group, nullptr);
  EXPECT_EQ(table.reply(3, id, {9, 1}).group, nullptr);
  EXPECT_NE(table.reply(3, id, {2, 1}).group, nullptr);
  EXPECT_EQ(table.reply(3, id, {2, 1}).group, nullptr);
  EXPECT_NE(table.reply(3, id, {7, 1}).group, nullptr);
  EXPECT_EQ(table.deadline(), at(9));
  AckTable::Reply last = table.reply(3, id, {5, 3});
  EXPECT_EQ(last.group, last.waiter.get());
  EXPECT_TRUE(end(std::move(last.waiter)));
  EXPECT_EQ(table.reply(3, id, {5, 3}).group, nullptr);
  EXPECT_EQ(table.deadline(), base::kNever);
  EXPECT_EQ(waiters.log, testing::Lines{"g: replied -"});
}

// Clocks end by their time and by nothing a client can send, and take no ids.
TEST(AckTable, NobodyIsToAnswer) {
  AckTable table;
  Waiters waiters;
  table.expect_nobody(waiters.make("late"), at(2));
  table.expect_nobody(waiters.make("soon"), at(1));
  EXPECT_EQ(table.deadline(), at(1));
  EXPECT_EQ(table.next_id(0), 0U);
  EXPECT_EQ(table.reply(0, 0, {}).waiter, nullptr);
  end(table.take_due(at(1)), AckEnd::timeout);
  EXPECT_EQ(table.take_due(at(1)), nullptr);
  EXPECT_EQ(waiters.log.size(), 1U);
  EXPECT_EQ(table.take_all().size(), 1U);
}

TEST(AckTable, TakeAll) {
  AckTable table;
  Waiters waiters;
  Asked a(1);
  table.expect(a.socket, waiters.make("a"), at(1));
  table.expect_all(0, table.next_id(0), {{7, 1}}, waiters.make("g"), base::kNever);
  auto all = table.take_all();
  EXPECT_EQ(all.size(), 2U);
  for (auto& waiter : all) end(std::move(waiter), AckEnd::shutting_down);
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(waiters.open(), 0);
}

// Whoever is still waited for keeps its id, its deadline and its waiter.
TEST(AckTable, ShrinksAfterACrowd) {
  AckTable table;
  Waiters waiters;
  Asked a(1);
  std::vector<std::uint64_t> ids;
  for (int i = 0; i < 10'000; ++i)
    ids.push_back(table.expect(a.socket, waiters.make(std::to_string(i)), at(100 + i)));
  for (std::size_t i = 0; i < 10'000; ++i) {
    if (i % 1'000 == 5) continue;
    EXPECT_TRUE(end(table.reply(0, ids[i], a.socket.self).waiter));
  }
  table.shrink();
  EXPECT_EQ(table.size(), 10U);
  EXPECT_EQ(table.deadline(), at(105));
  waiters.log.clear();
  EXPECT_TRUE(end(table.take_due(at(105)), AckEnd::timeout));
  EXPECT_EQ(table.take_due(at(105)), nullptr);
  EXPECT_TRUE(end(table.reply(0, ids[9'005], a.socket.self).waiter));
  EXPECT_EQ(waiters.log.size(), 2U);
  const std::uint64_t next = table.expect(a.socket, waiters.make("new"), at(1));
  EXPECT_EQ(next, 10'000U);
  EXPECT_EQ(table.deadline(), at(1));
  EXPECT_TRUE(end(table.reply(0, next, a.socket.self).waiter));
  for (auto& waiter : table.take_all()) end(std::move(waiter), AckEnd::shutting_down);
  EXPECT_EQ(a.socket.acks->count, 0U);
  EXPECT_EQ(waiters.open(), 0);
}

}  // namespace
}  // namespace socketio::sio
