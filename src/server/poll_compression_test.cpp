// Answers to polls that the worker compresses: what waits for it is counted, and bounded; what it
// has no room for is sent as it is.
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "net/offload.hpp"
#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::HttpAnswer;
using test::HttpPeer;
using test::PollingClient;
using test::World;

class PollCompression : public ::testing::Test {
 protected:
  // The worker does nothing until release().
  void hold_worker() {
    ASSERT_TRUE(world_.io.offload([gate = gate_.get_future().share()] { gate.wait(); }, [] {}));
    ASSERT_TRUE(world_.until([&] { return world_.io.stats().offload_jobs == 0; }));
  }
  void release() {
    gate_.set_value();
    held_ = false;
  }
  ~PollCompression() override {
    if (held_) gate_.set_value();
  }
  // Whoever polls next is sent it.
  std::unique_ptr<PollingClient> joined() {
    auto client = std::make_unique<PollingClient>(world_);
    EXPECT_TRUE(client->join());
    return client;
  }
  std::unique_ptr<HttpPeer> poll(const PollingClient& client) {
    auto peer = std::make_unique<HttpPeer>(world_);
    peer->send("GET", "/socket.io/?EIO=4&transport=polling&sid=" + client.sid,
               "Accept-Encoding: gzip\r\n");
    world_.settle();
    return peer;
  }
  HttpAnswer answer(HttpPeer& peer) {
    EXPECT_TRUE(world_.until([&] { return peer.answered(); }));
    return peer.answer();
  }

  const std::string big_ = std::string(900'000, 'x');
  const std::string payload_ = "42[\"m\",\"" + big_ + "\"]";
  bool held_ = true;
  std::promise<void> gate_;
  World world_;
};

TEST_F(PollCompression, WhatWaitsForTheWorkerIsCounted) {
  const auto client = joined();
  hold_worker();
  world_.io.emit("m", big_);
  const auto peer = poll(*client);
  ASSERT_TRUE(world_.until([&] { return world_.io.stats().offload_jobs == 1; }));
  EXPECT_GE(world_.io.stats().output_bytes, payload_.size());
  EXPECT_LE(world_.io.stats().output_bytes, 2 * payload_.size());
  EXPECT_FALSE(peer->answered());
  // Nor does it matter that nobody waits for it any more.
  const std::uint64_t connections = world_.io.stats().connections;
  peer->cut(true);
  ASSERT_TRUE(world_.until([&] { return world_.io.stats().connections < connections; }));
  EXPECT_GE(world_.io.stats().output_bytes, payload_.size());
  release();
  EXPECT_TRUE(world_.until([&] { return world_.io.stats().output_bytes < 100'000; }));
}

TEST_F(PollCompression, AFullQueueSendsItAsItIs) {
  const auto client = joined();
  hold_worker();
  for (std::size_t i = 0; i < net::Offload::kMaxJobs; ++i)
    ASSERT_TRUE(world_.io.offload([] {}, [] {}));
  world_.io.emit("m", big_);
  const auto peer = poll(*client);
  const HttpAnswer plain = answer(*peer);
  EXPECT_EQ(plain.status, 200);
  EXPECT_EQ(plain.header("Content-Encoding"), "");
  EXPECT_EQ(plain.header("Vary"), "Accept-Encoding");
  EXPECT_TRUE(plain.body == payload_);
}

// So do too many bytes.
TEST_F(PollCompression, SoDoTooManyBytes) {
  std::vector<std::unique_ptr<PollingClient>> clients;
  for (int i = 0; i < 12; ++i) clients.push_back(joined());
  hold_worker();
  world_.io.emit("m", big_);
  std::vector<std::unique_ptr<HttpPeer>> peers;
  std::size_t plain = 0;
  for (const auto& client : clients) {
    peers.push_back(poll(*client));
    const std::size_t waiting = peers.size() - plain;
    if (waiting * payload_.size() <= 8 * 1024 * 1024) {
      EXPECT_FALSE(peers.back()->answered()) << waiting;
      continue;
    }
    ++plain;
    ASSERT_TRUE(world_.until([&] { return peers.back()->answered(); }));
    const HttpAnswer as_it_is = answer(*peers.back());
    EXPECT_EQ(as_it_is.header("Content-Encoding"), "");
    EXPECT_TRUE(as_it_is.body == payload_);
    peers.back().reset();
  }
  EXPECT_EQ(plain, 3U);
  EXPECT_LE(world_.io.stats().output_bytes, 9'500'000U);
  release();
  for (const auto& peer : peers) {
    if (peer == nullptr) continue;
    EXPECT_EQ(answer(*peer).header("Content-Encoding"), "gzip");
  }
  EXPECT_LE(world_.io.stats().output_bytes, 100'000U);
  // There is room again.
  world_.io.emit("m", big_);
  EXPECT_EQ(answer(*poll(*clients.front())).header("Content-Encoding"), "gzip");
}

}  // namespace
}  // namespace socketio
