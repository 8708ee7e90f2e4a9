#include "eio/packet.hpp"

#include <string>

#include <gtest/gtest.h>

namespace socketio::eio {
namespace {

TEST(Packet, EveryTypeIsADigit) {
  for (char digit = '0'; digit <= '6'; ++digit) {
    std::string text{digit, 'x', 'y'};
    const auto packet = parse_packet(text);
    ASSERT_TRUE(packet);
    EXPECT_EQ(static_cast<int>(packet->type), digit - '0');
    EXPECT_FALSE(packet->binary);
    EXPECT_EQ(base::as_bytes(packet->data), "xy");
  }
}

TEST(Packet, ADigitAloneHasNoData) {
  std::string text = "4";
  EXPECT_TRUE(parse_packet(text)->data.empty());
}

TEST(Packet, ABinaryMessageMayComeAsText) {
  std::string text = "bAQID";
  const auto packet = parse_packet(text);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->type, PacketType::message);
  EXPECT_TRUE(packet->binary);
  EXPECT_EQ(base::as_bytes(packet->data), "\x01\x02\x03");
  std::string empty = "b";
  EXPECT_TRUE(parse_packet(empty)->binary);
}

TEST(Packet, EmptyAndUnknownAreRefused) {
  for (std::string text : {"", "7", "9", "a", "b=AQ", "b~~~~", " 4", "/"})
    EXPECT_FALSE(parse_packet(text));
  std::string nul("\0", 1);
  EXPECT_FALSE(parse_packet(nul));
}

TEST(Packet, TransportsHaveNames) {
  EXPECT_EQ(name(Transport::polling), "polling");
  EXPECT_EQ(name(Transport::websocket), "websocket");
}

}  // namespace
}  // namespace socketio::eio
