#include <gtest/gtest.h>

#include "eio/test_peer.hpp"

namespace socketio::eio {
namespace {

using namespace std::chrono_literals;
using test::Peer;
using test::take_frames;
using Texts = std::vector<std::string>;

const Texts kNothing{};

std::unique_ptr<Peer> probing() {
  auto peer = Peer::opened();
  EXPECT_TRUE((*peer)->attach_probe(peer->websocket(), peer->now));
  return peer;
}

std::unique_ptr<Peer> probed() {
  auto peer = probing();
  EXPECT_EQ(peer->text("2probe", true), kNothing);
  EXPECT_EQ(take_frames(peer->websocket()), Texts{"3probe"});
  return peer;
}

// U16
TEST(Upgrade, ProbeThenUpgrade) {
  auto peer = probed();
  EXPECT_TRUE((*peer)->upgrading());
  EXPECT_EQ(peer->text("5", true), Texts{"upgraded"});
  EXPECT_EQ((*peer)->transport(), Transport::websocket);
  EXPECT_FALSE((*peer)->upgrading());
  EXPECT_EQ(peer->text("4hello"), Texts{"message:hello"});
  (*peer)->send_text("world", "");
  EXPECT_EQ(take_frames(peer->websocket()), Texts{"4world"});
  EXPECT_EQ((*peer)->on_poll(peer->now), Session::Poll::refused);
  EXPECT_EQ((*peer)->on_post_begin("", peer->now), Session::Post::refused);
}

// U20
TEST(Upgrade, TheParkedPollIsSentHome) {
  auto peer = probing();
  EXPECT_EQ(peer->poll(), "parked");
  while (peer->shared.dirty.pop_front() != nullptr) {
  }
  EXPECT_EQ(peer->text("2probe", true), kNothing);
  EXPECT_EQ((*peer)->deadline(), peer->now + 100ms);
  peer->advance(99ms);
  EXPECT_EQ(peer->answer(), "nothing");
  peer->advance(1ms);
  EXPECT_EQ(peer->shared.dirty.front(), &**peer);
  EXPECT_EQ(peer->answer(), "6");
  EXPECT_TRUE((*peer)->open());
}

TEST(Upgrade, LaterPollsAreSentHomeToo) {
  auto peer = probed();
  peer->advance(100ms);
  EXPECT_EQ(peer->poll(), "6");  // the first at once
  EXPECT_EQ(peer->poll(), "parked");
  EXPECT_EQ((*peer)->deadline(), peer->now + 100ms);
  peer->advance(99ms);
  EXPECT_EQ(peer->answer(), "nothing");
  peer->advance(1ms);
  EXPECT_EQ(peer->answer(), "6");
  EXPECT_GT((*peer)->deadline(), peer->now + 100ms);  // no poll: no timer
  peer->advance(500ms);
  EXPECT_EQ(peer->poll(), "6");
}

TEST(Upgrade, NoNoopOnceTheProbeIsGone) {
  auto peer = probed();
  peer->advance(100ms);
  EXPECT_EQ(peer->poll(), "6");
  EXPECT_EQ(peer->poll(), "parked");
  (*peer)->on_websocket_closed(true, true, {}, peer->now);
  peer->advance(1s);
  EXPECT_EQ(peer->answer(), "nothing");
}

// Its poll gets what is left, whenever its turn comes: there is nothing to hurry for.
TEST(Upgrade, AClosingSessionSendsNoNoop) {
  auto peer = probed();
  EXPECT_EQ(peer->poll(), "parked");
  (*peer)->send_text("last", "");
  (*peer)->close(CloseReason::forced_close, {}, peer->now);
  EXPECT_EQ(peer->drain(), Texts{"closed:forced close"});
  peer->advance(200ms);
  EXPECT_GT((*peer)->deadline(), peer->now);
  EXPECT_EQ(peer->answer(), "4last");
}

TEST(Upgrade, MessagesTakeThePlaceOfTheNoop) {
  auto peer = probing();
  peer->poll();
  peer->text("2probe", true);
  (*peer)->send_text("a", "");
  EXPECT_EQ(peer->answer(), "4a");
  EXPECT_EQ(peer->poll(), "parked");
}

TEST(Upgrade, APollStillParkedGetsANoopAndTheQueueGoesToTheWebSocket) {
  auto peer = probed();
  peer->advance(100ms);
  EXPECT_EQ(peer->poll(), "6");
  (*peer)->send_text("a", "");
  EXPECT_EQ(peer->poll(), "4a");
  EXPECT_EQ(peer->poll(), "parked");
  (*peer)->send_text("b", "");
  (*peer)->send_binary("c");
  (*peer)->send(Message::text("d", {}, nullptr));
  (*peer)->send(Message::binary("e", nullptr));
  EXPECT_EQ(peer->text("5", true), Texts{"upgraded"});
  (*peer)->send_text("f", "");
  EXPECT_EQ(peer->answer(), "6");
  EXPECT_EQ(peer->answer(), "nothing");
  EXPECT_EQ(take_frames(peer->websocket()), (Texts{"4b", "bin:c", "4d", "bin:e", "4f"}));
  EXPECT_EQ(peer->drain(), kNothing);
}

TEST(Upgrade, APollOwedANoopMayGoAway) {
  auto peer = probed();
  peer->advance(100ms);
  peer->poll();
  peer->poll();
  peer->text("5", true);
  (*peer)->on_poll_aborted(peer->now);
  EXPECT_EQ(peer->drain(), kNothing);
  EXPECT_TRUE((*peer)->open());
}

TEST(Upgrade, ClosedWhileAPollIsOwedANoop) {
  auto peer = probed();
  peer->advance(100ms);
  peer->poll();
  peer->poll();
  peer->text("5", true);
  EXPECT_EQ(peer->text("9"), (Texts{"closed:parse error", "close_websocket"}));
  EXPECT_EQ(peer->answer(), "6");
  EXPECT_EQ(peer->drain(), Texts{"gone"});
}

TEST(Upgrade, PostsGoOnUntilTheUpgrade) {
  auto peer = probed();
  EXPECT_EQ(peer->post("4a"), Texts{"message:a"});
  // Begun before, complete after: still counts.
  EXPECT_EQ((*peer)->on_post_begin("", peer->now), Session::Post::accepted);
  EXPECT_EQ(peer->text("5", true), Texts{"upgraded"});
  EXPECT_EQ(peer->post_body("4b\x1e"
                            "4c"),
            (Texts{"message:b", "message:c"}));
}

TEST(Upgrade, APostThatFailsAfterTheUpgradeIsNothing) {
  auto peer = probed();
  EXPECT_EQ((*peer)->on_post_begin("", peer->now), Session::Post::accepted);
  peer->text("5", true);
  (*peer)->on_post_failed(false, peer->now);
  EXPECT_EQ(peer->drain(), kNothing);
}

// U17, U18, U19
TEST(Upgrade, AnotherFirstPacketClosesTheProbeOnly) {
  for (const char* frame : {"5", "4data", "2wrong", "2", "", "x", "1", "3"}) {
    auto peer = probing();
    EXPECT_EQ(peer->poll(), "parked");
    EXPECT_EQ(peer->text(frame, true), Texts{"close_probe"}) << frame;
    EXPECT_FALSE((*peer)->upgrading());
    EXPECT_TRUE(peer->websocket().out.empty());
    EXPECT_EQ(peer->text("2probe", true), kNothing);  // nobody listens any more
    (*peer)->send_text("a", "");
    EXPECT_EQ(peer->answer(), "4a");
  }
  auto peer = probing();
  EXPECT_EQ(peer->binary("x", true), Texts{"close_probe"});
}

TEST(Upgrade, AnotherSecondPacketToo) {
  for (const char* frame : {"2probe", "4data", "", "1", "6"}) {
    auto peer = probed();
    EXPECT_EQ(peer->text(frame, true), Texts{"close_probe"}) << frame;
    EXPECT_TRUE((*peer)->open());
  }
  auto peer = probed();
  EXPECT_EQ(peer->binary("x", true), Texts{"close_probe"});
}

// U21, U22
TEST(Upgrade, ATimeoutClosesTheProbeOnly) {
  for (const bool said_probe : {false, true}) {
    auto peer = said_probe ? probed() : probing();
    EXPECT_EQ((*peer)->deadline(), peer->now + 10s);
    EXPECT_EQ(peer->advance(10s - 1ns), kNothing);
    EXPECT_EQ(peer->advance(1ns), Texts{"close_probe"});
    EXPECT_EQ((*peer)->deadline(), peer->now + 15s);
    (*peer)->send_text("a", "");
    EXPECT_EQ(peer->poll(), "4a");
    // And another may be tried.
    EXPECT_TRUE((*peer)->attach_probe(peer->new_connection(), peer->now));
  }
}

// U23, U24
TEST(Upgrade, OneAtATimeAndOnce) {
  auto peer = probed();
  Outlet& second = peer->new_connection();
  EXPECT_FALSE((*peer)->attach_probe(second, peer->now));
  EXPECT_EQ(peer->text("5", true), Texts{"upgraded"});
  EXPECT_FALSE((*peer)->attach_probe(second, peer->now));
  EXPECT_TRUE(second.out.empty());
  auto native = Peer::opened(Transport::websocket);
  EXPECT_FALSE((*native)->attach_probe(native->new_connection(), native->now));
}

TEST(Upgrade, OnlyWhereAllowed) {
  Options options;
  options.allow_upgrades = false;
  auto peer = Peer::opened(Transport::polling, options);
  EXPECT_FALSE((*peer)->attach_probe(peer->websocket(), peer->now));
  options = {};
  options.websocket = false;
  auto other = Peer::opened(Transport::polling, options);
  EXPECT_FALSE((*other)->attach_probe(other->websocket(), other->now));
}

// U25
TEST(Upgrade, AProbeThatDies) {
  for (const bool said_probe : {false, true}) {
    auto peer = said_probe ? probed() : probing();
    (*peer)->send_text("a", "");
    (*peer)->on_websocket_closed(true, said_probe, "reset", peer->now);
    EXPECT_EQ(peer->drain(), kNothing);
    EXPECT_EQ(peer->poll(), "4a");
    EXPECT_EQ(peer->poll(), "parked");
    EXPECT_EQ(peer->post("4b"), Texts{"message:b"});
  }
}

TEST(Upgrade, TheHeartbeatGoesOn) {
  auto peer = Peer::opened();
  peer->advance(24s);
  EXPECT_TRUE((*peer)->attach_probe(peer->websocket(), peer->now));
  peer->text("2probe", true);
  take_frames(peer->websocket());
  peer->advance(1s);
  EXPECT_EQ(peer->text("5", true), Texts{"upgraded"});
  EXPECT_EQ(take_frames(peer->websocket()), Texts{"2"});
  EXPECT_EQ((*peer)->deadline(), peer->now + 20s);
  peer->text("3");
  EXPECT_EQ((*peer)->deadline(), peer->now + 25s);
}

TEST(Upgrade, TheUpgradeIsASignOfLife) {
  auto peer = Peer::opened();
  peer->advance(25s);
  EXPECT_EQ(peer->poll(), "2");
  peer->advance(15s);
  EXPECT_TRUE((*peer)->attach_probe(peer->websocket(), peer->now));
  peer->text("2probe", true);
  peer->text("5", true);
  EXPECT_EQ((*peer)->deadline(), peer->now + 20s);
}

// -- Closing in the middle

TEST(Upgrade, ADyingSessionTakesItsProbeAlong) {
  auto peer = probing();
  EXPECT_EQ(peer->post("x"), (Texts{"closed:parse error", "close_probe", "gone"}));
  auto closed = probing();
  closed->poll();
  (*closed)->close(CloseReason::forced_close, {}, closed->now);
  EXPECT_EQ(closed->drain(), (Texts{"closed:forced close", "close_probe"}));
  EXPECT_EQ(closed->answer(), "1");
  EXPECT_EQ(closed->drain(), Texts{"gone"});
}

TEST(Upgrade, AClosingSessionDeliversBehindTheUpgrade) {
  auto peer = probed();
  (*peer)->send_text("bye", "");
  (*peer)->close(CloseReason::forced_close, {}, peer->now);
  EXPECT_EQ(peer->drain(), Texts{"closed:forced close"});
  EXPECT_EQ(peer->text("5", true), (Texts{"close_probe", "gone"}));
  EXPECT_EQ(take_frames(peer->websocket()), Texts{"4bye"});
}

TEST(Upgrade, AClosingSessionDeliversToThePoll) {
  auto peer = probed();
  (*peer)->send_text("bye", "");
  (*peer)->close(CloseReason::forced_close, {}, peer->now);
  EXPECT_EQ(peer->poll(), "4bye");
  EXPECT_EQ(peer->poll(),
            "6\x1e"
            "1");
  EXPECT_EQ(peer->drain(), (Texts{"closed:forced close", "close_probe", "gone"}));
}

TEST(Upgrade, AClosingSessionForgetsASilentProbe) {
  auto peer = probed();
  (*peer)->close(CloseReason::forced_close, {}, peer->now);
  EXPECT_EQ(peer->advance(10s), (Texts{"closed:forced close", "close_probe"}));
  EXPECT_EQ(peer->advance(20s), Texts{"gone"});
  EXPECT_FALSE((*peer)->attach_probe(peer->new_connection(), peer->now));
}

TEST(Upgrade, AClosedProbeIsNotToldTwice) {
  auto peer = probed();
  (*peer)->on_websocket_closed(true, false, {}, peer->now);
  (*peer)->on_websocket_closed(true, false, {}, peer->now);
  EXPECT_EQ(peer->text("5", true), kNothing);
  EXPECT_EQ(peer->binary("x", true), kNothing);
  EXPECT_EQ((*peer)->transport(), Transport::polling);
}

}  // namespace
}  // namespace socketio::eio
