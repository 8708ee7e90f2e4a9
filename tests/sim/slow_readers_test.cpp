// Who reads slowly, or not at all, costs what is queued for it and no more: it pins no memory that
// others have written beside.
#include <gtest/gtest.h>

#include "sim/peer.hpp"
#include "support/tls_client.hpp"
#include "support/tls_site.hpp"
#include "support/upgrade_request.hpp"

namespace socketio::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Site {
  explicit Site(bool tls) {
    options.ping_interval = std::chrono::minutes(10);  // nobody goes for another reason
    options.max_output_bytes = 20'000'000;
    if (!tls) return;
    options.tls = test::tls_options();
    client = test::client_context();
  }
  ServerOptions options;
  std::shared_ptr<const tls::Context> client;
};

// A WebSocket of "/".
class Member {
 public:
  Member(Stage& stage, const Site& site) : stage_(stage), peer_(stage) {
    if (site.client) {
      tls_.emplace(site.client);
      say_plain("");
      stage_.run(milliseconds(1));
      read();
    }
    say_plain(test::upgrade_request());
    say("40");
    read();
  }
  // In a text frame with a mask of zeros.
  void say(const std::string& text) {
    std::string frame{'\x81'};
    if (text.size() < 126) {
      frame += static_cast<char>(0x80 | text.size());
    } else {
      frame += '\xFE';
      frame += static_cast<char>(text.size() >> 8);
      frame += static_cast<char>(text.size() & 0xFF);
    }
    say_plain(frame + std::string(4, '\0') + text);
    stage_.run(milliseconds(1));
  }
  // What has come since the last time.
  std::string read() {
    const std::string got = std::exchange(peer_.got, {});
    if (!tls_ || got.empty()) return got;
    std::string wire;
    std::string plain(base::as_bytes(tls_->take(got, wire)));
    if (!wire.empty()) peer_.say(wire);
    stage_.run(milliseconds(1));
    return plain;
  }
  Peer& peer() { return peer_; }
  // TLS; with an empty pong behind it.
  test::TlsClient::SplitKeyUpdate split_key_update() {
    return tls_->split_key_update(std::string("\x8A\x80\0\0\0\0", 6));
  }

 private:
  void say_plain(const std::string& bytes) {
    std::string wire = bytes;
    if (tls_) {
      wire.clear();
      tls_->write(bytes, wire);
    }
    peer_.say(wire);
    stage_.run(milliseconds(1));
  }
  Stage& stage_;
  Peer peer_;
  std::optional<test::TlsClient> tls_;
};

class SlowReaders : public ::testing::TestWithParam<bool> {
 protected:
  SlowReaders() {
    stage_.of("/").on_connection([](Socket socket) {
      socket.on("echo", [socket](const std::string& text) mutable { socket.emit("echo", text); });
    });
  }
  static std::string echo(std::size_t size) {
    return R"(42["echo",")" + std::string(size, 'x') + "\"]";
  }
  std::size_t output() { return stage_.stats().output_bytes; }

  Site site_{GetParam()};
  Stage stage_{1, site_.options};
};
INSTANTIATE_TEST_SUITE_P(Both, SlowReaders, ::testing::Bool(),
                         [](const auto& given) { return given.param ? "tls" : "plain"; });

// An answer of its own now and then, in the middle of those that another one takes at once.
TEST_P(SlowReaders, PinNobodysMemory) {
  Member slow(stage_, site_);
  Member other(stage_, site_);
  slow.peer().stop_reading();
  for (int i = 0; i < 14; ++i) slow.say(echo(20'000));
  const std::size_t before = output();
  std::size_t answered = 0;
  for (int i = 0; i < 1'000; ++i) {
    slow.say(echo(1));
    for (int n = 0; n < 3; ++n) {
      other.say(echo(30'000));
      answered += other.read().size();
    }
  }
  EXPECT_GT(answered, 90'000'000U);
  EXPECT_LT(output(), before + 200'000);
  EXPECT_LT(output(), 1'000'000U);
  EXPECT_EQ(stage_.stats().shed_clients, 0U);
  EXPECT_FALSE(slow.peer().ended() || other.peer().ended());
  // And nothing is missing.
  std::string taken = slow.read();
  slow.peer().read_again();
  for (int i = 0; i < 100; ++i) {
    stage_.run(milliseconds(10));
    taken += slow.read();
  }
  std::size_t short_ones = 0;
  const std::string one = R"(42["echo","x"])";
  for (std::size_t at = taken.find(one); at != std::string::npos; at = taken.find(one, at + 1))
    ++short_ones;
  EXPECT_EQ(short_ones, 1'000U);
}

// It takes something every turn, so that a send of its own is never long under way.
TEST_P(SlowReaders, PinNobodysMemoryWhileTheyRead) {
  Member slow(stage_, site_);
  Member other(stage_, site_);
  slow.peer().stop_reading();
  for (int i = 0; i < 24; ++i) slow.say(echo(20'000));
  for (int i = 0; i < 500; ++i) {
    slow.say(echo(4'200));
    for (int n = 0; n < 3; ++n) {
      other.say(echo(30'000));
      other.read();
    }
    std::string some(1'000, '\0');
    stage_.world.recv(slow.peer().fd(), some);
  }
  EXPECT_LT(output(), 5'000'000U);  // of which 2.1 MB are its own
}

// To whom nothing can be encrypted, because a message of the handshake has come by half.
class HalfAKeyUpdate : public SlowReaders {};
INSTANTIATE_TEST_SUITE_P(Tls, HalfAKeyUpdate, ::testing::Values(true));

TEST_P(HalfAKeyUpdate, PinsNobodysMemory) {
  std::optional<Socket> first;
  stage_.of("/").on_connection([&first](Socket socket) {
    if (!first) first = socket;
    socket.on("poke", [&first] { first->emit("poked"); });
  });
  Member stuck(stage_, site_);
  Member other(stage_, site_);
  const test::TlsClient::SplitKeyUpdate update = stuck.split_key_update();
  stuck.peer().say(update.begin);
  stage_.run(milliseconds(1));
  constexpr std::size_t kTimes = 500;
  for (std::size_t i = 0; i < kTimes; ++i) {
    other.say(R"(42["poke"])");
    for (int n = 0; n < 3; ++n) {
      other.say(echo(30'000));
      other.read();
    }
  }
  EXPECT_LT(output(), 1'000'000U);
  EXPECT_EQ(stuck.read(), "");
  // And nothing is missing.
  stuck.peer().say(update.end);
  stage_.run(milliseconds(10));
  const std::string taken = stuck.read();
  const std::string one = R"(42["poked"])";
  EXPECT_EQ(taken.size(), kTimes * (one.size() + 2));
  EXPECT_TRUE(taken.ends_with(one));
}

}  // namespace
}  // namespace socketio::sim
