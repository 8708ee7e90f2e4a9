// Dialogues with one machine: what it writes, when it stops, what it holds.
#include "ws/machine.hpp"

#include <gtest/gtest.h>

#include "ws/testing.hpp"

namespace socketio::ws::testing {
namespace {

using namespace std::chrono_literals;

TEST(Machine, SendsMessagesOfEverySize) {
  Peer peer;
  for (const std::size_t size : {0U, 1U, 125U, 126U, 65535U, 65536U, 200'000U}) {
    const std::string payload(size, 's');
    EXPECT_TRUE(peer.machine().send_text(payload, peer.env()));
    EXPECT_TRUE(peer.output() == plain(1, payload));
    EXPECT_TRUE(peer.machine().send_binary(payload, peer.env()));
    EXPECT_TRUE(peer.output() == plain(2, payload));
  }
  EXPECT_TRUE(peer.machine().ping("are you there", peer.env()));
  EXPECT_EQ(peer.output(), plain(9, "are you there"));
}

TEST(Machine, ControlPayloadsHaveALimit) {
  Peer peer;
  EXPECT_TRUE(peer.machine().ping(std::string(kMaxControl, 'p'), peer.env()));
  EXPECT_FALSE(peer.machine().ping(std::string(kMaxControl + 1, 'p'), peer.env()));
  EXPECT_EQ(peer.output(), plain(9, std::string(kMaxControl, 'p')));
}

// Refused by its size alone: nothing of it is read.
TEST(Machine, MessagesGoingOutHaveALimit) {
  Peer peer;
  EXPECT_FALSE(peer.machine().send_text(base::Bytes("x", kMaxSend + 1), peer.env()));
  EXPECT_EQ(peer.output(), "");
}

TEST(Machine, WholeFramesAreEventsInPlace) {
  Peer peer;
  std::string input = text("in place") + text("as well") + std::string(base::kPadding, '\0');
  peer.machine().feed({input.data(), input.size() - base::kPadding}, peer.now());
  const Event first = peer.machine().next(peer.env(), peer.now());
  EXPECT_EQ(first.payload.data(), input.data() + 6);
  EXPECT_EQ(base::as_bytes(first.payload), "in place");
  const Event second = peer.machine().next(peer.env(), peer.now());
  EXPECT_EQ(second.payload.data(), input.data() + 14 + 6);
  EXPECT_EQ(peer.machine().next(peer.env(), peer.now()).kind, EventKind::none);
  EXPECT_EQ(peer.held(), 0);
}

TEST(Machine, PlainTextsAreToldWithoutAnEvent) {
  Peer peer;
  const std::string bad = text("\xff\xfe");
  std::string input = text("short") + text(std::string(300, 'l')) + text("h\xc3\xa9") +
                      frame(2, "bytes") + text("last") + bad + std::string(base::kPadding, '\0');
  peer.machine().feed({input.data(), input.size() - base::kPadding}, peer.now());
  base::MutBytes payload;
  for (const std::string& wanted :
       {std::string("short"), std::string(300, 'l'), std::string("h\xc3\xa9")}) {
    ASSERT_TRUE(peer.machine().next_text(payload));
    EXPECT_EQ(base::as_bytes(payload), wanted);
  }
  EXPECT_FALSE(peer.machine().next_text(payload));
  EXPECT_EQ(peer.machine().next(peer.env(), peer.now()).kind, EventKind::binary);
  ASSERT_TRUE(peer.machine().next_text(payload));
  EXPECT_EQ(base::as_bytes(payload), "last");
  EXPECT_FALSE(peer.machine().idle());
  // What is no UTF-8 stays as it came, and next() refuses it.
  EXPECT_FALSE(peer.machine().next_text(payload));
  EXPECT_TRUE(input.ends_with(bad + std::string(base::kPadding, '\0')));
  EXPECT_TRUE(peer.machine().next(peer.env(), peer.now()).failed);
  EXPECT_FALSE(peer.machine().next_text(payload));
}

// Messages in pieces, and those behind what is unfinished, are next()'s.
TEST(Machine, OnlyWholeTextsAreToldWithoutAnEvent) {
  const std::vector<std::string> others = {
      text("piece").substr(0, 8), text("first", false),        frame(9, "ping"),
      plain(1, "not masked"),     frame(1, "rsv", {.rsv = 4}), "\x81"};
  for (const std::string& one : others) {
    Peer peer;
    std::string input = one + std::string(base::kPadding, '\0');
    base::MutBytes payload;
    EXPECT_FALSE(peer.machine().next_text(payload));
    peer.machine().feed({input.data(), one.size()}, peer.now());
    EXPECT_FALSE(peer.machine().next_text(payload));
    EXPECT_EQ(input.substr(0, one.size()), one);
  }
}

// The header came in an earlier piece: the payload still is an event in place.
TEST(Machine, PayloadApartFromItsHeaderIsNotCopied) {
  Peer peer;
  const std::string whole = text("in place");
  peer.feed(whole.substr(0, 3));
  EXPECT_GT(peer.held(), 0);
  std::string rest = whole.substr(3) + std::string(base::kPadding, '\0');
  peer.machine().feed({rest.data(), rest.size() - base::kPadding}, peer.now());
  const Event event = peer.machine().next(peer.env(), peer.now());
  EXPECT_EQ(event.payload.data(), rest.data() + 3);
  EXPECT_EQ(peer.machine().next(peer.env(), peer.now()).kind, EventKind::none);
  EXPECT_EQ(peer.held(), 0);
}

TEST(Machine, KeepStopsInTheMiddle) {
  Peer peer;
  std::string input = text("one") + text("two") + text("three").substr(0, 4);
  input.append(base::kPadding, '\0');
  peer.machine().feed({input.data(), input.size() - base::kPadding}, peer.now());
  EXPECT_EQ(base::as_bytes(peer.machine().next(peer.env(), peer.now()).payload), "one");
  EXPECT_TRUE(peer.machine().has_input());
  peer.machine().keep(peer.ledger());
  EXPECT_TRUE(peer.machine().has_input());
  std::fill(input.begin(), input.end(), '\xdd');
  EXPECT_EQ(base::as_bytes(peer.machine().next(peer.env(), peer.now()).payload), "two");
  EXPECT_EQ(peer.machine().next(peer.env(), peer.now()).kind, EventKind::none);
  EXPECT_FALSE(peer.machine().has_input());
  peer.feed(text("three").substr(4));
  EXPECT_EQ(peer.events.back().payload, "three");
  EXPECT_EQ(peer.held(), 0);
}

// A driver that always stops early must not make the copy grow for ever.
TEST(Machine, KeepingForEverHoldsNoMoreThanIsUnread) {
  Peer peer;
  std::string unread;
  std::size_t taken = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string input = text(std::string(100, 'k'));
    if (round < 20) input += input;
    input.append(base::kPadding, '\0');
    peer.machine().keep(peer.ledger());
    peer.machine().feed({input.data(), input.size() - base::kPadding}, peer.now());
    taken += peer.machine().next(peer.env(), peer.now()).payload.size();
    peer.machine().keep(peer.ledger());
    ASSERT_LE(peer.held(), 16'384);
  }
  EXPECT_EQ(taken, 2000U * 100U);
  peer.drain();
  EXPECT_EQ(peer.events.size(), 20u);
  EXPECT_EQ(peer.held(), 0);
}

TEST(Machine, NothingIsHeldAndNothingIsDueWhenNothingIsUnfinished) {
  Peer peer;
  EXPECT_EQ(peer.machine().deadline(), base::kNever);
  EXPECT_FALSE(peer.machine().has_input());
  const std::vector<std::string> unfinished = {
      "\x81", text("abc").substr(0, 5), text("abc").substr(0, 7), frame(9, "ping").substr(0, 8)};
  for (const std::string& part : unfinished) {
    Peer fresh;
    fresh.feed(part);
    EXPECT_EQ(fresh.machine().deadline(), fresh.now() + 60s);
    EXPECT_FALSE(fresh.machine().has_input());
  }
  peer.feed(frame(9, "ping").substr(0, 8));
  peer.feed(frame(9, "ping").substr(8));
  EXPECT_EQ(peer.machine().deadline(), base::kNever);
  peer.feed(text("abc").substr(0, 7));
  peer.pass(10s);
  peer.feed(text("abc").substr(7) + text("d", false));
  EXPECT_EQ(peer.machine().deadline(), peer.now() + 60s);
  peer.feed(more("", true));
  EXPECT_EQ(peer.machine().deadline(), base::kNever);
  EXPECT_EQ(peer.held(), 0);
}

TEST(Machine, TimeoutsCanBeSwitchedOff) {
  Limits limits;
  limits.message_timeout = limits.close_timeout = base::Duration(-1);
  Peer peer(Role::server, limits);
  peer.feed(text("a", false));
  EXPECT_EQ(peer.machine().deadline(), base::kNever);
  peer.machine().close(1000, "", peer.env(), peer.now());
  EXPECT_EQ(peer.machine().deadline(), base::kNever);
  peer.machine().on_deadline(peer.now(), peer.env());
  EXPECT_FALSE(peer.machine().has_input());
}

TEST(Machine, CloseIsAHandshake) {
  Peer peer;
  peer.feed(text("half a mess", false) + more("age").substr(0, 7));
  peer.machine().close(1001, "going", peer.env(), peer.now());
  peer.machine().close(1000, "again", peer.env(), peer.now());
  EXPECT_EQ(peer.output(), plain(8, code_body(1001, "going")));
  EXPECT_FALSE(peer.machine().open());
  EXPECT_FALSE(peer.machine().send_text("late", peer.env()));
  EXPECT_FALSE(peer.machine().ping("late", peer.env()));
  // The rest of the message, a large one and a ping are read over; nothing is kept of them.
  peer.feed(more("age").substr(7) + more("", true) + frame(9, "x"));
  peer.feed(frame(2, std::string(1000, 'x'), {.announced = 5'000'000}));
  EXPECT_EQ(peer.held(), 0);
  for (int i = 0; i < 4999; ++i) peer.feed(std::string(1000, 'x'));
  EXPECT_TRUE(peer.events.empty());
  peer.feed(frame(8, code_body(1001)));
  ASSERT_EQ(peer.events.size(), 1u);
  EXPECT_EQ(peer.events[0], (Record{EventKind::closed, "", 1001, "", false}));
  EXPECT_EQ(peer.output(), "");
  EXPECT_EQ(peer.machine().deadline(), base::kNever);
}

TEST(Machine, ViolationAfterOurCloseEndsItWithoutASecondFrame) {
  Peer peer;
  peer.machine().close(1000, "", peer.env(), peer.now());
  peer.output();
  peer.feed(frame(1, "x", {.masked = false}));
  EXPECT_EQ(peer.events.back(), (Record{EventKind::closed, "", 1002, "MASK must be set", true}));
  EXPECT_EQ(peer.output(), "");
}

TEST(Machine, ClosedSwallows) {
  Peer peer;
  peer.feed(frame(8, code_body(1000)));
  peer.output();
  peer.feed(text("late") + "\xff\xff");
  peer.machine().close(1000, "", peer.env(), peer.now());
  peer.machine().on_deadline(peer.now() + 1h, peer.env());
  peer.drain();
  EXPECT_EQ(peer.events.size(), 1u);
  EXPECT_EQ(peer.output(), "");
  EXPECT_FALSE(peer.machine().has_input());
  EXPECT_FALSE(peer.machine().send_binary("x", peer.env()));
}

TEST(Machine, CloseBodies) {
  const std::string kappas = [] {
    std::string all;
    for (int i = 0; i < 62; ++i) all += "\xce\xba";
    return all;
  }();
  const struct {
    std::uint16_t code;
    std::string reason;
    std::string body;
  } rows[] = {
      {0, "", ""},
      {0, "not without a code", ""},
      {1000, "", code_body(1000)},
      {1005, "x", ""},
      {1006, "x", ""},
      {2999, "x", ""},
      {4999, "bye", code_body(4999, "bye")},
      {1000, "\xff", code_body(1000)},
      {1000, std::string(123, 'r'), code_body(1000, std::string(123, 'r'))},
      {1000, std::string(124, 'r'), code_body(1000, std::string(123, 'r'))},
      {1000, kappas, code_body(1000, kappas.substr(0, 122))},
      {1000, std::string(500, '\x80'), code_body(1000)},
  };
  for (const auto& row : rows) {
    Peer peer;
    peer.machine().close(row.code, row.reason, peer.env(), peer.now());
    EXPECT_EQ(peer.output(), plain(8, row.body));
  }
}

TEST(Machine, ClientMasksAndRefusesMasks) {
  Peer client(Role::client);
  client.feed(plain(1, "from a server") + frame(2, "b", {.fin = false, .masked = false}) +
              plain(9, "p") + frame(0, "c", {.masked = false}));
  ASSERT_EQ(client.events.size(), 3u);
  EXPECT_EQ(client.events[0].payload, "from a server");
  EXPECT_EQ(client.events[2].payload, "bc");
  const std::string pong = client.output();
  EXPECT_EQ(pong, frame(10, "p", {.key = std::string_view(pong).substr(2, 4)}));
  client.machine().send_text("same", client.env());
  const std::string one = client.output();
  client.machine().send_text("same", client.env());
  EXPECT_NE(one, client.output());  // a new key for every frame
  client.feed(text("masked"));
  EXPECT_EQ(client.events.back(),
            (Record{EventKind::closed, "", 1002, "MASK must be clear", true}));
  const std::string close = client.output();
  EXPECT_EQ(close, frame(8, code_body(1002), {.key = std::string_view(close).substr(2, 4)}));
}

TEST(Machine, AFailureIsReportedOnceAndEndsEverything) {
  Peer peer;
  peer.feed(text("good") + frame(3, "") + text("unread"));
  ASSERT_EQ(peer.events.size(), 2u);
  EXPECT_EQ(peer.events[1], (Record{EventKind::closed, "", 1002, "invalid opcode 3", true}));
  EXPECT_EQ(peer.output(), plain_close(1002));
  EXPECT_FALSE(peer.machine().has_input());
  EXPECT_EQ(peer.held(), 0);
}

}  // namespace
}  // namespace socketio::ws::testing
