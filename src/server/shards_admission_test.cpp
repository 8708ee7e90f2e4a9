// Decisions on several shards: asked on the thread of the connection, answered on others, with ids
// that do not tell their shard.
#include <thread>

#include "support/shards_fixture.hpp"

namespace socketio {
namespace {

using test::Client;
using test::HttpAnswer;
using test::HttpPeer;
using test::kOpen;

// Answers on a thread of its own, in whatever order.
class Deciders {
 public:
  void later(std::function<void()> answer) {
    const std::lock_guard lock(mutex_);
    threads_.emplace_back(std::move(answer));
  }
  void join() {
    const std::lock_guard lock(mutex_);
    threads_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<std::jthread> threads_;
};

ServerOptions decided_by(Deciders& deciders) {
  ServerOptions options;
  options.engine.decision_timeout = std::chrono::seconds(60);
  options.engine.allow_request = [&deciders](const HttpRequest& request, const Decide& decide) {
    const bool yes = request.query("no").empty();
    deciders.later([decide, yes] { decide(yes); });
  };
  options.engine.generate_id = [&deciders](const HttpRequest& request,
                                           const Reply<std::string>& reply) {
    deciders.later([reply, id = std::string(request.query("id"))] { reply(id); });
  };
  return options;
}

class ShardsAdmission : public test::ShardsTest {
 protected:
  ShardsAdmission() : ShardsTest(decided_by(deciders_)) {
    world_.io.engine().use([this](const EngineRequest& request, const EngineNext& next) {
      request.set_header("X-Seen", "1");
      deciders_.later([next] { next(); });
    });
    world_.start();
  }
  ~ShardsAdmission() override {
    world_.stop();
    deciders_.join();
  }

  Deciders deciders_;
};

// Every request on a connection of its own. Those of a session stay open: the next one arrives
// where fewest are, at another shard than the session's, to which the ones before it have been
// moved.
TEST_P(ShardsAdmission, CustomIdsAreFoundFromEveryShard) {
  constexpr int kSessions = 8;
  std::vector<std::string> targets;
  for (int i = 0; i < kSessions; ++i) {
    const std::string id = "session-" + std::to_string(i);
    const HttpAnswer open = test::http_get(world_, std::string(kOpen) + "&id=" + id);
    EXPECT_EQ(open.status, 200);
    EXPECT_EQ(open.header("X-Seen"), "1");
    EXPECT_NE(open.body.find("\"sid\":\"" + id + "\""), std::string::npos);
    targets.push_back(std::string(kOpen) + "&sid=" + id);
  }
  for (const std::string& target : targets) {
    std::vector<std::unique_ptr<HttpPeer>> posts;
    for (int n = 0; n < 4; ++n) {
      posts.push_back(std::make_unique<HttpPeer>(world_));
      const HttpAnswer answer =
          posts.back()->request("POST", target, "", n == 0 ? "40" : "42[\"nobody listens\"]");
      EXPECT_EQ(answer.body, "ok");
      EXPECT_EQ(answer.header("X-Seen"), "1");
    }
    EXPECT_TRUE(test::http_get(world_, target).body.starts_with("40{"));
  }
  EXPECT_GT(world_.io.stats().moved_connections, 0U);
  EXPECT_EQ(hub()->custom_ids.size(), static_cast<std::size_t>(kSessions));
  // The same id at once from everywhere: one gets it.
  std::vector<std::unique_ptr<HttpPeer>> rivals;
  for (int i = 0; i < kSessions; ++i) {
    rivals.push_back(std::make_unique<HttpPeer>(world_));
    rivals.back()->send("GET", std::string(kOpen) + "&id=wanted");
  }
  int won = 0;
  for (const auto& rival : rivals) won += rival->answer().status == 200 ? 1 : 0;
  EXPECT_EQ(won, 1);
  world_.stop();
  EXPECT_EQ(hub()->custom_ids.size(), 0U);
}

TEST_P(ShardsAdmission, WebSocketsToo) {
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<Client>(
        world_, test::ClientOptions{.query = "&id=w" + std::to_string(i)}));
    EXPECT_FALSE(clients.back()->join().empty());
  }
  EXPECT_TRUE(Client(world_, {.query = "&id=x&no=1"}).open_packet.empty());
  for (const auto& client : clients) client->cut();
  expect_empty();
  EXPECT_EQ(hub()->custom_ids.size(), 0U);
}

// Connections that go, and then the server, while decisions are being made.
TEST_P(ShardsAdmission, NobodyMindsWhatComesTooLate) {
  for (int round = 0; round < 20; ++round) {
    HttpPeer peer(world_);
    peer.send("GET", std::string(kOpen) + "&id=r" + std::to_string(round));
    world_.turn();
    peer.cut(round % 2 == 0);
  }
  std::vector<std::unique_ptr<HttpPeer>> peers;
  for (int i = 0; i < 8; ++i) {
    peers.push_back(std::make_unique<HttpPeer>(world_));
    peers.back()->send("GET", std::string(kOpen) + "&id=p" + std::to_string(i));
    world_.turn();
  }
  world_.stop();
  deciders_.join();
}

INSTANTIATE_TEST_SUITE_P(Backends, ShardsAdmission, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

}  // namespace
}  // namespace socketio
