#include "base/out_queue.hpp"

#include <gtest/gtest.h>

namespace socketio::base {
namespace {

std::string all(const OutQueue& queue) {
  std::array<Bytes, 64> parts;
  std::string text;
  for (std::size_t i = 0, n = queue.gather(parts); i < n; ++i) text += parts[i];
  return text;
}

TEST(OutQueue, MergesWhatTouchesInOneChunk) {
  Ledger ledger;
  Arena arena(&ledger);
  OutQueue queue;
  queue.append(arena, "hello ");
  queue.append(arena, "world");
  std::array<Bytes, 4> parts;
  ASSERT_EQ(queue.gather(parts), 1u);
  EXPECT_EQ(parts[0], "hello world");
}

TEST(OutQueue, ConsumesInAnySteps) {
  for (std::size_t step = 1; step < 12; ++step) {
    Ledger ledger;
    OutQueue queue;
    std::string expected;
    for (int i = 0; i < 100; ++i) {
      const std::string piece = "piece" + std::to_string(i);
      expected += piece;
      queue.push(Chunk::copy(piece, &ledger), 0, static_cast<std::uint32_t>(piece.size()));
    }
    ASSERT_EQ(queue.bytes(), expected.size());
    std::string got;
    while (!queue.empty()) {
      std::array<Bytes, 3> parts;
      std::string front;
      for (std::size_t i = 0, n = queue.gather(parts); i < n; ++i) front += parts[i];
      const std::size_t take = std::min(step, front.size());
      got += front.substr(0, take);
      queue.consume(take);
    }
    EXPECT_EQ(got, expected);
    EXPECT_EQ(ledger.output(), 0);
  }
}

TEST(OutQueue, TakesAllOfAnother) {
  Ledger ledger;
  const auto filled = [&ledger](std::initializer_list<const char*> pieces) {
    OutQueue queue;
    for (const char* piece : pieces) queue.push(Chunk::copy(piece, &ledger));
    return queue;
  };
  OutQueue queue;
  OutQueue nothing;
  queue.take(nothing);
  EXPECT_TRUE(queue.empty());
  OutQueue three = filled({"one ", "two ", "three "});
  three.consume(2);
  queue.take(three);
  OutQueue one = filled({"four"});
  queue.take(one);
  EXPECT_EQ(all(queue), "e two three four");
  EXPECT_EQ(queue.bytes(), 16u);
  EXPECT_TRUE(three.empty() && one.empty());
  queue.clear();
  EXPECT_EQ(ledger.output(), 0);
}

TEST(OutQueue, SettlingUnpinsTheArena) {
  Ledger ledger;
  OutQueue queue;
  {
    Arena arena(&ledger);
    queue.append(arena, "small");
    EXPECT_EQ(ledger.output(), static_cast<std::int64_t>(Arena::kChunkSize));
    queue.settle(&ledger);
  }
  EXPECT_EQ(ledger.output(), 5);
  EXPECT_EQ(all(queue), "small");
  queue.clear();
  EXPECT_EQ(ledger.output(), 0);
}

TEST(Arena, StartsOverWhenNobodyRefers) {
  Ledger ledger;
  Arena arena(&ledger);
  const char* first = arena.reserve(10);
  { Span span = arena.commit(10); }
  arena.recycle();
  EXPECT_EQ(arena.reserve(10), first);
  Span held = arena.commit(10);
  arena.recycle();
  EXPECT_NE(arena.reserve(10), first);
  Span big = arena.write(std::string(100'000, 'x'));
  EXPECT_EQ(big.length, 100'000u);
}

}  // namespace
}  // namespace socketio::base
