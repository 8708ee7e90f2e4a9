// Answers to polls are copies of what is queued once for all: they are made as others take theirs,
// or one broadcast to many who poll would be as long a turn, and as much memory, as there are of
// them.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/peer.hpp"
#include "sim/stage.hpp"

namespace socketio::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kLimit = 20'000'000;
constexpr std::size_t kAnswersPerTurn = 1024 * 1024;

// One who polls, and may not read.
struct Poller {
  explicit Poller(Stage& on, bool parks = true) : stage(on), get(on), post(on) {
    get.say("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n");
    stage.run(milliseconds(1));
    sid = get.got.substr(get.got.find("\"sid\":\"") + 7, 20);
    say("40");
    stage.run(milliseconds(1));
    poll();  // brings the answer
    stage.run(milliseconds(1));
    get.got.clear();
    if (!parks) return;
    poll();
    stage.run(milliseconds(1));
  }
  std::string path() const { return "/socket.io/?EIO=4&transport=polling&sid=" + sid; }
  void poll() { get.say("GET " + path() + " HTTP/1.1\r\nHost: a\r\n\r\n"); }
  void say(const std::string& packet) {
    post.say("POST " + path() + " HTTP/1.1\r\nHost: a\r\nContent-Length: " +
             std::to_string(packet.size()) + "\r\n\r\n" + packet);
  }
  bool served() const { return get.got.ends_with("the end\"]"); }

  Stage& stage;
  Peer get;
  Peer post;
  std::string sid;
};

class WaitingPolls : public ::testing::Test {
 protected:
  static ServerOptions options() {
    ServerOptions o;
    o.max_output_bytes = kLimit;
    o.ping_interval = std::chrono::minutes(10);
    return o;
  }
  std::vector<std::unique_ptr<Poller>> pollers(int n) {
    std::vector<std::unique_ptr<Poller>> all;
    for (int i = 0; i < n; ++i) all.push_back(std::make_unique<Poller>(stage_));
    return all;
  }
  void turn() { stage_.shard->loop().process(*stage_.shard); }
  std::size_t output() { return stage_.stats().output_bytes; }
  std::size_t shed() { return stage_.stats().shed_clients; }
  // How many have had the end of the message.
  static std::size_t served(const std::vector<std::unique_ptr<Poller>>& all) {
    std::size_t n = 0;
    for (const auto& one : all) n += one->served();
    return n;
  }
  std::size_t run_to_the_end(const std::vector<std::unique_ptr<Poller>>& all, base::Duration most) {
    std::size_t highest = output();
    for (const base::Time end = stage_.now() + most; stage_.now() < end && served(all) < all.size();
         stage_.run(milliseconds(1)))
      highest = std::max(highest, output());
    return highest;
  }

  const std::string big_ = std::string(900'000, 'x') + "the end";
  Stage stage_{1, options()};
};

TEST_F(WaitingPolls, ABroadcastIsAnsweredAsItIsTaken) {
  const auto all = pollers(200);
  const std::size_t before = output();
  stage_.of("/").emit("a", big_);
  turn();
  EXPECT_LE(output(), before + kAnswersPerTurn + 2 * big_.size()) << "it, and what a turn may add";
  EXPECT_LE(run_to_the_end(all, seconds(10)), kLimit + 100'000);
  EXPECT_EQ(served(all), all.size());
  EXPECT_EQ(shed(), 0U);
  EXPECT_LE(output(), base::Arena::kChunkSize);
}

// Many who never read have all the room. They wait for nothing, and nothing is done; then those
// who have it are shed, and not those who wait.
TEST_F(WaitingPolls, ThoseWhoTakeNothingGoFirst) {
  const auto deaf = pollers(30);
  for (const auto& one : deaf) one->get.stop_reading();
  stage_.of("/").emit("a", big_);
  stage_.run(milliseconds(100));
  EXPECT_GT(output(), kLimit - 2 * big_.size());
  EXPECT_LE(output(), kLimit);
  EXPECT_EQ(shed(), 0U);
  const std::uint64_t before = stage_.turns();
  stage_.run(seconds(1));
  EXPECT_LE(stage_.turns() - before, 2U) << "nobody spins while they wait";
  const auto all = pollers(20);
  stage_.of("/").emit("a", big_);
  const std::size_t highest = run_to_the_end(all, seconds(60));
  EXPECT_EQ(served(all), all.size());
  EXPECT_LE(highest, kLimit + 2 * big_.size());
  EXPECT_LE(shed(), 2 * deaf.size()) << "the connection and the session of each";
  EXPECT_GT(shed(), 0U);
  for (const auto& one : all) EXPECT_FALSE(one->get.ended());
}

// Who has little to hear does not stand in that line; nor do WebSockets.
TEST_F(WaitingPolls, ShortAnswersDoNotWait) {
  const auto deaf = pollers(30);
  for (const auto& one : deaf) one->get.stop_reading();
  stage_.of("/").emit("a", big_);
  stage_.run(milliseconds(100));
  stage_.of("/").on_event("ask", [](const Ack& ack) { ack(std::string(900, 'y')); });
  Poller talker(stage_);
  talker.say("420[\"ask\"]");
  stage_.run(milliseconds(5));
  EXPECT_TRUE(talker.get.got.ends_with("yyy\"]"));
}

// A peer that has ended its side gets the answers to what it has asked.
TEST_F(WaitingPolls, AHalfClosedPollIsAnswered) {
  const auto all = pollers(20);
  stage_.of("/").emit("a", big_);
  turn();
  for (const auto& one : all) stage_.world.shutdown_write(one->get.fd());
  turn();
  EXPECT_LE(run_to_the_end(all, seconds(10)), kLimit + 100'000);
  EXPECT_EQ(served(all), all.size());
  stage_.run(seconds(5));
  for (const auto& one : all) EXPECT_TRUE(one->get.ended());
}

// What is queued is all that may be held, each for one client: they are served all the same.
TEST_F(WaitingPolls, WhereTheQueuesAreAllThereIs) {
  std::vector<Socket> sockets;
  stage_.of("/").on_connection([&](const Socket& socket) { sockets.push_back(socket); });
  std::vector<std::unique_ptr<Poller>> all;
  for (int i = 0; i < 22; ++i) all.push_back(std::make_unique<Poller>(stage_, false));
  for (const Socket& socket : sockets) EXPECT_TRUE(socket.emit("a", big_));
  stage_.run(milliseconds(5));
  EXPECT_GT(output(), kLimit - big_.size());
  for (const auto& one : all) one->poll();
  EXPECT_LE(run_to_the_end(all, seconds(5)), kLimit + big_.size());
  EXPECT_EQ(served(all), all.size());
  EXPECT_EQ(shed(), 0U);
}

}  // namespace
}  // namespace socketio::sim
