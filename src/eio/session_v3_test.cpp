// A session of a client of Engine.IO 3. What it shares with version 4 is tested there.
#include <gtest/gtest.h>

#include "eio/session.hpp"
#include "eio/test_peer.hpp"

namespace socketio::eio {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using test::Peer;
using test::take_frames;
using Strings = std::vector<std::string>;

constexpr Dialect kV3{.v3 = true};
constexpr Dialect kBase64{.v3 = true, .base64 = true};
constexpr Dialect kJsonp{.v3 = true, .base64 = true, .jsonp = true};

std::unique_ptr<Peer> polling(const Options& options = {}, Dialect dialect = kV3) {
  return Peer::opened(Transport::polling, options, dialect);
}

std::unique_ptr<Peer> websocket(const Options& options = {}, Dialect dialect = kV3) {
  return Peer::opened(Transport::websocket, options, dialect);
}

// covers P3: handshake › HTTP long-polling › successfully opens a session
TEST(SessionV3, TheHandshakeIsARecordWithItsLength) {
  Peer peer(Transport::polling, {}, kV3);
  const std::string open = peer->open_packet();
  EXPECT_EQ(peer.poll(), std::to_string(open.size()) + ":" + open);
  EXPECT_EQ(peer.poll(), "parked");
}

// covers P3: handshake › WebSocket › successfully opens a session
TEST(SessionV3, OnAWebSocketTheHandshakeIsAFrame) {
  Peer peer(Transport::websocket, {}, kV3);
  EXPECT_EQ(take_frames(peer.websocket()), Strings{peer->open_packet()});
}

// covers P3: sends and receives a payload containing one plain text packet
// covers P3: sends and receives a payload containing several plain text packets
// covers P3: sends and receives a payload containing plain text and binary packets (base64
// encoded)
TEST(SessionV3, PayloadsOfText) {
  auto peer = polling({}, kBase64);
  EXPECT_EQ(peer->post("6:4hello10:b4AQIDBA==2:4\xE2\x82\xAC"),
            (Strings{"message:hello", "binary:\x01\x02\x03\x04", "message:\xE2\x82\xAC"}));
  (*peer)->send_text("he", "llo");
  (*peer)->send_binary("\x01\x02\x03\x04");
  (*peer)->send(Message::binary("\xff", nullptr));
  (*peer)->send_text("\xF0\x9F\x9A\x80", {});
  EXPECT_EQ(peer->poll(), "6:4hello10:b4AQIDBA==6:b4/w==3:4\xF0\x9F\x9A\x80");
}

// covers P3: sends and receives a payload containing plain text and binary packets (binary)
TEST(SessionV3, PayloadsOfBytesWhenThereIsSomethingBinary) {
  auto peer = polling();
  EXPECT_EQ(peer->post("\x00\x06\xff"
                       "4hello\x01\x05\xff\x04\x01\x02\x03\x04"s,
                       "application/octet-stream"),
            (Strings{"message:hello", "binary:\x01\x02\x03\x04"}));
  // The next one is text again.
  EXPECT_EQ(peer->post("2:4a"), Strings{"message:a"});
  (*peer)->send_text("hello", {});
  EXPECT_EQ(peer->poll(), "6:4hello");
  (*peer)->send_text("hello", {});
  (*peer)->send_binary("\x01\x02\x03\x04");
  std::string body;
  ASSERT_EQ((*peer)->on_poll(peer->now), Session::Poll::parked);
  EXPECT_EQ((*peer)->take_payload(body, peer->now).form, FormV3::binary);
  EXPECT_EQ(body,
            "\x00\x06\xff"
            "4hello\x01\x05\xff\x04\x01\x02\x03\x04"s);
}

// covers P3: message › HTTP long-polling › closes the session upon invalid packet format
TEST(SessionV3, AMalformedPayloadEndsIt) {
  for (const char* body : {"abc", "", "1:9", "2:4a3:4b", "4:b4A!"}) {
    auto peer = polling();
    const Strings events = peer->post(body);
    ASSERT_GE(events.size(), 2U);
    EXPECT_EQ(events[events.size() - 2], "closed:parse error") << body;
    EXPECT_EQ(events.back(), "gone");
  }
  auto peer = polling();
  EXPECT_EQ(peer->post("\x00\x02\xff"
                       "4"s,
                       "application/octet-stream"),
            (Strings{"closed:parse error", "gone"}));
}

TEST(SessionV3, APayloadWithoutPacketsIsNone) {
  auto peer = polling();
  EXPECT_EQ(peer->post("0:"), Strings{});
  EXPECT_EQ(peer->post("", "application/octet-stream"), Strings{});
  EXPECT_EQ(peer->post("2:4a0:"), Strings{"message:a"});
}

// covers P3: message › WebSocket › sends and receives a plain text packet
// covers P3: message › WebSocket › sends and receives a binary packet
TEST(SessionV3, BinaryFramesHaveAType) {
  auto peer = websocket();
  EXPECT_EQ(peer->text("4hello"), Strings{"message:hello"});
  EXPECT_EQ(peer->binary("\x04\x01\x02"), Strings{"binary:\x01\x02"});
  EXPECT_EQ(peer->text("b4AQI="), Strings{"binary:\x01\x02"});
  (*peer)->send_text("hello", {});
  (*peer)->send_binary("\x01\x02");
  (*peer)->send(Message::binary("\x03", nullptr));
  EXPECT_EQ(take_frames(peer->websocket()),
            (Strings{"4hello", "bin:\x04\x01\x02", "bin:\x04\x03"}));
}

TEST(SessionV3, AWebSocketMayTakeNoBytesEither) {
  auto peer = websocket({}, kBase64);
  (*peer)->send_binary("\x01\x02");
  EXPECT_EQ(take_frames(peer->websocket()), Strings{"b4AQI="});
}

// covers P3: message › WebSocket › closes the session upon invalid packet format
TEST(SessionV3, AMalformedFrameEndsIt) {
  for (const char* frame : {"abc", "", "9", "b", "b9AQI=", "b4!"}) {
    auto peer = websocket();
    EXPECT_EQ(peer->text(frame), (Strings{"closed:parse error", "close_websocket", "gone"}))
        << frame;
  }
  for (const std::string& frame : {""s, "\x07"s, "4"s, "\xff"s}) {
    auto peer = websocket();
    EXPECT_EQ(peer->binary(frame), (Strings{"closed:parse error", "close_websocket", "gone"}));
  }
}

// -- Heartbeat

// covers P3: heartbeat › HTTP long-polling › sends ping/pong packets
TEST(SessionV3, PingsOfAPollingClientAreAnswered) {
  auto peer = polling();
  for (int i = 0; i < 3; ++i) {
    peer->now += 40s;
    EXPECT_EQ(peer->post("1:2"), Strings{});
    EXPECT_EQ(peer->poll(), "1:3");
  }
  // What comes with a ping is not repeated.
  EXPECT_EQ(peer->post("6:2probe"), Strings{});
  EXPECT_EQ(peer->poll(), "1:3");
  EXPECT_EQ(peer->poll(), "parked");
  peer->post("1:2");
  EXPECT_EQ(peer->answer(), "1:3");
}

// covers P3: heartbeat › WebSocket › sends ping/pong packets
TEST(SessionV3, PingsOnAWebSocketAreAnswered) {
  auto peer = websocket();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(peer->advance(40s), Strings{});
    EXPECT_EQ(peer->text("2"), Strings{});
    EXPECT_EQ(take_frames(peer->websocket()), Strings{"3"});
  }
}

// covers P3: heartbeat › HTTP long-polling › closes the session upon ping timeout
// covers P3: heartbeat › WebSocket › closes the session upon ping timeout
TEST(SessionV3, TheClientPingsOrItIsOver) {
  auto peer = websocket();
  EXPECT_EQ((*peer)->deadline(), peer->now + 45s);  // interval and time-out
  EXPECT_EQ(peer->advance(44s), Strings{});
  // Nothing but a ping counts.
  EXPECT_EQ(peer->text("4hello"), Strings{"message:hello"});
  EXPECT_EQ(peer->advance(999ms), Strings{});
  EXPECT_EQ(peer->advance(1ms), (Strings{"closed:ping timeout", "close_websocket", "gone"}));
  EXPECT_EQ(take_frames(peer->websocket()), Strings{});  // the server never pings
}

TEST(SessionV3, APingThatComesTooLateIsNotHeard) {
  auto peer = polling();
  peer->now += 45s;  // the timer comes behind the request
  EXPECT_EQ((*peer)->on_post_begin("text/plain", peer->now), Session::Post::refused);
  EXPECT_EQ(peer->drain(), (Strings{"closed:ping timeout", "gone"}));
}

TEST(SessionV3, APongIsTheWrongWay) {
  auto peer = polling();
  EXPECT_EQ(peer->post("1:3"),
            (Strings{"closed:transport error:invalid heartbeat direction", "gone"}));
}

// Hostile: pings that nobody fetches the answers of cost nothing but the first.
TEST(SessionV3, ManyPingsQueueOnePong) {
  auto peer = polling();
  std::string pings;
  for (int i = 0; i < 10'000; ++i) pings += "1:2";
  EXPECT_EQ(peer->post(pings), Strings{});
  const std::size_t held = (*peer)->queued_bytes();
  EXPECT_EQ(peer->post(pings), Strings{});
  EXPECT_EQ((*peer)->queued_bytes(), held);
  EXPECT_EQ(peer->poll(), "1:3");
}

TEST(SessionV3, PongsCountTowardsTheLimitOfAWebSocketThatIsNotRead) {
  Options options;
  options.send_hard = 3000;
  auto peer = websocket(options);
  Strings events;
  int pings = 0;
  for (; events.empty() && pings < 10'000; ++pings) events = peer->text("2");
  EXPECT_EQ(pings, 1001);  // three bytes each
  EXPECT_EQ(events[0], "closed:transport error:send buffer limit");
}

// -- The end

// covers P3: closes the session upon duplicate poll requests
TEST(SessionV3, TwoPollsEndIt) {
  auto peer = polling();
  EXPECT_EQ(peer->poll(), "parked");
  EXPECT_EQ(peer->poll(), "overlap");
  EXPECT_EQ(peer->take(), "1:1");
}

// covers P3: close › HTTP long-polling › forcefully closes the session
TEST(SessionV3, AClientThatSaysGoodbye) {
  auto peer = polling();
  EXPECT_EQ(peer->poll(), "parked");
  EXPECT_EQ(peer->post("1:12:4a"), Strings{"closed:transport close"});
  EXPECT_EQ(peer->take(), "1:6");
  EXPECT_EQ(peer->drain(), Strings{"gone"});
}

// covers P3: close › WebSocket › forcefully closes the session
TEST(SessionV3, AClientThatSaysGoodbyeOnAWebSocket) {
  auto peer = websocket();
  EXPECT_EQ(peer->text("1"), (Strings{"closed:transport close", "close_websocket", "gone"}));
}

TEST(SessionV3, TheServerCloses) {
  auto peer = polling();
  (*peer)->close(CloseReason::forced_close, {}, peer->now);
  EXPECT_EQ(peer->drain(), Strings{"closed:forced close"});
  EXPECT_EQ(peer->poll(), "1:61:1");
  EXPECT_EQ(peer->drain(), Strings{"gone"});
}

TEST(SessionV3, TheServerClosesInTheAnswerAfterWhatIsQueued) {
  auto peer = polling();
  EXPECT_EQ(peer->poll(), "parked");
  (*peer)->send_binary("\x01");
  (*peer)->close(CloseReason::forced_close, {}, peer->now);
  EXPECT_EQ(peer->take(), "\x01\x02\xff\x04\x01");
  EXPECT_EQ(peer->drain(), Strings{"closed:forced close"});
  EXPECT_EQ(peer->poll(), "1:61:1");
  EXPECT_EQ(peer->drain(), Strings{"gone"});
}

TEST(SessionV3, AGoodbyeWhileTheServerCloses) {
  auto peer = polling();
  (*peer)->send_text("a", {});
  (*peer)->close(CloseReason::forced_close, {}, peer->now);
  peer->drain();
  EXPECT_EQ(peer->post("1:1"), Strings{"gone"});
}

TEST(SessionV3, APollHasAtMostMaxPayload) {
  Options options;
  options.max_payload = 1000;
  auto peer = polling(options);
  std::string all;
  for (int i = 0; i < 20; ++i) {
    (*peer)->send_text(std::string(150, 'x'), {});
    (*peer)->send_binary(std::string(150, 'y'));
  }
  std::size_t polls = 0;
  for (; (*peer)->queued_bytes() > 0; ++polls) {
    const std::string body = peer->poll();
    EXPECT_LE(body.size(), options.max_payload);
    all += body;
  }
  EXPECT_EQ(polls, 7U);
  test::Input input(all);
  PayloadReaderV3 reader(input.view(), FormV3::binary);
  Packet packet;
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(reader.next(packet), PayloadReaderV3::Status::packet);
    EXPECT_EQ(packet.binary, i % 2 == 1);
    EXPECT_EQ(packet.data.size(), 150U);
  }
  EXPECT_TRUE(reader.over());
}

// -- Upgrade

// covers P3: successfully upgrades from HTTP long-polling to WebSocket
TEST(SessionV3, TheUpgradeTakesEverythingAlong) {
  auto peer = polling({}, kBase64);
  ASSERT_TRUE((*peer)->attach_probe(peer->websocket(), peer->now, false));
  EXPECT_EQ(peer->text("2probe", true), Strings{});
  EXPECT_EQ(take_frames(peer->websocket()), Strings{"3probe"});
  peer->advance(100ms);
  EXPECT_EQ(peer->poll(), "1:6");
  (*peer)->send_text("a", {});
  (*peer)->send_binary("\x01");
  EXPECT_EQ(peer->text("5", true), Strings{"upgraded"});
  EXPECT_EQ(take_frames(peer->websocket()), (Strings{"4a", "bin:\x04\x01"}));
  // The WebSocket takes bytes, whatever polling took.
  (*peer)->send_binary("\x02");
  EXPECT_EQ(take_frames(peer->websocket()), Strings{"bin:\x04\x02"});
  EXPECT_EQ(peer->binary("\x04z"), Strings{"binary:z"});
}

TEST(SessionV3, AnUpgradeToAWebSocketWithoutBytes) {
  auto peer = polling();
  ASSERT_TRUE((*peer)->attach_probe(peer->websocket(), peer->now, true));
  peer->text("2probe", true);
  (*peer)->send_binary("\x01");
  peer->text("5", true);
  (*peer)->send_binary("\x02");
  EXPECT_EQ(take_frames(peer->websocket()), (Strings{"3probe", "b4AQ==", "b4Ag=="}));
}

TEST(SessionV3, AProbeThatFailsLeavesPollingAsItWas) {
  auto peer = polling();
  ASSERT_TRUE((*peer)->attach_probe(peer->websocket(), peer->now, true));
  EXPECT_EQ(peer->binary("\x02probe", true), Strings{"close_probe"});
  (*peer)->send_binary("\x01");
  EXPECT_EQ(peer->poll(), "\x01\x02\xff\x04\x01");
}

TEST(SessionV3, PongsOnBothSidesOfAnUpgrade) {
  auto peer = polling();
  ASSERT_TRUE((*peer)->attach_probe(peer->websocket(), peer->now));
  peer->text("2probe", true);
  peer->post("1:2");
  peer->text("5", true);
  peer->text("2");
  EXPECT_EQ(take_frames(peer->websocket()), (Strings{"3probe", "3", "3"}));
}

// -- JSONP

TEST(SessionV3, JsonpPostsAreForms) {
  auto peer = polling({}, kJsonp);
  EXPECT_EQ(peer->post("d=6%3A4hello10%3Ab4AQIDBA%3D%3D", "application/x-www-form-urlencoded"),
            (Strings{"message:hello", "binary:\x01\x02\x03\x04"}));
  EXPECT_EQ(peer->post("d=4%3A4a%5Cnb"), Strings{"message:a\nb"});
  // Neither a payload nor an error.
  EXPECT_EQ(peer->post("2:4a"), Strings{});
  // Always text: a form carries no bytes.
  EXPECT_EQ(peer->post("d=2%3A4b", "application/octet-stream"), Strings{"message:b"});
  EXPECT_EQ(peer->post("d="), (Strings{"closed:parse error", "gone"}));
}

TEST(SessionV3, JsonpAnswersAreText) {
  auto peer = polling({}, {.v3 = true, .jsonp = true});
  (*peer)->send_binary("\x01");
  std::string body;
  ASSERT_EQ((*peer)->on_poll(peer->now), Session::Poll::parked);
  EXPECT_EQ((*peer)->take_payload(body, peer->now).form, FormV3::text);
  EXPECT_EQ(body, "6:b4AQ==");
}

TEST(SessionV3, JsonpOfVersion4) {
  auto peer = polling({}, {.jsonp = true});
  EXPECT_EQ(peer->post("d=4a%1Eb%2Bw%3D%3D"), (Strings{"message:a", "binary:\xfb"}));
  (*peer)->send_text("x", {});
  (*peer)->send_binary("\xfb");
  EXPECT_EQ(peer->poll(),
            "4x\x1e"
            "b+w==");
}

TEST(SessionV3, NothingIsHeldAtTheEnd) {
  for (const Transport transport : {Transport::polling, Transport::websocket}) {
    auto peer = Peer::opened(transport, {}, kV3);
    (*peer)->send_text("a", {});
    (*peer)->send_binary("b");
    (*peer)->discard(CloseReason::forced_close, {}, peer->now);
    peer->drain();
    EXPECT_EQ(peer->held_at_the_end(), 0);
  }
}

}  // namespace
}  // namespace socketio::eio
