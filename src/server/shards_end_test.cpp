// Shards and ends: of clients, by every way there is, and of the server while all its threads are
// busy.
#include <semaphore>
#include <thread>

#include "net/seeded_random.hpp"
#include "support/shards_fixture.hpp"

namespace socketio {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Client;

class Ends : public test::ShardsTest {
 protected:
  explicit Ends(ServerOptions options = {}) : ShardsTest(std::move(options)) {}
  void ask_until_closed();
  void fill_mailboxes_until_closed();
};
INSTANTIATE_TEST_SUITE_P(All, Ends, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

ServerOptions recovering() {
  ServerOptions options;
  options.connection_state_recovery.emplace();
  return options;
}

// Emits and commands have a queue of their own then.
class RecoveringEnds : public Ends {
 protected:
  RecoveringEnds() : Ends(recovering()) {}
};
INSTANTIATE_TEST_SUITE_P(All, RecoveringEnds, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

// Operations of threads that are not the server's, each of which must end once.
class Askers {
 public:
  Askers(Server& io, std::vector<Socket> sockets) : io_(io), sockets_(std::move(sockets)) {}

  void start(int threads) {
    for (int t = 0; t < threads; ++t) threads_.emplace_back([this, t] { run(t); });
  }
  void stop() {
    stop_ = true;
    threads_.clear();
  }
  // From here on nobody but the askers themselves may run callbacks.
  void server_has_closed() { closed_ = true; }

  int begun() const { return begun_; }
  int ended() const { return ended_; }
  int answered() const { return answered_; }
  int late() const { return late_; }

 private:
  static bool& is_asker() {
    thread_local bool here = false;
    return here;
  }
  void run(int seed) {
    is_asker() = true;
    net::SeededRandom random(static_cast<std::uint64_t>(seed));
    while (!stop_) one(random.next() % 8, sockets_[random.next() % sockets_.size()]);
  }
  template <class T>
  void waited(const Pending<T>& pending) {
    ++begun_;
    if (pending.get()) ++answered_;
    ++ended_;
  }
  void called() {
    ++ended_;
    if (closed_ && !is_asker()) ++late_;
  }
  void one(std::uint64_t what, const Socket& socket) {
    switch (what) {
      case 0:
        return waited(io_.fetch_sockets());
      case 1:
        return waited(io_.timeout(milliseconds(20)).emit_with_ack<int>("all"));
      case 2:
        return waited(socket.timeout(milliseconds(20)).emit_with_ack<int>("one"));
      case 3:
        ++begun_;
        io_.timeout(milliseconds(20)).emit("all", [this](std::error_code, const std::vector<int>&) {
          called();
        });
        break;
      case 4:
        ++begun_;
        socket.emit("one", [this](const Result<int>&) { called(); });
        break;
      case 5:
        io_.sockets().sockets_join("room");
        io_.to("room").except(socket.id()).emit("news", 1);
        break;
      case 6:
        io_.to("room").volatile_().emit("news", 2);
        io_.in(socket.id()).sockets_leave("room");
        break;
      case 7:
        if (++disconnected_ % 64 == 0) io_.in(socket.id()).disconnect_sockets(true);
        break;
    }
  }

  Server& io_;
  std::vector<Socket> sockets_;
  std::atomic<int> begun_{0};
  std::atomic<int> ended_{0};
  std::atomic<int> answered_{0};
  std::atomic<int> late_{0};
  std::atomic<int> disconnected_{0};
  std::atomic<bool> closed_{false};
  std::atomic<bool> stop_{false};
  std::vector<std::jthread> threads_;
};

// Acknowledges what asks for it: "2<id>[…" is answered by "3<id>[1]".
void answer(Client& client) {
  while (client.has_packet()) {
    const std::string packet = client.next();
    if (packet.size() < 3 || packet[0] != '2' || packet[1] == '[') continue;
    client.send("3" + packet.substr(1, packet.find('[') - 1) + "[1]");
  }
}

void Ends::ask_until_closed() {
  std::atomic<bool> closed{false};
  std::atomic<int> late{0};
  std::atomic<int> asked{0};
  std::atomic<int> told{0};
  // Handlers ask too; their answers come home to their shard.
  world_.io.on_event("go", [&](const Socket& socket) {
    asked += 2;
    const auto end = [&] {
      ++told;
      if (closed) ++late;
    };
    world_.io.timeout(milliseconds(20))
        .emit("all", [end](std::error_code, const std::vector<int>&) { end(); });
    socket.timeout(milliseconds(20)).emit("one", [end](const Result<int>&) { end(); });
  });
  world_.start();
  auto clients = join(16);
  std::vector<Socket> sockets;
  for (const std::string& id : ids_) sockets.push_back(socket(id));
  Askers askers(world_.io, std::move(sockets));
  askers.start(3);
  int rounds = 0;
  ASSERT_TRUE(world_.until([&] {
    for (std::size_t i = 0; i < clients.size(); ++i) {
      answer(*clients[i]);
      if (rounds % 16 == static_cast<int>(i)) clients[i]->send(R"(2["go"])");
    }
    if (++rounds == 100) clients[3]->cut(true);
    if (rounds == 200) clients[8]->reading = false;  // says nothing more
    return rounds > 400 && askers.answered() > 200;
  }));
  const Pending<void> pending = world_.io.close();
  ASSERT_TRUE(world_.until([&] { return pending.ready(); }));
  askers.server_has_closed();
  closed = true;
  askers.stop();
  EXPECT_EQ(askers.begun(), askers.ended());
  EXPECT_EQ(asked, told);
  world_.stop();
  EXPECT_EQ(askers.begun(), askers.ended());
  EXPECT_EQ(askers.late(), 0);
  EXPECT_EQ(late, 0);
  EXPECT_EQ(disconnects_, 16);
}

TEST_P(Ends, EveryAskEndsOnceThoughTheServerCloses) {
  ask_until_closed();
}

TEST_P(RecoveringEnds, EveryAskEndsOnceThoughTheServerCloses) {
  ask_until_closed();
}

void Ends::fill_mailboxes_until_closed() {
  world_.start();
  const auto clients = join(4);
  const Socket one = socket(ids_[1]);
  std::atomic<int> begun{0};
  std::atomic<int> ended{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (true) {
        ++begun;
        if (!one.emit("ask", [&](const Result<int>&) { ++ended; })) break;
      }
    });
  }
  const Pending<void> pending = world_.io.close();
  ASSERT_TRUE(world_.until([&] { return pending.ready(); }));
  threads.clear();
  EXPECT_EQ(begun, ended);
}

// The end itself runs handlers, of sessions that have no connection just then, and they ask. That
// all have closed does not mean that all have answered.
TEST_P(Ends, AnswersToTheLastHandlersComeHome) {
  constexpr std::size_t kAsking = 1;
  constexpr std::size_t kBusy = 2;
  std::atomic<bool> joined{false};
  std::atomic<int> asked{0};
  std::atomic<int> told{0};
  world_.io.on_connection([&](const Socket& socket) {
    if (socket.hub()->here(kAsking) != nullptr) joined = true;
  });
  const auto tell = [&told](const auto&...) { ++told; };
  world_.io.on_disconnect([&](const Socket& socket, DisconnectReason) {
    if (socket.hub()->here(kAsking) == nullptr) return;
    asked += 3;
    world_.io.timeout(seconds(5)).emit("all", [tell](std::error_code, const std::vector<int>&) {
      tell();
    });
    world_.io.fetch_sockets().then([&, tell](const auto&) {
      tell();
      world_.io.fetch_sockets().then(tell);
    });
  });
  world_.start();
  std::vector<std::unique_ptr<test::PollingClient>> clients;
  while (!joined) {
    clients.push_back(std::make_unique<test::PollingClient>(world_));
    ASSERT_TRUE(clients.back()->join());
  }
  clients.clear();
  ASSERT_TRUE(world_.until([this] { return world_.io.stats().connections == 0; }));

  std::counting_semaphore<> held{0};
  std::counting_semaphore<> asks{0};
  std::counting_semaphore<> answers{0};
  const auto hold = [&](std::size_t shard, std::counting_semaphore<>& until) {
    hub()->post(shard, [&](server::Shard&) {
      held.release();
      until.acquire();
    });
    held.acquire();
  };
  hold(kAsking, asks);
  const Pending<void> pending = world_.io.close();
  for (const std::size_t other : {std::size_t{0}, std::size_t{3}}) {
    hub()->post(other, [&held](server::Shard&) { held.release(); });
    held.acquire();
  }
  hold(kBusy, answers);
  asks.release();
  // Its chance to go.
  for (int i = 0; i < 20 && hub()->post(kAsking, [](server::Shard&) {}); ++i) world_.turn();
  answers.release();
  ASSERT_TRUE(world_.until([&] { return pending.ready(); }));
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(told, asked);
  world_.stop();
}

// What waits in a mailbox when its shard has closed is not forgotten.
TEST_P(Ends, NothingIsLeftInTheMailboxes) {
  fill_mailboxes_until_closed();
}

TEST_P(RecoveringEnds, NothingIsLeftInTheQueues) {
  fill_mailboxes_until_closed();
}

// Two hundred clients that come and go as a seeded die says.
class Crowd {
 public:
  Crowd(test::World& world, std::uint64_t seed) : world_(world), random_(seed), clients_(200) {}

  void step() {
    std::unique_ptr<Client>& client = clients_[random_.next() % clients_.size()];
    const std::string room = std::to_string(random_.next() % 5);
    if (!client || client->closed()) {
      client = std::make_unique<Client>(world_);
      client->send("0");
      return;
    }
    switch (random_.next() % 12) {
      case 0:
        return client->cut(true);
      case 1:
        return client->cut();
      case 2:
        return client->close();
      case 3:
        return client->send("1");
      case 4:
        return client->send("0");
      case 5:
        return client->send(R"(2["bye"])");
      case 6:
        client->send(R"(51["attachment",{"_placeholder":true,"num":0}])");
        return client->cut(random_.next() % 2 == 0);  // the attachment never comes
      case 7:
      case 8:
        return client->send(R"(2["join",")" + room + "\"]");
      case 9:
        return client->send(R"(2["ask",")" + room + "\"]");
      default:
        return client->send(R"(2["say",")" + room + R"(","text"])");
    }
  }
  void answer_all() {
    for (const auto& client : clients_) {
      if (client && !client->closed()) answer(*client);
    }
  }
  void leave() { clients_.clear(); }

 private:
  test::World& world_;
  net::SeededRandom random_;
  std::vector<std::unique_ptr<Client>> clients_;
};

TEST_P(Ends, ACrowdLeavesNothingBehind) {
  std::atomic<int> asked{0};
  std::atomic<int> told{0};
  world_.io.on_event("join",
                     [](const Socket& socket, const std::string& room) { socket.join(room); });
  world_.io.on_event("say", [](const Socket& socket, const std::string& room,
                               const std::string& s) { socket.to(room).emit("said", s); });
  world_.io.on_event("bye", [](const Socket& socket) { socket.disconnect(true); });
  world_.io.on_event("ask", [&](const std::string& room) {
    ++asked;
    world_.io.to(room)
        .timeout(milliseconds(50))
        .emit("who", [&](std::error_code, const std::vector<int>&) { ++told; });
  });
  world_.start();
  Crowd crowd(world_, 20261120);
  for (int n = 0; n < 3'000; ++n) {
    crowd.step();
    if (n % 16 == 0) {
      world_.turn();
      crowd.answer_all();
    }
  }
  EXPECT_GT(world_.io.stats().events_in, 500U);
  crowd.leave();
  expect_empty();
  EXPECT_TRUE(world_.until([&] { return told == asked; }));
  EXPECT_GT(asked, 50);
  for (std::uint32_t n = 0; n < hub()->names.size(); ++n) EXPECT_EQ(hub()->names.sockets(n), 0U);
  world_.stop();
}

// Only the first one asks the shards for anything: their end would begin anew with each.
TEST(SecondClose, OnlyWaits) {
  for (const std::size_t threads : {1U, 3U}) {
    test::World world({.threads = threads});
    std::vector<Pending<void>> all;
    const std::function<void()> job = [&] {  // once a turn, until the last
      all.push_back(world.io.close());
      world.io.post(job);
    };
    world.io.post(job);
    ASSERT_TRUE(world.until([&all] { return !all.empty() && all.front().ready(); }));
    EXPECT_GT(all.size(), 1U);
    for (const Pending<void>& pending : all) EXPECT_TRUE(pending.ready());
  }
}

// A thread that has been started need not run yet. What was asked of its shard then was once done
// by the asker's thread, and the end of it was told by no turn.
TEST(BeginningThreads, EndWhatIsAskedOfThem) {
  for (int i = 0; i < 50; ++i) {
    Server io({.threads = 4});
    io.process();  // starts them
    bool ended = false;
    io.timeout(milliseconds(1)).emit("question", [&](std::error_code, const std::vector<int>&) {
      ended = true;
    });
    const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!ended && std::chrono::steady_clock::now() < late) io.process();
    ASSERT_TRUE(ended) << i;
  }
}

}  // namespace
}  // namespace socketio
