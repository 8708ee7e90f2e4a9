// A session that is watched tells of every packet, and is the same session otherwise.
#include <gtest/gtest.h>

#include "eio/session.hpp"
#include "eio/test_peer.hpp"

namespace socketio::eio {
namespace {

using namespace std::chrono_literals;
using test::Peer;
using test::take_frames;
using Texts = std::vector<std::string>;

std::unique_ptr<Peer> watched(Transport transport, const Options& options = {},
                              Dialect dialect = {}) {
  auto peer = Peer::opened(transport, options, dialect);
  EXPECT_EQ((*peer)->watch(), 0U);
  return peer;
}

TEST(SessionWatch, TellsWhatIsQueuedAndWhenItHasLeft) {
  const auto peer = watched(Transport::websocket);
  Session& session = **peer;
  EXPECT_TRUE(session.open());
  EXPECT_TRUE(session.send_text("2", "[]"));
  EXPECT_TRUE(session.send_binary("by"));
  EXPECT_EQ(peer->drain(), (Texts{"created 42[]", "flushing 1", "created b:by", "flushing 1"}));
  EXPECT_EQ(session.packets_created(), 2U);
  session.on_flushed(false);
  EXPECT_EQ(peer->drain(), Texts{});
  session.on_flushed(true);
  EXPECT_EQ(peer->drain(), Texts{"drained 2"});
  session.on_flushed(true);
  EXPECT_EQ(peer->drain(), Texts{});
  EXPECT_EQ(take_frames(peer->websocket()), (Texts{"42[]", "bin:by"}));
}

TEST(SessionWatch, AnswersOfPollsTakeWhatTheyCan) {
  Options options;
  options.max_payload = 8;
  const auto peer = watched(Transport::polling, options);
  Session& session = **peer;
  session.send_text("first", {});
  session.send_text("second", {});
  EXPECT_EQ(peer->drain(), (Texts{"created 4first", "created 4second"}));
  EXPECT_EQ(peer->poll(), "4first");
  EXPECT_EQ(peer->drain(), (Texts{"flushing 1", "drained 1"}));
  EXPECT_EQ(peer->poll(), "4second");
  EXPECT_EQ(peer->drain(), (Texts{"flushing 1", "drained 2"}));
}

TEST(SessionWatch, CountsWhatWasQueuedBefore) {
  const auto peer = Peer::opened();
  Session& session = **peer;
  session.send_text("before", {});
  EXPECT_EQ(session.watch(), 1U);
  session.send_text("behind", {});
  EXPECT_EQ(peer->drain(), Texts{"created 4behind"});
  peer->poll();
  EXPECT_EQ(peer->drain(), (Texts{"flushing 2", "drained 2"}));
}

TEST(SessionWatch, TellsTheHeartbeatOnBothTransports) {
  for (const Transport transport : {Transport::websocket, Transport::polling}) {
    const auto peer = watched(transport);
    const Texts created = peer->advance(25s);
    ASSERT_FALSE(created.empty());
    EXPECT_EQ(created[0], "created 2");
    if (transport == Transport::websocket) {
      EXPECT_EQ(peer->text("3"), Texts{"received 3"});
    } else {
      EXPECT_EQ(peer->post("3"), Texts{"received 3"});
    }
    EXPECT_TRUE((*peer)->open());
  }
}

TEST(SessionWatch, TellsTheHeartbeatOfOldClients) {
  Dialect old;
  old.v3 = true;
  for (const Transport transport : {Transport::websocket, Transport::polling}) {
    const auto peer = watched(transport, {}, old);
    const Texts seen = transport == Transport::websocket ? peer->text("2") : peer->post("1:2");
    ASSERT_GE(seen.size(), 2U);
    EXPECT_EQ(seen[0], "received 2");
    EXPECT_EQ(seen[1], "created 3");
  }
}

TEST(SessionWatch, KeepsTheOrderOfABody) {
  const auto peer = watched(Transport::polling);
  EXPECT_EQ(peer->post("3\x1e"
                       "4a\x1e"
                       "3\x1e"
                       "3\x1e"
                       "4b"),
            (Texts{"received 3", "message:a", "received 3", "received 3", "message:b"}));
}

TEST(SessionWatch, TellsAnUpgradeAndWhatItTakesAlong) {
  const auto peer = watched(Transport::polling);
  Session& session = **peer;
  ASSERT_TRUE(session.attach_probe(peer->websocket(), peer->now));
  session.send_text("late", {});
  EXPECT_EQ(peer->text("2probe", true), (Texts{"created 4late", "upgrading"}));
  EXPECT_EQ(peer->text("5", true), (Texts{"flushing 1", "upgraded"}));
  session.on_flushed(true);
  EXPECT_EQ(peer->drain(), Texts{"drained 1"});
  EXPECT_EQ(take_frames(peer->websocket()), (Texts{"3probe", "4late"}));
}

TEST(SessionWatch, EndsLikeAnyOther) {
  for (const Transport transport : {Transport::websocket, Transport::polling}) {
    Options options;
    options.send_hard = 100;
    const auto peer = watched(transport, options);
    Session& session = **peer;
    EXPECT_TRUE(session.send_text("fits", {}));
    EXPECT_FALSE(session.send_text(std::string(100, 'x'), {}));
    const Texts seen = peer->drain();
    EXPECT_EQ(seen[0], "created 4fits");
    EXPECT_NE(std::find(seen.begin(), seen.end(), "closed:transport error:send buffer limit"),
              seen.end());
    EXPECT_FALSE(session.open());
    EXPECT_FALSE(session.send_text("late", {}));
    EXPECT_EQ(peer->drain(), Texts{});
    EXPECT_EQ(peer->held_at_the_end(), 0);
  }
}

}  // namespace
}  // namespace socketio::eio
