// What a flood takes comes back when it is over: not only what the ledger counts, but the tables as
// well. Counted at operator new.
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include <gtest/gtest.h>
#include <malloc.h>

#include "sim/peer.hpp"
#include "sim/stage.hpp"
#include "support/own_new.hpp"
#include "support/upgrade_request.hpp"

namespace {

std::atomic<std::int64_t> live{0};

}  // namespace

void* socketio::test::allocate(std::size_t size, std::size_t alignment) {
  const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) throw std::bad_alloc();
  live.fetch_add(static_cast<std::int64_t>(malloc_usable_size(memory)), std::memory_order_relaxed);
  return memory;
}

void socketio::test::release(void* memory) noexcept {
  if (memory == nullptr) return;
  live.fetch_sub(static_cast<std::int64_t>(malloc_usable_size(memory)), std::memory_order_relaxed);
  std::free(memory);
}

namespace socketio::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kFew = 100'000;

ServerOptions roomy() {
  ServerOptions options;
  options.cleanup_empty_child_namespaces = true;
  return options;
}

// A text frame with a mask of zeros.
std::string frame(const std::string& text) {
  return std::string{static_cast<char>(0x81), static_cast<char>(0x80 | text.size())} +
         std::string(4, '\0') + text;
}

// One of each kind has come and gone before, so that everything is there that is made once.
class AfterAFlood : public ::testing::Test {
 protected:
  AfterAFlood() : stage_(1, roomy()) {
    stage_.hub->names.add_parent(NamespacePattern("^/room-[0-9]+$"), {});
    for (int i = 0; i < 2; ++i) {
      Peer peer(stage_);
      open_session(peer);
      Peer other(stage_);
      join(other, 0);
    }
    calm();
    before_ = live;
  }
  void open_session(Peer& peer) {
    peer.say("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n");
    stage_.run(milliseconds(1));
    peer.got.clear();
  }
  // "/" and a few namespaces of its own.
  void join(Peer& peer, int number) {
    peer.say(test::upgrade_request());
    stage_.run(milliseconds(1));
    peer.say(frame("40"));
    for (int i = 0; i < 5; ++i) peer.say(frame("40/room-" + std::to_string(5 * number + i) + ","));
    stage_.run(milliseconds(1));
    peer.got.clear();
  }
  // Longer than any time-out of theirs.
  void calm() { stage_.run(seconds(120)); }
  std::int64_t grown() const { return live - before_; }

  Stage stage_;
  std::int64_t before_ = 0;
};

TEST_F(AfterAFlood, OfSessionsTheTablesShrink) {
  {
    Peer peer(stage_);
    for (int i = 0; i < 3'000; ++i) open_session(peer);
    EXPECT_GT(stage_.shard->sessions(), 3'000U);
    EXPECT_GT(grown(), 1'000'000);
  }
  calm();
  EXPECT_EQ(stage_.shard->sessions(), 0U);
  EXPECT_LE(grown(), kFew);
}

TEST_F(AfterAFlood, OfConnectionsAndNamespacesTheTablesShrink) {
  std::int64_t input = 0;
  {
    std::vector<std::unique_ptr<Peer>> peers;
    for (int i = 0; i < 1'000; ++i) {
      peers.push_back(std::make_unique<Peer>(stage_));
      join(*peers.back(), i);
    }
    EXPECT_EQ(stage_.backend().streams(), 1'000U);
    EXPECT_EQ(stage_.hub->names.size(), 5'001U);
    EXPECT_GT(grown(), 5'000'000);
    input = stage_.hub->ledger.input();
    EXPECT_GT(input, 5'000 * 1'500);
  }
  calm();
  EXPECT_EQ(stage_.hub->names.size(), 1U);
  EXPECT_EQ(stage_.hub->ledger.input(), 0);
  EXPECT_LE(grown(), 10 * kFew);  // the places of names stay
}

// Who is there all the time is not disturbed.
TEST_F(AfterAFlood, WhoWasThereBeforeIsStillServed) {
  Peer one(stage_);
  join(one, 1'000'000);
  {
    std::vector<std::unique_ptr<Peer>> peers;
    for (int i = 0; i < 500; ++i) {
      peers.push_back(std::make_unique<Peer>(stage_));
      join(*peers.back(), i);
    }
  }
  stage_.run(seconds(10));
  one.say(frame("41/room-5000000,"));
  one.say(frame("40/room-5000000,"));
  stage_.run(milliseconds(1));
  EXPECT_NE(one.got.find("40/room-5000000,{\"sid\":"), std::string::npos) << one.got;
  EXPECT_FALSE(one.ended());
}

// What waits for those who do not come for it: all of its memory is known to the ledger, however
// small the messages are, and those who hold most are found by it.
class Waiting : public ::testing::Test {
 protected:
  static constexpr int kMessages = 100'000;

  static ServerOptions patient(std::size_t max_output) {
    ServerOptions options;
    options.ping_interval = std::chrono::minutes(10);
    options.max_output_bytes = max_output;
    return options;
  }
  void open(std::size_t max_output) {
    stage_.emplace(1, patient(max_output));
    stage_->of("/").on_connection([](const Socket&) {});
  }
  void join_websocket() {
    peers_.push_back(std::make_unique<Peer>(*stage_));
    Peer& peer = *peers_.back();
    peer.say(test::upgrade_request());
    stage_->run(milliseconds(1));
    peer.say(frame("40"));
    stage_->run(milliseconds(1));
    peer.stop_reading();
  }
  void join_polling() {
    Peer peer(*stage_);
    peer.say("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n");
    stage_->run(milliseconds(1));
    const std::string sid = peer.got.substr(peer.got.find("\"sid\":\"") + 7, 20);
    peer.say("POST /socket.io/?EIO=4&transport=polling&sid=" + sid +
             " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n40");
    stage_->run(milliseconds(1));
  }
  // A few in a turn. So many bytes each, after the name.
  void broadcast(std::size_t size) {
    const std::string text(size, 'x');
    for (int i = 0; i < kMessages; ++i) {
      if (size == 0) {
        stage_->of("/").emit("m", 1);
      } else {
        stage_->of("/").emit("m", text);
      }
      if (i % 3 != 0) continue;
      stage_->post([](server::Shard&) {});
      stage_->run(std::chrono::microseconds(10));
    }
    stage_->run(milliseconds(1));
  }
  void expect_counted(std::size_t size, std::int64_t least) {
    const std::int64_t live_before = live;
    const std::int64_t before = stage_->hub->ledger.output();
    broadcast(size);
    const std::int64_t counted = stage_->hub->ledger.output() - before;
    EXPECT_GT(counted, least);
    EXPECT_LE(live - live_before, 2 * counted);
    EXPECT_EQ(stage_->stats().shed_clients, 0U);
  }

  std::optional<Stage> stage_;
  std::vector<std::unique_ptr<Peer>> peers_;
};

TEST_F(Waiting, TinyMessagesForWebSockets) {
  open(std::size_t{1} << 30);
  for (int i = 0; i < 10; ++i) join_websocket();
  broadcast(20);  // until the network takes no more
  expect_counted(0, 10 * kMessages * 10);
}

// Too long to be copied for everybody.
TEST_F(Waiting, MessagesThatAreShared) {
  open(std::size_t{1} << 30);
  for (int i = 0; i < 10; ++i) join_websocket();
  broadcast(20);
  expect_counted(100, kMessages * 100);
}

TEST_F(Waiting, TinyMessagesForAPoller) {
  open(std::size_t{1} << 30);
  join_polling();
  expect_counted(0, kMessages * 10);
}

// They hold more than there may be with what their queues cost, and only with that.
TEST_F(Waiting, WhoHoldsMostIsFoundByAllOfIt) {
  open(std::size_t{20} * 1024 * 1024);
  for (int i = 0; i < 10; ++i) join_polling();
  const std::int64_t live_before = live;
  broadcast(0);
  EXPECT_GT(stage_->stats().shed_clients, 0U);
  EXPECT_LE(stage_->hub->ledger.output(), 21 * 1024 * 1024);
  EXPECT_LE(live - live_before, 42 * 1024 * 1024);
}

}  // namespace
}  // namespace socketio::sim
