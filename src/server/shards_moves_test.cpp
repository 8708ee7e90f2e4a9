// Connections that arrive at a shard which does not have their session. Every request comes on a
// connection of its own, so most of them move, while others of the same shards keep sending.
#include "support/secure_world.hpp"
#include "support/shards_fixture.hpp"
#include "support/upgrade_request.hpp"

namespace socketio {
namespace {

using test::Client;
using test::HttpPeer;
using test::Peer;
using test::World;

// Numbered events both ways: "up" is answered by "down" with the same number.
std::string up(int id, int n) {
  return R"(42["up",)" + std::to_string(id) + "," + std::to_string(n) + "]";
}

// Notes the numbers of "down" in what a client gets, whatever is around them.
class Downs {
 public:
  void take(std::string_view text) {
    constexpr std::string_view kEvent = R"(2["down",)";
    for (std::size_t at = text.find(kEvent); at != std::string_view::npos;
         at = text.find(kEvent, at + 1)) {
      const int n = std::stoi(std::string(text.substr(at + kEvent.size(), 8)));
      EXPECT_EQ(n, next_);
      next_ = n + 1;
    }
  }
  int next() const { return next_; }

 private:
  int next_ = 0;
};

std::string sid_in(std::string_view body) {
  const std::size_t at = body.find(R"("sid":")");
  return at == std::string_view::npos ? std::string() : std::string(body.substr(at + 7, 20));
}

// A long-polling client whose proxy keeps no connection alive.
class Roamer {
 public:
  enum class Old { cut, kept };  // connections that were used once
  Roamer(World& world, int id, Old old)
      : world_(world), id_(id), old_(old), target_("/socket.io/?EIO=4&transport=polling") {
    get();
    target_ += "&sid=" + sid_in(answer_to_get().body);
    post("40");
    EXPECT_EQ(answer_to_post(), 200);
    get();
    EXPECT_NE(answer_to_get().body.find("40{"), std::string::npos);
  }

  void send() {
    std::string body = up(id_, sent_++);
    body += "\x1e" + up(id_, sent_++);
    post(body);
  }
  void get() {
    get_ = std::make_unique<HttpPeer>(world_);
    get_->send("GET", target_);
  }
  test::HttpAnswer answer_to_get() {
    test::HttpAnswer answer = get_->answer();
    EXPECT_EQ(answer.status, 200);
    downs_.take(answer.body);
    retire(std::move(get_));
    return answer;
  }
  int answer_to_post() {
    const int status = post_->answer().status;
    retire(std::move(post_));
    return status;
  }
  void leave() { kept_.clear(); }
  bool complete() const { return downs_.next() == sent_; }
  const std::string& target() const { return target_; }
  int sent() const { return sent_; }

 private:
  void retire(std::unique_ptr<HttpPeer> peer) {
    if (old_ == Old::kept) return kept_.push_back(std::move(peer));
    peer->cut(true);  // no TIME_WAIT: there are not ports enough for all of them
  }
  void post(std::string_view body) {
    post_ = std::make_unique<HttpPeer>(world_);
    post_->send("POST", target_, {}, body);
  }
  World& world_;
  int id_;
  Old old_;
  std::string target_;
  std::unique_ptr<HttpPeer> get_;
  std::unique_ptr<HttpPeer> post_;
  std::vector<std::unique_ptr<HttpPeer>> kept_;
  Downs downs_;
  int sent_ = 0;
};

// Upgrades a polling session and sends all it has to say behind the request, in one piece.
class Upgrader final : public Peer {
 public:
  Upgrader(World& world, std::string target, int id, int first, int events) : Peer(world) {
    target.replace(target.find("polling"), 7, "websocket");
    std::string text = test::upgrade_request(target);
    text += frame("2probe") + frame("5");
    for (int n = 0; n < events; ++n) text += frame(up(id, first + n));
    write(text);
  }
  const std::string& in() const { return in_; }
  // The texts behind the head of the 101, as far as they are here; all of it is in them.
  std::vector<std::string> texts() const {
    std::vector<std::string> all;
    const std::size_t head = in_.find("\r\n\r\n");
    if (head == std::string::npos) return all;
    std::string_view rest = std::string_view(in_).substr(head + 4);
    while (rest.size() >= 2 && rest[0] == '\x81' && rest[1] < 126) {
      const auto size = static_cast<std::size_t>(rest[1]);
      if (rest.size() < 2 + size) break;
      all.emplace_back(rest.substr(2, size));
      rest.remove_prefix(2 + size);
    }
    if (!rest.empty()) all.emplace_back("a part of a frame, or what is none");
    return all;
  }

 private:
  // A short masked frame; the mask is zero.
  static std::string frame(std::string_view text) {
    return std::string("\x81") + static_cast<char>(0x80 | text.size()) + std::string(4, '\0') +
           std::string(text);
  }
  void on_bytes(char* bytes, std::size_t size) override { in_.append(bytes, size); }
  std::string in_;
};

// A client that opens a session, says something over the one connection it has, and upgrades with
// another, which arrives at any shard.
class Mover {
 public:
  static constexpr int kPosted = 2;  // events before the upgrade
  static constexpr int kBehind = 5;  // and behind its request
  static constexpr int kSent = kPosted + kBehind;

  Mover(World& world, int id) : world_(world), id_(id), polling_(world) {
    polling_.send("GET", "/socket.io/?EIO=4&transport=polling");
  }
  void post() {
    target_ = "/socket.io/?EIO=4&transport=polling&sid=" + sid_in(polling_.answer().body);
    std::string body = "40";
    for (int n = 0; n < kPosted; ++n) body += "\x1e" + up(id_, n);
    polling_.send("POST", target_, {}, body);
  }
  void upgrade() {
    EXPECT_EQ(polling_.answer().status, 200);
    upgrader_.emplace(world_, target_, id_, kPosted, kBehind);
  }
  // What polling has not fetched comes first, then the answers, each once and nothing else.
  void finish() {
    const auto said = [this] { return upgrader_->texts().size() >= 2 + kSent; };
    EXPECT_TRUE(world_.until(said)) << upgrader_->in();
    std::vector<std::string> texts = upgrader_->texts();
    EXPECT_TRUE(upgrader_->in().starts_with("HTTP/1.1 101"));
    if (texts.size() > 1) texts[1].resize(3);  // without the socket's id
    std::vector<std::string> wanted{"3probe", "40{"};
    for (int n = 0; n < kSent; ++n) wanted.push_back(R"(42["down",)" + std::to_string(n) + "]");
    EXPECT_EQ(texts, wanted);
    upgrader_->cut(true);
    polling_.cut(true);
  }

 private:
  World& world_;
  int id_;
  HttpPeer polling_;
  std::string target_;
  std::optional<Upgrader> upgrader_;
};

class Moves : public test::ShardsTest {
 protected:
  explicit Moves(ServerOptions options = {}) : ShardsTest(willing(std::move(options))) {
    world_.io.on_event("up", [this](const Socket& socket, int id, int n) {
      bool in_order = false;
      {
        const std::lock_guard lock(numbers_);
        in_order = next_[id] == n;
        next_[id] = n + 1;
      }
      if (!in_order) ++faults_;
      socket.emit("down", n);
    });
    world_.io.http().get("/big", [](const HttpRequest&) {
      return HttpReply{200, {}, std::string(32 * 1024 * 1024, 'x')};
    });
    world_.start();
  }
  ~Moves() override { world_.stop(); }

  // Peers are answered on although they do not read, and not waited for long.
  static ServerOptions willing(ServerOptions options) {
    options.limits.send_timeout = std::chrono::milliseconds(500);
    options.send_queue_soft = 64 * 1024 * 1024;
    options.send_queue_hard = 64 * 1024 * 1024;
    return options;
  }

  // Every event came once and in its order, and was answered so.
  void expect_complete(int id, int sent) {
    const std::lock_guard lock(numbers_);
    EXPECT_EQ(next_[id], sent);
    EXPECT_EQ(faults_, 0);
  }

  void lose_nothing(std::uint64_t moves);
  void keep_what_follows(int upgrades);
  void upgrade(std::uint64_t moves);

  std::mutex numbers_;
  std::map<int, int> next_;
  std::atomic<int> faults_{0};
};
INSTANTIATE_TEST_SUITE_P(All, Moves, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

// With TLS, whose state moves too.
class SecureMoves : public Moves {
 protected:
  SecureMoves() : Moves(test::with_tls()) { world_.tls = test::client_context(); }
};
INSTANTIATE_TEST_SUITE_P(All, SecureMoves, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

void Moves::lose_nothing(std::uint64_t moves) {
  constexpr int kRoamers = 32;
  constexpr int kOthers = 8;
  const auto others = join(kOthers);
  std::vector<Downs> downs(kOthers);
  std::vector<std::unique_ptr<Roamer>> roamers;
  for (int id = 0; id < kRoamers; ++id)
    roamers.push_back(std::make_unique<Roamer>(world_, 100 + id, Roamer::Old::cut));
  int rounds = 0;
  while (world_.io.stats().moved_connections < moves && rounds < 50'000 && !HasFailure()) {
    for (int i = 0; i < kOthers; ++i)
      others[static_cast<std::size_t>(i)]->send(up(i, rounds).substr(1));
    ++rounds;
    for (const auto& roamer : roamers) roamer->send();
    for (const auto& roamer : roamers) roamer->get();
    for (const auto& roamer : roamers) EXPECT_EQ(roamer->answer_to_post(), 200);
    for (const auto& roamer : roamers) roamer->answer_to_get();
  }
  EXPECT_GE(world_.io.stats().moved_connections, moves);
  for (int id = 0; id < kRoamers; ++id) {
    Roamer& roamer = *roamers[static_cast<std::size_t>(id)];
    while (!roamer.complete() && !HasFailure()) {
      roamer.get();
      roamer.answer_to_get();
    }
    expect_complete(100 + id, roamer.sent());
  }
  for (int i = 0; i < kOthers; ++i) {
    const auto n = static_cast<std::size_t>(i);
    while (downs[n].next() < rounds && !HasFailure()) downs[n].take(others[n]->next());
    expect_complete(i, rounds);
  }
}

TEST_P(Moves, LoseNothingUnderLoad) {
  lose_nothing(10'000);
}

TEST_P(SecureMoves, LoseNothingUnderLoad) {
  lose_nothing(500);
}

// The upgrade moves too, with the frames behind it.
void Moves::keep_what_follows(int upgrades) {
  constexpr int kEvents = 5;
  for (int id = 100; id < 100 + upgrades && !HasFailure(); ++id) {
    // Its first connection keeps its shard from being the emptiest: all others arrive elsewhere.
    Roamer roamer(world_, id, Roamer::Old::kept);
    roamer.send();
    EXPECT_EQ(roamer.answer_to_post(), 200);
    roamer.get();
    roamer.answer_to_get();
    Upgrader upgrader(world_, roamer.target(), id, roamer.sent(), kEvents);
    const std::string last = R"(42["down",)" + std::to_string(roamer.sent() + kEvents - 1) + "]";
    ASSERT_TRUE(world_.until([&] { return upgrader.in().ends_with(last); })) << upgrader.in();
    expect_complete(id, roamer.sent() + kEvents);
    const std::size_t head = upgrader.in().find("\r\n\r\n");
    EXPECT_TRUE(upgrader.in().starts_with("HTTP/1.1 101"));
    EXPECT_EQ(upgrader.in().find("3probe"), head + 4 + 2);
    // What polling had not fetched comes first; then the answers to the frames.
    for (int n = 0; n < kEvents; ++n) {
      const std::string text = R"(42["down",)" + std::to_string(roamer.sent() + n) + "]";
      const std::size_t at = upgrader.in().find(text);
      EXPECT_NE(at, std::string::npos);
      EXPECT_EQ(upgrader.in().find(text, at + 1), std::string::npos);
    }
    const auto n = static_cast<std::uint64_t>(id - 99);
    EXPECT_EQ(world_.io.stats().moved_connections, n * 5);  // two GETs, two POSTs, the upgrade
    upgrader.cut(true);
    roamer.leave();
    ASSERT_TRUE(world_.until([this] { return world_.io.stats().connections == 0; }));
  }
}

TEST_P(Moves, KeepWhatFollowsAnUpgrade) {
  keep_what_follows(60);
}

TEST_P(SecureMoves, KeepWhatFollowsAnUpgrade) {
  keep_what_follows(10);
}

// Upgrades only: nothing else moves here. Many at once, while others of all shards send.
void Moves::upgrade(std::uint64_t moves) {
  constexpr int kAtOnce = 32;
  constexpr int kOthers = 8;
  const auto others = join(kOthers);
  std::vector<Downs> downs(kOthers);
  int rounds = 0;
  int id = kOthers;
  while (world_.io.stats().moved_connections < moves && rounds < 50'000 && !HasFailure()) {
    for (int i = 0; i < kOthers; ++i)
      others[static_cast<std::size_t>(i)]->send(up(i, rounds).substr(1));
    ++rounds;
    std::vector<std::unique_ptr<Mover>> movers;
    for (int i = 0; i < kAtOnce; ++i) movers.push_back(std::make_unique<Mover>(world_, id + i));
    for (const auto& mover : movers) mover->post();
    for (const auto& mover : movers) mover->upgrade();
    for (const auto& mover : movers) mover->finish();
    for (int i = 0; i < kAtOnce; ++i) expect_complete(id++, Mover::kSent);
  }
  EXPECT_GE(world_.io.stats().moved_connections, moves);
  EXPECT_EQ(world_.io.stats().upgrades, static_cast<std::uint64_t>(rounds) * kAtOnce);
  for (int i = 0; i < kOthers; ++i) {
    const auto n = static_cast<std::size_t>(i);
    while (downs[n].next() < rounds && !HasFailure()) downs[n].take(others[n]->next());
    expect_complete(i, rounds);
  }
}

TEST_P(Moves, UpgradeUnderLoad) {
  upgrade(10'000);
}

TEST_P(SecureMoves, UpgradeUnderLoad) {
  upgrade(300);
}

// A connection that is to move, and whose peer does not take what it is still owed, has a deadline
// like any other.
TEST_P(Moves, DoNotWaitForeverForThePeer) {
  const auto clients = join(4);
  const std::string target = "/socket.io/?EIO=4&transport=polling&sid=";
  const std::uint64_t connections = world_.io.stats().connections;
  HttpPeer peer(world_);
  peer.shrink_receive_buffer();
  peer.reading = false;
  peer.send("GET", "/big");
  for (const auto& client : clients)  // one of them lives on another shard
    peer.send("GET", target + client->open_packet.substr(9, eio::kSidSize));
  ASSERT_TRUE(world_.until([&] { return world_.io.stats().moved_connections > 0; }));
  EXPECT_TRUE(world_.until([&] { return world_.io.stats().connections == connections; }));
}

// What they are still owed is this shard's until they leave.
class CrowdedMoves : public test::ShardsTest {
 protected:
  static constexpr std::size_t kAnswer = std::size_t{8} * 1024 * 1024;
  static constexpr std::size_t kLimit = 5 * kAnswer;

  CrowdedMoves() : ShardsTest(options()) {
    world_.io.http().get("/big", [](const HttpRequest&) {
      return HttpReply{200, {}, std::string(kAnswer, 'x')};
    });
    world_.io.http().get("/half", [](const HttpRequest&) {
      return HttpReply{200, {}, std::string(kAnswer / 2, 'x')};
    });
    world_.start();
  }
  ~CrowdedMoves() override { world_.stop(); }

 private:
  static ServerOptions options() {
    ServerOptions options;
    options.send_queue_soft = options.send_queue_hard = 2 * kAnswer;
    options.max_output_bytes = kLimit;
    return options;
  }
};
INSTANTIATE_TEST_SUITE_P(All, CrowdedMoves, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

TEST_P(CrowdedMoves, AreClosedWhenTheyHoldTooMuch) {
  constexpr std::size_t kOthers = 6;
  const auto clients = join(kThreads);
  std::vector<std::unique_ptr<HttpPeer>> peers;  // the first of them move: one of each shard
  for (std::size_t i = 0; i < kThreads + kOthers; ++i) {
    peers.push_back(std::make_unique<HttpPeer>(world_));
    HttpPeer& peer = *peers.back();
    peer.shrink_receive_buffer();
    peer.reading = false;
    const std::uint64_t before = world_.io.stats().output_bytes;
    if (i < kThreads) {
      peer.send("GET", "/big");
      for (const auto& client : clients)
        peer.send("GET", "/socket.io/?EIO=4&transport=polling&sid=" +
                             client->open_packet.substr(9, eio::kSidSize));
      ASSERT_TRUE(world_.until([&] { return world_.io.stats().moved_connections == i + 1; }));
      EXPECT_EQ(world_.io.stats().shed_clients, 0U);
    } else {
      peer.send("GET", "/half");
      EXPECT_TRUE(world_.until([&] {
        const Stats stats = world_.io.stats();
        return stats.output_bytes > before || stats.shed_clients > 0;
      }));
    }
  }
  EXPECT_TRUE(world_.until([&] {
    const Stats stats = world_.io.stats();
    return stats.output_bytes <= kLimit && stats.shed_clients > 0 &&
           stats.connections == 2 * kThreads + kOthers - stats.shed_clients;
  }));
  // There is room for one of the others beside all of them, who hold twice as much.
  std::size_t served = 0;
  for (std::size_t i = kThreads; i < peers.size(); ++i) {
    peers[i]->reading = true;
    served += peers[i]->answer().body.size() == kAnswer / 2;
  }
  EXPECT_GE(served, kOthers / 2);
  EXPECT_EQ(world_.io.stats().clients, kThreads);
  for (const auto& peer : peers) peer->cut(true);
  EXPECT_TRUE(world_.until([&] {
    const Stats stats = world_.io.stats();
    return stats.connections == kThreads && stats.output_bytes == 0;
  }));
}

}  // namespace
}  // namespace socketio
