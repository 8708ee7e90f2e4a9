#include "eio/poll_queue.hpp"

#include <gtest/gtest.h>

#include "eio/test_peer.hpp"

namespace socketio::eio {
namespace {

TEST(PollQueue, CountsTheFramesItHolds) {
  base::Ledger ledger;
  std::optional<PollQueue> made(&ledger);
  PollQueue& queue = *made;
  EXPECT_TRUE(queue.empty());
  queue.push_text(PacketType::message, "ab", "c");
  EXPECT_EQ(queue.bytes(), 6U);
  queue.push_binary("xyz");
  EXPECT_EQ(queue.bytes(), 11U);
  EXPECT_GT(queue.bookkeeping(), 2 * (sizeof(base::Chunk) + sizeof(Message)));
  EXPECT_EQ(ledger.output(), static_cast<std::int64_t>(11U + queue.bookkeeping()));
  std::string body;
  queue.take(body, 4);
  EXPECT_EQ(body, "4abc");
  EXPECT_EQ(queue.bytes(), 5U);
  queue.take(body, 4);
  EXPECT_EQ(body, "4abcbeHl6");
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0U);
  EXPECT_EQ(ledger.output(), static_cast<std::int64_t>(queue.bookkeeping()));
  made.reset();
  EXPECT_EQ(ledger.output(), 0);
}

TEST(PollQueue, RecordsOfEverySizeClass) {
  for (const std::size_t size : {0U, 124U, 125U, 126U, 65534U, 65535U, 65536U}) {
    PollQueue queue;
    const std::string payload(size, 'x');
    queue.push_text(PacketType::message, payload, {});
    queue.push_binary(payload);
    std::string body;
    queue.take(body, 1'000'000);
    const Message binary = Message::binary(payload, nullptr);
    EXPECT_EQ(body, "4" + payload + kSeparator + std::string(binary.record()));
  }
}

TEST(PollQueue, MovesItsFramesWithoutCopying) {
  PollQueue queue;
  const Message message = Message::text("hello", {}, nullptr);
  queue.push(message);
  queue.push_binary("raw");
  Outlet outlet;
  queue.move_to(outlet.out);
  EXPECT_TRUE(queue.empty());
  std::array<base::Bytes, 1> front;
  outlet.out.gather(front);
  EXPECT_EQ(front[0].data(), message.frame().data());
  EXPECT_EQ(test::take_frames(outlet), (std::vector<std::string>{"4hello", "bin:raw"}));
}

}  // namespace
}  // namespace socketio::eio
