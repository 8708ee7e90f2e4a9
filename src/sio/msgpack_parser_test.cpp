#include "sio/msgpack_parser.hpp"

#include <random>

#include <gtest/gtest.h>

#include <socketio/event.hpp>

#include "sio/decoder.hpp"
#include "sio/encoder.hpp"
#include "sio/testing.hpp"
#include "value/msgpack_testing.hpp"

namespace socketio::sio {
namespace {

using testing::Lines;
using testing::raw;
using testing::World;
using value::testing::from_hex;
using value::testing::packed;
using value::testing::to_hex;

Value event(std::initializer_list<Value> data) {
  return Value::object({{"type", 2}, {"data", Value::array(data)}, {"nsp", "/"}});
}

// What a packet is read as: "<type> <nsp> [<id>] <payload>", or "!" and the error.
std::string read(base::Bytes bytes, bool binary = true) {
  MsgpackReader reader;
  Decoded out;
  reader.on_message(bytes, binary, {}, out);
  if (out.status == Decoded::Status::error) return "!" + std::string(out.error);
  std::string text = std::to_string(static_cast<int>(out.type)) + " " + std::string(out.nsp);
  if (out.id) text += " " + std::to_string(*out.id);
  if (out.has_payload) text += " " + raw(reader.root());
  EXPECT_EQ(out.has_payload, reader.root().exists());
  return text;
}

std::string write(PacketType type, base::Bytes nsp, std::optional<std::uint64_t> id,
                  const Value& data) {
  Encoder encoder(parser::message_pack());
  if (const auto* items = data.get_if<Array>()) {
    Writer& writer = encoder.begin_ack();
    for (const Value& item : *items) item.write(writer);
  } else {
    Writer& writer = encoder.begin_value();
    if (!data.is_null()) data.write(writer);
  }
  const Encoded packet = encoder.finish(type, nsp, id, 0);
  EXPECT_TRUE(packet.can_be_sent());
  EXPECT_EQ(packet.messages.size(), 1U);
  EXPECT_TRUE(packet.messages[0].binary);
  return std::string(packet.messages[0].bytes);
}

// Recorded from socket.io-msgpack-parser 3.0.2, and from what socket.io-client 4.8 sends with it.
TEST(MsgpackParser, WhatTheOfficialClientSends) {
  EXPECT_EQ(read(from_hex("83a47479706500a46461"
                          "7461d40000a36e7370a12f")),
            "0 /");
  EXPECT_EQ(read(from_hex("82a47479706500a36e7370a12f")), "0 /");
  EXPECT_EQ(read(from_hex("85a47479706502a46461746191a161a76f7074696f6e7381a8636f6d7072657373c3"
                          "a2696400a36e7370a22f78")),
            "2 /x 0 [\"a\"]");
  EXPECT_EQ(read(from_hex("82a47479706501a36e7370a12f")), "1 /");
}

TEST(MsgpackParser, WhatTheOfficialServerWouldSend) {
  EXPECT_EQ(to_hex(write(PacketType::event, "/x", 0, Value::array({"a"}))),
            "84a47479706502a46461746191a161a2696400a36e7370a22f78");
  EXPECT_EQ(to_hex(write(PacketType::event, "/", {}, Value::array({"a", Binary("\xff")}))),
            "83a47479706502a46461746192a161c401ffa36e7370a12f");
  EXPECT_EQ(to_hex(write(PacketType::ack, "/", 7, Value::array({}))),
            "84a47479706503a46461746190a2696407a36e7370a12f");
  EXPECT_EQ(to_hex(write(PacketType::connect, "/", {}, Value::object({{"sid", "x"}}))),
            "83a47479706500a46461746181a3736964a178a36e7370a12f");
  EXPECT_EQ(to_hex(write(PacketType::connect_error, "/", {}, "no")),
            "83a47479706504a464617461a26e6fa36e7370a12f");
  EXPECT_EQ(to_hex(write(PacketType::disconnect, "/", {}, nullptr)), "82a47479706501a36e7370a12f");
}

// Reliability table M, and the checks of the reference in their order.
TEST(MsgpackParser, Table) {
  const auto with = [](std::string_view key, Value value) {
    Value packet = event({"echo", 1});
    packet[key] = std::move(value);
    return packed(packet);
  };
  struct Row {
    const char* id;
    std::string bytes;
    const char* result;
  };
  const char* kParse = "!Could not parse";
  const std::string head = from_hex("83a47479706502a36e7370a12fa464617461");  // …"data":
  const Row rows[] = {
      {"M01", "", kParse},
      {"M02", "\xc1", kParse},
      {"M03", head + from_hex("ddffffffff"), kParse},
      {"M04", head + from_hex("dfffffffff"), kParse},
      {"M05", head + from_hex("c6ffffffff"), kParse},
      {"M06", head + from_hex("dbffffffff"), kParse},
      {"M07", head + std::string(20'000, '\x91'), kParse},
      {"M08", packed(event({"echo", 1})), "2 / [\"echo\",1]"},
      {"M09", head + from_hex("91a46563686f").substr(0, 5), kParse},
      {"M10", packed(event({"connect"})), "!invalid payload"},
      {"M10", packed(event({"disconnecting"})), "!invalid payload"},
      {"M11", with("data", Value::object({})), "!invalid payload"},
      {"M12", packed(event({})), "!invalid payload"},
      {"M13", with("type", 99), "!invalid packet type"},
      {"M14", with("type", "x"), "!invalid packet type"},
      {"M15", with("nsp", 1), "!invalid namespace"},
      {"M16", with("id", -1), "!invalid packet id"},
      {"M17", head + from_hex("92a46563686fd47f05"), "2 / (binary)"},
      {"M18", head + from_hex("92a46563686fc7ff00"), kParse},
      {"M19", head + from_hex("92a46563686fa2c328"), kParse},
      {"M20", packed(event({"echo"})) + "trailing", "!trailing bytes"},
      {"M22", packed(event({"echo", ~std::uint64_t{0}})), "2 / [\"echo\",18446744073709551615]"},
      {"M23", head + from_hex("92a46563686fcb7ff8000000000000"), "2 / [\"echo\",null]"},
      {"M24", packed(event({"echo", Value::object({{"__proto__", 1}})})),
       "2 / [\"echo\",{\"__proto__\":1}]"},
      {"-", "\x90", "!invalid packet type"},
      {"-", "\xc0", "!invalid packet type"},
      {"-", "\x80", "!invalid packet type"},
      {"-", with("type", -1), "!invalid packet type"},
      {"-", with("type", 5), "!invalid packet type"},
      {"-", with("type", 2.5), "!invalid packet type"},
      {"-", with("nsp", nullptr), "!invalid namespace"},
      {"-", with("nsp", ""), "!invalid namespace"},
      {"-", with("nsp", "x"), "!invalid namespace"},
      {"-", with("id", nullptr), "2 / [\"echo\",1]"},
      {"-", with("id", 0), "2 / 0 [\"echo\",1]"},
      {"-", with("id", 1.5), "!invalid packet id"},
      {"-", with("id", "1"), "!invalid packet id"},
      {"-", with("id", kMaxAckId), "2 / 9007199254740991 [\"echo\",1]"},
      {"-", with("id", kMaxAckId + 1), "!invalid packet id"},
      {"-", with("data", nullptr), "!invalid payload"},
      {"-", with("data", "echo"), "!invalid payload"},
      {"-", packed(event({nullptr})), "!invalid payload"},
      {"-", packed(event({7, 1})), "2 / [7,1]"},
      {"-", with("options", Value::array({1, 2})), "2 / [\"echo\",1]"},
      {"-", with("type", 3), "3 / [\"echo\",1]"},
      {"-", with("type", 0), "!invalid payload"},
      {"-", with("type", 1), "!invalid payload"},
      {"-", with("type", 4), "!invalid payload"},
      {"-", packed(Value::object({{"type", 4}, {"nsp", "/"}, {"data", "no"}})), "4 / \"no\""},
      {"-", packed(Value::object({{"type", 4}, {"nsp", "/"}})), "!invalid payload"},
      {"-", packed(Value::object({{"type", 3}, {"nsp", "/"}, {"id", 1}})), "!invalid payload"},
      {"-",
       packed(Value::object({{"nsp", "/a"}, {"data", Value::object({{"t", 1}})}, {"type", 0}})),
       "0 /a {\"t\":1}"},
  };
  for (const Row& row : rows) EXPECT_EQ(read(row.bytes), row.result) << row.id << to_hex(row.bytes);
  EXPECT_EQ(read("2[\"echo\"]", false), "!Could not parse") << "M21";
}

TEST(MsgpackParser, DepthIsThatOfJson) {
  const std::string head = from_hex("83a47479706502a36e7370a12fa46461746192a161");
  EXPECT_EQ(read(head + std::string(511, '\x91') + '\x90').front(), '2');
  EXPECT_EQ(read(head + std::string(512, '\x91') + '\x90'), "!Could not parse");
}

TEST(MsgpackParser, RandomPacketsComeBack) {
  std::mt19937_64 random(11);
  Encoder encoder(parser::message_pack());
  MsgpackReader reader;
  for (int i = 0; i < 500; ++i) {
    Array data{value::testing::random_text(random) + "!"};
    for (auto n = random() % 20; n > 0; --n)
      data.push_back(value::testing::random_value(random, 4));
    const std::string nsp = "/" + value::testing::random_text(random);
    std::optional<std::uint64_t> id;
    if (random() % 2 == 0) id = random() % (kMaxAckId + 1);
    Writer& writer = encoder.begin_event(data[0].to_string());
    for (std::size_t k = 1; k < data.size(); ++k) data[k].write(writer);
    // As an emit with an acknowledgement does: once to see whether it can be sent, then with its
    // id.
    encoder.finish(PacketType::event, nsp, std::nullopt, 0);
    const Encoded packet = encoder.finish(PacketType::event, nsp, id, 0);
    Decoded out;
    reader.on_message(packet.messages[0].bytes, true, {}, out);
    ASSERT_EQ(out.status, Decoded::Status::packet) << out.error;
    EXPECT_EQ(out.nsp, nsp);
    EXPECT_EQ(out.id, id);
    EXPECT_EQ(out.event, data[0].to_string());
    ASSERT_EQ(Value::read(reader.root()), Value(data));
  }
}

// -- With the core.

std::string packet(Value packet) {
  return packed(packet);
}

class MsgpackCore : public ::testing::Test {
 protected:
  std::size_t join(base::Bytes nsp = "/") {
    const std::size_t peer = world.connect();
    world.binary(peer, packet(Value::object({{"type", 0}, {"nsp", nsp}})));
    world.received(peer);
    world.log.clear();
    return peer;
  }
  // Of the messages a peer got, each binary and one packet.
  Lines received(std::size_t peer) {
    Lines out;
    for (const std::string& message : world.received(peer)) {
      const bool binary = message.starts_with('<');
      out.push_back(binary ? read(message.substr(1, message.size() - 2)) : message);
    }
    return out;
  }
  World world{1, parser::message_pack()};
};

TEST_F(MsgpackCore, ConnectsAndIsRefused) {
  const std::size_t peer = world.connect();
  world.handler = [&](const Event& event) {
    if (event.kind != EventKind::connecting) return;
    EXPECT_EQ(world.core().get(event.socket)->auth->value().to_json(), "{\"token\":\"123\"}");
  };
  world.binary(peer,
               packet(Value::object(
                   {{"type", 0}, {"nsp", "/"}, {"data", Value::object({{"token", "123"}})}})));
  EXPECT_EQ(world.take_log(), Lines{"0 connecting /"});
  EXPECT_EQ(received(peer), Lines{"0 / {\"sid\":\"" + world.id(peer) + "\"}"});
  world.handler = nullptr;
  world.binary(peer, packet(Value::object({{"type", 0}, {"nsp", "/nope"}})));
  EXPECT_EQ(received(peer), Lines{"4 /nope {\"message\":\"Invalid namespace\"}"});
  world.accept_all = false;
  const std::size_t other = world.connect();
  world.binary(other, packet(Value::object({{"type", 0}, {"nsp", "/"}})));
  world.core().refuse(world.socket(other)->self, "no", Value::object({{"why", Value::array({1})}}));
  world.settle();
  EXPECT_EQ(received(other), Lines{"4 / {\"message\":\"no\",\"data\":{\"why\":[1]}}"});
}

// In both directions, as the JS server has it: for the application, and for whoever decides about
// namespaces; it counts as what it takes.
TEST_F(MsgpackCore, BinaryInAuthAndInARefusal) {
  const Value auth = Value::object({{"token", Binary(std::string("\0\xff\1", 3))},
                                    {"n", Value::array({1, -1.5, Binary(""), "x", Value()})}});
  std::vector<Value> seen;
  world.handler = [&](const Event& event) {
    if (event.kind == EventKind::connecting)
      seen.push_back(world.core().get(event.socket)->auth->value());
    if (event.kind == EventKind::unknown_namespace) seen.push_back(event.auth->value());
  };
  world.accept_all = false;
  const std::size_t peer = world.connect();
  for (const char* nsp : {"/", "/nope"})
    world.binary(peer, packet(Value::object({{"type", 0}, {"nsp", nsp}, {"data", auth}})));
  EXPECT_EQ(seen, (std::vector<Value>{auth, auth}));
  EXPECT_GE(world.core().held(world.peer(peer).client), 10U);
  world.received(peer);
  world.core().refuse(world.socket(peer)->self, "no", auth);
  world.settle();
  const std::string message = world.received(peer).at(0);  // <the bytes>
  value::MsgpackDocument document;
  ASSERT_EQ(document.parse(base::Bytes(message).substr(1, message.size() - 2), 10), "");
  EXPECT_EQ(Value::read(document.root())["data"]["data"], auth);
}

TEST_F(MsgpackCore, EventsAcksAndBroadcasts) {
  const std::size_t peer = join();
  const std::size_t other = join();
  std::string rest;
  world.handler = [&](const Event& event) {
    if (event.kind != EventKind::event) return;
    rest = EventView(event.name, event.args, event.rest).raw();
    if (!event.ack_id) return;
    Encoder encoder(world.options.parser);
    encoder.begin_ack().raw(rest);
    EXPECT_TRUE(world.core().send_ack(*world.core().get(event.socket),
                                      encoder.finish(PacketType::ack, "/", event.ack_id, 0)));
  };
  world.binary(
      peer,
      packet(Value::object(
          {{"type", 2}, {"nsp", "/"}, {"id", 5}, {"data", Value::array({"chat", "hi", 2})}})));
  EXPECT_EQ(world.take_log(), Lines{"0 event chat [\"chat\",\"hi\",2] ack 5"});
  EXPECT_EQ(rest, "\"hi\",2");
  EXPECT_EQ(received(peer), Lines{"3 / 5 [\"hi\",2]"});
  world.binary(peer, packet(event({7, Binary("x")})));
  EXPECT_EQ(world.take_log(), Lines{"0 event 7 (binary)"});
  EXPECT_EQ(rest, "");

  EXPECT_EQ(world.core().broadcast(0, {}, world.packet("news", "1,[2]"), {}), 2U);
  EXPECT_EQ(received(peer), Lines{"2 / [\"news\",1,[2]]"});
  EXPECT_EQ(received(other), Lines{"2 / [\"news\",1,[2]]"});

  auto waiter = world.waiters.make("w");
  const auto id = world.core().expect_ack(*world.socket(peer), waiter, base::kNever);
  ASSERT_TRUE(id.has_value());
  EXPECT_TRUE(world.core().emit(*world.socket(peer), world.encoded("ask", {}, id), {}));
  EXPECT_EQ(received(peer), Lines{"2 / " + std::to_string(*id) + " [\"ask\"]"});
  world.binary(peer,
               packet(Value::object(
                   {{"type", 3}, {"nsp", "/"}, {"id", *id}, {"data", Value::array({"yes"})}})));
  EXPECT_EQ(world.waiters.log, Lines{"w: replied [\"yes\"]"});
}

TEST_F(MsgpackCore, DisconnectsBothWays) {
  const std::size_t peer = join();
  world.core().disconnect(*world.socket(peer), false, world.now);
  world.settle();
  EXPECT_EQ(received(peer), Lines{"1 /"});
  const std::size_t other = join();
  world.binary(other, packet(Value::object({{"type", 1}, {"nsp", "/"}})));
  EXPECT_EQ(world.take_log(), (Lines{"1 disconnecting client namespace disconnect",
                                     "1 disconnected client namespace disconnect"}));
}

TEST_F(MsgpackCore, WhatCannotBeReadEndsTheClient) {
  const std::size_t peer = join();
  world.binary(peer, "\xc1");
  EXPECT_EQ(world.take_log(), (Lines{"0 error Could not parse", "0 disconnecting forced close",
                                     "0 disconnected forced close"}));
  EXPECT_TRUE(world.peer(peer).gone);
  const std::size_t talker = join();
  world.text(talker, "2[\"chat\"]");
  EXPECT_EQ(world.take_log().front(), "1 error Could not parse");
  EXPECT_EQ(world.core().clients(), 0U);
}

// Any packets, many in any number of attachments' worth of binary: nothing is counted as one.
TEST_F(MsgpackCore, BinaryHasNoLimitOfItsOwn) {
  const std::size_t peer = join();
  Array data{"many"};
  for (int i = 0; i < 50; ++i) data.emplace_back(Binary("b"));
  world.binary(peer, packet(Value::object({{"type", 2}, {"nsp", "/"}, {"data", data}})));
  EXPECT_EQ(world.take_log(), Lines{"0 event many (binary)"});
  Encoder encoder(world.options.parser);
  Writer& writer = encoder.begin_event("many");
  for (int i = 0; i < 50; ++i) writer.binary("b");
  EXPECT_TRUE(
      world.core().emit(*world.socket(peer), encoder.finish(PacketType::event, "/", {}, 10), {}));
}

}  // namespace
}  // namespace socketio::sio
