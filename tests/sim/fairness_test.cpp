// Nobody is served at the cost of others: however much of one client lies there to be read, its
// neighbour's turn comes after a bounded part of it.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/peer.hpp"
#include "sim/stage.hpp"
#include "ws/deflate_stream.hpp"

namespace socketio::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Masked, with a key of zeros.
std::string frame(const std::string& text) {
  return std::string("\x81") + static_cast<char>(0x80 | text.size()) + std::string(4, '\0') + text;
}

// The same, compressed.
std::string packed(const std::string& text) {
  ws::Deflater deflater(ws::kMaxWindowBits, 9, 8);
  base::TextBuffer out;
  const base::Bytes parts[] = {text};
  deflater.compress(parts, out);
  const std::size_t size = out.view().size();
  return std::string("\xc1\xfe") + static_cast<char>(size >> 8) + static_cast<char>(size & 0xff) +
         std::string(4, '\0') + std::string(out.view());
}

std::string times(int n, const std::string& text) {
  std::string all;
  for (int i = 0; i < n; ++i) all += text;
  return all;
}

std::string post(const std::string& sid, const std::string& body) {
  return "POST /socket.io/?EIO=4&transport=polling&sid=" + sid +
         " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

class Fairness : public ::testing::Test {
 protected:
  static constexpr int kFlood = 1'000;

  void upgrade(Peer& peer, const std::string& path, const std::string& more = {}) {
    peer.say("GET " + path +
             " HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
             more + "\r\n");
    stage_.run(milliseconds(5));
    ASSERT_NE(peer.got.find(" 101 "), std::string::npos) << peer.got;
  }
  // The id of a session that the peer begins over long polling.
  std::string polling_session(Peer& peer) {
    peer.say("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n");
    stage_.run(milliseconds(5));
    return peer.got.substr(peer.got.find("\"sid\":\"") + 7, 20);
  }
  // All of the flood, and where the neighbour's message came in.
  void expect_turn_within(std::size_t most) {
    stage_.run(seconds(1));
    ASSERT_EQ(seen_.size(), static_cast<std::size_t>(kFlood) + 1);
    EXPECT_LE(seen_.find('n'), most);
  }

  static ServerOptions options() {
    ServerOptions o;
    o.per_message_deflate.emplace();
    return o;
  }
  Stage stage_{1, options()};
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
  expect_turn_within(64);
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
  expect_turn_within(64);
}

TEST_F(Fairness, PacketsOfAPayload) {
  stage_.of("/").on_event("f", [this] { seen_ += 'f'; });
  stage_.of("/").on_event("n", [this] { seen_ += 'n'; });
  Peer flood(stage_);
  const std::string sid = polling_session(flood);
  flood.say(post(sid, "40"));
  Peer neighbour(stage_);
  upgrade(neighbour, "/socket.io/?EIO=4&transport=websocket");
  neighbour.say(frame("40"));
  stage_.run(milliseconds(5));
  flood.say(post(sid, times(kFlood - 1, "42[\"f\"]\x1e") + "42[\"f\"]"));
  neighbour.say(frame("42[\"n\"]"));
  expect_turn_within(64);
}

// Nor do many small ones add up.
TEST_F(Fairness, PacketsOfPayloadsOfATurn) {
  stage_.of("/").on_event("f", [this] { seen_ += 'f'; });
  stage_.of("/").on_event("n", [this] { seen_ += 'n'; });
  Peer flood(stage_);
  const std::string sid = polling_session(flood);
  flood.say(post(sid, "40"));
  Peer neighbour(stage_);
  upgrade(neighbour, "/socket.io/?EIO=4&transport=websocket");
  neighbour.say(frame("40"));
  stage_.run(milliseconds(5));
  flood.say(times(kFlood / 50, post(sid, times(49, "42[\"f\"]\x1e") + "42[\"f\"]")));
  neighbour.say(frame("42[\"n\"]"));
  expect_turn_within(2 * 64);  // the last one is begun while there is something left of the turn
}

// D10: a kilobyte that stands for a megabyte is inflated while others have their turns.
TEST_F(Fairness, InflatedBytesOfATurn) {
  std::size_t most = 0;
  WebSocketRoute route;
  route.message = [this](const WebSocket&, std::string_view text, bool) {
    seen_ += text.size() > 1 ? 'f' : 'n';
  };
  stage_.routes.websocket("/feed", std::move(route));
  stage_.of("/").on_event("f", [this] { seen_ += 'f'; });
  stage_.of("/").on_event("n", [this] { seen_ += 'n'; });
  const std::string deflate = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
  for (const bool plain : {false, true}) {
    SCOPED_TRACE(plain);
    seen_.clear();
    Peer flood(stage_);
    Peer neighbour(stage_);
    const std::string path = plain ? "/feed" : "/socket.io/?EIO=4&transport=websocket";
    upgrade(flood, path, deflate);
    upgrade(neighbour, path);
    if (!plain) {
      flood.say(frame("40"));
      neighbour.say(frame("40"));
    }
    stage_.run(milliseconds(5));
    const std::string long_text(900'000, 'x');
    const std::uint64_t before = stage_.turns();
    flood.say(times(3, packed(plain ? long_text : "42[\"f\",\"" + long_text + "\"]")));
    neighbour.say(frame(plain ? "n" : "42[\"n\"]"));
    stage_.run(seconds(1));
    EXPECT_EQ(seen_, "nfff");
    EXPECT_GE(stage_.turns() - before, 3U * 900'000 / (128 * 1024));
    most = std::max(most, stage_.turns() - before);
    EXPECT_EQ(stage_.stats().input_bytes, 0U);
  }
  EXPECT_LE(most, 40U);
}

// A turn reads a bounded part of what a connection has sent; the requests in them are answered in
// that turn.
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
  expect_turn_within(64);
}

}  // namespace
}  // namespace socketio::sim
