// Several shards: which one a client gets, what its id tells, and what all of them share.
#include "net/seeded_random.hpp"
#include "support/shards_fixture.hpp"

namespace socketio {
namespace {

using test::Client;
using test::HttpPeer;
using test::ShardsTest;

INSTANTIATE_TEST_SUITE_P(All, ShardsTest, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

TEST_P(ShardsTest, ConnectionsAreBalanced) {
  world_.start();
  const auto first = join(1);
  std::vector<std::unique_ptr<HttpPeer>> peers;
  for (int i = 1; i < 1'000; ++i) peers.push_back(std::make_unique<HttpPeer>(world_));
  ASSERT_TRUE(world_.until([this] { return world_.io.stats().connections == 1'000; }));
  const auto counts = [this] {
    std::vector<std::size_t> all;
    for (const auto& one : hub()->connections) all.push_back(one.load());
    return all;
  };
  EXPECT_EQ(counts(), std::vector<std::size_t>(kThreads, 250));
  // Those of one shard go; the next ones take their places.
  for (std::size_t i = 3; i < peers.size(); i += 4) peers[i].reset();
  peers.resize(peers.size());
  ASSERT_TRUE(world_.until([this] { return world_.io.stats().connections == 751; }));
  for (int i = 0; i < 249; ++i) peers.push_back(std::make_unique<HttpPeer>(world_));
  ASSERT_TRUE(world_.until([this] { return world_.io.stats().connections == 1'000; }));
  EXPECT_EQ(counts(), std::vector<std::size_t>(kThreads, 250));
}

// Whoever has the key finds the shard; for everybody else ids are all alike.
TEST_P(ShardsTest, IdsTellTheirShardToTheServerOnly) {
  world_.start();
  const auto first = join(1);
  const eio::SidKey key = hub()->sid_key;
  eio::SidKey other = key;
  other.words[0] ^= 1;
  std::vector<int> shards(kThreads, 0);
  int guessed = 0;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 256; ++i) {
    clients.push_back(std::make_unique<Client>(world_));
    const auto sid = eio::parse_sid(clients.back()->open_packet.substr(9, eio::kSidSize));
    ASSERT_TRUE(sid);
    const std::size_t shard = eio::shard_of(*sid, key);
    ASSERT_LT(shard, kThreads);
    ++shards[shard];
    if (eio::shard_of(*sid, other) == shard) ++guessed;
  }
  EXPECT_EQ(shards, std::vector<int>(kThreads, 64));
  EXPECT_LT(guessed, 16);  // one of 256 is expected
}

// A forged id names a shard that does not exist, or a session that its shard does not know. Either
// way the answer is the same, and comes on the same connection.
TEST_P(ShardsTest, ForgedIdsAreUnknown) {
  world_.start();
  const auto first = join(1);
  net::SeededRandom random(7);
  for (int shard = 0; shard < 256; shard += shard < 8 ? 1 : 31) {
    const eio::Sid forged = eio::make_sid(random, hub()->sid_key, static_cast<std::uint8_t>(shard));
    const std::uint64_t moved = world_.io.stats().moved_connections;
    HttpPeer peer(world_);
    const std::string target =
        "/socket.io/?EIO=4&transport=polling&sid=" + std::string(forged.view());
    for (const char* method : {"GET", "POST", "GET"}) {
      const test::HttpAnswer answer = peer.request(method, target, {}, *method == 'P' ? "2" : "");
      EXPECT_EQ(answer.status, 400);
      EXPECT_EQ(answer.body, R"({"code":1,"message":"Session ID unknown"})") << method;
      if (*method == 'P') break;  // refused before its body was read: the connection ends
    }
    EXPECT_LE(world_.io.stats().moved_connections, moved + (shard < 4 ? 1 : 0));
  }
}

}  // namespace
}  // namespace socketio
