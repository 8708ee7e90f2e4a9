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

TEST(OutQueue, PutsTogetherWhatManyAreSent) {
  Ledger ledger;
  Arena arena(&ledger);
  std::array<OutQueue, 4> queues;
  for (const char* piece : {"one ", "two ", "three"}) {
    const Chunk shared = Chunk::copy(piece, &ledger);
    for (OutQueue& queue : queues) queue.push_shared(arena, shared);
    queues[2].append(arena, "!");  // its own: the others don't have it
  }
  const char* where = nullptr;
  for (const std::size_t i : {0U, 1U, 3U}) {
    std::array<Bytes, 4> parts;
    ASSERT_EQ(queues.at(i).gather(parts), 1U);
    EXPECT_EQ(parts[0], "one two three");
    if (i == 1) {
      EXPECT_EQ(parts[0].data(), where) << "the same bytes for all";
    }
    where = parts[0].data();
  }
  EXPECT_EQ(all(queues[2]), "one !two !three!");
  for (OutQueue& queue : queues) {
    EXPECT_EQ(queue.bytes(), all(queue).size());
    queue.consume(4);
    EXPECT_EQ(all(queue).substr(0, 1), &queue == &queues[2] ? "!" : "t");
    queue.clear();
  }
  arena.release();
  EXPECT_EQ(ledger.output(), 0);
}

// Copies for everybody would cost more than they save.
TEST(OutQueue, PutsTogetherOnlySoMuchATurn) {
  constexpr std::size_t kEach = 600;
  Ledger ledger;
  Arena arena(&ledger);
  std::vector<OutQueue> queues(500);
  const Chunk shared = Chunk::copy(std::string(kEach, 's'), &ledger);
  for (OutQueue& queue : queues) queue.push(Chunk::copy(std::string(kEach, 'o'), &ledger));
  const std::int64_t before = ledger.output();
  for (OutQueue& queue : queues) queue.push_shared(arena, shared);
  EXPECT_LE(ledger.output() - before, std::int64_t{2 * Arena::kChunkSize});
  for (const OutQueue& queue : queues)
    EXPECT_EQ(all(queue), std::string(kEach, 'o') + std::string(kEach, 's'));
  // Nor what is long.
  arena.recycle();
  const Chunk long_one = Chunk::copy(std::string(4'000, 'l'), &ledger);
  std::array<OutQueue, 2> others;
  for (OutQueue& queue : others) {
    queue.push_shared(arena, long_one);
    queue.push_shared(arena, shared);
    std::array<Bytes, 4> parts;
    EXPECT_EQ(queue.gather(parts), 2u);
    EXPECT_EQ(parts[1].data(), shared.data());
  }
  queues.clear();
  others = {};
  arena.release();
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

// What stands in a queue's parts, and where.
std::vector<Bytes> parts_of(const OutQueue& queue) {
  std::array<Bytes, 64> parts;
  return {parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(queue.gather(parts))};
}

TEST(OutQueue, SettlingPutsShortOnesTogether) {
  Ledger ledger;
  Arena arena(&ledger);
  OutQueue queue;
  std::string expected;
  const auto push = [&](const std::string& text) {
    expected += text;
    queue.append(arena, text);
    arena.write("somebody else's");
  };
  const Chunk shared = Chunk::copy(std::string(5'000, 's'), &ledger);
  push("front");
  for (int i = 0; i < 1'000; ++i) {
    push("short " + std::to_string(i));
    if (i == 500) {
      queue.push(shared);
      expected += std::string(5'000, 's');
    }
    if (i % 7 == 0) queue.settle(&ledger);
    if (i % 100 == 0) push(std::string(20'000, 'l'));
  }
  queue.settle(&ledger);
  arena.release();
  EXPECT_LT(parts_of(queue).size(), 64U);
  EXPECT_EQ(all(queue), expected);
  EXPECT_EQ(queue.bytes(), expected.size());
  const auto held = static_cast<std::size_t>(ledger.output());
  EXPECT_GE(held, expected.size());
  EXPECT_LE(held, expected.size() * 5 / 4);
  // Sent bit by bit, with more behind it.
  std::string got;
  while (!queue.empty()) {
    const std::size_t n = std::min<std::size_t>(queue.bytes(), 777);
    got += all(queue).substr(0, n);
    queue.consume(n);
    if (expected.size() < 400'000) push(std::string(30, 'm'));
    queue.settle(&ledger);
  }
  EXPECT_EQ(got, expected);
  arena.release();
  EXPECT_EQ(ledger.output(), static_cast<std::int64_t>(shared.capacity()));
}

// Draining would take as long as the queue is, for every piece of it.
TEST(OutQueue, SettlingAgainMovesNothing) {
  Ledger ledger;
  OutQueue queue;
  const Chunk shared = Chunk::copy(std::string(5'000, 's'), &ledger);
  const Chunk others = Chunk::copy(std::string(Arena::kChunkSize, 'o'), &ledger);
  queue.push(shared);
  for (std::uint32_t i = 0; i < 20; ++i) {
    queue.push(others, 100 * i, 50);
    queue.push(shared);
  }
  queue.settle(&ledger);
  const std::vector<Bytes> once = parts_of(queue);
  const std::int64_t output = ledger.output();
  queue.settle(&ledger);
  queue.settle_behind(&ledger);
  const std::vector<Bytes> twice = parts_of(queue);
  ASSERT_EQ(once.size(), 41U);
  ASSERT_EQ(twice.size(), once.size());
  for (std::size_t i = 0; i < once.size(); ++i) EXPECT_EQ(twice[i].data(), once[i].data());
  EXPECT_EQ(ledger.output(), output);
}

// They go with their bytes, though the spans came in one piece.
TEST(OutQueue, WhatIsSettledGoesInPieces) {
  Ledger ledger;
  OutQueue queue;
  for (int i = 0; i < 100'000; ++i) queue.push(Chunk::copy("eleven byte", &ledger));
  queue.settle(&ledger);
  EXPECT_LE(ledger.output(), 1'200'000);
  EXPECT_LE(queue.bookkeeping(), 20'000U);
  queue.consume(1'000'000);
  EXPECT_LE(ledger.output(), 150'000);
  EXPECT_LE(static_cast<std::size_t>(ledger.output()),
            queue.bytes() + queue.bookkeeping() + 16'384);
  queue.clear();
  EXPECT_EQ(ledger.output(), 0);
}

// Of a chunk that has been sent in part, whoever holds it alone answers for all.
TEST(OutQueue, AnswersForWhatItKeeps) {
  Ledger ledger;
  OutQueue one;
  OutQueue other;
  const std::size_t size = 1'000'000;
  {
    const Chunk shared = Chunk::copy(std::string(size, 's'), &ledger);
    one.push(shared);
    other.push(shared);
  }
  EXPECT_EQ(one.bookkeeping(), 0U);
  one.consume(size - 10'000);
  other.consume(size - 10'000);
  EXPECT_EQ(one.bytes() + one.bookkeeping(), size / 2);
  other.clear();
  EXPECT_EQ(one.bytes() + one.bookkeeping(), size);
}

// The kernel may be reading it.
TEST(OutQueue, WhatIsHeldStays) {
  Ledger ledger;
  Arena arena(&ledger);
  OutQueue queue;
  const auto push = [&](const std::string& text) {
    queue.append(arena, text);
    arena.write("somebody else's");
  };
  for (const char* text : {"one ", "two ", "three "}) push(text);
  const std::vector<Bytes> before = parts_of(queue);
  queue.hold();
  push("four ");
  queue.settle_behind(&ledger);
  push("five ");
  queue.settle_behind(&ledger);
  std::vector<Bytes> after = parts_of(queue);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(after.at(i).data(), before.at(i).data());
  queue.settle(&ledger);
  EXPECT_EQ(all(queue), "one two three four five ");
  after = parts_of(queue);
  for (std::size_t i = 0; i < after.size(); ++i) EXPECT_NE(after[i].data(), before.at(i).data());
  // From then on what follows is settled at once, and what was is not moved.
  queue.hold();
  push("six ");
  queue.settle_behind(&ledger);
  arena.release();
  EXPECT_EQ(all(queue), "one two three four five six ");
  EXPECT_EQ(parts_of(queue).at(1).data(), after.at(1).data());
  EXPECT_LT(ledger.output(), 2'000 + static_cast<std::int64_t>(Arena::kChunkSize));
  queue.clear();
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
