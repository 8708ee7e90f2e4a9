// An upgrade whose memory runs out.
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "eio/test_peer.hpp"
#include "torture/allocations.hpp"

namespace socketio::torture {
namespace {

using eio::Transport;
using eio::test::Peer;
using eio::test::take_frames;
using Texts = std::vector<std::string>;

struct Kind {
  const char* name;
  eio::Dialect dialect;
  bool watched = false;
};

class Upgrade : public ::testing::TestWithParam<Kind> {
 protected:
  static std::unique_ptr<Peer> peer() {
    auto peer = Peer::opened(Transport::polling, {}, GetParam().dialect);
    if (GetParam().watched) (*peer)->watch();
    return peer;
  }
  static void send_three(eio::Session& session) {
    session.send_text("one", {});
    session.send_binary("two");
    session.send_text("three", {});
  }
  static std::string the_rest(Peer& peer) {
    EXPECT_TRUE(peer->send_text("four", {}));
    return peer.poll();
  }
};

// The WebSocket is lost, and polling goes on with all that was to be sent.
TEST_P(Upgrade, LeavesPollingAsItWas) {
  const auto polling = peer();
  send_three(**polling);
  const std::string wanted = the_rest(*polling);
  bool failed = true;
  for (std::uint64_t at = 0; failed; ++at) {
    const auto upgrading = peer();
    eio::Session& session = **upgrading;
    session.attach_probe(upgrading->websocket(), upgrading->now);
    upgrading->text("2probe", true);
    take_frames(upgrading->websocket());
    send_three(session);
    upgrading->drain();
    eio::test::Input packet("5");
    fail_allocation(at);
    try {
      const Armed armed;
      session.on_text(packet.view(), true, upgrading->now);
    } catch (const std::bad_alloc&) {
    }
    failed = allocation_failed();
    fail_allocation(kNever);
    if (!failed) {
      EXPECT_GT(at, 0U);
      break;
    }
    session.on_websocket_closed(true, true, {}, upgrading->now);
    take_frames(upgrading->websocket());
    EXPECT_EQ(session.transport(), Transport::polling) << at;
    EXPECT_EQ(the_rest(*upgrading), wanted) << at;
    EXPECT_EQ(take_frames(upgrading->websocket()), Texts()) << at;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Upgrade,
                         ::testing::Values(Kind{"v4", {}}, Kind{"v3", {.v3 = true}},
                                           Kind{"base64", {.v3 = true, .base64 = true}},
                                           Kind{"watched", {}, true}),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace socketio::torture
