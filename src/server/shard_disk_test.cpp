// Files for many at a time: what is read, when, and for whom.
#include <deque>
#include <future>

#include <gtest/gtest.h>

#include "support/folder.hpp"
#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Folder;
using test::HttpAnswer;
using test::HttpPeer;
using test::World;

// When it has come back, the worker has done all it was to do.
void await_worker(World& world) {
  std::promise<void> done;
  ASSERT_TRUE(world.io.offload([&done] { done.set_value(); }, [] {}));
  done.get_future().wait();
}

// However many wait for one, a turn answers as many as it may, and no more are read meanwhile.
TEST(Files, AreReadAsTheyAreAnswered) {
  constexpr std::size_t kFile = std::size_t{8} * 1024 * 1024;
  constexpr std::size_t kAtOnce = kFile + std::size_t{1024} * 1024;
  constexpr std::size_t kPeers = 16;
  const Folder folder;
  folder.write("big", std::string(kFile, 'f'));
  World world;
  world.io.http().serve("/", folder.path());
  std::vector<std::unique_ptr<HttpPeer>> peers;
  for (std::size_t i = 0; i < kPeers; ++i) peers.push_back(std::make_unique<HttpPeer>(world));
  world.settle();
  for (const auto& peer : peers) {
    peer->reading = false;
    peer->send("GET", "/big");
  }
  world.turn();
  for (std::size_t turn = 1; turn < kPeers; ++turn) {
    await_worker(world);
    world.io.process();
    // What is answered, and what has been read for the next turn.
    EXPECT_LE(world.io.stats().output_bytes, (turn + 1) * kAtOnce);
  }
  for (const auto& peer : peers) {
    peer->reading = true;
    ASSERT_EQ(peer->answer().body.size(), kFile);
  }
  EXPECT_TRUE(world.until([&world] { return world.io.stats().output_bytes == 0; }));
}

// What is read in the meantime is no answer yet: those of others go on.
TEST(Files, DoNotKeepOthersFromTheirAnswers) {
  const Folder folder;
  folder.write("big", std::string(std::size_t{2} * 1024 * 1024, 'f'));
  World world;
  world.io.http().serve("/", folder.path());
  std::vector<std::unique_ptr<HttpPeer>> peers;
  for (int i = 0; i < 16; ++i) peers.push_back(std::make_unique<HttpPeer>(world));
  HttpPeer neighbour(world);
  world.settle();
  for (const auto& peer : peers) {
    peer->reading = false;
    peer->send("GET", "/big");
  }
  world.turn();
  world.turn();
  for (int i = 0; i < 8; ++i) {
    neighbour.send("GET", "/socket.io/");
    world.turn();
    await_worker(world);
    const std::uint64_t before = world.io.stats().http_requests;
    world.io.process();
    EXPECT_EQ(world.io.stats().http_requests, before + 1);
    EXPECT_EQ(neighbour.answer().status, 400);
  }
}

TEST(Files, NothingIsReadForNobody) {
  const Folder folder;
  folder.write("big", std::string(std::size_t{8} * 1024 * 1024, 'f'));
  World world;
  world.io.http().serve("/", folder.path());
  HttpPeer peer(world);
  for (int i = 0; i < 3; ++i) peer.send("HEAD", "/big");
  for (int i = 0; i < 3; ++i) {
    await_worker(world);
    EXPECT_LT(world.io.stats().output_bytes, 1'000'000U);
    const HttpAnswer head = peer.answer();
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.header("Content-Length"), "8388608");
  }
  // Those behind the one that is being read.
  std::vector<std::unique_ptr<HttpPeer>> gone;
  for (int i = 0; i < 8; ++i) gone.push_back(std::make_unique<HttpPeer>(world));
  world.settle();
  for (const auto& each : gone) each->send("GET", "/big");
  world.turn();
  for (const auto& each : gone) each->cut(true);
  ASSERT_TRUE(world.until([&world] { return world.io.stats().connections == 1; }));
  await_worker(world);
  world.io.process();
  await_worker(world);
  EXPECT_EQ(world.io.stats().offload_jobs, 0U);
  EXPECT_LT(world.io.stats().output_bytes, 1'000'000U);
}

// A fallback may get it: until then it is its client's, and counts as any other that is not worked
// on yet.
TEST(Files, BodiesThatWaitForTheDiskAreTheirClients) {
  const Folder folder;
  ServerOptions options;
  options.max_input_bytes = 4'000'000;
  World world(std::move(options));
  world.io.http().serve("/", folder.path()).fallback([](const HttpRequest& r) {
    return HttpReply::text(std::to_string(r.body().size()));
  });
  const std::string body(900'000, 'x');
  std::promise<void> held;
  ASSERT_TRUE(world.io.offload([&held] { held.get_future().wait(); }, [] {}));
  const auto post = [&](HttpPeer& peer) {
    const std::uint64_t before = world.io.stats().http_requests;
    peer.send("POST", "/none", "", body);
    return world.until([&] { return peer.closed() || world.io.stats().http_requests > before; });
  };
  for (int i = 0; i < 3; ++i) {
    HttpPeer peer(world);
    ASSERT_TRUE(post(peer));
    EXPECT_GE(world.io.stats().input_bytes, body.size());
    peer.cut(true);
    EXPECT_TRUE(world.until([&] { return world.io.stats().connections == 0; }));
    EXPECT_EQ(world.io.stats().input_bytes, 0U);
  }
  std::deque<HttpPeer> peers;
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(post(peers.emplace_back(world)));
  EXPECT_LE(world.io.stats().input_bytes, 4'500'000U);
  EXPECT_GT(world.io.stats().shed_clients, 0U);
  held.set_value();
  EXPECT_EQ(peers.back().answer().body, "900000");
  EXPECT_TRUE(world.until([&] { return world.io.stats().input_bytes == 0; }));
}

}  // namespace
}  // namespace socketio
