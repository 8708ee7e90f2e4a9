// Handshake, heartbeat, packets, sending and the end; polling and upgrade have tests of their own.
#include "eio/session.hpp"

#include <gtest/gtest.h>

#include "eio/test_peer.hpp"

namespace socketio::eio {
namespace {

using namespace std::chrono_literals;
using test::Peer;
using test::take_frames;
using Texts = std::vector<std::string>;

const Texts kNothing{};

constexpr const char* kOpenPolling =
    R"(0{"sid":"abcdefghijklmnopqrst","upgrades":["websocket"],"pingInterval":25000,)"
    R"("pingTimeout":20000,"maxPayload":1000000})";
constexpr const char* kOpenWebSocket =
    R"(0{"sid":"abcdefghijklmnopqrst","upgrades":[],"pingInterval":25000,)"
    R"("pingTimeout":20000,"maxPayload":1000000})";

TEST(Session, IsSmall) {
  EXPECT_LE(sizeof(Session), 168U);
}

TEST(Session, HandshakeOverPolling) {
  Peer peer;
  EXPECT_EQ(peer.poll(), kOpenPolling);
  EXPECT_EQ(peer.poll(), "parked");
  EXPECT_EQ(peer->owner(), 7U);
  EXPECT_EQ(peer->sid(), test::make_test_sid());
}

TEST(Session, HandshakeOverWebSocket) {
  Peer peer(Transport::websocket);
  EXPECT_EQ(peer.shared.outlets.pop_front(), &peer.websocket());
  EXPECT_EQ(take_frames(peer.websocket()), Texts{kOpenWebSocket});
}

TEST(Session, APacketAlongWithTheHandshake) {
  Peer polling;
  EXPECT_TRUE(polling->send_text("hi", ""));
  EXPECT_EQ(polling.poll(), std::string(kOpenPolling) +
                                "\x1e"
                                "4hi");
  Peer websocket(Transport::websocket);
  EXPECT_TRUE(websocket->send_text("hi", ""));
  EXPECT_EQ(take_frames(websocket.websocket()), (Texts{kOpenWebSocket, "4hi"}));
}

TEST(Session, UpgradesOnlyWhereAllowed) {
  Options options;
  options.allow_upgrades = false;
  Peer no_upgrades(Transport::polling, options);
  EXPECT_NE(no_upgrades.poll().find("\"upgrades\":[]"), std::string::npos);
  options = {};
  options.websocket = false;
  Peer no_websocket(Transport::polling, options);
  EXPECT_NE(no_websocket.poll().find("\"upgrades\":[]"), std::string::npos);
}

TEST(Session, WebSocketMessages) {
  auto peer = Peer::opened(Transport::websocket);
  EXPECT_EQ(peer->text("4hello"), Texts{"message:hello"});
  EXPECT_EQ(peer->text("4"), Texts{"message:"});
  EXPECT_EQ(peer->binary("\x01\x02"), Texts{"binary:\x01\x02"});
  EXPECT_EQ(peer->binary(""), Texts{"binary:"});
}

// U01, U02, U11, U12
TEST(Session, UnparsableFramesCloseWithParseError) {
  for (const char* frame : {"", "9", "b~~~~", "xxxxxxxxxxxxxxxxxxxx"}) {
    auto peer = Peer::opened(Transport::websocket);
    EXPECT_EQ(peer->text(frame), (Texts{"closed:parse error", "close_websocket", "gone"})) << frame;
    EXPECT_EQ(peer->text("4late"), kNothing);
    EXPECT_EQ(peer->drain(), kNothing);
  }
}

// U03, U04
TEST(Session, ClientsDoNotPing) {
  for (const char* frame : {"2", "2probe"}) {
    auto peer = Peer::opened(Transport::websocket);
    EXPECT_EQ(peer->text(frame), (Texts{"closed:transport error:invalid heartbeat direction",
                                        "close_websocket", "gone"}));
  }
}

// U05 to U08
TEST(Session, SomePacketsMeanNothing) {
  auto peer = Peer::opened(Transport::websocket);
  const base::Time deadline = (*peer)->deadline();
  peer->now += 1s;
  for (const char* frame : {"3", "3probe", "0{}", "5", "6"}) EXPECT_EQ(peer->text(frame), kNothing);
  EXPECT_EQ((*peer)->deadline(), deadline);  // an unsolicited pong starts no timer
  EXPECT_TRUE((*peer)->open());
}

// U09
TEST(Session, ACloseOverWebSocketCloses) {
  auto peer = Peer::opened(Transport::websocket);
  EXPECT_EQ(peer->text("1"), (Texts{"closed:transport close", "close_websocket", "gone"}));
}

TEST(Session, AWebSocketThatGoesAway) {
  auto peer = Peer::opened(Transport::websocket);
  (*peer)->on_websocket_closed(false, false, {}, peer->now);
  EXPECT_EQ(peer->drain(), (Texts{"closed:transport close", "gone"}));
  auto failed = Peer::opened(Transport::websocket);
  (*failed)->on_websocket_closed(false, true, "protocol violation", failed->now);
  EXPECT_EQ(failed->drain(), (Texts{"closed:transport error:protocol violation", "gone"}));
  EXPECT_TRUE((*failed)->gone());
  (*failed)->on_websocket_closed(false, true, "again", failed->now);
  EXPECT_EQ(failed->drain(), kNothing);
}

// -- Heartbeat

TEST(Session, PingsWhileThePongsCome) {
  auto peer = Peer::opened(Transport::websocket);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ((*peer)->deadline(), peer->now + 25s);
    EXPECT_EQ(peer->advance(25s - 1ns), kNothing);
    EXPECT_TRUE(peer->websocket().out.empty());
    EXPECT_EQ(peer->advance(1ns), kNothing);
    EXPECT_EQ(take_frames(peer->websocket()), Texts{"2"});
    EXPECT_EQ((*peer)->deadline(), peer->now + 20s);
    peer->now += 19s;
    EXPECT_EQ(peer->text("3"), kNothing);  // the interval starts with the pong
  }
}

// Timers fire a little late; that must not add up, since clients count from the handshake.
TEST(Session, ALatePingDoesNotPutOffTheTimeout) {
  auto late = Peer::opened(Transport::websocket);
  late->advance(25s + kLate);
  EXPECT_EQ((*late)->deadline(), late->now - kLate + 20s);
  // A busy server that pings much too late gives its clients their time nevertheless.
  auto very_late = Peer::opened(Transport::websocket);
  very_late->advance(50s);
  EXPECT_EQ((*very_late)->deadline(), very_late->now - kLate + 20s);
}

// U14, U28
TEST(Session, NoPongInTimeCloses) {
  auto peer = Peer::opened(Transport::websocket);
  peer->advance(25s);
  EXPECT_EQ(peer->advance(20s - 1ns), kNothing);
  EXPECT_EQ(peer->advance(1ns), (Texts{"closed:ping timeout", "close_websocket", "gone"}));
  EXPECT_EQ((*peer)->deadline(), base::kNever);
  // U29: a late pong does not revive it.
  EXPECT_EQ(peer->text("3"), kNothing);
  EXPECT_EQ(peer->advance(100s), kNothing);
}

// U29
TEST(Session, OnePongOnePing) {
  auto peer = Peer::opened(Transport::websocket);
  EXPECT_EQ(peer->text("3"), kNothing);
  peer->advance(25s);
  EXPECT_EQ(peer->text("3"), kNothing);
  const base::Time deadline = (*peer)->deadline();
  peer->now += 5s;
  EXPECT_EQ(peer->text("3"), kNothing);
  EXPECT_EQ((*peer)->deadline(), deadline);
}

TEST(Session, TheFirstOtherPacketRenewsTheTimeoutOncePerPing) {
  for (const bool binary : {false, true}) {
    auto peer = Peer::opened(Transport::websocket);
    const auto packet = [&] { return binary ? peer->binary("x") : peer->text("4x"); };
    for (int round = 0; round < 2; ++round) {
      packet();  // not awaited: no effect
      peer->advance(25s);
      peer->now += 15s;
      packet();
      EXPECT_EQ((*peer)->deadline(), peer->now + 20s);
      const base::Time deadline = (*peer)->deadline();
      peer->now += 1s;
      packet();
      EXPECT_EQ((*peer)->deadline(), deadline);
      peer->text("3");
      EXPECT_EQ((*peer)->deadline(), peer->now + 25s);
    }
  }
}

TEST(Session, HeartbeatOverPolling) {
  auto peer = Peer::opened();
  EXPECT_EQ(peer->poll(), "parked");
  EXPECT_EQ(peer->advance(25s), kNothing);
  EXPECT_EQ(peer->answer(), "2");
  EXPECT_EQ(peer->post("3"), kNothing);
  EXPECT_EQ(peer->advance(25s), kNothing);  // nobody polls
  EXPECT_EQ(peer->advance(20s), (Texts{"closed:ping timeout", "gone"}));
}

TEST(Session, APingTimeoutAnswersTheParkedPoll) {
  auto peer = Peer::opened();
  peer->advance(25s);
  EXPECT_EQ(peer->poll(), "2");
  EXPECT_EQ(peer->poll(), "parked");
  EXPECT_EQ(peer->advance(20s), Texts{"closed:ping timeout"});
  EXPECT_EQ(peer->answer(), "1");
  EXPECT_EQ(peer->drain(), Texts{"gone"});
}

TEST(Session, NoHeartbeatWithoutAnInterval) {
  Options options;
  options.ping_interval = -1s;
  auto peer = Peer::opened(Transport::websocket, options);
  EXPECT_EQ((*peer)->deadline(), base::kNever);
}

// -- Sending

TEST(Session, SendsOverWebSocket) {
  auto peer = Peer::opened(Transport::websocket);
  EXPECT_TRUE((*peer)->send_text("2[\"a\"", "]"));
  EXPECT_TRUE((*peer)->send_binary("\x01\x02"));
  EXPECT_TRUE((*peer)->send_text("", ""));
  EXPECT_TRUE((*peer)->send(Message::text("shared", {}, nullptr)));
  EXPECT_TRUE((*peer)->send(Message::binary("raw", nullptr)));
  EXPECT_EQ(peer->shared.outlets.pop_front(), &peer->websocket());
  EXPECT_EQ(take_frames(peer->websocket()),
            (Texts{"42[\"a\"]", "bin:\x01\x02", "4", "4shared", "bin:raw"}));
}

TEST(Session, FramesOfEverySizeClass) {
  auto peer = Peer::opened(Transport::websocket);
  for (const std::size_t size : {124U, 125U, 126U, 65534U, 65535U, 65536U, 200'000U}) {
    const std::string payload(size, 'x');
    EXPECT_TRUE((*peer)->send_text(payload.substr(0, 10), payload.substr(10)));
    EXPECT_TRUE((*peer)->send_binary(payload));
    EXPECT_EQ(take_frames(peer->websocket()), (Texts{"4" + payload, "bin:" + payload}));
  }
}

// Where it was written is where it is sent from, with its frame's header in front.
TEST(Session, ALongTextIsNotCopied) {
  const std::string text(kLongText, 'x');
  for (const std::size_t more : {0U, 32'767U, 32'768U}) {
    auto peer = Peer::opened(Transport::websocket);
    const std::string whole = text + std::string(more, 'y');
    base::TextBuffer written(kFrameFront);
    written.append(whole);
    const char* const begin = written.data();
    const std::int64_t before = peer->ledger.output();
    EXPECT_TRUE((*peer)->send_long_text("2", written));
    EXPECT_EQ(peer->shared.outlets.pop_front(), &peer->websocket());
    const base::Bytes frame = peer->websocket().out.front();
    EXPECT_EQ(frame.data() + frame.size(), begin + whole.size());
    EXPECT_GE(peer->ledger.output(), before + static_cast<std::int64_t>(frame.size()));
    EXPECT_EQ(take_frames(peer->websocket()), Texts{"42" + whole});
    EXPECT_EQ(peer->ledger.output(), before);
  }
}

TEST(Session, ALongTextWhereItCannotStay) {
  const std::string text(kLongText, 'x');
  base::TextBuffer written(kFrameFront);
  written.append(text);
  auto polling = Peer::opened(Transport::polling);
  EXPECT_TRUE((*polling)->send_long_text("2", written));
  EXPECT_EQ(polling->poll(), "42" + text);
  const std::string head(kFrameFront, 'h');  // longer than there is room for
  auto websocket = Peer::opened(Transport::websocket);
  EXPECT_TRUE((*websocket)->send_long_text(head, written));
  EXPECT_EQ(take_frames(websocket->websocket()), Texts{"4" + head + text});
  Options options;
  options.send_hard = kLongText;
  auto full = Peer::opened(Transport::websocket, options);
  EXPECT_FALSE((*full)->send_long_text("2", written));
  EXPECT_EQ(full->drain(),
            (Texts{"closed:transport error:send buffer limit", "close_websocket", "gone"}));
  EXPECT_EQ(written.view(), text);  // still there
}

TEST(Session, BroadcastsShareTheirBytes) {
  auto peer = Peer::opened(Transport::websocket);
  const Message message = Message::text("hello", {}, nullptr);
  (*peer)->send(message);
  std::array<base::Bytes, 1> part;
  ASSERT_EQ(peer->websocket().out.gather(part), 1U);
  EXPECT_EQ(part[0].data(), message.frame().data());
}

TEST(Session, ManySmallSendsAreOneSpan) {
  auto peer = Peer::opened(Transport::websocket);
  for (int i = 0; i < 100; ++i) (*peer)->send_text("x", "y");
  std::array<base::Bytes, 2> parts;
  EXPECT_EQ(peer->websocket().out.gather(parts), 1U);
}

TEST(Session, SendHardIsTheMost) {
  Options options;
  options.send_hard = 1000;
  for (const Transport transport : {Transport::polling, Transport::websocket}) {
    auto peer = Peer::opened(transport, options);
    const bool polling = transport == Transport::polling;
    // 4 bytes of header, the '4', 995 bytes: 1000.
    EXPECT_TRUE((*peer)->send_text(std::string(795, 'x'), std::string(200, 'y')));
    EXPECT_EQ((*peer)->queued_bytes(), 1000U);
    EXPECT_EQ(peer->drain(), kNothing);
    EXPECT_FALSE((*peer)->send_text("", ""));
    EXPECT_FALSE((*peer)->open());
    EXPECT_FALSE((*peer)->send_text("", ""));
    EXPECT_EQ(peer->drain(), polling ? (Texts{"closed:transport error:send buffer limit", "gone"})
                                     : (Texts{"closed:transport error:send buffer limit",
                                              "close_websocket", "gone"}));
    EXPECT_EQ(peer->websocket().out.bytes(), polling ? 0U : 1000U);  // nothing of the last one
  }
}

TEST(Session, SendHardForEveryKindOfMessage) {
  Options options;
  options.send_hard = 100;
  const std::string at_limit(98, 'x');
  const std::string over(99, 'x');
  for (const Transport transport : {Transport::polling, Transport::websocket}) {
    EXPECT_TRUE((*Peer::opened(transport, options))->send_binary(at_limit));
    EXPECT_FALSE((*Peer::opened(transport, options))->send_binary(over));
    EXPECT_TRUE((*Peer::opened(transport, options))->send(Message::binary(at_limit, nullptr)));
    EXPECT_FALSE((*Peer::opened(transport, options))->send(Message::binary(over, nullptr)));
    EXPECT_TRUE(
        (*Peer::opened(transport, options))->send(Message::text(at_limit.substr(1), {}, nullptr)));
    EXPECT_FALSE((*Peer::opened(transport, options))->send(Message::text(at_limit, {}, nullptr)));
    EXPECT_FALSE((*Peer::opened(transport, options))->send(Message()));
  }
}

TEST(Session, VolatileOverWebSocket) {
  Options options;
  options.send_soft = 50;
  auto peer = Peer::opened(Transport::websocket, options);
  Session& session = **peer;
  EXPECT_TRUE(session.writable());
  session.send_text("x", "");
  EXPECT_FALSE(session.writable());  // something was queued in this dispatch
  ++peer->shared.dispatch;
  EXPECT_TRUE(session.writable());  // bytes of earlier dispatches do not count
  session.on_flushed(false);
  EXPECT_FALSE(session.writable());
  session.on_flushed(true);
  EXPECT_TRUE(session.writable());
  session.send_text(std::string(45, 'x'), "");  // 51 bytes queued
  ++peer->shared.dispatch;
  EXPECT_FALSE(session.writable());
  take_frames(peer->websocket());
  EXPECT_TRUE(session.writable());
  session.close(CloseReason::forced_close, {}, peer->now);
  EXPECT_FALSE(session.writable());
}

TEST(Session, SendSoftIsTheMostForVolatile) {
  Options options;
  options.send_soft = 50;
  for (const std::size_t bytes : {49U, 50U, 51U}) {
    auto peer = Peer::opened(Transport::websocket, options);
    Session& session = **peer;
    constexpr std::size_t kHeader = 3;  // of the frame, and the '4'
    EXPECT_TRUE(session.send_text(std::string(bytes - kHeader, 'x'), ""));
    EXPECT_EQ(session.queued_bytes(), bytes);
    ++peer->shared.dispatch;
    EXPECT_EQ(session.writable(), bytes <= 50);
  }
}

TEST(Session, VolatileOverPolling) {
  auto peer = Peer::opened();
  Session& session = **peer;
  EXPECT_FALSE(session.writable());  // no poll is parked
  peer->poll();
  EXPECT_TRUE(session.writable());
  session.send_text("x", "");
  EXPECT_FALSE(session.writable());
  ++peer->shared.dispatch;
  EXPECT_TRUE(session.writable());
  EXPECT_EQ(peer->answer(), "4x");
  EXPECT_FALSE(session.writable());
}

// -- The end

TEST(Session, ClosingAWebSocketKeepsWhatIsQueued) {
  auto peer = Peer::opened(Transport::websocket);
  (*peer)->send_text("bye", "");
  (*peer)->close(CloseReason::forced_close, "why", peer->now);
  EXPECT_FALSE((*peer)->open());
  EXPECT_FALSE((*peer)->send_text("late", ""));
  (*peer)->close(CloseReason::parse_error, "twice", peer->now);
  (*peer)->discard(CloseReason::parse_error, "twice", peer->now);
  EXPECT_EQ(peer->drain(), (Texts{"closed:forced close:why", "close_websocket", "gone"}));
  EXPECT_EQ(take_frames(peer->websocket()), Texts{"4bye"});
}

TEST(Session, ClosingInAHandlerStopsTheRestOfTheBody) {
  auto peer = Peer::opened();
  Session& session = **peer;
  test::Input body(
      "4a\x1e"
      "4b");
  ASSERT_EQ(session.on_post_begin("", peer->now), Session::Post::accepted);
  session.on_post(body.view(), peer->now);
  EXPECT_EQ(session.next(peer->now).kind, EventKind::message);
  session.discard(CloseReason::forced_close, {}, peer->now);
  EXPECT_EQ(peer->drain(), (Texts{"closed:forced close", "gone"}));
}

TEST(Session, IsDirtyWhenItHasEvents) {
  auto peer = Peer::opened();
  while (peer->shared.dirty.pop_front() != nullptr) {
  }
  (*peer)->discard(CloseReason::forced_close, {}, peer->now);
  EXPECT_EQ(peer->shared.dirty.front(), &**peer);
  peer->drain();
  EXPECT_TRUE(peer->shared.dirty.empty());  // one that is gone is not on the list
}

TEST(Session, HoldsNothingAtTheEnd) {
  auto peer = Peer::opened();
  (*peer)->send_text("a", "");
  (*peer)->send(Message::binary("b", &peer->ledger));
  EXPECT_GT(peer->ledger.output(), 0);
  EXPECT_EQ(peer->held_at_the_end(), 0);
}

TEST(Session, ReasonsAreThoseOfTheReference) {
  EXPECT_EQ(text(CloseReason::transport_close), "transport close");
  EXPECT_EQ(text(CloseReason::transport_error), "transport error");
  EXPECT_EQ(text(CloseReason::ping_timeout), "ping timeout");
  EXPECT_EQ(text(CloseReason::parse_error), "parse error");
  EXPECT_EQ(text(CloseReason::forced_close), "forced close");
}

}  // namespace
}  // namespace socketio::eio
