#include "sio/packet.hpp"

#include <string>

#include <gtest/gtest.h>

namespace socketio::sio {
namespace {

struct Good {
  const char* text;
  PacketType type;
  std::uint32_t attachments;
  const char* nsp;
  std::optional<std::uint64_t> id;
  const char* payload;
};

TEST(Packet, HeadersAreRead) {
  const Good table[] = {
      {"0", PacketType::connect, 0, "/", {}, ""},
      {"0/admin", PacketType::connect, 0, "/admin", {}, ""},
      {"0/admin,", PacketType::connect, 0, "/admin", {}, ""},
      {"0/admin,{\"a\":1}", PacketType::connect, 0, "/admin", {}, "{\"a\":1}"},
      {"1/admin,", PacketType::disconnect, 0, "/admin", {}, ""},
      {"212[\"foo\"]", PacketType::event, 0, "/", 12, "[\"foo\"]"},
      {"2/admin,13[\"foo\"]", PacketType::event, 0, "/admin", 13, "[\"foo\"]"},
      {"2/,[\"foo\"]", PacketType::event, 0, "/", {}, "[\"foo\"]"},
      {"207[\"foo\"]", PacketType::event, 0, "/", 7, "[\"foo\"]"},
      {"39007199254740991[]", PacketType::ack, 0, "/", kMaxAckId, "[]"},
      {"51-[\"baz\"]", PacketType::binary_event, 1, "/", {}, "[\"baz\"]"},
      {"52-/admin,3[\"baz\"]", PacketType::binary_event, 2, "/admin", 3, "[\"baz\"]"},
      {"610-15[]", PacketType::binary_ack, 10, "/", 15, "[]"},
      {"501-[\"baz\"]", PacketType::binary_event, 1, "/", {}, "[\"baz\"]"},
      {"2/admin[\"a\"]", PacketType::event, 0, "/admin[\"a\"]", {}, ""},
      {"2-1[]", PacketType::event, 0, "/", {}, "-1[]"},
  };
  for (const Good& row : table) {
    Header header;
    const base::Bytes text = row.text;
    EXPECT_EQ(parse_header(text, 10, header), "") << row.text;
    EXPECT_EQ(header.type, row.type) << row.text;
    EXPECT_EQ(header.attachments, row.attachments) << row.text;
    EXPECT_EQ(header.nsp, row.nsp) << row.text;
    EXPECT_EQ(header.id, row.id) << row.text;
    EXPECT_EQ(text.substr(header.size), row.payload) << row.text;
  }
}

TEST(Packet, BadHeadersAreNamed) {
  const std::pair<const char*, const char*> table[] = {
      {"", "unknown packet type NaN"},
      {"x", "unknown packet type NaN"},
      {" ", "unknown packet type NaN"},
      {"7", "unknown packet type 7"},
      {"8[]", "unknown packet type 8"},
      {"9", "unknown packet type 9"},
      {"5", "Illegal attachments"},
      {"5-", "Illegal attachments"},
      {"51", "Illegal attachments"},
      {"51[", "Illegal attachments"},
      {"5x-", "Illegal attachments"},
      {"5-1-", "Illegal attachments"},
      {"51.5-", "Illegal attachments"},
      {"51e1-", "Illegal attachments"},
      {"5 1-", "Illegal attachments"},
      {"50-", "Illegal attachments"},
      {"500-", "Illegal attachments"},
      {"5999999999", "Illegal attachments"},
      {"511-", "too many attachments"},
      {"5999999999-", "too many attachments"},
      {"599999999999999999999999999-", "too many attachments"},
      {"29007199254740992[]", "invalid payload"},
      {"299999999999999999999[]", "invalid payload"},
  };
  for (const auto& [text, error] : table) {
    Header header;
    EXPECT_EQ(parse_header(text, 10, header), error) << text;
  }
}

TEST(Packet, ReservedNames) {
  for (const char* name :
       {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})
    EXPECT_TRUE(reserved_event(name)) << name;
  for (const char* name :
       {"", "Connect", "connection", "error", "message", "newlistener", "__proto__", "toString"})
    EXPECT_FALSE(reserved_event(name)) << name;
}

}  // namespace
}  // namespace socketio::sio
