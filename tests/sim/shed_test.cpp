// What all clients together may hold (max_input_bytes, max_output_bytes): at the limit nobody is
// closed, a byte past it those who hold most are, and whoever merely talks beside them is served
// on.
#include <vector>

#include <gtest/gtest.h>

#include "sim/client.hpp"
#include "sim/peer.hpp"
#include "sim/stage.hpp"

namespace {

int trims = 0;

}  // namespace

// The C library's: how often the server has given memory back.
extern "C" int malloc_trim(std::size_t) {
  return ++trims, 0;
}

namespace socketio::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Somebody who has done nothing wrong: asks now and then, and must get its answers.
class Bystander final : public Listener {
 public:
  Bystander(Stage& stage, bool polling) : stage_(stage) {
    ClientScript script;
    script.polling = polling;
    script.upgrade = false;
    client_.emplace(stage.world, kServer, script, *this, std::size_t{0});
    stage.run(seconds(1));
  }
  void opened(Client& client) override { client.send("0"); }
  void heard(Client&, const Heard& packet) override {
    answers += packet.type == '3';
    answered_ = stage_.turns();
  }
  void upgraded(Client&) override {}
  void ended(Client&, const std::string& why) override { ended_ = why; }

  // How many turns it took.
  std::uint64_t expect_answer() {
    const int before = answers;
    const std::uint64_t asked = stage_.turns();
    client_->send("27[\"echo\",1]");
    EXPECT_TRUE(stage_.run_until([&] { return answers > before; }, seconds(10)));
    EXPECT_EQ(ended_, "");
    return answered_ - asked;
  }
  int answers = 0;

 private:
  Stage& stage_;
  std::optional<Client> client_;
  std::string ended_;
  std::uint64_t answered_ = 0;
};

ServerOptions small(std::size_t input, std::size_t output) {
  ServerOptions options;
  options.max_http_buffer_size = 100'000;
  options.send_queue_soft = 100'000;
  options.send_queue_hard = 200'000;
  options.max_input_bytes = input;
  options.max_output_bytes = output;
  options.ping_interval = std::chrono::minutes(10);  // nobody goes for another reason
  options.cleanup_empty_child_namespaces = true;
  return options;
}

constexpr std::size_t kMuch = std::size_t{1} << 30;

class Besieged : public ::testing::Test {
 protected:
  void open(std::size_t input, std::size_t output, bool polling) {
    stage_.emplace(1, small(input, output));
    stage_->of("/").on_connection([this](Socket socket) {
      socket.on("echo", [](int n, const Ack& ack) { ack(n); });
      sockets_.push_back(socket);
    });
    stage_->of("/").on_disconnect(
        [this](const Socket&, DisconnectReason why) { reasons_.emplace_back(to_string(why)); });
    bystander_.emplace(*stage_, polling);
  }
  std::size_t input() { return stage_->stats().input_bytes; }
  std::size_t output() { return stage_->stats().output_bytes; }
  std::size_t shed() { return stage_->stats().shed_clients; }

  // Bodies that are never finished.
  std::unique_ptr<Peer> upload(std::size_t bytes) {
    auto peer = std::make_unique<Peer>(*stage_);
    peer->say("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n" +
              std::string(bytes, 'x'));
    stage_->run(milliseconds(5));
    return peer;
  }
  std::string open_polling() {
    Peer peer(*stage_);
    peer.say("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n");
    stage_->run(milliseconds(5));
    return peer.got.substr(peer.got.find("\"sid\":\"") + 7, 20);
  }
  // Its answer, if there is one.
  std::string try_post(const std::string& sid, const std::string& body) {
    Peer peer(*stage_);
    peer.say("POST /socket.io/?EIO=4&transport=polling&sid=" + sid +
             " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
             body);
    stage_->run(milliseconds(5));
    return peer.got;
  }
  void post(const std::string& sid, const std::string& body) {
    const std::string answer = try_post(sid, body);
    EXPECT_NE(answer.find("\r\n\r\nok"), std::string::npos) << answer;
  }

  std::optional<Stage> stage_;
  std::vector<Socket> sockets_;
  std::vector<std::string> reasons_;
  std::optional<Bystander> bystander_;
};
class Shedding : public Besieged, public ::testing::WithParamInterface<bool> {};
std::string transport(const ::testing::TestParamInfo<bool>& given) {
  return given.param ? "polling" : "websocket";
}
INSTANTIATE_TEST_SUITE_P(Both, Shedding, ::testing::Bool(), transport);

// Ten uploads, with the limit a byte below, at and above what they hold.
TEST_F(Besieged, InputAtTheLimit) {
  std::size_t held = 0;
  for (const int more : {1000, -1, 0, 1}) {
    const std::size_t limit = more == 1000 ? kMuch : held + static_cast<std::size_t>(more);
    open(limit, kMuch, false);
    std::vector<std::unique_ptr<Peer>> peers;
    for (int i = 0; i < 10; ++i) peers.push_back(upload(20'000));
    if (more == 1000) held = input();
    bystander_->expect_answer();
    EXPECT_EQ(shed(), more == -1 ? 1U : 0U) << more;
    EXPECT_LE(input(), limit);
    peers.clear();
    stage_->run(seconds(1));
    bystander_.reset();
    stage_->run(seconds(1));
  }
}

TEST_P(Shedding, ManyUnfinishedBodies) {
  constexpr std::size_t kLimit = 1'000'000;
  open(kLimit, kMuch, GetParam());
  Peer small_one(*stage_);
  small_one.say("GET / HTTP/1.1\r\nHo");
  std::vector<std::unique_ptr<Peer>> peers;
  std::size_t highest = 0;
  for (int i = 0; i < 100; ++i) {
    peers.push_back(upload(40'000));
    highest = std::max(highest, input());
    if (i % 10 == 0) bystander_->expect_answer();
  }
  EXPECT_LE(highest, kLimit + 100'000);
  EXPECT_GT(shed(), 50U);
  std::size_t left = 0;
  for (const auto& peer : peers) left += !peer->ended();
  EXPECT_GE(left, 8U);  // most of what the limit has room for
  // Who holds little was not asked to go.
  small_one.say("st: a\r\n\r\n");
  stage_->run(milliseconds(5));
  EXPECT_NE(small_one.got.find("HTTP/1.1 404 "), std::string::npos);
  peers.clear();
  stage_->run(seconds(1));
  bystander_->expect_answer();
}

// Attachments belong to sessions; between two POSTs those have no connection at all.
TEST_P(Shedding, ManyUnfinishedPackets) {
  constexpr std::size_t kLimit = 1'000'000;
  open(kLimit, kMuch, GetParam());
  std::size_t highest = 0;
  for (int i = 0; i < 60; ++i) {
    const std::string sid = open_polling();
    post(sid, "40");
    post(sid, "452-[\"e\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]");
    post(sid, "b" + std::string(40'000, 'A'));
    highest = std::max(highest, input());
  }
  EXPECT_LE(highest, kLimit + 100'000);
  EXPECT_GT(shed(), 10U);
  EXPECT_EQ(reasons_.size(), shed());
  for (const std::string& reason : reasons_) EXPECT_EQ(reason, "transport error");
  bystander_->expect_answer();
}

// A middleware that keeps its `next` keeps the event, whose client is soon gone: then nobody is to
// blame, and who merely talks does not go for it. Nor does it grow for ever.
TEST_P(Shedding, EventsWithMiddlewaresWhoseClientsAreGone) {
  constexpr std::size_t kLimit = 1'000'000;
  open(kLimit, kMuch, GetParam());
  const std::size_t before = input();
  sockets_.at(0).use([](const Packet&, const Next& next) { next(); });
  std::vector<Next> waiting;
  stage_->of("/").on_connection([&](const Socket& socket) {
    socket.use([&](const Packet&, const Next& next) { waiting.push_back(next); });
  });
  std::string zeros = "42[\"x\",[0";
  for (int i = 0; i < 5'000; ++i) zeros += ",0";
  zeros += "]]";
  for (int i = 0; i < 20; ++i) {
    const std::string sid = open_polling();
    post(sid, "40");
    for (const std::string& packet : {zeros, zeros, zeros, std::string("1")}) try_post(sid, packet);
    bystander_->expect_answer();
  }
  EXPECT_GT(input(), kLimit + kLimit / 8);
  EXPECT_LE(input(), kLimit + 500'000);
  EXPECT_GT(shed(), 1U);
  waiting.clear();
  stage_->run(std::chrono::minutes(21));
  EXPECT_EQ(input(), before);
  bystander_->expect_answer();
}

// Nor when each of them is little.
TEST_P(Shedding, LittleEventsWithMiddlewaresWhoseClientsAreGone) {
  constexpr std::size_t kLimit = 1'000'000;
  open(kLimit, kMuch, GetParam());
  const std::size_t before = input();
  std::vector<Next> waiting;
  std::vector<std::string> details;
  stage_->of("/").on_connection([&](const Socket& socket) {
    socket.use([&](const Packet&, const Next& next) { waiting.push_back(next); });
    socket.on_disconnect([&](DisconnectReason why, std::string_view detail) {
      if (why == DisconnectReason::transport_error) details.emplace_back(detail);
    });
  });
  std::string zeros = "42[\"x\",[0";
  for (int i = 0; i < 300; ++i) zeros += ",0";
  zeros += "]]";
  std::size_t highest = 0;
  for (int i = 0; i < 40; ++i) {
    const std::string sid = open_polling();
    post(sid, "40");
    for (int n = 0; n < 20; ++n) {
      try_post(sid, zeros);
      highest = std::max(highest, input());
    }
    try_post(sid, "1");
    bystander_->expect_answer();
  }
  EXPECT_GT(highest, kLimit + kLimit / 8);
  EXPECT_LE(highest, kLimit + kLimit / 4 + 50'000);
  EXPECT_FALSE(details.empty());
  for (const std::string& detail : details) EXPECT_EQ(detail, "server is full");
  waiting.clear();
  stage_->run(std::chrono::minutes(21));
  EXPECT_EQ(input(), before);
}

// The head of its handshake is kept with every session.
std::string handshake(std::size_t head) {
  std::string text = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n";
  for (std::size_t i = 0; i < head / 1000; ++i)
    text += "Z" + std::to_string(i) + ": " + std::string(994, 'z') + "\r\n";
  return text + "\r\n";
}

// One connection can make any number of sessions.
TEST_P(Shedding, ManySessionsWithFullHeads) {
  constexpr std::size_t kLimit = 1'000'000;
  open(kLimit, kMuch, GetParam());
  const std::size_t before = input();
  Peer peer(*stage_);
  std::size_t highest = 0;
  for (int i = 0; i < 200; ++i) {
    peer.say(handshake(12'000));
    stage_->run(milliseconds(5));
    highest = std::max(highest, input());
    if (i % 10 == 0) bystander_->expect_answer();
  }
  EXPECT_GT(highest, kLimit / 2);
  EXPECT_LE(highest, kLimit + 100'000);
  EXPECT_GT(shed(), 50U);
  bystander_->expect_answer();
  stage_->run(seconds(80));  // none of them has joined a namespace, or comes for its farewell
  EXPECT_EQ(input(), before);
  bystander_->expect_answer();
}

// `auth` is kept with every socket: no client can have more of it than one message, all together
// no more than there may be.
TEST_P(Shedding, MuchAuth) {
  constexpr std::size_t kLimit = 1'000'000;
  open(kLimit, kMuch, GetParam());
  const std::size_t before = input();
  std::size_t highest = 0;
  for (int i = 0; i < 40; ++i) {
    const std::string sid = open_polling();
    for (int n = 0; n < 10; ++n) {
      stage_->of("/" + std::to_string(n));
      post(sid, "40/" + std::to_string(n) + ",{\"a\":\"" + std::string(45'000, 'x') + "\"}");
      highest = std::max(highest, input());
    }
    bystander_->expect_answer();
  }
  EXPECT_GT(highest, kLimit / 2);
  EXPECT_LE(highest, kLimit + 100'000);
  EXPECT_GT(shed(), 10U);
  EXPECT_LT(shed(), 40U);
  stage_->run(std::chrono::minutes(21));  // the pings of those who are left
  EXPECT_EQ(input(), before);
  bystander_->expect_answer();
}

// Each has a hundred namespaces that nobody else is in.
TEST_P(Shedding, ManyNamespaces) {
  constexpr std::size_t kLimit = 1'000'000;
  open(kLimit, kMuch, GetParam());
  stage_->hub->names.add_parent(NamespacePattern("^/room-[0-9]+$"), {});
  const std::size_t before = input();
  std::size_t highest = 0;
  for (int i = 0; i < 20; ++i) {
    const std::string sid = open_polling();
    std::string connects = "40";
    for (int n = 0; n < 99; ++n)
      connects +=
          "\x1e"
          "40/room-" +
          std::to_string(100 * i + n) + ",";
    post(sid, connects);
    highest = std::max(highest, input());
    bystander_->expect_answer();
  }
  EXPECT_GT(highest, kLimit / 2);
  EXPECT_LE(highest, kLimit + 200'000);
  EXPECT_GT(shed(), 10U);
  EXPECT_LT(shed(), 20U);
  EXPECT_LT(stage_->hub->names.size(), 700U);
  stage_->run(std::chrono::minutes(21));  // the pings of those who are left
  EXPECT_EQ(input(), before);
  EXPECT_EQ(stage_->hub->names.size(), 1U);
  bystander_->expect_answer();
}

// Nearly all hold the same, which is a little less than the average because of one who pipelines:
// some of them go all the same, or nobody would be let in any more.
TEST_F(Besieged, WhereAllHoldTheSame) {
  constexpr std::size_t kLimit = 5'000'000;
  open(kLimit, kMuch, false);
  bystander_.reset();
  stage_->run(seconds(1));
  const std::string one = handshake(15'000);
  std::optional<Peer> peer(std::in_place, *stage_);
  std::size_t sent = 0;
  std::size_t closed = 0;
  std::size_t highest = 0;
  for (int i = 0; i < 20'000; ++i) {  // as fast as it is taken
    const std::int64_t n = stage_->world.send(peer->fd(), one.substr(sent % one.size()));
    if (n > 0) sent += static_cast<std::size_t>(n);
    if (n <= 0) stage_->run(std::chrono::microseconds(100));
    highest = std::max(highest, input());
    if (!peer->ended()) continue;
    ++closed;
    sent = 0;
    peer.emplace(*stage_);
  }
  EXPECT_LE(highest, kLimit + 200'000);
  EXPECT_LE(closed, shed() / 10);
  EXPECT_GT(shed(), 500U);
}

// The heads of five sessions, with the limit a byte below, at and above what they hold.
TEST_F(Besieged, HeadsAtTheLimit) {
  std::size_t held = 0;
  for (const int more : {1000, -1, 0, 1}) {
    const std::size_t limit = more == 1000 ? kMuch : held + static_cast<std::size_t>(more);
    open(limit, kMuch, false);
    Peer peer(*stage_);
    for (int i = 0; i < 5; ++i) {
      peer.say(handshake(12'000));
      stage_->run(milliseconds(5));
    }
    if (more == 1000) held = input();
    EXPECT_GE(held, 60'000U);
    bystander_->expect_answer();
    EXPECT_EQ(shed(), more == -1 ? 1U : 0U) << more;
    EXPECT_LE(input(), limit);
    bystander_.reset();
    stage_->run(seconds(1));
  }
}

// They cost memory besides what the ledger counts.
TEST_F(Besieged, SessionsThatEndGiveMemoryBack) {
  open(kMuch, kMuch, false);
  stage_->run(seconds(10));
  trims = 0;
  Peer peer(*stage_);
  for (int i = 0; i < 1'000; ++i) {
    peer.say(handshake(0));
    stage_->run(milliseconds(1));
  }
  EXPECT_EQ(trims, 0);
  EXPECT_GT(stage_->shard->sessions(), 1'000U);
  stage_->run(seconds(80));
  EXPECT_GT(trims, 0);
  bystander_->expect_answer();
}

// The whole server's queue, a byte below, at and above what five of these readers have.
TEST_F(Besieged, OutputAtTheLimit) {
  std::size_t held = 0;
  for (const int more : {1000, -1, 0, 1}) {
    const std::size_t limit = more == 1000 ? kMuch : held + static_cast<std::size_t>(more);
    reasons_.clear();
    sockets_.clear();
    open(kMuch, limit, false);
    std::vector<std::string> sids;
    for (int i = 0; i < 5; ++i) {
      const std::string sid = open_polling();
      post(sid, "40");
      sids.push_back(sid);
    }
    stage_->run(seconds(1));
    ASSERT_EQ(sockets_.size(), 6U);
    for (std::size_t i = 1; i < 6; ++i)
      EXPECT_TRUE(sockets_[i].emit("e", std::string(90'000, 'x')));
    bystander_->expect_answer();
    if (more == 1000) held = output();
    EXPECT_EQ(shed(), more == -1 ? 1U : 0U) << more;
    EXPECT_LE(output(), limit);
    bystander_.reset();
    stage_->run(seconds(1));
  }
}

TEST_P(Shedding, ManyWhoNeverRead) {
  constexpr std::size_t kLimit = 1'000'000;
  open(kMuch, kLimit, GetParam());
  ClientScript script;
  script.polling = GetParam();
  script.upgrade = false;
  script.link.window = 1000;
  struct Joins final : Listener {
    void opened(Client& client) override { client.send("0"); }
    void heard(Client&, const Heard&) override {}
    void upgraded(Client&) override {}
    void ended(Client&, const std::string&) override {}
  } joins;
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 1; i <= 40; ++i)
    clients.push_back(std::make_unique<Client>(stage_->world, kServer, script, joins, i));
  stage_->run(seconds(1));
  ASSERT_EQ(sockets_.size(), 41U);
  for (auto& client : clients) client->vanish();
  std::size_t highest = 0;
  for (std::size_t i = 1; i <= 40; ++i) {
    EXPECT_TRUE(sockets_[i].emit("e", std::string(90'000, 'x')));
    stage_->run(milliseconds(5));
    highest = std::max(highest, output());
    if (i % 10 == 0) bystander_->expect_answer();
  }
  EXPECT_LE(highest, kLimit + 200'000);
  EXPECT_GE(shed(), 25U);
  for (const std::string& reason : reasons_) EXPECT_EQ(reason, "transport error");
  bystander_->expect_answer();
}

// Many who ask and never read come back for ever: who talks beside them does not stand in their
// line.
TEST_F(Besieged, ATalkerBesideManyWhoNeverRead) {
  constexpr std::size_t kLimit = 10'000'000;
  open(kMuch, kLimit, false);
  const std::string big(1'000'000, 'x');
  stage_->routes.get("/big", [&big](const HttpRequest&) { return HttpReply::text(big); });
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 1'000; ++i) {
    peers.push_back(std::make_unique<Peer>(*stage_));
    peers.back()->stop_reading();
  }
  stage_->turn_cost = milliseconds(1);  // so that what they ask is there together
  std::uint64_t most_turns = 0;
  std::size_t highest = 0;
  for (std::size_t i = 0; i < peers.size(); ++i) {
    peers[i]->say("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    if (i % 10 != 0) continue;
    most_turns = std::max(most_turns, bystander_->expect_answer());
    highest = std::max(highest, output());
  }
  EXPECT_LE(most_turns, 5U);
  EXPECT_LE(highest, kLimit + kLimit / 16 + big.size());
  EXPECT_GT(shed(), 500U);
}

}  // namespace
}  // namespace socketio::sim
