// Nobody is served at the cost of others: however much of one client lies there to be read, its
// neighbour's turn comes after a bounded part of it.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/peer.hpp"
#include "sim/stage.hpp"

namespace socketio::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Masked, with a key of zeros.
std::string frame(const std::string& text) {
  return std::string("\x81") + static_cast<char>(0x80 | text.size()) + std::string(4, '\0') + text;
}

std::string times(int n, const std::string& text) {
  std::string all;
  for (int i = 0; i < n; ++i) all += text;
  return all;
}

class Fairness : public ::testing::Test {
 protected:
  static constexpr int kFlood = 1'000;

  void upgrade(Peer& peer, const std::string& path) {
    peer.say("GET " + path +
             " HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    stage_.run(milliseconds(5));
    ASSERT_NE(peer.got.find(" 101 "), std::string::npos) << peer.got;
  }
  // All of the flood, and where the neighbour's message came in.
  void expect_turn_within(std::size_t most) {
    stage_.run(seconds(1));
    ASSERT_EQ(seen_.size(), static_cast<std::size_t>(kFlood) + 1);
    EXPECT_LE(seen_.find('n'), most);
  }

  Stage stage_{1, ServerOptions()};
  std::string seen_;  // a letter for each message: of the flood, of the neighbour
};

TEST_F(Fairness, EventsOfATurn) {
  stage_.of("/").on_event("f", [this] { seen_ += 'f'; });
  stage_.of("/").on_event("n", [this] { seen_ += 'n'; });
  Peer flood(stage_);
  Peer neighbour(stage_);
  for (Peer* peer : {&flood, &neighbour}) {
    upgrade(*peer, "/socket.io/?EIO=4&transport=websocket");
    peer->say(frame("40"));
  }
  stage_.run(milliseconds(5));
  flood.say(times(kFlood, frame("42[\"f\"]")));
  neighbour.say(frame("42[\"n\"]"));
  expect_turn_within(256);
}

TEST_F(Fairness, MessagesOfATurn) {
  WebSocketRoute route;
  route.message = [this](const WebSocket&, std::string_view text, bool) { seen_ += text; };
  stage_.routes.websocket("/feed", std::move(route));
  Peer flood(stage_);
  Peer neighbour(stage_);
  for (Peer* peer : {&flood, &neighbour}) upgrade(*peer, "/feed");
  flood.say(times(kFlood, frame("f")));
  neighbour.say(frame("n"));
  expect_turn_within(256);
}

TEST_F(Fairness, PacketsOfAPayload) {
  stage_.of("/").on_event("f", [this] { seen_ += 'f'; });
  stage_.of("/").on_event("n", [this] { seen_ += 'n'; });
  Peer flood(stage_);
  flood.say("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n");
  stage_.run(milliseconds(5));
  const std::string sid = flood.got.substr(flood.got.find("\"sid\":\"") + 7, 20);
  const auto post = [&](const std::string& body) {
    flood.say("POST /socket.io/?EIO=4&transport=polling&sid=" + sid +
              " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n" + body);
  };
  post("40");
  Peer neighbour(stage_);
  upgrade(neighbour, "/socket.io/?EIO=4&transport=websocket");
  neighbour.say(frame("40"));
  stage_.run(milliseconds(5));
  post(times(kFlood - 1, "42[\"f\"]\x1e") + "42[\"f\"]");
  neighbour.say(frame("42[\"n\"]"));
  expect_turn_within(256);
}

// A turn reads a bounded part of what a connection has sent; the requests in them are answered in that turn.
TEST_F(Fairness, PipelinedRequestsOfATurn) {
  stage_.routes.get("/f", [this](const HttpRequest&) {
    seen_ += 'f';
    return HttpReply::text("");
  });
  stage_.routes.get("/n", [this](const HttpRequest&) {
    seen_ += 'n';
    return HttpReply::text("");
  });
  Peer flood(stage_);
  Peer neighbour(stage_);
  flood.say(times(kFlood, "GET /f HTTP/1.1\r\nHost: a\r\n\r\n"));
  neighbour.say("GET /n HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_turn_within(256);
}

}  // namespace
}  // namespace socketio::sim
