// Connections are counted by address wherever they are, and while they move from shard to shard.
#include "support/shards_fixture.hpp"

namespace socketio {
namespace {

using test::HttpAnswer;
using test::HttpPeer;

constexpr std::size_t kMost = 12;

ServerOptions limited() {
  ServerOptions options;
  options.limits.max_connections_per_address = kMost;
  return options;
}

class ShardsPeers : public test::ShardsTest {
 protected:
  ShardsPeers() : ShardsTest(limited()) { world_.start(); }

  // As many as may be, each for a session of the shard of the one before it, so that most move.
  std::vector<std::unique_ptr<HttpPeer>> fill() {
    const std::string open = "/socket.io/?EIO=4&transport=polling";
    std::vector<std::unique_ptr<HttpPeer>> all;
    std::string sid;
    for (std::size_t i = 0; i < kMost; ++i) {
      all.push_back(std::make_unique<HttpPeer>(world_));
      if (!sid.empty()) {
        EXPECT_EQ(all.back()->request("POST", open + "&sid=" + sid, "", "3").status, 200);
      }
      const HttpAnswer opened = all.back()->request("GET", open);
      EXPECT_EQ(opened.status, 200);
      const std::size_t at = opened.body.find("\"sid\":\"");
      sid = at == std::string::npos ? "" : opened.body.substr(at + 7, 20);
    }
    return all;
  }
};

TEST_P(ShardsPeers, AreCountedWhileTheyMove) {
  for (int round = 0; round < 5; ++round) {
    auto all = fill();
    EXPECT_TRUE(HttpPeer(world_).wait_closed());
    all.clear();
    ASSERT_TRUE(world_.until([this] { return world_.io.stats().connections == 0; }));
  }
  EXPECT_GT(world_.io.stats().moved_connections, 0U);
  EXPECT_EQ(world_.io.stats().refused_connections, 5U);
}

INSTANTIATE_TEST_SUITE_P(Backends, ShardsPeers, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

}  // namespace
}  // namespace socketio
