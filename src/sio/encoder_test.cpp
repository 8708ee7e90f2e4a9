#include "sio/encoder.hpp"

#include <gtest/gtest.h>

#include <socketio/codec.hpp>

namespace socketio::sio {
namespace {

std::string all(const Encoded& packet) {
  return std::string(packet.head) + std::string(packet.body);
}

struct Image {
  char pixel;
};

std::string png(const Image& image) {
  return std::string(1000, image.pixel);
}

}  // namespace
}  // namespace socketio::sio

template <>
struct socketio::Codec<socketio::sio::Image> {
  static void write(Writer& to, const sio::Image& image) { to.binary(png(image)); }
};

namespace socketio::sio {
namespace {

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

// What a Codec makes while it writes is gone when the packet is made, unless the encoder keeps it.
TEST(Encoder, AttachmentsThatWereMadeWhileWriting) {
  const std::string pngs[] = {png({'a'}), png({'b'}), png({'c'})};
  Encoder encoder;
  Writer& event = encoder.begin_event("two");
  encode(event, Image{'a'});
  encode(event, Image{'b'});
  const Encoded packet = encoder.finish(PacketType::event, "/", {}, 10);
  ASSERT_EQ(packet.attachments.size(), 2U);
  EXPECT_EQ(packet.attachments[0], pngs[0]);
  EXPECT_EQ(packet.attachments[1], pngs[1]);
  encode(encoder.begin_ack(), Image{'c'});
  const Encoded ack = encoder.finish(PacketType::ack, "/", 1, 10);
  ASSERT_EQ(ack.attachments.size(), 1U);
  EXPECT_EQ(ack.attachments[0], pngs[2]);
  encoder.begin_event("none");
  EXPECT_EQ(all(encoder.finish(PacketType::event, "/", {}, 10)), "2[\"none\"]");
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
