// A watched session whose memory runs out while it sends.
#include <new>

#include <gtest/gtest.h>

#include "eio/test_peer.hpp"
#include "torture/allocations.hpp"

namespace socketio::torture {
namespace {

using eio::Transport;
using eio::test::Peer;

// It tells of the next packet all the same.
TEST(WatchedSession, IsWatchedStill) {
  for (const Transport transport : {Transport::websocket, Transport::polling}) {
    bool failed = true;
    for (std::uint64_t at = 0; failed; ++at) {
      const auto peer = Peer::opened(transport);
      eio::Session& session = **peer;
      session.watch();
      fail_allocation(at);
      try {
        const Armed armed;
        session.send_text("an event", " of several words");
      } catch (const std::bad_alloc&) {
      }
      failed = allocation_failed();
      fail_allocation(kNever);
      peer->drain();
      EXPECT_TRUE(session.send_text("next", {}));
      const auto told = peer->drain();
      ASSERT_FALSE(told.empty()) << at;
      EXPECT_EQ(told.front(), "created 4next") << at;
    }
  }
}

}  // namespace
}  // namespace socketio::torture
