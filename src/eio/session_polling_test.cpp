#include <gtest/gtest.h>

#include "eio/test_peer.hpp"

namespace socketio::eio {
namespace {

using namespace std::chrono_literals;
using test::Peer;
using Texts = std::vector<std::string>;

const Texts kNothing{};

TEST(Polling, AParkedPollGetsWhatIsSent) {
  auto peer = Peer::opened();
  EXPECT_EQ(peer->poll(), "parked");
  EXPECT_EQ(peer->answer(), "nothing");
  while (peer->shared.dirty.pop_front() != nullptr) {
  }
  (*peer)->send_text("a", "b");
  (*peer)->send_binary("\x01\x02\x03\x04");
  (*peer)->send(Message::text("c", {}, nullptr));
  (*peer)->send(Message::binary("\x01", nullptr));
  EXPECT_EQ(peer->shared.dirty.front(), &**peer);
  EXPECT_EQ(peer->answer(),
            "4ab\x1e"
            "bAQIDBA==\x1e"
            "4c\x1e"
            "bAQ==");
  EXPECT_FALSE((*peer)->poll_parked());
  EXPECT_EQ((*peer)->queued_bytes(), 0U);
}

TEST(Polling, WhatWaitsIsTakenByTheNextPoll) {
  auto peer = Peer::opened();
  while (peer->shared.dirty.pop_front() != nullptr) {
  }
  (*peer)->send_text("a", "");
  EXPECT_TRUE(peer->shared.dirty.empty());  // nobody to tell
  EXPECT_EQ(peer->poll(), "4a");
}

// P55
TEST(Polling, AnswersAreAtMostMaxPayload) {
  Options options;
  options.max_payload = 10;
  auto peer = Peer::opened(Transport::polling, options);
  for (const char* message : {"abc", "def", "g", "0123456789", "h"})
    (*peer)->send_text(message, "");
  (*peer)->send_binary("1234");  // b + 8
  (*peer)->send(Message::binary("567", nullptr));
  EXPECT_EQ(peer->poll(),
            "4abc\x1e"
            "4def");  // 9 bytes; one more packet would be 12
  EXPECT_EQ(peer->poll(), "4g");
  EXPECT_EQ(peer->poll(), "40123456789");  // one packet, though too large
  EXPECT_EQ(peer->poll(), "4h");
  EXPECT_EQ(peer->poll(), "bMTIzNA==");
  EXPECT_EQ(peer->poll(), "bNTY3");
  EXPECT_EQ(peer->poll(), "parked");
}

TEST(Polling, ExactlyMaxPayloadFits) {
  Options options;
  options.max_payload = 9;
  auto peer = Peer::opened(Transport::polling, options);
  (*peer)->send_text("abc", "");
  (*peer)->send_text("def", "");
  EXPECT_EQ(peer->poll(),
            "4abc\x1e"
            "4def");
}

TEST(Polling, ALongQueueComesInOrder) {
  Options options;
  options.max_payload = 40;
  auto peer = Peer::opened(Transport::polling, options);
  int sent = 0;
  int got = 0;
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < 9; ++i) (*peer)->send_text(std::to_string(sent++), "");
    if (round % 2 == 0) continue;
    for (const std::string& record : test::split_payload(peer->poll()))
      EXPECT_EQ(record, "4" + std::to_string(got++));
  }
  while ((*peer)->queued_bytes() > 0) {
    for (const std::string& record : test::split_payload(peer->poll()))
      EXPECT_EQ(record, "4" + std::to_string(got++));
  }
  EXPECT_EQ(got, sent);
}

// P19
TEST(Polling, OverlappingGets) {
  auto peer = Peer::opened();
  EXPECT_EQ(peer->poll(), "parked");
  EXPECT_EQ(peer->poll(), "overlap");
  EXPECT_EQ(peer->drain(), Texts{"closed:transport error:overlap from client"});
  EXPECT_EQ(peer->poll(), "refused");
  EXPECT_EQ(peer->answer(), "1");
  EXPECT_EQ(peer->drain(), Texts{"gone"});
  EXPECT_EQ(peer->poll(), "refused");
}

TEST(Polling, OverlapAnswersOneEvenWithMessagesQueued) {
  auto peer = Peer::opened();
  EXPECT_EQ(peer->poll(), "parked");
  (*peer)->send_text("a", "");
  EXPECT_EQ((*peer)->on_poll(peer->now), Session::Poll::overlap);
  EXPECT_EQ(peer->answer(), "1");
}

// P20
TEST(Polling, OverlappingPosts) {
  auto peer = Peer::opened();
  Session& session = **peer;
  EXPECT_EQ(session.on_post_begin("text/plain", peer->now), Session::Post::accepted);
  EXPECT_EQ(session.on_post_begin("text/plain", peer->now), Session::Post::overlap);
  EXPECT_EQ(peer->drain(),
            (Texts{"closed:transport error:data request overlap from client", "gone"}));
  EXPECT_EQ(peer->post_body("4a"), kNothing);
  EXPECT_EQ(session.on_post_begin("text/plain", peer->now), Session::Post::refused);
}

// P21 to P24, P27, P29
TEST(Polling, MalformedBodies) {
  for (const char* body : {"", "9", "abc", "\x1e\x1e\x1e", "4a\x1e"}) {
    auto peer = Peer::opened();
    Texts events = peer->post(body);
    if (body[0] == '4') events.erase(events.begin());
    EXPECT_EQ(events, (Texts{"closed:parse error", "gone"})) << body;
  }
  auto peer = Peer::opened();
  EXPECT_EQ(peer->post("4a\x1e"
                       "x\x1e"
                       "4b"),
            (Texts{"message:a", "closed:parse error", "gone"}));
}

TEST(Polling, MalformedBodyAnswersTheParkedPoll) {
  auto peer = Peer::opened();
  peer->poll();
  EXPECT_EQ(peer->post("x"), Texts{"closed:parse error"});
  EXPECT_EQ(peer->answer(), "1");
  EXPECT_EQ(peer->drain(), Texts{"gone"});
}

// P25
TEST(Polling, OctetStreamsAreRefused) {
  for (const char* type : {"application/octet-stream", "Application/Octet-Stream ; charset=x"}) {
    auto peer = Peer::opened();
    peer->poll();
    EXPECT_EQ((*peer)->on_post_begin(type, peer->now), Session::Post::bad_content_type);
    EXPECT_EQ(peer->drain(), Texts{"closed:transport error:invalid content"});
    EXPECT_EQ(peer->answer(), "1");
    EXPECT_EQ(peer->drain(), Texts{"gone"});
  }
  auto peer = Peer::opened();
  EXPECT_EQ((*peer)->on_post_begin("application/octet-streams", peer->now),
            Session::Post::accepted);
}

// P26
TEST(Polling, ATooLargePostLetsTheSessionLive) {
  auto peer = Peer::opened();
  EXPECT_EQ((*peer)->on_post_begin("", peer->now), Session::Post::accepted);
  (*peer)->on_post_failed(true, peer->now);
  EXPECT_EQ(peer->drain(), kNothing);
  EXPECT_EQ(peer->post("4a"), Texts{"message:a"});
}

// P28
TEST(Polling, ManyPacketsInOnePost) {
  std::string body;
  Texts expected;
  for (int i = 0; i < 5000; ++i) {
    body += (i == 0 ? "4"
                    : "\x1e"
                      "4") +
            std::to_string(i);
    expected.push_back("message:" + std::to_string(i));
  }
  auto peer = Peer::opened();
  EXPECT_EQ(peer->post(body), expected);
}

TEST(Polling, TooManyPacketsInOnePost) {
  std::string body = "4";
  for (std::size_t i = 0; i < kMaxPacketsPerPayload; ++i)
    body +=
        "\x1e"
        "4";
  auto peer = Peer::opened();
  const Texts events = peer->post(body);
  EXPECT_EQ(events.size(), kMaxPacketsPerPayload + 2);
  EXPECT_EQ(events[kMaxPacketsPerPayload], "closed:parse error");
}

// P32
TEST(Polling, BinaryBothWays) {
  auto peer = Peer::opened();
  EXPECT_EQ(peer->post("451-x\x1e"
                       "bAQID"),
            (Texts{"message:51-x", "binary:\x01\x02\x03"}));
}

// P33
TEST(Polling, GoodbyeOfTheClient) {
  auto peer = Peer::opened();
  peer->poll();
  EXPECT_EQ(peer->post("4a\x1e"
                       "1\x1e"
                       "4b"),
            (Texts{"message:a", "closed:transport close"}));
  EXPECT_EQ(peer->answer(), "6");
  EXPECT_EQ(peer->drain(), Texts{"gone"});
  auto without_poll = Peer::opened();
  EXPECT_EQ(without_poll->post("1"), (Texts{"closed:transport close", "gone"}));
}

// P34 to P38
TEST(Polling, OtherPackets) {
  auto peer = Peer::opened();
  const base::Time deadline = (*peer)->deadline();
  peer->now += 1s;
  EXPECT_EQ(peer->post("3\x1e"
                       "5\x1e"
                       "6\x1e"
                       "0{}\x1e"
                       "4a"),
            Texts{"message:a"});
  EXPECT_EQ((*peer)->deadline(), deadline);
  EXPECT_EQ(peer->post("2"), (Texts{"closed:transport error:invalid heartbeat direction", "gone"}));
}

// P39, P40
TEST(Polling, AnAbortedPostCloses) {
  auto peer = Peer::opened();
  EXPECT_EQ((*peer)->on_post_begin("", peer->now), Session::Post::accepted);
  (*peer)->on_post_failed(false, peer->now);
  EXPECT_EQ(peer->drain(),
            (Texts{"closed:transport error:data request connection closed prematurely", "gone"}));
}

// P41
TEST(Polling, AnAbortedPollCloses) {
  auto peer = Peer::opened();
  peer->poll();
  (*peer)->on_poll_aborted(peer->now);
  EXPECT_EQ(peer->drain(),
            (Texts{"closed:transport error:poll connection closed prematurely", "gone"}));
  (*peer)->on_poll_aborted(peer->now);
  EXPECT_EQ(peer->drain(), kNothing);
}

TEST(Polling, AnAbortAfterTheAnswerIsNothing) {
  auto peer = Peer::opened();
  (*peer)->on_poll_aborted(peer->now);
  EXPECT_EQ(peer->drain(), kNothing);
  EXPECT_TRUE((*peer)->open());
}

// -- The server closes

TEST(Polling, CloseWithAParkedPoll) {
  auto peer = Peer::opened();
  peer->poll();
  (*peer)->close(CloseReason::forced_close, {}, peer->now);
  EXPECT_EQ(peer->drain(), Texts{"closed:forced close"});
  EXPECT_EQ(peer->answer(), "1");
  EXPECT_EQ(peer->drain(), Texts{"gone"});
}

// The official client would look at the `1` before it looks at the messages.
TEST(Polling, CloseWithAParkedPollAndMessages) {
  auto peer = Peer::opened();
  peer->poll();
  (*peer)->send_text("a", "");
  (*peer)->send_text("b", "");
  (*peer)->close(CloseReason::forced_close, {}, peer->now);
  EXPECT_EQ(peer->answer(),
            "4a\x1e"
            "4b");
  EXPECT_EQ(peer->drain(), Texts{"closed:forced close"});
  EXPECT_EQ(peer->poll(),
            "6\x1e"
            "1");
  EXPECT_EQ(peer->drain(), Texts{"gone"});
}

TEST(Polling, CloseWithAParkedPollAndMoreThanItHolds) {
  Options options;
  options.max_payload = 6;
  auto peer = Peer::opened(Transport::polling, options);
  peer->poll();
  for (const char* message : {"a", "b", "c", "d"}) (*peer)->send_text(message, "");
  (*peer)->close(CloseReason::forced_close, {}, peer->now);
  EXPECT_EQ(peer->answer(),
            "4a\x1e"
            "4b");
  EXPECT_EQ(peer->poll(),
            "4c\x1e"
            "4d");
  EXPECT_EQ(peer->poll(),
            "6\x1e"
            "1");
  EXPECT_EQ(peer->drain(), (Texts{"closed:forced close", "gone"}));
}

TEST(Polling, CloseWithoutAPoll) {
  auto peer = Peer::opened();
  (*peer)->close(CloseReason::forced_close, {}, peer->now);
  EXPECT_EQ(peer->drain(), Texts{"closed:forced close"});
  EXPECT_EQ(peer->poll(),
            "6\x1e"
            "1");
  EXPECT_EQ(peer->drain(), Texts{"gone"});
  EXPECT_EQ(peer->poll(), "refused");
}

TEST(Polling, CloseDeliversWhatIsQueuedFirst) {
  auto peer = Peer::opened();
  (*peer)->send_text("a", "");
  (*peer)->close(CloseReason::forced_close, {}, peer->now);
  EXPECT_FALSE((*peer)->send_text("late", ""));
  EXPECT_EQ(peer->poll(), "4a");
  EXPECT_EQ(peer->drain(), Texts{"closed:forced close"});
  EXPECT_EQ(peer->poll(),
            "6\x1e"
            "1");
  EXPECT_EQ(peer->drain(), Texts{"gone"});
}

// The turn's facts come before its timers: a poll may find a session whose time is over.
TEST(Polling, APollBehindThePingTimeoutIsRefused) {
  auto peer = Peer::opened();
  peer->advance(25s);
  peer->now += 20s - kLate - 1ns;
  EXPECT_EQ(peer->poll(), "2");
  peer->now += 1ns;
  EXPECT_EQ(peer->poll(), "refused");
  EXPECT_EQ(peer->drain(), (Texts{"closed:ping timeout", "gone"}));
}

TEST(Polling, ClosingEndsAtTheDrainTimeout) {
  auto peer = Peer::opened();
  (*peer)->send_text("a", "");
  (*peer)->close(CloseReason::forced_close, {}, peer->now);
  EXPECT_EQ((*peer)->deadline(), peer->now + 30s);
  EXPECT_EQ(peer->advance(30s - 1ns), Texts{"closed:forced close"});
  EXPECT_EQ(peer->advance(1ns), Texts{"gone"});
  EXPECT_EQ((*peer)->queued_bytes(), 0U);
}

// An abandoned client that never joined anything held its ping for 75 s.
TEST(Polling, ClosingEndsAtThePingTimeoutOfWhoOwesAPong) {
  auto peer = Peer::opened();
  EXPECT_EQ(peer->advance(25s), kNothing);
  EXPECT_EQ(peer->advance(20s - 1ns), kNothing);
  (*peer)->close(CloseReason::forced_close, {}, peer->now);
  EXPECT_GT((*peer)->queued_bytes(), 0U);
  EXPECT_EQ(peer->advance(1ns), (Texts{"closed:forced close", "gone"}));
  EXPECT_EQ((*peer)->queued_bytes(), 0U);
}

TEST(Polling, WhileClosingNothingIsDelivered) {
  auto peer = Peer::opened();
  (*peer)->close(CloseReason::forced_close, {}, peer->now);
  peer->drain();
  EXPECT_EQ(peer->post("4a"), kNothing);
  EXPECT_EQ(peer->post("garbage"), kNothing);
  EXPECT_EQ(peer->post("4a\x1e"
                       "1"),
            Texts{"gone"});  // nobody will come for the rest
}

TEST(Polling, WhileClosingTheRulesHold) {
  auto overlap = Peer::opened();
  overlap->poll();
  (*overlap)->close(CloseReason::forced_close, {}, overlap->now);
  EXPECT_EQ(overlap->poll(), "overlap");
  EXPECT_EQ(overlap->answer(), "1");
  EXPECT_EQ(overlap->drain(), (Texts{"closed:forced close", "gone"}));
  auto aborted = Peer::opened();
  aborted->poll();
  (*aborted)->close(CloseReason::forced_close, {}, aborted->now);
  (*aborted)->on_poll_aborted(aborted->now);
  EXPECT_EQ(aborted->drain(), (Texts{"closed:forced close", "gone"}));
}

TEST(Polling, DiscardDropsWhatIsQueued) {
  auto peer = Peer::opened();
  peer->poll();
  (*peer)->send_text("a", "");
  (*peer)->discard(CloseReason::forced_close, {}, peer->now);
  EXPECT_EQ(peer->answer(), "1");
  EXPECT_EQ(peer->drain(), (Texts{"closed:forced close", "gone"}));
}

TEST(Polling, DiscardEndsAGracefulClose) {
  auto peer = Peer::opened();
  (*peer)->close(CloseReason::forced_close, "first", peer->now);
  (*peer)->discard(CloseReason::forced_close, "second", peer->now);
  EXPECT_EQ(peer->drain(), (Texts{"closed:forced close:first", "gone"}));
}

}  // namespace
}  // namespace socketio::eio
