// Connection state recovery over several threads: clients that come back to another one than they
// left, while all of them emit.
#include <condition_variable>
#include <optional>
#include <semaphore>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "support/shards_fixture.hpp"

namespace socketio {
namespace {

using test::Client;

ServerOptions recovering(std::chrono::milliseconds keep = std::chrono::minutes(10)) {
  ServerOptions options;
  options.connection_state_recovery.emplace().max_disconnection_duration = keep;
  return options;
}

// As the official client: remembers the offset of the last event, and comes back with it.
class Visitor {
 public:
  explicit Visitor(test::World& world) : world_(world) { come(); }

  // On a new connection; the old one is cut, or left as it is, half dead.
  void come_back(bool half_dead) {
    if (!half_dead) client_->cut();
    old_.push_back(std::move(client_));
    come();
  }
  void read_some() {
    while (client_->has_packet()) take(client_->next());
  }
  bool read_one() {
    const std::string packet = client_->next();
    if (packet.starts_with("(")) return false;
    take(packet);
    return true;
  }
  Client& client() { return *client_; }
  const std::string& sid() const { return sid_; }
  const std::vector<std::string>& events() const { return events_; }
  int sessions() const { return sessions_; }

 private:
  void come() {
    client_ = std::make_unique<Client>(world_);
    std::string auth;
    if (!pid_.empty()) {
      auth = R"({"pid":")" + pid_ + "\"";
      if (!offset_.empty()) auth += R"(,"offset":")" + offset_ + "\"";
      auth += "}";
    }
    client_->send("0" + auth);
    joined_ = false;
    while (!joined_ && read_one()) {
    }
    EXPECT_TRUE(joined_);
  }
  void take(const std::string& packet) {
    if (packet.starts_with("0{")) {
      const Value reply = Value::parse(packet.substr(1)).value_or(Value());
      const std::string sid(reply["sid"].to_string());
      if (sid != sid_) ++sessions_;
      sid_ = sid;
      pid_ = reply["pid"].to_string();
      joined_ = true;
    } else if (packet.starts_with("2[")) {
      const std::size_t last = packet.rfind(",\"");
      offset_ = packet.substr(last + 2, packet.size() - last - 4);
      events_.push_back(packet.substr(1, last - 1));
    }
  }

  test::World& world_;
  std::unique_ptr<Client> client_;
  std::vector<std::unique_ptr<Client>> old_;
  std::string sid_;
  std::string pid_;
  std::string offset_;
  std::vector<std::string> events_;
  int sessions_ = 0;
  bool joined_ = false;
};

class Recovering : public test::ShardsTest {
 protected:
  Recovering() : ShardsTest(recovering()) {}
};
INSTANTIATE_TEST_SUITE_P(All, Recovering, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

// Emits of handlers on all shards and of foreign threads: all clients see the same packets in the
// same order, once, however often they leave and wherever they come back.
TEST_P(Recovering, EverybodySeesOneOrder) {
  constexpr int kVisitors = 8;
  constexpr int kForeign = 2;
  constexpr int kEach = 150;
  constexpr int kRounds = 60;
  world_.io.on_event("burst", [this](int from, int n) { world_.io.emit("b", from, n); });
  world_.start();
  std::vector<std::unique_ptr<Visitor>> visitors;
  for (int i = 0; i < kVisitors; ++i) visitors.push_back(std::make_unique<Visitor>(world_));
  std::vector<std::jthread> foreign;
  for (int t = 0; t < kForeign; ++t) {
    foreign.emplace_back([this, t] {
      for (int n = 0; n < kEach; ++n) {
        world_.io.emit("b", 100 + t, n);
        std::this_thread::yield();
      }
    });
  }
  std::map<int, int> asked;
  for (int round = 0; round < kRounds; ++round) {
    const int who = round * 5 % kVisitors;
    visitors[static_cast<std::size_t>(who)]->client().send(
        R"(2["burst",)" + std::to_string(who) + "," + std::to_string(asked[who]++) + "]");
    Visitor& leaves = *visitors[static_cast<std::size_t>(round * 3 % kVisitors)];
    if (round % 4 == 0) leaves.read_some();
    // Its own events must have been handled: they are not what is recovered.
    leaves.client().rest();
    leaves.come_back(round % 2 == 0);
  }
  foreign.clear();
  const std::size_t total = std::size_t{kForeign} * kEach + kRounds;
  for (const auto& visitor : visitors) {
    while (visitor->events().size() < total && visitor->read_one()) {
    }
    ASSERT_EQ(visitor->events(), visitors[0]->events());
    EXPECT_EQ(visitor->sessions(), 1);
  }
  ASSERT_EQ(visitors[0]->events().size(), total);
  std::map<int, int> next;
  for (const std::string& event : visitors[0]->events()) {
    const int from = std::stoi(event.substr(5));
    ASSERT_EQ(std::stoi(event.substr(event.find(',', 5) + 1)), next[from]++) << event;
  }
}

// What was made on one thread is there on the next, and a handle of before still reaches the
// client.
TEST_P(Recovering, RoomsDataAndOldHandlesGoAlong) {
  world_.io.on_connection([](const Socket& socket) {
    if (!socket.recovered()) {
      socket.join("room");
      socket.data<std::string>() = "kept";
    }
  });
  world_.io.on_event("who", [](const Socket& socket) {
    return socket.data<std::string>() + (socket.recovered() ? " recovered" : "") +
           (socket.in_room("room") ? " in" : "");
  });
  world_.start();
  Visitor visitor(world_);
  ASSERT_TRUE(world_.until([&] {
    const std::lock_guard lock(mutex_);
    return sockets_.contains(visitor.sid());
  }));
  const Socket before = socket(visitor.sid());
  std::set<std::uint32_t> shards;
  for (int round = 0; round < 8; ++round) {
    // Somebody else on the emptiest shard, so that it comes back to another one.
    const auto others = join(static_cast<std::size_t>(round % 4));
    visitor.come_back(round % 2 == 0);
    visitor.client().send(R"(21["who"])");
    EXPECT_EQ(visitor.client().next(), R"(31["kept recovered in"])");
    EXPECT_TRUE(before.emit("direct", round));
    ASSERT_TRUE(visitor.read_one());
    EXPECT_EQ(visitor.events().back(), R"(["direct",)" + std::to_string(round));
    world_.io.to("room").emit("room", round);
    ASSERT_TRUE(visitor.read_one());
    EXPECT_EQ(visitor.events().back(), R"(["room",)" + std::to_string(round));
    shards.insert(socket(visitor.sid()).shard());
  }
  EXPECT_GT(shards.size(), 1U);
  EXPECT_EQ(visitor.sessions(), 1);
}

// A thread's calls keep their order, whatever goes through which queue.
TEST_P(Recovering, JoinsAndEmitsOfAThreadKeepTheirOrder) {
  world_.start();
  const auto clients = join(8);
  constexpr int kRounds = 50;
  for (int round = 0; round < kRounds; ++round) {
    world_.io.sockets_join("r");
    world_.io.to("r").emit("in", round);
    world_.io.sockets_leave("r");
    world_.io.to("r").emit("out", round);
  }
  world_.io.emit("end");
  for (const auto& client : clients) {
    for (int round = 0; round < kRounds; ++round)
      ASSERT_TRUE(client->next().starts_with(R"(2["in",)" + std::to_string(round) + ","));
    ASSERT_TRUE(client->next().starts_with(R"(2["end",)"));
  }
}

class TwoRecovering : public test::ShardsTest {
 protected:
  TwoRecovering() : ShardsTest(recovering(), 2) {}
};
INSTANTIATE_TEST_SUITE_P(All, TwoRecovering, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

// Each thread tells a fact of its namespace, and by emitting gets to what the other has asked of
// it: to join a room in the other namespace, whose fact is being told over there.
TEST_P(TwoRecovering, FactsMayEmitWhileTheOtherThreadTellsOne) {
  constexpr std::chrono::seconds kLong(10);
  const std::string names[] = {"/a", "/b"};
  std::counting_semaphore<2> begun[] = {std::counting_semaphore<2>(0),
                                        std::counting_semaphore<2>(0)};
  std::counting_semaphore<2> told[] = {std::counting_semaphore<2>(0),
                                       std::counting_semaphore<2>(0)};
  std::atomic<int> joined{0};
  for (const int i : {0, 1}) {
    const Namespace nsp = world_.io.of(names[i]);
    nsp.on_join_room([&, i, nsp](std::string_view room, std::string_view) {
      if (room == "asked") ++joined;
      if (room != "own") return;
      told[i].release();
      EXPECT_TRUE(told[1 - i].try_acquire_for(kLong));
      EXPECT_TRUE(nsp.emit("m"));
    });
    nsp.on_event("go", [&, i, nsp](const Socket& socket) {
      begun[i].release();
      EXPECT_TRUE(begun[1 - i].try_acquire_for(kLong));
      EXPECT_TRUE(nsp.sockets_join("asked"));
      socket.join("own");
    });
  }
  world_.start();
  const auto clients = join(2);
  for (const auto& client : clients) {
    for (const std::string& name : names) EXPECT_FALSE(client->join(name).empty());
  }
  for (const std::size_t i : {0U, 1U}) clients[i]->send("2" + names[i] + R"(,["go"])");
  for (const auto& client : clients) {
    std::set<std::string> events{client->next().substr(0, 10), client->next().substr(0, 10)};
    EXPECT_EQ(events, (std::set<std::string>{R"(2/a,["m",")", R"(2/b,["m",")"}));
  }
  EXPECT_TRUE(world_.until([&] { return joined == 4; }));
}

// Somebody on another thread who emits one more for each packet that is delivered: as fast as the
// shard delivers, and it does so for ever.
class Chaser {
 public:
  // A listener of outgoing events.
  void delivered() {
    std::unique_lock lock(mutex_);
    const int next = ++wanted_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return over_ || emitted_ >= next; });
  }
  void done() {
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  // Until done(), or until it has emitted so much that nobody will be done. False then.
  bool chase(const Socket& socket) {
    std::unique_lock lock(mutex_);
    while (emitted_ < kMost) {
      changed_.wait(lock, [&] { return done_ || wanted_ > emitted_; });
      if (done_) break;
      lock.unlock();
      EXPECT_TRUE(socket.emit("m", emitted_));
      lock.lock();
      ++emitted_;
      changed_.notify_all();
    }
    over_ = true;
    changed_.notify_all();
    return done_;
  }

 private:
  static constexpr int kMost = 5'000;
  std::mutex mutex_;
  std::condition_variable changed_;
  int wanted_ = 0;
  int emitted_ = 0;  // by one thread
  bool done_ = false;
  bool over_ = false;
};

// Others may emit as fast as the shard delivers: it has more to do.
TEST_P(TwoRecovering, JobsRunWhileOthersEmit) {
  Chaser chaser;
  world_.io.on_event("listen", [&](const Socket& socket) {
    socket.on_any_outgoing([&chaser] { chaser.delivered(); });
    return 1;
  });
  world_.start();
  auto clients = join(2);
  clients[1]->send(R"(21["listen"])");
  ASSERT_EQ(clients[1]->next(), "31[1]");
  const Socket chased = socket(ids_[1]);
  EXPECT_TRUE(chased.emit("first"));
  EXPECT_TRUE(chased.post([&] { chaser.done(); }));
  EXPECT_TRUE(chaser.chase(chased));
  clients.clear();
  world_.stop();
}

TEST_P(TwoRecovering, AnEmitReturnsWhileOthersEmit) {
  Chaser chaser;
  std::atomic<bool> begun{false};
  world_.io.on_event("go", [&](const Socket& socket) {
    socket.on_any_outgoing([&chaser] { chaser.delivered(); });
    begun = true;
    EXPECT_TRUE(socket.emit("own"));
    EXPECT_TRUE(socket.emit("behind"));
    chaser.done();
  });
  world_.start();
  auto clients = join(2);
  clients[1]->send(R"(2["go"])");
  ASSERT_TRUE(world_.until([&] { return begun.load(); }));
  EXPECT_TRUE(chaser.chase(socket(ids_[1])));
  EXPECT_TRUE(clients[1]->next().starts_with(R"(2["own",)"));
  EXPECT_TRUE(clients[1]->next().starts_with(R"(2["m",0,)"));
  EXPECT_TRUE(clients[1]->next().starts_with(R"(2["behind",)"));
  clients.clear();
  world_.stop();
}

// A client that connects has to get all that others emit before, and then all the rest; it waits
// for that, the others do not.
TEST_P(TwoRecovering, JobsRunWhileAClientConnectsAndOthersEmit) {
  Chaser chaser;
  std::atomic<bool> begun{false};
  std::atomic<bool> listening{false};
  std::optional<Socket> chased;
  world_.io.on_event("listen", [&](const Socket& socket) {
    socket.on_any_outgoing([&chaser] { chaser.delivered(); });
    chased = socket;
    listening = true;
    return 1;
  });
  world_.io.use([&](const Socket& socket) -> std::optional<ConnectError> {
    if (!listening || socket.shard() != chased->shard()) return {};
    begun = true;
    EXPECT_TRUE(chased->emit("first"));
    EXPECT_TRUE(chased->post([&] { chaser.done(); }));
    return {};
  });
  world_.start();
  auto clients = join(2);
  clients[1]->send(R"(21["listen"])");
  ASSERT_EQ(clients[1]->next(), "31[1]");
  for (int i = 0; i < 2; ++i) {  // one of them to the same shard
    clients.push_back(std::make_unique<Client>(world_));
    clients.back()->send("0");
  }
  ASSERT_TRUE(world_.until([&] { return begun.load(); }));
  EXPECT_TRUE(chaser.chase(socket(ids_[1])));
  for (std::size_t i : {2U, 3U}) EXPECT_TRUE(clients[i]->next().starts_with("0{"));
  clients.clear();
  world_.stop();
}

class Expiring : public test::ShardsTest {
 protected:
  Expiring() : ShardsTest(recovering(std::chrono::milliseconds(100))) {}
};
INSTANTIATE_TEST_SUITE_P(All, Expiring, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

// Sessions, packets and the user's data are gone when their time is over.
TEST_P(Expiring, NothingIsLeft) {
  const auto alive = std::make_shared<int>(0);
  world_.io.on_connection(
      [alive](const Socket& socket) { socket.data<std::shared_ptr<int>>() = alive; });
  world_.start();
  const long idle = alive.use_count();
  {
    const auto clients = join(8);
    for (int i = 0; i < 100; ++i) world_.io.emit("e", std::string(1000, 'x'));
    for (const auto& client : clients) ASSERT_TRUE(client->next().starts_with("2[\"e\""));
  }
  EXPECT_TRUE(world_.until([&] { return disconnects_ == 8; }));
  EXPECT_TRUE(world_.until([&] {
    const Stats stats = world_.io.stats();
    return stats.recovery_sessions == 0 && stats.recovery_packets == 0 &&
           stats.recovery_bytes == 0 && alive.use_count() == idle;
  }));
  expect_empty();
}

// What nobody could miss is not kept.
TEST_P(Expiring, WithoutSessionsNothingIsKept) {
  world_.start();
  EXPECT_TRUE(world_.io.emit("e"));
  EXPECT_EQ(world_.io.stats().recovery_packets, 0U);
}

}  // namespace
}  // namespace socketio
