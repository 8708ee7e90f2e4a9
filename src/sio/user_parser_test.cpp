#include "sio/user_parser.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

#include <socketio/event.hpp>

#include "sio/testing.hpp"

namespace socketio::sio {
namespace {

using testing::Lines;
using testing::World;

// Each packet is two messages: "<type> <nsp> <id or ->" and, binary, the data's JSON or nothing
// but a dot. The word "bad" is an error, "throw" an exception, "later" never ends.
class HalvesEncoder final : public parser::Encoder {
 public:
  std::vector<parser::Message> encode(const parser::Packet& packet) override {
    if (packet.data && (*packet.data)[0].to_string() == "refuse") return {};
    if (packet.data && (*packet.data)[0].to_string() == "throw") throw std::runtime_error("no");
    if (packet.data && (*packet.data)[0].to_string() == "no text") return {{"\xff", false}};
    return {{std::to_string(static_cast<int>(packet.type)) + " " + packet.nsp + " " +
                 (packet.id ? std::to_string(*packet.id) : "-"),
             false},
            {packet.data ? packet.data->to_json() : ".", true}};
  }
};

class HalvesDecoder final : public parser::Decoder {
 public:
  parser::Decoded add(parser::MessageView message) override {
    if (message.bytes == "bad") return parser::Error{"bad word"};
    if (message.bytes == "silent") return parser::Error{};
    if (message.bytes == "throw") throw std::runtime_error("thrown");
    if (message.bytes == "throw 1") throw 1;
    if (message.bytes == "later") return parser::Incomplete{};
    if (!message.binary) {
      const std::size_t space = message.bytes.find(' ');
      const std::size_t id = message.bytes.find(' ', space + 1);
      packet_ = {};
      packet_.type = static_cast<parser::PacketType>(message.bytes[0] - '0');
      packet_.nsp = message.bytes.substr(space + 1, id - space - 1);
      if (message.bytes.substr(id + 1) != "-")
        packet_.id = std::stoull(std::string(message.bytes.substr(id + 1)));
      return parser::Incomplete{};
    }
    if (message.bytes != ".") packet_.data = Value::parse(message.bytes).value_or(Value());
    return std::move(packet_);
  }

 private:
  parser::Packet packet_;
};

// Each message is one packet, text: its type and its data.
class OneDecoder final : public parser::Decoder {
 public:
  parser::Decoded add(parser::MessageView message) override {
    parser::Packet packet;
    packet.type = static_cast<parser::PacketType>(message.bytes[0] - '0');
    if (message.bytes.size() > 1) packet.data = Value::parse(message.bytes.substr(1));
    return packet;
  }
};

class UserParserTest : public ::testing::Test {
 protected:
  void send(std::size_t peer, base::Bytes head, base::Bytes data) {
    world.text(peer, head);
    world.binary(peer, data);
  }
  std::size_t join() {
    const std::size_t peer = world_one.connect();
    world_one.text(peer, "0");
    world_one.received(peer);
    world_one.log.clear();
    return peer;
  }
  World world{1, parser::custom<HalvesEncoder, HalvesDecoder>()};
  // Connects with one message, so that more than one is what is tested.
  World world_one{1, parser::custom([] { return std::make_unique<HalvesEncoder>(); },
                                    [] { return std::make_unique<JoinThenHalves>(); })};

  class JoinThenHalves final : public parser::Decoder {
   public:
    parser::Decoded add(parser::MessageView message) override {
      if (message.bytes == "0") return parser::Packet{.type = parser::PacketType::connect};
      return rest_.add(message);
    }

   private:
    HalvesDecoder rest_;
  };
};

TEST_F(UserParserTest, PacketsBothWays) {
  World& w = world_one;
  const std::size_t peer = w.connect();
  w.text(peer, "0");
  EXPECT_EQ(w.received(peer), (Lines{"0 / -", "<{\"sid\":\"" + w.id(peer) + "\"}>"}));
  w.log.clear();
  std::string rest;
  w.handler = [&](const Event& event) {
    if (event.kind != EventKind::event) return;
    rest = EventView(event.name, event.args, event.rest).raw();
    if (!event.ack_id) return;
    Encoder encoder(w.options.parser);
    encoder.begin_ack().raw("true");
    w.core().send_ack(*w.core().get(event.socket),
                      encoder.finish(PacketType::ack, "/", event.ack_id, 10));
  };
  w.text(peer, "2 / 7");
  EXPECT_EQ(w.take_log(), Lines{});
  w.binary(peer, "[\"chat\",\"hi\",1]");
  EXPECT_EQ(w.take_log(), Lines{"0 event chat [\"chat\",\"hi\",1] ack 7"});
  EXPECT_EQ(rest, "\"hi\",1");
  EXPECT_EQ(w.received(peer), (Lines{"3 / 7", "<[true]>"}));
  EXPECT_EQ(w.core().broadcast(0, {}, w.packet("news", "[1]"), {}), 1U);
  EXPECT_EQ(w.received(peer), (Lines{"2 / -", "<[\"news\",[1]]>"}));
  w.core().disconnect(*w.socket(peer), false, w.now);
  w.settle();
  EXPECT_EQ(w.received(peer), (Lines{"1 / -", "<.>"}));
}

TEST_F(UserParserTest, WhatCannotBeSentIsNot) {
  World& w = world_one;
  const std::size_t peer = join();
  for (const char* name : {"refuse", "throw", "no text"}) {
    EXPECT_FALSE(w.encoded(name).can_be_sent()) << name;
    EXPECT_FALSE(w.core().emit(*w.socket(peer), w.encoded(name), {})) << name;
    EXPECT_EQ(w.core().broadcast(0, {}, w.packet(name), {}), 0U) << name;
  }
  EXPECT_EQ(w.received(peer), Lines{});
}

TEST_F(UserParserTest, Errors) {
  struct Row {
    const char* message;
    const char* error;
  };
  const Row rows[] = {
      {"bad", "bad word"},
      {"silent", "parser failed"},
      {"throw", "thrown"},
      {"throw 1", "parser failed"},
  };
  for (const Row& row : rows) {
    const std::size_t peer = join();
    const std::string n = std::to_string(peer);
    world_one.text(peer, row.message);
    EXPECT_EQ(world_one.take_log(),
              (Lines{n + " error " + row.error, n + " disconnecting forced close",
                     n + " disconnected forced close"}));
    EXPECT_TRUE(world_one.peer(peer).gone);
  }
}

// What a user's parser hands over has to be a packet, like everybody's.
TEST_F(UserParserTest, ShapesAreChecked) {
  struct Row {
    const char* head;
    const char* data;
    const char* error;
  };
  const Row rows[] = {
      {"2 / -", "[]", "invalid payload"},
      {"2 / -", "{}", "invalid payload"},
      {"2 / -", ".", "invalid payload"},
      {"2 / -", "[\"connect\"]", "invalid payload"},
      {"2 / -", "[null]", "invalid payload"},
      {"3 / 1", ".", "invalid payload"},
      {"1 / -", "{}", "invalid payload"},
      {"4 / -", "[]", "invalid payload"},
      {"5 / -", "[\"a\"]", "invalid packet type"},
      {"2 x -", "[\"a\"]", "invalid namespace"},
      {"2 / 9007199254740992", "[\"a\"]", "invalid packet id"},
  };
  for (const Row& row : rows) {
    const std::size_t peer = join();
    world_one.text(peer, row.head);
    world_one.binary(peer, row.data);
    EXPECT_EQ(world_one.take_log().front(), std::to_string(peer) + " error " + row.error)
        << row.head << row.data;
  }
}

TEST_F(UserParserTest, NothingInPartsBeforeConnect) {
  const std::size_t peer = world.connect();
  world.text(peer, "0 / -");
  EXPECT_TRUE(world.peer(peer).gone);
  EXPECT_EQ(world.core().clients(), 0U);
}

// As with the default parser: the client may have sent it before it heard of the disconnection.
TEST_F(UserParserTest, PartsForANamespaceTheServerHasLeftAreIgnored) {
  for (const bool told : {true, false}) {
    const std::size_t peer = join();
    world_one.core().disconnect(*world_one.socket(peer), false, world_one.now);
    if (told) world_one.settle();
    world_one.text(peer, "2 / -");
    world_one.take_log();
    world_one.binary(peer, "[\"late\"]");
    EXPECT_EQ(world_one.take_log(), Lines{});
    EXPECT_FALSE(world_one.peer(peer).gone);
  }
}

TEST_F(UserParserTest, PartsAreCounted) {
  world_one.options.max_attachments = 3;
  for (const int parts : {3, 4}) {
    const std::size_t peer = join();
    for (int i = 0; i < parts; ++i) world_one.text(peer, "later");
    EXPECT_EQ(world_one.peer(peer).gone, parts == 4);
    EXPECT_EQ(world_one.take_log().empty(), parts == 3);
  }
}

TEST_F(UserParserTest, BytesOfPartsAreCounted) {
  world_one.options.max_attachment_bytes = 10;
  const std::size_t peer = join();
  world_one.text(peer, "later");
  world_one.text(peer, "later");
  EXPECT_FALSE(world_one.peer(peer).gone);
  world_one.text(peer, "later");
  EXPECT_EQ(world_one.take_log().front(), "0 error attachments too large");
}

// For as long as the decoder may hold them.
TEST_F(UserParserTest, PartsAreInput) {
  World& w = world_one;
  const auto held = [&](std::size_t peer) { return w.core().held(w.peer(peer).client); };
  const std::size_t peer = join();
  const std::size_t other = join();
  w.text(peer, "2 / -");
  w.text(other, "later");
  w.text(other, "later");
  EXPECT_EQ(held(peer), 5U);
  EXPECT_EQ(held(other), 10U);
  EXPECT_EQ(w.ledger.input(), 15);
  w.binary(peer, "[\"chat\"]");
  EXPECT_EQ(held(peer), 0U);
  EXPECT_EQ(w.ledger.input(), 10);
  w.drop(other);
  EXPECT_EQ(w.ledger.input(), 0);
  w.text(peer, "later");
  w.text(peer, "bad");
  EXPECT_EQ(w.ledger.input(), 0);
}

TEST_F(UserParserTest, PartsHaveTheirTime) {
  const std::size_t peer = join();
  world_one.text(peer, "2 / -");
  EXPECT_EQ(world_one.core().deadline(), world_one.now + world_one.options.packet_timeout);
  world_one.advance(world_one.options.packet_timeout);
  EXPECT_EQ(world_one.take_log().front(), "0 error attachments missing");
  // And one that is complete in time has none.
  const std::size_t other = join();
  world_one.text(other, "2 / -");
  world_one.binary(other, "[\"a\"]");
  EXPECT_EQ(world_one.core().deadline(), base::kNever);
}

// One message after the other, packets that wait behind others, and clients in between.
TEST_F(UserParserTest, EachClientHasADecoder) {
  const std::size_t a = join();
  const std::size_t b = join();
  world_one.text(a, "2 / -");
  world_one.text(b, "2 / -");
  world_one.binary(a, "[\"from a\"]");
  world_one.binary(b, "[\"from b\"]");
  EXPECT_EQ(world_one.take_log(),
            (Lines{"0 event from a [\"from a\"]", "1 event from b [\"from b\"]"}));
}

TEST(UserParser, NeedsBothFunctions) {
  EXPECT_THROW(parser::custom(nullptr, [] { return std::make_unique<OneDecoder>(); }),
               std::invalid_argument);
  EXPECT_THROW(parser::custom([] { return std::make_unique<HalvesEncoder>(); }, nullptr),
               std::invalid_argument);
  // Null decoders are refused by the server; here they only fail.
  base::Ledger ledger;
  UserReader reader(nullptr, ledger);
  Decoded out;
  reader.on_message("x", false, {}, out);
  EXPECT_EQ(out.status, Decoded::Status::error);
}

}  // namespace
}  // namespace socketio::sio
