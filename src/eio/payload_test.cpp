#include "eio/payload.hpp"

#include <gtest/gtest.h>

#include "eio/test_peer.hpp"

namespace socketio::eio {
namespace {

// "4hello 2 bin:<bytes> end", or "… malformed".
std::string read(base::Bytes payload) {
  test::Input input(payload);
  PayloadReader reader(input.view());
  std::string out;
  while (true) {
    Packet packet;
    const auto status = reader.next(packet);
    if (status == PayloadReader::Status::packet) {
      out += packet.binary ? "bin:" : std::to_string(static_cast<int>(packet.type));
      out += base::as_bytes(packet.data);
      out += ' ';
      continue;
    }
    EXPECT_EQ(reader.next(packet), PayloadReader::Status::end);  // and it stays over
    return out + (status == PayloadReader::Status::end ? "end" : "malformed");
  }
}

TEST(Payload, VectorsOfTheReference) {
  EXPECT_EQ(read("4hello\x1e"
                 "2\x1e"
                 "4world"),
            "4hello 2 4world end");
  EXPECT_EQ(read("4hello\x1e"
                 "bAQIDBA=="),
            "4hello bin:\x01\x02\x03\x04 end");
  EXPECT_EQ(read("0\x1e"
                 "1\x1e"
                 "2probe\x1e"
                 "3probe\x1e"
                 "4test"),
            "0 1 2probe 3probe 4test end");
}

TEST(Payload, Base64MayBeUnpaddedOrUrlSafe) {
  EXPECT_EQ(read("bAQIDBA"), "bin:\x01\x02\x03\x04 end");
  EXPECT_EQ(read("b-_8="), "bin:\xfb\xff end");
  EXPECT_EQ(read("b+/8="), "bin:\xfb\xff end");
  EXPECT_EQ(read("b"), "bin: end");
}

TEST(Payload, MalformedEndsItButWhatCameBeforeCounts) {
  EXPECT_EQ(read(""), "malformed");                              // P21
  EXPECT_EQ(read("9"), "malformed");                             // P22
  EXPECT_EQ(read("abc"), "malformed");                           // P23
  EXPECT_EQ(read(base::Bytes("\x00\x01\xff", 3)), "malformed");  // P24
  EXPECT_EQ(read("\x1e\x1e\x1e"), "malformed");                  // P27
  EXPECT_EQ(read("4a\x1e"
                 "x\x1e"
                 "4b"),
            "4a malformed");                  // P29
  EXPECT_EQ(read("4a\x1e"), "4a malformed");  // a separator at the end
  EXPECT_EQ(read("\x1e"
                 "4a"),
            "malformed");
  EXPECT_EQ(read("4a\x1e"
                 "b!!!!\x1e"
                 "4b"),
            "4a malformed");  // P31
  EXPECT_EQ(read("bA"), "malformed");
  EXPECT_EQ(read("bAQIDBA="), "malformed");
}

TEST(Payload, ManyPacketsButNotTooMany) {
  std::string payload = "6";
  for (std::size_t i = 1; i < kMaxPacketsPerPayload; ++i)
    payload +=
        "\x1e"
        "6";
  const auto count = [](base::Bytes text) {
    test::Input input(text);
    PayloadReader reader(input.view());
    Packet packet;
    std::size_t n = 0;
    auto status = reader.next(packet);
    for (; status == PayloadReader::Status::packet; status = reader.next(packet)) ++n;
    return std::pair(n, status);
  };
  EXPECT_EQ(count(payload), std::pair(kMaxPacketsPerPayload, PayloadReader::Status::end));
  payload +=
      "\x1e"
      "6";
  EXPECT_EQ(count(payload), std::pair(kMaxPacketsPerPayload, PayloadReader::Status::malformed));
}

TEST(Payload, ReadingCanStopAndGoOn) {
  test::Input input(
      "4a\x1e"
      "4b\x1e");
  PayloadReader first(input.view());
  Packet packet;
  ASSERT_EQ(first.next(packet), PayloadReader::Status::packet);
  ASSERT_FALSE(first.over());
  PayloadReader second(first.rest(), first.packets());
  ASSERT_EQ(second.next(packet), PayloadReader::Status::packet);
  EXPECT_EQ(base::as_bytes(packet.data), "b");
  ASSERT_FALSE(second.over());
  PayloadReader third(second.rest(), second.packets());
  EXPECT_EQ(third.next(packet), PayloadReader::Status::malformed);
}

TEST(Payload, ADefaultReaderIsOver) {
  Packet packet;
  EXPECT_EQ(PayloadReader().next(packet), PayloadReader::Status::end);
}

}  // namespace
}  // namespace socketio::eio
