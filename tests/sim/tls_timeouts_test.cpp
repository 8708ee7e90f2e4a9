// The time limit of a TLS handshake, to the millisecond, in virtual time: a client that is done
// before it is served, one that is done after it is cut off, whatever it still lacks. And how long
// half a message of one, later, holds things up.
#include <gtest/gtest.h>

#include "sim/peer.hpp"
#include "support/tls_client.hpp"
#include "support/tls_site.hpp"
#include "support/upgrade_request.hpp"

namespace socketio::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class TlsTimeout : public ::testing::Test {
 protected:
  static constexpr base::Duration kLimit = seconds(10);
  static constexpr base::Duration kLatency = microseconds(100);  // of a Peer's link

  // What a client says first, and what it answers.
  std::string hello() {
    std::string wire;
    client_.write("", wire);
    return wire;
  }
  std::string answer(const Peer& peer) {
    std::string wire;
    client_.take(peer.got, wire);
    return wire;
  }
  // The last bytes of a handshake reach the server so long after its limit; true when it goes on.
  bool serves(base::Duration late) {
    Peer peer(stage_);
    // Accepted after one way; the constructor of Peer waits longer.
    const base::Time accepted = stage_.now() - milliseconds(1) + kLatency;
    peer.say(hello());
    stage_.run(seconds(1));
    const std::string last = answer(peer);
    EXPECT_FALSE(last.empty());
    stage_.run_until(accepted + kLimit + late - kLatency);
    if (peer.ended()) return false;
    peer.say(last);
    std::string request;
    client_.write("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", request);
    peer.say(request);
    const std::size_t before = peer.got.size();
    stage_.run(seconds(1));
    std::string wire;
    const std::string heard(base::as_bytes(client_.take(peer.got.substr(before), wire)));
    EXPECT_EQ(heard.starts_with("HTTP/1.1 404 "), !peer.ended());
    return !peer.ended();
  }

  Stage stage_{1, test::with_tls()};
  test::TlsClient client_{test::client_context()};
};

// L03, L04: the limit is the option's default, and counts from the connection's beginning.
TEST_F(TlsTimeout, SilenceAndABeginning) {
  EXPECT_EQ(TlsOptions().handshake_timeout, kLimit);
  Peer silent(stage_);
  Peer slow(stage_);
  const std::string first = hello();
  for (std::size_t i = 0; i < 9; ++i) {
    slow.say(first.substr(i, 1));
    stage_.run(seconds(1));
  }
  stage_.run(seconds(1) - milliseconds(4));
  EXPECT_FALSE(silent.ended() || slow.ended());
  EXPECT_EQ(stage_.stats().connections, 2U);
  stage_.run(milliseconds(8));
  EXPECT_TRUE(silent.ended() && slow.ended());
  EXPECT_EQ(silent.got + slow.got, "");
  EXPECT_EQ(stage_.stats().connections, 0U);
  EXPECT_EQ(stage_.stats().input_bytes, 0U);
}

TEST_F(TlsTimeout, DoneAMillisecondBefore) {
  EXPECT_TRUE(serves(-milliseconds(1)));
}

// What has come is read before timers are looked at.
TEST_F(TlsTimeout, DoneAtTheLimit) {
  EXPECT_TRUE(serves({}));
}

// A millisecond is the resolution of timers, which never fire early.
TEST_F(TlsTimeout, DoneAfterIt) {
  EXPECT_FALSE(serves(milliseconds(1)));
  stage_.run(minutes(1));
  EXPECT_EQ(stage_.stats().connections, 0U);
  EXPECT_EQ(stage_.stats().input_bytes, 0U);
  EXPECT_EQ(stage_.stats().output_bytes, 0U);
}

TEST_F(TlsTimeout, TheLastAnswerComesBehindHalfAKeyUpdate) {
  Peer peer(stage_);
  peer.say(hello());
  stage_.run(milliseconds(1));
  std::string wire = answer(peer);
  peer.got.clear();
  client_.write("GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", wire);
  const test::TlsClient::SplitKeyUpdate update = client_.split_key_update("x");
  peer.say(wire + update.begin);
  stage_.run(milliseconds(1));
  EXPECT_EQ(base::as_bytes(client_.take(std::exchange(peer.got, {}), wire)), "");
  EXPECT_FALSE(peer.ended());
  peer.say(update.end);
  stage_.run(milliseconds(1));
  const std::string heard(base::as_bytes(client_.take(peer.got, wire)));
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 404 ")) << heard;
  EXPECT_TRUE(peer.ended());
}

// Nothing can be encrypted for a client while a message of the handshake is half here. It is waited
// for as for one that does not read, and no longer.
class HalfAKeyUpdate : public ::testing::Test {
 protected:
  HalfAKeyUpdate() {
    stage_.of("/").on_connection([this](const Socket& socket) { socket_ = socket; });
    say("");
    say(test::upgrade_request());
    opened_ = stage_.now();
    say(std::string("\x81\x82\0\0\0\0", 6) + "40");
    update_ = client_.split_key_update("x");
    peer_.say(update_.begin);
    stage_.run(milliseconds(1));
  }
  void say(const std::string& plain) {
    std::string wire;
    client_.write(plain, wire);
    peer_.say(wire);
    hear();
  }
  // What comes at once.
  std::string hear() {
    stage_.run(milliseconds(1));
    std::string wire;
    std::string plain(base::as_bytes(client_.take(std::exchange(peer_.got, {}), wire)));
    peer_.say(wire);
    stage_.run(milliseconds(1));
    return plain;
  }
  void expect_end_after(base::Duration limit, base::Time since) {
    constexpr base::Duration kSlack = milliseconds(10);
    stage_.run_until(since + limit - kSlack);
    EXPECT_FALSE(peer_.ended());
    stage_.run_until(since + limit + kSlack);
    EXPECT_TRUE(peer_.ended());
    EXPECT_EQ(stage_.stats().connections, 0U);
  }

  static inline const std::string kEvent = std::string("\x81\x07") + R"(42["x"])";
  Stage stage_{1, test::with_tls()};
  Peer peer_{stage_};
  test::TlsClient client_{test::client_context()};
  base::Time opened_{};
  std::optional<Socket> socket_;
  test::TlsClient::SplitKeyUpdate update_;
};

TEST_F(HalfAKeyUpdate, WhatWaitsComesWithTheMissingByte) {
  ASSERT_TRUE(socket_);
  socket_->emit("x");
  EXPECT_EQ(hear(), "");
  peer_.say(update_.end);
  EXPECT_EQ(hear(), kEvent);
}

TEST_F(HalfAKeyUpdate, SoDoesTheEnd) {
  ASSERT_TRUE(socket_);
  socket_->emit("x");
  socket_->disconnect(true);
  EXPECT_EQ(hear(), "");
  EXPECT_FALSE(peer_.ended());
  peer_.say(update_.end);
  EXPECT_EQ(hear(), kEvent + "\x81\x02" + "41" + std::string("\x88\0", 2));
}

TEST_F(HalfAKeyUpdate, VolatilePacketsDoNotWait) {
  ASSERT_TRUE(socket_);
  socket_->emit("x");
  EXPECT_EQ(hear(), "");
  socket_->volatile_().emit("y");
  peer_.say(update_.end);
  EXPECT_EQ(hear(), kEvent);
}

TEST_F(HalfAKeyUpdate, EndsWithThePingTimeout) {
  const ServerOptions& options = stage_.options();
  expect_end_after(options.ping_interval + options.ping_timeout, opened_);
}

TEST_F(HalfAKeyUpdate, HasTheUsualTimeForTheClosing) {
  ASSERT_TRUE(socket_);
  socket_->disconnect(true);
  expect_end_after(ws::Limits().close_timeout, stage_.now());
}

TEST(ChosenTlsTimeout, IsTheLimit) {
  ServerOptions options = test::with_tls();
  options.tls->handshake_timeout = milliseconds(3'456);
  Stage stage(1, options);
  Peer silent(stage);
  stage.run(milliseconds(3'456 - 4));
  EXPECT_FALSE(silent.ended());
  stage.run(milliseconds(8));
  EXPECT_TRUE(silent.ended());
}

}  // namespace
}  // namespace socketio::sim
