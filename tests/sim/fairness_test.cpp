// Nobody is served at the cost of others: however much of one client lies there to be read, its
// neighbour's turn comes after a bounded part of it.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/peer.hpp"
#include "sim/stage.hpp"
#include "support/upgrade_request.hpp"
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

// What a server's frames say, compressed or not, behind its answer to the handshake.
std::vector<std::string> messages(const std::string& got) {
  std::vector<std::string> all;
  ws::Inflater inflater(ws::kMaxWindowBits);
  base::Ledger ledger;
  for (base::Bytes rest = base::Bytes(got).substr(got.find("\r\n\r\n") + 4); !rest.empty();) {
    std::size_t head = 2;
    std::size_t size = static_cast<std::uint8_t>(rest[1]);
    if (size >= 126) {
      head = size == 126 ? 4 : 10;
      size = 0;
      for (std::size_t i = 2; i < head; ++i) size = size << 8 | static_cast<std::uint8_t>(rest[i]);
    }
    const base::Bytes payload = rest.substr(head, size);
    base::InBuffer plain;
    inflater.reset();
    if ((static_cast<std::uint8_t>(rest[0]) & 0x40) != 0) {
      EXPECT_EQ(inflater.inflate(payload, 2'000'000, plain, ledger), ws::Inflated::whole);
    }
    all.emplace_back(plain.empty() ? payload : base::as_bytes(plain.view()));
    rest.remove_prefix(head + size);
  }
  return all;
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

constexpr const char* kDeflate = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

class Fairness : public ::testing::Test {
 protected:
  static constexpr int kFlood = 1'000;
  static constexpr std::size_t kLong = 900'000;
  static constexpr std::size_t kPiece = 16 * 1024;  // of a long message, compressed in a turn

  void upgrade(Peer& peer, const std::string& path, const std::string& more = {}) {
    peer.say(test::upgrade_request(path, more));
    stage_.run(milliseconds(5));
    ASSERT_NE(peer.got.find(" 101 "), std::string::npos) << peer.got;
  }
  // The id of a session that the peer begins over long polling.
  std::string polling_session(Peer& peer) {
    peer.say("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n");
    stage_.run(milliseconds(5));
    return peer.got.substr(peer.got.find("\"sid\":\"") + 7, 20);
  }
  // With permessage-deflate; joined, unless the path is another's.
  std::unique_ptr<Peer> compressing(const std::string& path = test::kEngineSocket) {
    auto peer = std::make_unique<Peer>(stage_);
    upgrade(*peer, path, kDeflate);
    if (path == test::kEngineSocket) peer->say(frame("40"));
    stage_.run(milliseconds(5));
    return peer;
  }
  // All of the flood, and where the neighbour's message came in.
  void expect_turn_within(std::size_t most) {
    stage_.run(seconds(1));
    ASSERT_EQ(seen_.size(), static_cast<std::size_t>(kFlood) + 1);
    EXPECT_LE(seen_.find('n'), most);
  }

  static ServerOptions options() {
    ServerOptions o;
    o.per_message_deflate.emplace().max_inflate_rate = 1'000'000'000;  // see below
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
    upgrade(*peer, test::kEngineSocket);
    peer->say(frame("40"));
  }
  stage_.run(milliseconds(5));
  flood.say(times(kFlood, frame("42[\"f\"]")));
  neighbour.say(frame("42[\"n\"]"));
  expect_turn_within(64);
}

TEST(FairnessByOption, AsManyEventsOfATurnAsAreChosen) {
  for (const std::size_t most : {16U, 17U, 64U, 1'000U}) {
    ServerOptions options;
    options.limits.max_events_per_turn = static_cast<std::uint32_t>(most);
    Stage stage(1, options);
    std::string seen;
    stage.of("/").on_event("f", [&] { seen += 'f'; });
    stage.of("/").on_event("n", [&] { seen += 'n'; });
    Peer flood(stage);
    Peer neighbour(stage);
    for (Peer* peer : {&flood, &neighbour}) {
      peer->say(test::upgrade_request() + frame("40"));
      stage.run(milliseconds(5));
    }
    flood.say(times(2'000, frame("42[\"f\"]")));
    neighbour.say(frame("42[\"n\"]"));
    stage.run(seconds(1));
    ASSERT_EQ(seen.size(), 2'001U);
    // The backend may have handed out less at first.
    EXPECT_LE(seen.find('n'), most);
    EXPECT_GT(seen.find('n'), most / 2);
  }
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
    const std::string path = plain ? "/feed" : test::kEngineSocket;
    upgrade(flood, path, deflate);
    upgrade(neighbour, path);
    if (!plain) {
      flood.say(frame("40"));
      neighbour.say(frame("40"));
    }
    stage_.run(milliseconds(5));
    const std::string long_text(900'000, 'x');
    const std::uint64_t kept = stage_.stats().input_bytes;  // heads of handshakes
    const std::uint64_t before = stage_.turns();
    flood.say(times(3, packed(plain ? long_text : "42[\"f\",\"" + long_text + "\"]")));
    neighbour.say(frame(plain ? "n" : "42[\"n\"]"));
    stage_.run(seconds(1));
    EXPECT_EQ(seen_, "nfff");
    EXPECT_GE(stage_.turns() - before, 3U * 900'000 / (32 * 1024));
    most = std::max(most, stage_.turns() - before);
    EXPECT_EQ(stage_.stats().input_bytes, kept);
  }
  EXPECT_LE(most, 100U);
}

// Nor does it take more than its share of all turns together: max_inflate_rate, and 0.4 s of that
// at once. It is not taken for dead meanwhile, and nothing is done until it may go on.
TEST(InflatedBytesOfASecond, AreLimited) {
  constexpr std::size_t kRate = 200'000;
  constexpr int kMessages = 30;
  ServerOptions options;
  options.per_message_deflate.emplace().max_inflate_rate = kRate;
  options.ping_interval = milliseconds(300);
  options.ping_timeout = milliseconds(200);
  Stage stage(1, options);
  WebSocketRoute route;
  int heard = 0;
  route.message = [&heard](const WebSocket&, std::string_view, bool) { ++heard; };
  stage.routes.websocket("/feed", std::move(route));
  stage.of("/").on_event("f", [&heard] { ++heard; });
  for (const char* path : {"/feed", test::kEngineSocket}) {
    SCOPED_TRACE(path);
    heard = 0;
    Peer peer(stage);
    peer.say(test::upgrade_request(path, kDeflate) + frame("40"));
    stage.run(milliseconds(5));
    heard = 0;
    const std::uint64_t before = stage.turns();
    peer.say(times(kMessages, packed("42[\"f\",\"" + std::string(20'000, 'x') + "\"]")));
    stage.run(milliseconds(5));
    EXPECT_GE(heard, 1) << "what comes at once";
    EXPECT_LE(heard, 6);
    stage.run(seconds(1));
    EXPECT_GE(heard, 12);
    EXPECT_LE(heard, 16);
    EXPECT_LE(stage.turns() - before, 1'000U) << "and rests in between";
    // Pings go unanswered longer than ping_timeout, since the pongs are behind.
    stage.run(seconds(1));
    EXPECT_GE(heard, 22);
    peer.say(times(5, std::string("\x81\x81\0\0\0\0\x33", 7)));
    stage.run(seconds(1) + milliseconds(100));
    EXPECT_EQ(heard, kMessages + (path[1] == 'f' ? 5 : 0));
    EXPECT_FALSE(peer.ended());
  }
}

// What is sent is compressed while others have their turns, too.
TEST_F(Fairness, CompressedBytesOfATurn) {
  const std::string long_text(kLong, 'x');
  stage_.of("/").on_event("f", [this, &long_text](const Socket& socket) {
    socket.emit("a", long_text);
    socket.emit("b");
    seen_ += 'f';
  });
  stage_.of("/").on_event("n", [this] { seen_ += 'n'; });
  WebSocketRoute route;
  route.message = [this, &long_text](const WebSocket& socket, std::string_view text, bool) {
    seen_ += text;
    if (text == "n") return;
    socket.send(long_text);
    socket.send("b");
  };
  stage_.routes.websocket("/feed", std::move(route));
  for (const char* path : {test::kEngineSocket, "/feed"}) {
    SCOPED_TRACE(path);
    const bool plain = path != test::kEngineSocket;
    seen_.clear();
    const auto flood = compressing(path);
    const auto neighbour = compressing(path);
    const std::size_t heard = messages(flood->got).size();
    const std::uint64_t before = stage_.turns();
    flood->say(times(3, frame(plain ? "f" : "42[\"f\"]")));
    neighbour->say(frame(plain ? "n" : "42[\"n\"]"));
    stage_.run(seconds(1));
    EXPECT_EQ(seen_, "fnff") << "nothing is read before what it has caused is on its way";
    EXPECT_GE(stage_.turns() - before, 3 * kLong / kPiece);
    EXPECT_LE(stage_.turns() - before, 3 * kLong / kPiece + 50);
    const std::vector<std::string> got = messages(flood->got);
    ASSERT_EQ(got.size(), heard + 6);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(got[heard + 2 * i], plain ? long_text : "42[\"a\",\"" + long_text + "\"]");
      EXPECT_EQ(got[heard + 2 * i + 1], plain ? "b" : "42[\"b\"]");
    }
    EXPECT_LT(flood->got.size(), 10'000U);
    EXPECT_LE(stage_.stats().output_bytes, base::Arena::kChunkSize);
  }
}

// Many connections do not make it more.
TEST_F(Fairness, CompressedBytesOfATurnForAll) {
  const std::string long_text(kLong / 3, 'x');
  stage_.of("/").on_event("f", [&long_text](const Socket& socket) { socket.emit("a", long_text); });
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 5; ++i) peers.push_back(compressing());
  const std::uint64_t before = stage_.turns();
  for (const auto& peer : peers) peer->say(frame("42[\"f\"]"));
  stage_.run(seconds(1));
  EXPECT_GE(stage_.turns() - before, 5 * long_text.size() / kPiece);
  EXPECT_LE(stage_.turns() - before, 5 * long_text.size() / kPiece + 50);
  for (const auto& peer : peers)
    EXPECT_EQ(messages(peer->got).back(), "42[\"a\",\"" + long_text + "\"]");
}

// What many are sent is compressed once, whoever of them goes meanwhile.
TEST_F(Fairness, CompressedBytesOfABroadcast) {
  const std::string long_text(kLong, 'x');
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 20; ++i) peers.push_back(compressing());
  const std::uint64_t before = stage_.turns();
  stage_.of("/").emit("a", long_text);
  stage_.of("/").emit("b");
  stage_.run_until([&] { return stage_.turns() > before + 10; }, seconds(1));
  peers.erase(peers.begin());
  stage_.run(seconds(1));
  EXPECT_GE(stage_.turns() - before, kLong / kPiece);
  EXPECT_LE(stage_.turns() - before, kLong / kPiece + 50);
  for (const auto& peer : peers) {
    const std::vector<std::string> got = messages(peer->got);
    EXPECT_EQ(got[got.size() - 2], "42[\"a\",\"" + long_text + "\"]");
    EXPECT_EQ(got.back(), "42[\"b\"]");
  }
  EXPECT_EQ(stage_.stats().output_bytes, 0U);
}

// Who is closed gets first what was on its way; a ping that waits behind it does not count.
TEST_F(Fairness, ALongMessageBeforeTheEnd) {
  const std::string long_text(kLong, 'x');
  stage_.of("/").on_event("f", [&long_text](Socket socket) {
    socket.emit("a", long_text);
    socket.disconnect(true);
  });
  const auto peer = compressing();
  const std::size_t heard = messages(peer->got).size();
  peer->say(frame("42[\"f\"]"));
  stage_.run(seconds(1));
  const std::vector<std::string> got = messages(peer->got);
  ASSERT_GE(got.size(), heard + 1);
  EXPECT_EQ(got[heard], "42[\"a\",\"" + long_text + "\"]");
  EXPECT_LE(stage_.stats().output_bytes, base::Arena::kChunkSize);
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

// Nor do the big answers that many ask for make a turn long.
TEST_F(Fairness, BigAnswersOfATurn) {
  const std::string big(1'000'000, 'x');
  stage_.routes.get("/f", [this, &big](const HttpRequest&) {
    seen_ += 'f';
    return HttpReply::text(big);
  });
  stage_.of("/").on_event("n", [this] { seen_ += 'n'; });
  std::vector<std::unique_ptr<Peer>> flood;
  for (int i = 0; i < 50; ++i) flood.push_back(std::make_unique<Peer>(stage_));
  Peer neighbour(stage_);
  upgrade(neighbour, test::kEngineSocket);
  neighbour.say(frame("40"));
  stage_.run(milliseconds(5));
  for (const auto& peer : flood) peer->say("GET /f HTTP/1.1\r\nHost: a\r\n\r\n");
  neighbour.say(frame("42[\"n\"]"));
  stage_.run(seconds(1));
  EXPECT_EQ(seen_.size(), flood.size() + 1);
  EXPECT_LE(seen_.find('n'), 2U);
  for (const auto& peer : flood) EXPECT_GT(peer->got.size(), big.size());
}

}  // namespace
}  // namespace socketio::sim
