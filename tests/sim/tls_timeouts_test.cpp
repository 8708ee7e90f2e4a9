// The time limit of a TLS handshake, to the millisecond, in virtual time: a client that is done
// before it is served, one that is done after it is cut off, whatever it still lacks.
#include <gtest/gtest.h>

#include "sim/peer.hpp"
#include "support/certificates.hpp"
#include "support/tls_client.hpp"

namespace socketio::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct Site {
  Site() {
    const test::Certified site = authority.issue({.dns = {"localhost"}});
    options.tls = TlsOptions{.certificates = {{site.certificate, site.private_key}}};
    tls::ClientConfig config;
    config.ca = authority.certificate();
    tls::Refusal refusal;
    client = tls::Context::make_client(config, refusal);
  }
  test::Authority authority{"Test Authority"};
  ServerOptions options;
  std::shared_ptr<const tls::Context> client;
};

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

  Site site_;
  Stage stage_{1, site_.options};
  test::TlsClient client_{site_.client};
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

TEST(ChosenTlsTimeout, IsTheLimit) {
  Site site;
  site.options.tls->handshake_timeout = milliseconds(3'456);
  Stage stage(1, site.options);
  Peer silent(stage);
  stage.run(milliseconds(3'456 - 4));
  EXPECT_FALSE(silent.ended());
  stage.run(milliseconds(8));
  EXPECT_TRUE(silent.ended());
}

}  // namespace
}  // namespace socketio::sim
