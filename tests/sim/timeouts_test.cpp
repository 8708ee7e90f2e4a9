// Every time limit of the server, to the millisecond, in virtual time.
#include <functional>

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

// What the network adds to a limit: there and back, and the timers' resolution.
constexpr base::Duration kSlack = milliseconds(3);

// Remembers when a client opened, joined and ended.
class Diary final : public Listener {
 public:
  explicit Diary(Stage& stage, bool joins = true) : stage_(stage), joins_(joins) {}
  void opened(Client& client) override {
    opened_at = stage_.now();
    if (joins_) client.send("0");
  }
  void heard(Client&, const Heard& packet) override { types += packet.type; }
  void upgraded(Client&) override { ++upgrades; }
  void ended(Client&, const std::string& why) override {
    ended_at = stage_.now();
    reason = why;
  }

  base::Time opened_at{};
  base::Time ended_at = base::kNever;
  std::string types;
  std::string reason;
  int upgrades = 0;

 private:
  Stage& stage_;
  bool joins_;
};

void expect_about(base::Duration actual, base::Duration wanted) {
  EXPECT_GE(actual, wanted - kSlack);
  EXPECT_LE(actual, wanted + kSlack) << actual / milliseconds(1) << " ms";
}

struct Ends {
  explicit Ends(Stage& stage) {
    stage.of("/").on_connection([this](const Socket& s) { socket = s; });
    stage.of("/").on_disconnect([this, &stage](const Socket&, DisconnectReason why) {
      reason = std::string(to_string(why));
      at = stage.now();
    });
  }
  Socket socket;
  std::string reason;
  base::Time at = base::kNever;
};

class Timeouts : public ::testing::TestWithParam<bool> {
 protected:
  static ClientScript script(bool upgrade = false) {
    ClientScript script;
    script.polling = GetParam();
    script.upgrade = upgrade;
    return script;
  }
  Stage stage_{1, ServerOptions()};
  Ends ends_{stage_};
};
std::string transport(const ::testing::TestParamInfo<bool>& given) {
  return given.param ? "polling" : "websocket";
}
INSTANTIATE_TEST_SUITE_P(Both, Timeouts, ::testing::Bool(), transport);

TEST_P(Timeouts, WhoAnswersPingsStaysForADay) {
  Diary diary(stage_);
  Client client(stage_.world, kServer, script(), diary, 0);
  const std::uint64_t before = stage_.turns();
  stage_.run(std::chrono::hours(24));
  EXPECT_TRUE(client.alive());
  EXPECT_EQ(ends_.reason, "");
  // 3,456 heartbeats: nothing else wakes an idle server more than a few times each.
  EXPECT_LT(stage_.turns() - before, 3'456U * 12);
}

// T13
TEST_P(Timeouts, AHalfOpenPeerIsFoundByTheHeartbeat) {
  Diary diary(stage_);
  Client client(stage_.world, kServer, script(), diary, 0);
  stage_.run(seconds(1));
  client.vanish();
  stage_.run(minutes(2));
  EXPECT_EQ(ends_.reason, "ping timeout");
  expect_about(ends_.at - diary.opened_at, seconds(45));
  EXPECT_EQ(stage_.stats().connections, 0U);
  EXPECT_EQ(stage_.shard->sessions(), 0U);
}

// T14
TEST_P(Timeouts, AHalfOpenPeerWithAFullWindowIsFoundToo) {
  Diary diary(stage_);
  ClientScript small = script();
  small.link.window = 1000;
  Client client(stage_.world, kServer, small, diary, 0);
  stage_.run(seconds(1));
  client.vanish();
  EXPECT_TRUE(ends_.socket.emit("e", std::string(100'000, 'x')));
  stage_.run(minutes(2));
  EXPECT_EQ(ends_.reason, "ping timeout");
  EXPECT_EQ(stage_.stats().connections, 0U);
  EXPECT_EQ(stage_.stats().output_bytes, 0U);
}

TEST_P(Timeouts, WhoJoinsNothingIsClosed) {
  Diary diary(stage_, false);
  Client client(stage_.world, kServer, script(), diary, 0);
  stage_.run(minutes(2));
  EXPECT_TRUE(client.over());
  expect_about(diary.ended_at - diary.opened_at, seconds(45));
}

// A paused machine: what came meanwhile is read before any timer looks at the clock.
TEST_P(Timeouts, AStoppedProcessDoesNotBlameItsClients) {
  Diary diary(stage_);
  Client client(stage_.world, kServer, script(), diary, 0);
  for (const base::Duration before : {seconds(10), seconds(26), seconds(25)}) {
    stage_.run(before);
    stage_.stall(std::chrono::hours(1));
    stage_.run(std::chrono::hours(1) + seconds(1));
  }
  // The ping is out, the answer comes while the process does not run.
  const base::Time ping = diary.opened_at;
  stage_.run(seconds(24) - (stage_.now() - ping) % seconds(25));
  stage_.stall(minutes(5));
  stage_.run(minutes(10));
  EXPECT_TRUE(client.alive());
  EXPECT_EQ(ends_.reason, "");
}

// U30
TEST_P(Timeouts, AWallClockThatJumpsChangesNothing) {
  Diary diary(stage_);
  stage_.wall_skew = -1'000'000'000'000;
  Client client(stage_.world, kServer, script(), diary, 0);
  stage_.run(seconds(30));
  EXPECT_LT(ends_.socket.handshake().issued, 1'000'000'000'000);
  stage_.wall_skew = 1'000'000'000'000;
  stage_.run(minutes(2));
  EXPECT_TRUE(client.alive());
}

TEST_P(Timeouts, AnAcknowledgementsTimeoutCountsFromTheCall) {
  Diary diary(stage_);
  Client client(stage_.world, kServer, script(), diary, 0);
  stage_.run(seconds(20));  // nothing has happened for a while: no turn is recent
  base::Time ended = base::kNever;
  std::error_code error;
  const auto note = [&](Result<int> r) {
    ended = stage_.now();
    error = r ? std::error_code() : r.error();
  };
  base::Time began = stage_.now();
  ends_.socket.timeout(seconds(3)).emit("q", note);
  stage_.run(seconds(4));
  expect_about(ended - began, seconds(3));
  EXPECT_EQ(error, Errc::timeout);
  began = stage_.now();
  ends_.socket.post([&] { ends_.socket.timeout(milliseconds(500)).emit("q", note); });
  stage_.run(seconds(4));
  expect_about(ended - began, milliseconds(500));
}

TEST_P(Timeouts, ClosingWaitsForNobodyWhoIsGone) {
  Diary diary(stage_);
  Client client(stage_.world, kServer, script(), diary, 0);
  stage_.run(seconds(1));
  client.vanish();
  const base::Time began = stage_.now();
  EXPECT_TRUE(stage_.close(minutes(1)));
  EXPECT_LE(stage_.now() - began, seconds(5) + milliseconds(20));
  EXPECT_EQ(ends_.reason, "server shutting down");
  EXPECT_EQ(stage_.stats().output_bytes, 0U);
  EXPECT_EQ(stage_.timers(), 0U);
  EXPECT_EQ(stage_.backend().streams(), 0U);
}

TEST_P(Timeouts, ClosingIsQuickWhenClientsAre) {
  Diary diary(stage_);
  Client client(stage_.world, kServer, script(), diary, 0);
  stage_.run(seconds(1));
  const base::Time began = stage_.now();
  EXPECT_TRUE(stage_.close(minutes(1)));
  EXPECT_LE(stage_.now() - began, milliseconds(50));
  stage_.run(seconds(1));
  EXPECT_TRUE(client.over());
}

TEST(Timeout, AnUpgradeThatDoesNotFinishLeavesPolling) {
  Stage stage(1, ServerOptions());
  const Ends ends(stage);
  Diary diary(stage);
  ClientScript script;
  script.give_up_upgrade = true;
  Client client(stage.world, kServer, script, diary, 0);
  stage.run(seconds(9));
  EXPECT_EQ(stage.stats().connections, 3U);  // for polls, for posts, and the probe
  stage.run(seconds(1) + milliseconds(20));
  EXPECT_EQ(client.connections(), 2U);
  EXPECT_TRUE(client.alive());
  EXPECT_TRUE(ends.socket.emit("e", 1));
  stage.run(minutes(1));
  EXPECT_EQ(diary.types, "02");
  EXPECT_EQ(diary.upgrades, 0);
}

class HttpTimeout : public ::testing::Test {
 protected:
  // Opens a session by hand and returns its id.
  std::string open() {
    Peer peer(stage_);
    peer.say("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n");
    stage_.run(seconds(1));
    const std::size_t at = peer.got.find("\"sid\":\"");
    return peer.got.substr(at + 7, 20);
  }
  Stage stage_{1, ServerOptions()};
};

// hostile: T01
TEST_F(HttpTimeout, SilenceAfterConnecting) {
  Peer peer(stage_);
  stage_.run(minutes(2));
  expect_about(peer.ended_after(), seconds(10));
  EXPECT_EQ(peer.got, "");
  EXPECT_EQ(stage_.stats().connections, 0U);
}

TEST_F(HttpTimeout, AHeadThatDripsIn) {
  Peer peer(stage_);
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyy\r\n\r\n";
  for (const char c : head) {
    if (peer.ended()) break;
    peer.say(std::string(1, c));
    stage_.run(seconds(1));
  }
  EXPECT_NE(peer.got.find("HTTP/1.1 408 "), std::string::npos);
  EXPECT_LE(peer.ended_after(), seconds(11));
  EXPECT_GE(peer.ended_after(), seconds(10) - kSlack);
}

TEST_F(HttpTimeout, ABodyThatDripsIn) {
  const std::string sid = open();
  Peer peer(stage_);
  peer.say("POST /socket.io/?EIO=4&transport=polling&sid=" + sid +
           " HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
  for (int i = 0; i < 60 && !peer.ended(); ++i) {
    peer.say("4");
    stage_.run(seconds(1));
  }
  EXPECT_NE(peer.got.find("HTTP/1.1 408 "), std::string::npos);
  EXPECT_GE(peer.ended_after(), seconds(30) - kSlack);
  EXPECT_LE(peer.ended_after(), seconds(31));
}

TEST_F(HttpTimeout, AKeptConnectionThatIsNotUsed) {
  Peer peer(stage_);
  peer.say("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
  stage_.run(milliseconds(5));
  EXPECT_NE(peer.got.find("HTTP/1.1 404 "), std::string::npos);
  stage_.run(minutes(3));
  expect_about(peer.ended_after(), seconds(75));
}

TEST_F(HttpTimeout, AnAnswerNobodyReads) {
  stage_.routes.get("/big", [](const HttpRequest&) -> Task<HttpReply> {
    co_return HttpReply{200, {}, std::string(5'000'000, 'x')};
  });
  Peer peer(stage_);
  peer.stop_reading();
  peer.say("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  stage_.run(seconds(29));
  EXPECT_EQ(stage_.stats().connections, 1U);
  stage_.run(minutes(1) + seconds(5));  // the limit, and the time a closing connection may drain
  EXPECT_EQ(stage_.stats().connections, 0U);
  EXPECT_EQ(stage_.stats().output_bytes, 0U);
}

// A poll that comes in the very turn in which its connection's time is over, behind as many
// requests as a turn may have: nobody asks the machine any more what has become of it.
TEST_F(HttpTimeout, APollThatComesAsItsConnectionEnds) {
  Ends ends(stage_);
  stage_.routes.get("/big", [](HttpRequest) -> Task<HttpReply> {
    co_return HttpReply{200, {}, std::string(500'000, 'x')};
  });
  // The longer one is looked at for compression: what does the request accept?
  for (const std::size_t size : {10U, 2'000U}) {
    SCOPED_TRACE(size);
    Peer peer(stage_);
    peer.stop_reading();
    peer.say("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    stage_.run(seconds(20));
    const std::string target = "/socket.io/?EIO=4&transport=polling&sid=" + open();
    Peer other(stage_);
    other.say("POST " + target + " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n40");
    stage_.run(milliseconds(5));
    other.say("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
    stage_.run(milliseconds(5));
    ASSERT_TRUE(ends.socket.emit("m", std::string(size, 'x')));
    stage_.stall(seconds(12));
    std::string requests;
    for (int i = 0; i < 60; ++i) requests += "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
    peer.say(requests + "GET " + target + " HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
    stage_.run(seconds(13));
    EXPECT_EQ(std::exchange(ends.reason, ""), "transport error");
    EXPECT_EQ(stage_.shard->sessions(), 0U);
  }
}

// A handler that takes longer than a peer has for taking a part of its answer: the peer's time
// begins when there is something to take.
TEST_F(HttpTimeout, AHandlerThatTakesLongIsNotThePeersFault) {
  constexpr std::size_t kSize = 5'000'000;
  stage_.routes.get("/slow", [this](const HttpRequest&) -> Task<HttpReply> {
    const base::Time end = stage_.now() + minutes(1);
    while (stage_.world.next() <= end) stage_.world.step();
    stage_.world.advance(end);
    co_return HttpReply{200, {}, std::string(kSize, 'x')};
  });
  for (const std::string connection : {"keep-alive", "close"}) {
    Peer peer(stage_);
    peer.say("GET /slow HTTP/1.1\r\nHost: a\r\nConnection: " + connection + "\r\n\r\n");
    stage_.run(minutes(1) + seconds(10));
    EXPECT_GT(peer.got.size(), kSize) << connection;
  }
}

// Whoever is in the middle of a frame cannot answer a ping before its end: its bytes are the
// answer.
TEST_F(HttpTimeout, APlainWebSocketWhoseMessageTakesLong) {
  std::string heard;
  WebSocketRoute route{
      .message = [&](const WebSocket&, std::string_view bytes, bool) { heard = bytes; }};
  route.ping_interval = route.ping_timeout = seconds(2);
  stage_.routes.websocket("/slow", std::move(route));
  Peer peer(stage_);
  peer.say(test::upgrade_request("/slow"));
  stage_.run(milliseconds(5));
  peer.say(std::string("\x82\x94\0\0\0\0", 6));
  for (int i = 0; i < 20; ++i) {
    peer.say("x");
    stage_.run(seconds(1));
  }
  EXPECT_EQ(heard, std::string(20, 'x'));
  EXPECT_FALSE(peer.ended());
  stage_.run(seconds(6));
  EXPECT_TRUE(peer.ended()) << "nothing comes any more";
}

TEST_F(HttpTimeout, WhoNeverEndsItsSideIsCutOff) {
  Peer peer(stage_);
  peer.say("GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  stage_.run(milliseconds(100));
  EXPECT_TRUE(peer.ended());
  EXPECT_EQ(stage_.stats().connections, 1U);  // waits for the peer's end
  stage_.run(seconds(2));
  EXPECT_EQ(stage_.stats().connections, 0U);
}

// hostile: F51
TEST_F(HttpTimeout, ACloseFrameThatIsNotAnswered) {
  Peer peer(stage_);
  peer.say(test::upgrade_request());
  peer.say(std::string("\x81\x81\0\0\0\0009", 7));  // no packet: the server closes
  peer.begin();
  stage_.run(milliseconds(5));
  EXPECT_NE(peer.got.find('\x88'), std::string::npos);
  stage_.run(seconds(3));
  EXPECT_FALSE(peer.ended());
  peer.say(std::string("\x81\x81\0\0\0\0x", 7));  // is not heard any more
  stage_.run(minutes(1));
  expect_about(peer.ended_after(), ws::Limits().close_timeout);
  EXPECT_EQ(stage_.stats().connections, 0U);
}

// -- Each limit with another value than its own, which nothing else has.

constexpr milliseconds kChosen{3'456};

ServerOptions with(const std::function<void(ServerOptions&)>& change) {
  ServerOptions options;
  change(options);
  return options;
}

// How long after its last words a peer that says `text` is cut off, and what it is told.
void expect_end(Stage& stage, const std::string& text, const std::string& answer) {
  Peer peer(stage);
  peer.say(text);
  peer.begin();
  stage.run(minutes(5));
  expect_about(peer.ended_after(), kChosen);
  EXPECT_EQ(peer.got.substr(0, peer.got.find(" ", 9)), answer);
}

TEST(ChosenTimeout, HeadTimeout) {
  Stage stage(1, with([](ServerOptions& o) { o.limits.head_timeout = kChosen; }));
  expect_end(stage, "GET / HT", "HTTP/1.1 408");
}

TEST(ChosenTimeout, BodyTimeout) {
  Stage stage(1, with([](ServerOptions& o) { o.limits.body_timeout = kChosen; }));
  expect_end(stage, "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
             "HTTP/1.1 408");
}

TEST(ChosenTimeout, IdleTimeout) {
  Stage stage(1, with([](ServerOptions& o) { o.limits.idle_timeout = kChosen; }));
  expect_end(stage, "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404");
}

TEST(ChosenTimeout, DecisionTimeout) {
  std::vector<Decide> kept;
  Stage stage(1, with([&kept](ServerOptions& o) {
                o.engine.decision_timeout = kChosen;
                o.engine.allow_request = [&kept](const HttpRequest&, Decide decide) {
                  kept.push_back(std::move(decide));
                };
              }));
  expect_end(stage,
             "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n"
             "Connection: close\r\n\r\n",
             "HTTP/1.1 403");
}

TEST(ChosenTimeout, DestroyUpgradeTimeout) {
  Stage stage(1, with([](ServerOptions& o) { o.engine.destroy_upgrade_timeout = kChosen; }));
  const Pending<int> never;
  stage.routes.get("/slow", [never](HttpRequest) -> Task<HttpReply> {
    static_cast<void>(co_await never);
    co_return HttpReply{};
  });
  expect_end(stage,
             "GET /slow HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
             "");
  never.state()->finish(1);
}

TEST(ChosenTimeout, UpgradeTimeout) {
  Stage stage(1, with([](ServerOptions& o) { o.upgrade_timeout = kChosen; }));
  Diary diary(stage);
  ClientScript script;
  script.give_up_upgrade = true;
  Client client(stage.world, kServer, script, diary, 0);
  stage.run(kChosen);
  EXPECT_EQ(client.connections(), 3U);  // for polls, for posts, and the probe
  stage.run(milliseconds(20));
  EXPECT_EQ(client.connections(), 2U);
  EXPECT_TRUE(client.alive());
}

// A client that does not take what it was sent has so long for it.
TEST(ChosenTimeout, CloseTimeout) {
  for (const milliseconds chosen : {milliseconds(1), kChosen, milliseconds(20'000)}) {
    Stage stage(1, with([chosen](ServerOptions& o) { o.close_timeout = chosen; }));
    stage.routes.get("/big", [](const HttpRequest&) {
      return HttpReply{200, {}, std::string(5'000'000, 'x')};
    });
    Peer peer(stage);
    peer.stop_reading();
    peer.say("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    stage.run(seconds(1));
    const base::Time began = stage.now();
    EXPECT_TRUE(stage.close(minutes(1)));
    EXPECT_GE(stage.now() - began, chosen);
    EXPECT_LE(stage.now() - began, chosen + milliseconds(20));
  }
}

}  // namespace
}  // namespace socketio::sim
