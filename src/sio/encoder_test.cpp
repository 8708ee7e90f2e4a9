#include "sio/encoder.hpp"

#include <gtest/gtest.h>

namespace socketio::sio {
namespace {

std::string all(const Encoded& packet) {
  return std::string(packet.head) + std::string(packet.body);
}

// covers siop/parser: encodes disconnection
// covers siop/parser: encodes an event
// covers siop/parser: encodes an event (with ack)
// covers siop/parser: encodes an ack
// covers siop/parser: encodes an connect error
TEST(Encoder, Packets) {
  Encoder encoder;
  Writer& event = encoder.begin_event("foo");
  event.integer(1);
  event.string("é\"");
  EXPECT_EQ(all(encoder.finish(PacketType::event, "/", {}, 10)), "2[\"foo\",1,\"é\\\"\"]");
  encoder.begin_event("bar");
  EXPECT_EQ(all(encoder.finish(PacketType::event, "/admin", {}, 10)), "2/admin,[\"bar\"]");
  encoder.begin_event("foo");
  EXPECT_EQ(all(encoder.finish(PacketType::event, "/admin", 13, 10)), "2/admin,13[\"foo\"]");
  encoder.begin_ack();
  EXPECT_EQ(all(encoder.finish(PacketType::ack, "/", 12, 10)), "312[]");
  encoder.begin_ack().raw("1,\"2\",{\"3\":[false]}");
  EXPECT_EQ(all(encoder.finish(PacketType::ack, "/", 456, 10)), "3456[1,\"2\",{\"3\":[false]}]");
  encoder.begin_event("m").raw("1,\"two\"");
  EXPECT_EQ(all(encoder.finish(PacketType::event, "/", {}, 10)), "2[\"m\",1,\"two\"]");
  encoder.begin_value();
  EXPECT_EQ(all(encoder.finish(PacketType::disconnect, "/", {}, 0)), "1");
  encoder.begin_value();
  EXPECT_EQ(all(encoder.finish(PacketType::disconnect, "/admin", {}, 0)), "1/admin,");
  encoder.begin_value().string("no");
  EXPECT_EQ(all(encoder.finish(PacketType::connect_error, "/", {}, 0)), "4\"no\"");
  encoder.begin_event("max");
  EXPECT_EQ(all(encoder.finish(PacketType::event, "/", kMaxAckId, 10)),
            "29007199254740991[\"max\"]");
}

// covers siop/buffer: encodes a Buffer
// covers siop/buffer: encodes a nested Buffer
// covers siop/buffer: encodes a binary ack with Buffer
// covers siop/arraybuffer: encodes an ArrayBuffer
// covers siop/arraybuffer: encodes a TypedArray
TEST(Encoder, Attachments) {
  Encoder encoder;
  Writer& event = encoder.begin_event("baz");
  event.binary("one");
  event.begin_object();
  event.key("deep");
  event.binary("two");
  event.end_object();
  const Encoded packet = encoder.finish(PacketType::event, "/admin", 7, 10);
  EXPECT_EQ(all(packet),
            "52-/admin,7[\"baz\",{\"_placeholder\":true,\"num\":0},"
            "{\"deep\":{\"_placeholder\":true,\"num\":1}}]");
  ASSERT_EQ(packet.attachments.size(), 2U);
  EXPECT_EQ(packet.attachments[0], "one");
  EXPECT_EQ(packet.attachments[1], "two");
  encoder.begin_ack().binary("x");
  EXPECT_EQ(all(encoder.finish(PacketType::ack, "/", 15, 10)),
            "61-15[{\"_placeholder\":true,\"num\":0}]");
}

TEST(Encoder, OneAttachmentTooMany) {
  Encoder encoder;
  for (const int count : {10, 11}) {
    Writer& event = encoder.begin_event("b");
    for (int i = 0; i < count; ++i) event.binary("x");
    const Encoded packet = encoder.finish(PacketType::event, "/", {}, 10);
    EXPECT_EQ(packet.head.empty(), count == 11);
    EXPECT_EQ(static_cast<bool>(Encoder::share(packet, nullptr).text), count == 10);
  }
  // And the encoder goes on.
  encoder.begin_event("a");
  EXPECT_EQ(all(encoder.finish(PacketType::event, "/", {}, 10)), "2[\"a\"]");
}

TEST(Encoder, SharedPacketsKnowTheirBody) {
  base::Ledger ledger;
  {
    Encoder encoder;
    Writer& event = encoder.begin_event("b");
    event.binary("bytes");
    const SharedPacket packet =
        Encoder::share(encoder.finish(PacketType::event, "/a[1-2]", 3, 10), &ledger);
    EXPECT_EQ(packet.text.payload(), "51-/a[1-2],3[\"b\",{\"_placeholder\":true,\"num\":0}]");
    EXPECT_EQ(packet.body(), "[\"b\",{\"_placeholder\":true,\"num\":0}]");
    ASSERT_EQ(packet.attachments.size(), 1U);
    EXPECT_EQ(packet.attachments[0].payload(), "bytes");
    EXPECT_GT(ledger.output(), 0);
  }
  EXPECT_EQ(ledger.output(), 0);
}

}  // namespace
}  // namespace socketio::sio
