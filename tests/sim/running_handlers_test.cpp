// max_running_handlers: what is left of a polling client's POST waits until handlers end, at no
// cost, and whatever ends the session meanwhile ends it; so with a WebSocket.
#include <vector>

#include <gtest/gtest.h>

#include "sim/peer.hpp"
#include "sim/stage.hpp"
#include "support/upgrade_request.hpp"

namespace socketio::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kLimit = 5;

class RunningHandlers : public ::testing::Test {
 protected:
  RunningHandlers() {
    stage_.of("/").on_event("go", [this](Socket) -> Task<> {
      ++running_;
      most_ = std::max(most_, running_);
      const Pending<int> mine;
      gates_.push_back(mine);
      static_cast<void>(co_await mine);
      --running_;
      ++finished_;
    });
    stage_.of("/").on_connection([this](Socket socket) { sockets_.push_back(socket); });
    stage_.of("/").on_disconnect(
        [this](const Socket&, DisconnectReason why) { reasons_.emplace_back(to_string(why)); });
    kept_ = stage_.stats().input_bytes;
    Peer peer(stage_);
    peer.say("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n");
    stage_.run(milliseconds(5));
    sid_ = peer.got.substr(peer.got.find("\"sid\":\"") + 7, 20);
    post("40");
  }
  // A coroutine that waits holds what it waits for, which holds the coroutine.
  ~RunningHandlers() override {
    while (!gates_.empty()) open_gates();
  }
  static ServerOptions options() {
    ServerOptions o;
    o.max_running_handlers = kLimit;
    return o;
  }
  std::string target() const { return "/socket.io/?EIO=4&transport=polling&sid=" + sid_; }
  // How many answers it has had so far.
  static std::size_t answers(const Peer& peer) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = peer.got.find("HTTP/1.1 200", at)) != std::string::npos; ++at)
      ++count;
    return count;
  }
  void post(const std::string& body) { post(poster_, body); }
  void post(Peer& peer, const std::string& body) {
    peer.say("POST " + target() + " HTTP/1.1\r\nHost: a\r\nContent-Length: " +
             std::to_string(body.size()) + "\r\n\r\n" + body);
    stage_.run(milliseconds(5));
  }
  static std::string events(int n) {
    std::string body = "42[\"go\"]";
    for (int i = 1; i < n; ++i)
      body +=
          "\x1e"
          "42[\"go\"]";
    return body;
  }
  void open_gates(std::size_t n = 1'000) {
    n = std::min(n, gates_.size());
    const std::vector<Pending<int>> first(gates_.begin(),
                                          gates_.begin() + static_cast<std::ptrdiff_t>(n));
    gates_.erase(gates_.begin(), gates_.begin() + static_cast<std::ptrdiff_t>(n));
    for (const Pending<int>& one : first) one.state()->finish(1);
    stage_.run(milliseconds(5));
  }
  void expect_session_gone() {
    EXPECT_EQ(stage_.shard->sessions(), 0U);
    EXPECT_EQ(stage_.stats().input_bytes, kept_);
    open_gates();  // those of a session that is gone
    EXPECT_EQ(running_, 0);
  }

  Stage stage_{1, options()};
  Peer poster_{stage_};
  std::string sid_;
  std::uint64_t kept_ = 0;
  std::vector<Pending<int>> gates_;
  std::vector<Socket> sockets_;
  std::vector<std::string> reasons_;
  int running_ = 0;
  int most_ = 0;
  int finished_ = 0;
};

TEST_F(RunningHandlers, WithholdThePostsAnswer) {
  ASSERT_EQ(answers(poster_), 1U);
  post(events(kLimit));
  EXPECT_EQ(answers(poster_), 2U);
  post(events(1'000));
  EXPECT_EQ(answers(poster_), 2U);
  EXPECT_EQ(running_, kLimit);
  const std::uint64_t turns = stage_.turns();
  stage_.run(seconds(20));
  EXPECT_LE(stage_.turns() - turns, 5U);  // it is not looked at meanwhile
  open_gates(1);
  EXPECT_EQ(running_, kLimit);
  EXPECT_EQ(finished_, 1);
  while (finished_ < 1'000) open_gates();
  EXPECT_EQ(answers(poster_), 3U);
  while (finished_ < 1'000 + kLimit) open_gates();
  EXPECT_EQ(most_, kLimit);
  post(events(1));
  EXPECT_EQ(answers(poster_), 4U);
  EXPECT_EQ(running_, 1);
}

TEST_F(RunningHandlers, PollsAreAnsweredMeanwhile) {
  post(events(100));
  sockets_.at(0).emit("hello");
  Peer poll(stage_);
  poll.say("GET " + target() + " HTTP/1.1\r\nHost: a\r\n\r\n");
  stage_.run(milliseconds(5));
  EXPECT_NE(poll.got.find("42[\"hello\"]"), std::string::npos);
}

TEST_F(RunningHandlers, TheClientCanTimeOut) {
  post(events(100));
  stage_.run(seconds(46));
  EXPECT_EQ(reasons_, std::vector<std::string>{"ping timeout"});
  EXPECT_EQ(answers(poster_), 2U);
  expect_session_gone();
}

TEST_F(RunningHandlers, TheServerCanDisconnectIt) {
  post(events(100));
  sockets_.at(0).disconnect(true);
  stage_.run(milliseconds(5));
  EXPECT_EQ(reasons_.size(), 1U);
  EXPECT_EQ(answers(poster_), 2U);
  stage_.run(seconds(31));
  expect_session_gone();
}

TEST_F(RunningHandlers, ItsConnectionsCanGo) {
  Peer poll(stage_);
  poll.say("GET " + target() + " HTTP/1.1\r\nHost: a\r\n\r\n");
  stage_.run(milliseconds(5));
  poll.say("GET " + target() + " HTTP/1.1\r\nHost: a\r\n\r\n");
  stage_.run(milliseconds(5));
  {
    Peer other(stage_);
    post(other, events(100));
    EXPECT_EQ(running_, kLimit);
    stage_.world.close(poll.fd());
  }
  stage_.run(seconds(1));
  EXPECT_EQ(running_, kLimit);
  for (int i = 0; i < 100 && finished_ < 100; ++i) open_gates();
  EXPECT_EQ(finished_, 100);  // what came whole is read first
  EXPECT_EQ(reasons_, std::vector<std::string>{"transport error"});
  expect_session_gone();
}

TEST_F(RunningHandlers, TheServerCanClose) {
  post(events(100));
  EXPECT_TRUE(stage_.close(seconds(6)));
  EXPECT_EQ(stage_.shard->sessions(), 0U);
  open_gates();
}

// Nobody waits for its handlers then, nor for the time that it has to answer a close frame: it has.
TEST_F(RunningHandlers, AWebSocketCanBeDisconnectedAtOnce) {
  const auto frame = [](const std::string& payload, char opcode) {
    return std::string(
               {static_cast<char>(0x80 | opcode), static_cast<char>(0x80 | payload.size())}) +
           std::string(4, '\0') + payload;
  };
  Peer peer(stage_);
  peer.say(test::upgrade_request() + frame("40", 1));
  stage_.run(milliseconds(5));
  for (int i = 0; i < kLimit; ++i) peer.say(frame("42[\"go\"]", 1));
  stage_.run(milliseconds(5));
  EXPECT_EQ(running_, kLimit);
  sockets_.at(1).disconnect(true);
  stage_.run(milliseconds(5));
  peer.say(frame("", 8));
  stage_.run(milliseconds(5));
  EXPECT_TRUE(peer.ended());
}

}  // namespace
}  // namespace socketio::sim
