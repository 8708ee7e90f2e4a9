// Hostile inputs that need time or a bad network rather than bad bytes: rows T and P of the
// catalogue, in virtual time.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/client.hpp"
#include "sim/peer.hpp"
#include "sim/stage.hpp"
#include "support/upgrade_request.hpp"

namespace socketio::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// Joins, and remembers what it heard.
class Guest final : public Listener {
 public:
  Guest(Stage& stage, const ClientScript& script, std::size_t number = 0)
      : client(stage.world, kServer, script, *this, number) {}
  void opened(Client& self) override { self.send("0"); }
  void heard(Client&, const Heard& packet) override {
    if (packet.type == '2') events.push_back(packet.payload[1].to_integer());
    if (packet.type == '3') ++answers;
  }
  void upgraded(Client&) override {}
  void ended(Client&, const std::string& why) override { reason = why; }

  Client client;
  std::vector<std::int64_t> events;
  std::size_t answers = 0;
  std::string reason;
};

class Hostile : public ::testing::TestWithParam<bool> {
 protected:
  Hostile() {
    stage_.of("/").on_connection([this](Socket socket) {
      socket.on("echo", [](int n, const Ack& ack) { ack(n); });
      sockets_.push_back(socket);
    });
    stage_.of("/").on_disconnect(
        [this](const Socket&, DisconnectReason why) { reasons_.emplace_back(to_string(why)); });
  }
  static ClientScript script() {
    ClientScript script;
    script.polling = GetParam();
    script.upgrade = false;
    return script;
  }
  void expect_nothing_left() {
    EXPECT_TRUE(stage_.run_until([this] { return stage_.stats().connections == 0; }, minutes(3)));
    EXPECT_EQ(stage_.shard->sessions(), 0U);
    EXPECT_EQ(stage_.stats().input_bytes, 0U);
    EXPECT_EQ(stage_.stats().output_bytes, 0U);
  }
  Stage stage_{1, ServerOptions()};
  std::vector<Socket> sockets_;
  std::vector<std::string> reasons_;
};
std::string transport(const ::testing::TestParamInfo<bool>& given) {
  return given.param ? "polling" : "websocket";
}
INSTANTIATE_TEST_SUITE_P(Both, Hostile, ::testing::Bool(), transport);

// T12: it lives, by a byte a second, but the ping never gets to it.
TEST_P(Hostile, AByteASecond) {
  ClientScript slow = script();
  slow.link.window = 2'000;
  Guest guest(stage_, slow);
  Guest other(stage_, script(), 1);
  stage_.run(seconds(1));
  ASSERT_EQ(sockets_.size(), 2U);
  guest.client.read_slowly(1, seconds(1));
  for (int i = 0; i < 200; ++i) stage_.of("/").emit("e", i, std::string(1'000, 'x'));
  stage_.run(minutes(1));
  EXPECT_EQ(reasons_, std::vector<std::string>{"ping timeout"});
  EXPECT_EQ(other.events.size(), 200U);
  EXPECT_EQ(stage_.stats().clients, 1U);
}

// T17, T18: a network and a kernel that take and give a byte at a time change nothing.
TEST_P(Hostile, AByteAtATime) {
  ClientScript slow = script();
  slow.link.segment = 1;
  slow.link.short_read = 1;
  slow.link.short_write = 1;
  slow.link.held_send = 2;
  slow.link.latency = std::chrono::microseconds(1);
  Guest guest(stage_, slow);
  stage_.run(minutes(1));
  ASSERT_EQ(sockets_.size(), 1U);
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(sockets_[0].emit("e", i, "text"));
    guest.client.send("2" + std::to_string(i) + "[\"echo\"," + std::to_string(i) + "]");
  }
  stage_.run(minutes(2));
  std::vector<std::int64_t> all;
  for (int i = 0; i < 20; ++i) all.push_back(i);
  EXPECT_EQ(guest.events, all);
  EXPECT_EQ(guest.answers, 20U);
  EXPECT_EQ(guest.reason, "");
}

// What is long leaves in the middle of a turn, and the kernel reads it with the next one; between
// the two a program that embeds the loop emits to somebody else.
TEST_P(Hostile, AnEmitBetweenTheSendAndTheKernel) {
  ClientScript held = script();
  held.link.held_send = 1;
  Guest guest(stage_, held);
  Guest other(stage_, script(), 1);
  stage_.run(seconds(1));
  ASSERT_EQ(sockets_.size(), 2U);
  stage_.of("/").on_event("long", [this](const Socket& socket) {
    EXPECT_TRUE(socket.emit("e", 1, "before"));
    EXPECT_TRUE(socket.emit("e", 2, std::string(40'000, 'x')));
    EXPECT_TRUE(socket.emit("e", 3, "behind"));
    stage_.world.in(base::Duration(1), [this, own = std::string(socket.id())] {
      for (const Socket& one : sockets_) {
        if (one.id() != own) {
          EXPECT_TRUE(one.emit("e", 4, "for another"));
        }
      }
    });
  });
  guest.client.send("2[\"long\"]");
  stage_.run(seconds(1));
  EXPECT_EQ(guest.events, (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(other.events, std::vector<std::int64_t>{4});
  EXPECT_EQ(guest.reason, "");
}

// T18: the peer is gone in the middle of what is being sent, at every byte of it.
TEST_P(Hostile, GoneWhileSending) {
  for (std::size_t at = 1; at < 60; ++at) {
    ClientScript narrow = script();
    narrow.link.window = 400 + at;
    Guest guest(stage_, narrow, at);
    stage_.run(milliseconds(50));
    ASSERT_EQ(sockets_.size(), at);
    EXPECT_TRUE(sockets_.back().emit("e", 1, std::string(1'000, 'x')));
    stage_.run(milliseconds(1));
    guest.client.kill();
    stage_.run(milliseconds(50));
  }
  EXPECT_EQ(reasons_.size(), 59U);
  for (const std::string& reason : reasons_)
    EXPECT_TRUE(reason.starts_with("transport ")) << reason;
  expect_nothing_left();
}

// P52: without max_handshakes_per_address there is no limit of them; those nobody follows up go
// with their ping timeout and leave nothing behind.
TEST_P(Hostile, HandshakesWithoutEnd) {
  Guest guest(stage_, ClientScript{});
  for (int minute = 0; minute < 3; ++minute) {
    for (int i = 0; i < 2'000; ++i) {
      Peer peer(stage_);
      peer.say("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n");
      stage_.run(milliseconds(29));
      EXPECT_NE(peer.got.find("\"sid\""), std::string::npos);
    }
    // 45 s of them, at most.
    EXPECT_LE(stage_.stats().clients, 1'600U);
  }
  guest.client.send("27[\"echo\",1]");
  stage_.run(minutes(2));
  EXPECT_EQ(guest.answers, 1U);
  EXPECT_EQ(stage_.stats().clients, 1U);
}

// A masked frame; the mask is zero.
std::string frame(char opcode, const std::string& payload, bool last = true) {
  std::string bytes{static_cast<char>((last ? 0x80 : 0) | opcode)};
  if (payload.size() < 126) {
    bytes += static_cast<char>(0x80 | payload.size());
  } else {
    bytes += '\xFE';
    bytes += static_cast<char>(payload.size() >> 8);
    bytes += static_cast<char>(payload.size() & 0xFF);
  }
  return bytes.append(4, '\0').append(payload);
}

// What a shard with connections keeps, however many they are.
constexpr std::uint64_t kShardsOwn = 65'536;

// ws 8.22: pongs were queued without end for a peer that pings and does not read.
TEST(HostileAdvisories, PongsThatNobodyReadsAreBounded) {
  constexpr std::size_t kPings = 20'000;
  Stage stage(1, ServerOptions());
  Peer peer(stage);
  peer.say(test::upgrade_request() + frame(1, "40"));
  stage.run(milliseconds(1));
  ASSERT_NE(peer.got.find("40{"), std::string::npos);
  peer.got.clear();
  peer.stop_reading();
  // As many bytes of pongs as the network takes, and then as many pongs as the limit is.
  constexpr std::size_t kPong = 2 + 125;
  const std::string ping = frame(9, std::string(125, 'p'));
  std::string pings;
  for (std::size_t i = 0; i < kPings; ++i) pings += ping;
  std::size_t sent = 0;
  const auto send = [&] {
    const std::int64_t n = stage.world.send(peer.fd(), base::Bytes(pings).substr(sent));
    if (n > 0) sent += static_cast<std::size_t>(n);
    stage.run(milliseconds(1));
    return n > 0;
  };
  std::uint64_t most = 0;
  while (send()) most = std::max(most, stage.stats().output_bytes);
  EXPECT_LT(sent, pings.size()) << "reading has paused";
  const std::uint64_t held = stage.options().limits.max_pending_pongs * kPong;
  EXPECT_LE(most, held + 72 * std::uint64_t{1024}) << "and a read's worth";
  // None is missing in the end.
  peer.read_again();
  for (std::size_t i = 0; i < kPings && peer.got.size() < kPings * kPong; ++i) send();
  EXPECT_EQ(sent, pings.size());
  EXPECT_EQ(peer.got.size(), kPings * kPong);
  EXPECT_LE(stage.stats().output_bytes, kShardsOwn);
}

// ws 8.23: after its first frame an idle connection kept the chunk that frame had come in.
TEST(HostileAdvisories, AnIdleConnectionKeepsNothingOfItsFrames) {
  Stage stage(1, ServerOptions());
  std::size_t heard = 0;
  stage.of("/").on_event("e", [&heard](const std::string&) { ++heard; });
  std::vector<std::unique_ptr<Peer>> peers;
  for (const std::size_t size : {1U, 100U, 5'000U, 60'000U}) {
    const std::string event = "42[\"e\",\"" + std::string(size, 'x') + "\"]";
    const std::string whole = frame(1, event);
    const std::string parts =
        frame(1, event.substr(0, 5), false) + frame(9, "") + frame(0, event.substr(5));
    for (const std::string& bytes : {whole, parts}) {
      for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, bytes.size() / 2}) {
        peers.push_back(std::make_unique<Peer>(stage));
        peers.back()->say(test::upgrade_request() + frame(1, "40"));
        stage.run(milliseconds(1));
        const std::uint64_t heads = stage.stats().input_bytes;  // of the handshakes
        peers.back()->say(bytes.substr(0, cut));
        stage.run(milliseconds(1));
        peers.back()->say(bytes.substr(cut));
        stage.run(milliseconds(1));
        EXPECT_EQ(stage.stats().input_bytes, heads) << size << " " << cut;
        EXPECT_LE(stage.stats().output_bytes, kShardsOwn) << size << " " << cut;
      }
    }
  }
  EXPECT_EQ(heard, peers.size());
  EXPECT_EQ(stage.stats().clients, peers.size());
}

TEST(HostileByOption, AsManyLogLinesAsAreChosen) {
  std::vector<std::string> lines;
  ServerOptions options;
  options.max_connections = 1;
  options.limits.max_log_lines = 3;
  options.limits.max_log_text = 20;
  options.log = [&lines](const LogLine& line) { lines.emplace_back(line.text); };
  Stage stage(1, options);
  Peer first(stage);
  stage.run(seconds(1));
  for (std::size_t refused = 1; refused <= 5; ++refused) {
    const Peer peer(stage);
    stage.run(milliseconds(20));
    EXPECT_EQ(lines.size(), std::min<std::size_t>(refused, 3));
  }
  EXPECT_EQ(stage.hub->logger.suppressed(), 2U);
  stage.run(seconds(1));
  const Peer peer(stage);
  stage.run(milliseconds(20));
  EXPECT_EQ(lines, std::vector<std::string>(4, "connection refused: ..."));
}

}  // namespace
}  // namespace socketio::sim
