// A server with a parser of its user's, or with MessagePack, through the public API.
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <socketio/parser.hpp>
#include <socketio/server.hpp>

#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Client;
using test::World;

std::atomic<int> encoded{0};

// "<type><nsp>|<id or nothing>|<JSON or nothing>", one text message.
class BarEncoder final : public parser::Encoder {
 public:
  std::vector<parser::Message> encode(const parser::Packet& packet) override {
    ++encoded;
    if (packet.data && (*packet.data)[0].to_string() == "unspeakable") return {};
    return {{std::to_string(static_cast<int>(packet.type)) + packet.nsp + "|" +
                 (packet.id ? std::to_string(*packet.id) : "") + "|" +
                 (packet.data ? packet.data->to_json() : ""),
             false}};
  }
};

class BarDecoder final : public parser::Decoder {
 public:
  parser::Decoded add(parser::MessageView message) override {
    const std::string_view text = message.bytes;
    const std::size_t first = text.find('|');
    const std::size_t second = text.find('|', first + 1);
    if (message.binary || second == std::string_view::npos) return parser::Error{"no bars"};
    parser::Packet packet;
    packet.type = static_cast<parser::PacketType>(text[0] - '0');
    packet.nsp = text.substr(1, first - 1);
    if (second > first + 1)
      packet.id = std::stoull(std::string(text.substr(first + 1, second - first - 1)));
    if (second + 1 < text.size()) packet.data = Value::parse(text.substr(second + 1));
    return packet;
  }
};

ServerOptions with(Parser parser) {
  ServerOptions options;
  options.parser = std::move(parser);
  return options;
}

class ParserTest : public ::testing::Test {
 protected:
  // CONNECT and its answer.
  void join(Client& client, const std::string& auth = "") {
    client.send("0/||" + auth);
    EXPECT_TRUE(client.next().starts_with("0/||{\"sid\":\""));
  }
  World world{with(parser::custom<BarEncoder, BarDecoder>())};
};

TEST_F(ParserTest, EventsAndAcks) {
  world.io.on_connection([](Socket socket) { socket.emit("auth", socket.handshake().auth); });
  world.io.on_event("add", [](int a, int b) { return a + b; });
  world.io.on_event("raw", [](EventView event, Ack ack) { ack(Raw{std::string(event.raw())}); });
  Client client(world);
  join(client, R"({"token":[1]})");
  EXPECT_EQ(client.next(), R"(2/||["auth",{"token":[1]}])");
  client.send(R"(2/|7|["add",1,2])");
  EXPECT_EQ(client.next(), "3/|7|[3]");
  client.send(R"(2/|8|["raw",{"a":[true]}])");
  EXPECT_EQ(client.next(), R"(3/|8|[{"a":[true]}])");
  client.send(R"(2/|9|["add",1,"two"])");
  EXPECT_EQ(client.rest(), std::vector<std::string>{});
  ASSERT_EQ(world.errors.size(), 1U);
  EXPECT_EQ(world.errors[0].kind, ErrorReport::Kind::payload_mismatch);
}

TEST_F(ParserTest, ABroadcastIsEncodedOnce) {
  Client a(world);
  Client b(world);
  Client c(world);
  for (Client* client : {&a, &b, &c}) join(*client);
  const int before = encoded;
  EXPECT_TRUE(world.io.emit("news", 1));
  for (Client* client : {&a, &b, &c}) EXPECT_EQ(client->next(), R"(2/||["news",1])");
  EXPECT_EQ(encoded - before, 1);
}

TEST_F(ParserTest, WhatTheEncoderRefusesIsNotSent) {
  bool one = true;
  bool all = true;
  std::error_code asked;
  world.io.on_event("try", [&](Socket socket) {
    one = socket.emit("unspeakable");
    all = world.io.emit("unspeakable");
    socket.timeout(std::chrono::seconds(60)).emit("unspeakable", [&](Result<int> answer) {
      asked = answer.error();
    });
    return true;
  });
  Client client(world);
  join(client);
  client.send(R"(2/|1|["try"])");
  EXPECT_EQ(client.next(), "3/|1|[true]");
  EXPECT_FALSE(one);
  EXPECT_FALSE(all);
  EXPECT_EQ(asked, make_error_code(Errc::too_many));
  ASSERT_EQ(world.errors.size(), 3U);
  for (const ErrorReport& error : world.errors) {
    EXPECT_EQ(error.kind, ErrorReport::Kind::send_refused);
    EXPECT_EQ(error.message, "the parser made no messages of it");
    EXPECT_EQ(error.event, "unspeakable");
  }
}

TEST(Parsers, WhatCannotBeSaidIsReportedWithRecoveryToo) {
  ServerOptions options = with(parser::custom<BarEncoder, BarDecoder>());
  options.connection_state_recovery.emplace();
  World world(options);
  Client client(world);
  client.send("0/||");
  EXPECT_TRUE(client.next().starts_with("0/||{\"sid\":\""));
  EXPECT_FALSE(world.io.emit("unspeakable"));
  ASSERT_EQ(world.errors.size(), 1U);
  EXPECT_EQ(world.errors[0].kind, ErrorReport::Kind::send_refused);
  EXPECT_EQ(world.errors[0].message, "the parser made no messages of it");
}

TEST_F(ParserTest, TheErrorsTextReachesTheSocket) {
  std::vector<std::string> seen;
  world.io.on_connection([&seen](Socket socket) {
    socket.on_error([&seen](std::string_view text) { seen.emplace_back(text); });
    socket.on_disconnect([&seen](DisconnectReason reason, std::string_view detail) {
      seen.push_back(std::string(to_string(reason)) + ": " + std::string(detail));
    });
  });
  Client client(world);
  join(client);
  client.send("gibberish");
  EXPECT_TRUE(client.wait_closed());
  EXPECT_EQ(seen, (std::vector<std::string>{"no bars", "forced close: no bars"}));
}

// Packets of two messages, but for a CONNECT.
class PairDecoder final : public parser::Decoder {
 public:
  parser::Decoded add(parser::MessageView message) override {
    if (message.bytes.starts_with("0")) return BarDecoder().add(message);
    text_ += message.bytes;
    if (text_.ends_with("|")) return parser::Incomplete{};
    return BarDecoder().add({std::exchange(text_, {}), false});
  }

 private:
  std::string text_;
};

// What their decoders keep is input as any other.
TEST(Parsers, WhoeverLeavesMostUnfinishedIsClosed) {
  ServerOptions options = with(parser::custom<BarEncoder, PairDecoder>());
  options.max_input_bytes = 100'000;
  World world(options);
  world.io.on_event("a", [] { return true; });
  Client bystander(world);
  bystander.send("0/||");
  EXPECT_TRUE(bystander.next().starts_with("0/||{\"sid\":\""));
  std::vector<std::unique_ptr<Client>> others;
  for (int i = 0; i < 20; ++i) {
    others.push_back(std::make_unique<Client>(world));
    others.back()->send("0/||");
    others.back()->send("2/" + std::string(10'000, 'x') + "|");
  }
  EXPECT_TRUE(world.until([&] { return world.io.stats().shed_clients > 0; }));
  EXPECT_LE(world.io.stats().input_bytes, options.max_input_bytes);
  bystander.send("2/|1|");
  bystander.send(R"(["a"])");
  EXPECT_EQ(bystander.next(), "3/|1|[true]");
}

TEST(ParserOption, FactoriesMakeNoNull) {
  const auto encoder = [] { return std::make_unique<BarEncoder>(); };
  const auto decoder = [] { return std::make_unique<BarDecoder>(); };
  const auto refusal = [](Parser parser) -> std::string {
    try {
      const Server server(with(std::move(parser)));
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal(parser::custom(encoder, [] { return nullptr; })),
            "socketio::ServerOptions::parser must make decoders, not null");
  EXPECT_EQ(refusal(parser::custom([] { return nullptr; }, decoder)),
            "socketio::ServerOptions::parser must make encoders, not null");
  EXPECT_EQ(refusal(parser::custom(encoder, decoder)), "");
  EXPECT_EQ(refusal(parser::json()), "");
  EXPECT_EQ(refusal(parser::message_pack()), "");
}

}  // namespace
}  // namespace socketio
