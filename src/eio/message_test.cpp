#include "eio/message.hpp"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "eio/test_peer.hpp"

namespace socketio::eio {
namespace {

base::Bytes frame_bytes(const Message& message) {
  return {message.frame().data(), message.frame().capacity()};
}

TEST(Message, TextIsOneFrameAndItsRecordLiesInIt) {
  base::Ledger ledger;
  {
    const Message message = Message::text("2[\"a\"", "]", &ledger);
    EXPECT_FALSE(message.is_binary());
    EXPECT_EQ(message.payload(), "2[\"a\"]");
    EXPECT_EQ(message.record(), "42[\"a\"]");
    EXPECT_EQ(message.record_size(), 7U);
    EXPECT_EQ(frame_bytes(message),
              "\x81\x07"
              "42[\"a\"]");
    EXPECT_EQ(message.record().data(), message.frame().data() + 2);
    EXPECT_GT(ledger.output(), 0);
  }
  EXPECT_EQ(ledger.output(), 0);
}

TEST(Message, BinaryIsRawOnWebSocketAndBase64InPolling) {
  base::Ledger ledger;
  {
    const Message message = Message::binary("\x01\x02\x03\x04", &ledger);
    EXPECT_TRUE(message.is_binary());
    EXPECT_EQ(message.payload(), "\x01\x02\x03\x04");
    EXPECT_EQ(frame_bytes(message), "\x82\x04\x01\x02\x03\x04");
    EXPECT_EQ(message.record_size(), 9U);
    const std::int64_t before = ledger.output();
    EXPECT_EQ(message.record(), "bAQIDBA==");
    EXPECT_EQ(message.record().data(), message.record().data());  // made once
    EXPECT_EQ(ledger.output(), before + 9);
  }
  EXPECT_EQ(ledger.output(), 0);
}

TEST(Message, EmptyPayloads) {
  EXPECT_EQ(frame_bytes(Message::text("", "", nullptr)),
            "\x81\x01"
            "4");
  EXPECT_EQ(frame_bytes(Message::binary("", nullptr)), base::Bytes("\x82\x00", 2));
  EXPECT_EQ(Message::binary("", nullptr).record(), "b");
}

TEST(Message, HeaderSizes) {
  for (const std::size_t size : {124U, 125U, 126U, 65534U, 65535U, 65536U}) {
    const std::string payload(size, 'x');
    const Message text = Message::text(payload, {}, nullptr);
    EXPECT_EQ(text.payload(), payload);
    EXPECT_EQ(text.record(), "4" + payload);
    const Message binary = Message::binary(payload, nullptr);
    EXPECT_EQ(binary.payload(), payload);
  }
}

TEST(Message, TooLargeIsNull) {
  char byte = 0;
  // Only the size is looked at.
  const base::Bytes huge(&byte, kMaxMessage + 1);
  EXPECT_FALSE(Message::text(huge, {}, nullptr));
  EXPECT_FALSE(Message::text("x", {&byte, kMaxMessage}, nullptr));
  EXPECT_FALSE(Message::binary(huge, nullptr));
}

TEST(Message, CopiesShareAndMovesEmpty) {
  Message a = Message::text("x", {}, nullptr);
  Message b = a;
  EXPECT_TRUE(a.frame() == b.frame());
  Message c = std::move(a);
  EXPECT_FALSE(a);  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(c);
  b = Message();
  const Message& same = c;
  c = same;
  EXPECT_EQ(c.payload(), "x");
}

TEST(Message, ThreadsMakeTheRecordOnce) {
  base::Ledger ledger;
  {
    const Message message = Message::binary(std::string(1000, 'x'), &ledger);
    std::vector<const char*> seen(4);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < seen.size(); ++i)
      threads.emplace_back([&seen, i, copy = message] { seen[i] = copy.record().data(); });
    for (std::thread& thread : threads) thread.join();
    for (const char* data : seen) EXPECT_EQ(data, seen[0]);
  }
  EXPECT_EQ(ledger.output(), 0);
}

}  // namespace
}  // namespace socketio::eio
