// Hostile and broken input by its number in the catalogue (F01–F51): what the server answers, and
// what it holds meanwhile.
#include <gtest/gtest.h>

#include "ws/testing.hpp"

namespace socketio::ws::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kTooLong = 1'000'001;

Case refused(std::string name, std::string input, unsigned code, std::string why) {
  return {std::move(name), std::move(input), plain_close(code), code, std::move(why)};
}

void add_bad_frames(std::vector<Case>& cases) {
  const auto protocol = [&cases](std::string name, std::string input, std::string why) {
    cases.push_back(refused(std::move(name), std::move(input), 1002, std::move(why)));
  };
  protocol("F01", frame(1, "hi", {.masked = false}), "MASK must be set");
  protocol("F02", frame(1, "hi", {.rsv = 4}), "RSV1 must be clear");
  protocol("F03", frame(1, "hi", {.rsv = 2}), "RSV2 and RSV3 must be clear");
  protocol("F04", frame(1, "hi", {.rsv = 1}), "RSV2 and RSV3 must be clear");
  protocol("F05", frame(3, ""), "invalid opcode 3");
  protocol("F06", frame(7, ""), "invalid opcode 7");
  protocol("F07", frame(11, ""), "invalid opcode 11");
  protocol("F08", frame(15, ""), "invalid opcode 15");
  protocol("F09", frame(9, "", {.fin = false}), "FIN must be set");
  protocol("F10", frame(9, std::string(126, 'p')), "invalid payload length 126");
  protocol("F11", frame(8, std::string(126, 'c')), "invalid payload length 126");
  protocol("F11 64-bit", frame(8, "ab", {.length_form = 64}), "invalid payload length 127");
  protocol("F14", more("x", true), "invalid opcode 0");
  protocol("F15", text("a", false) + text("b"), "invalid opcode 1");
  protocol("D05", frame(9, "", {.rsv = 4}), "RSV1 must be clear");
  protocol("F29", frame(8, "x"), "invalid payload length 1");
  for (const auto& [name, code] : {std::pair{"F31", 1005U},
                                   {"F32", 999U},
                                   {"F33", 1015U},
                                   {"F34", 1016U},
                                   {"F35", 2999U},
                                   {"F39", 65535U}})
    protocol(name, frame(8, code_body(code)), "invalid status code " + std::to_string(code));
}

void add_texts(std::vector<Case>& cases) {
  const std::string kappa = "42[\"echo\",\"\xce\xba\"]";
  const std::string why = "invalid UTF-8 sequence";
  cases.push_back(refused("F18", text("\xff\xfe"), 1007, why));
  cases.push_back(
      {"F19", text(kappa.substr(0, 11), false) + more(kappa.substr(11), true), plain(1, kappa)});
  cases.push_back(refused("F20", text("\xed\xa0\x80"), 1007, why));
  cases.push_back(refused("F21", text("\xf4\x90", false), 1007, why));
  cases.push_back(refused("F37", frame(8, code_body(1000, "\xff")), 1007, why));
}

void add_lengths(std::vector<Case>& cases) {
  const std::string unsupported = "Unsupported WebSocket frame: payload length > 2^53 - 1";
  const std::string too_big = "Max payload size exceeded";
  const auto announce = [](std::uint64_t length) {
    return frame(2, "", {.length_form = 64, .announced = length});
  };
  const std::uint64_t one = 1;
  cases.push_back(refused("F22", announce(one << 63), 1002, unsupported));
  cases.push_back(refused("F23", announce(one << 62), 1009, unsupported));
  cases.push_back(refused("2^53", announce(one << 53), 1009, unsupported));
  cases.push_back(refused("2^53-1", announce((one << 53) - 1), 1009, too_big));
  cases.push_back(refused("F24", announce(kTooLong), 1009, too_big));
  cases.push_back(refused("F47", announce(~std::uint64_t{0}), 1002, unsupported));
  const std::string event = "42[\"echo\",1]";
  cases.push_back({"F25", frame(1, event, {.length_form = 16}), plain(1, event)});
  cases.push_back({"F26", frame(1, event, {.length_form = 64}), plain(1, event)});
  const std::string part(600'000, 'a');
  cases.push_back(
      refused("F27", text(part, false) + frame(0, "", {.announced = 600'000}), 1009, too_big));
  cases.push_back(refused(
      "F27 sum wraps", text("a", false) + frame(0, "", {.announced = 1'000'000}), 1009, too_big));
  for (const std::size_t size : {126U, 999'999U, 1'000'000U}) {
    const std::string payload(size, 'a');
    cases.push_back({"F40 F41 " + std::to_string(size), text(payload), plain(1, payload)});
  }
  cases.push_back(refused("F42", text(std::string(kTooLong, 'a')), 1009, too_big));
}

void add_good_frames(std::vector<Case>& cases) {
  const std::string longest(125, 'p');
  const std::string event = "42[\"echo\",1]";
  cases.push_back({"F12", frame(9, longest), plain(10, longest)});
  cases.push_back({"F13", frame(10, "unasked"), ""});
  cases.push_back({"F16",
                   text(event.substr(0, 5), false) + frame(9, "p") + more(event.substr(5), true),
                   plain(10, "p") + plain(1, event)});
  cases.push_back({"F17", text("", false) + more("", true), plain(1, "")});
  cases.push_back({"F28", frame(8, ""), plain(8, ""), 1005});
  cases.push_back({"F30", frame(8, code_body(1000)), plain_close(1000), 1000});
  cases.push_back(
      {"F36", frame(8, code_body(4999, "bye")), plain(8, code_body(4999, "bye")), 4999});
  cases.push_back({"F38 F50", frame(8, code_body(1000)) + text("x") + frame(8, "") + "\xff\xff\xff",
                   plain_close(1000), 1000});
  cases.push_back(
      {"F48", frame(1, event, {.key = std::string_view("\0\0\0\0", 4)}), plain(1, event)});
}

}  // namespace

std::vector<Case> hostile_cases() {
  std::vector<Case> cases;
  add_bad_frames(cases);
  add_texts(cases);
  add_lengths(cases);
  add_good_frames(cases);
  return cases;
}

namespace {

TEST(MachineHostile, EveryRow) {
  for (const Case& row : hostile_cases()) {
    SCOPED_TRACE(row.name);
    Peer peer;
    peer.echo = true;
    peer.feed(row.input);
    EXPECT_TRUE(peer.output() == row.output);
    EXPECT_EQ(peer.machine().open(), row.closed == 0);
    if (row.closed != 0) {
      ASSERT_FALSE(peer.events.empty());
      EXPECT_EQ(peer.events.back().code, row.closed);
      EXPECT_EQ(peer.events.back().failed, !row.reason.empty());
      if (!row.reason.empty()) {
        EXPECT_EQ(peer.events.back().reason, row.reason);
      }
    }
    EXPECT_EQ(peer.held(), 0);
  }
}

// F24: announcing much costs nothing, sending costs what was sent.
TEST(MachineHostile, MemoryFollowsBytesNotAnnouncements) {
  Peer peer;
  peer.feed(frame(2, "", {.announced = 1'000'000}));
  EXPECT_EQ(peer.held(), 0);
  std::int64_t sent = 0;
  while (sent < 990'000) {
    peer.feed(std::string(1000, 'x'));
    sent += 1000;
    ASSERT_LE(peer.held(), 2 * sent + 256);
    ASSERT_LE(peer.held(), 1'000'000 + 1'000'000 / 4);
  }
}

std::string fragments(std::size_t count, std::string_view payload, bool finish) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i)
    all += frame(i == 0 ? 2 : 0, payload, {.fin = finish && i + 1 == count});
  return all;
}

// F43, F44, F49.
TEST(MachineHostile, FragmentsUpToTheLimitAndOnePast) {
  const std::uint32_t limit = Limits{}.max_fragments;
  for (const std::string_view payload : {"x", ""}) {
    for (const std::uint32_t count : {20'000U, 65'536U, limit - 1, limit}) {
      Peer peer;
      peer.feed(fragments(count, payload, true));
      ASSERT_EQ(peer.events.size(), 1u);
      EXPECT_EQ(peer.events[0].kind, EventKind::binary);
      EXPECT_EQ(peer.events[0].payload.size(), count * payload.size());
      EXPECT_EQ(peer.held(), 0);
    }
    Peer peer;
    peer.feed(fragments(limit, payload, false));
    EXPECT_TRUE(peer.events.empty());
    EXPECT_LE(peer.held(), 2 * static_cast<std::int64_t>(limit));
    peer.feed(more(payload));
    ASSERT_EQ(peer.events.size(), 1u);
    EXPECT_EQ(peer.events[0].code, 1008u);
    EXPECT_EQ(peer.events[0].reason, "Too many message fragments");
    EXPECT_EQ(peer.held(), 0);
  }
}

TEST(MachineHostile, MessageSizeUpToTheLimitAndOnePast) {
  Limits limits;
  limits.max_message = 10;
  for (const std::size_t size : {9U, 10U, 11U}) {
    for (std::size_t cut = 0; cut <= size; ++cut) {
      Peer peer(Role::server, limits);
      const std::string payload(size, 'x');
      peer.feed(text(payload.substr(0, cut), false) + more(payload.substr(cut), true));
      ASSERT_EQ(peer.events.size(), 1u);
      EXPECT_EQ(peer.events[0].code, size > 10 ? 1009u : 0u);
    }
  }
}

// F45: a peer that pings and does not read.
TEST(MachineHostile, PingFloodStopsAtTheLimit) {
  for (const std::uint32_t count : {59U, 60U, 61U}) {
    Peer peer;
    peer.send_pongs = false;
    std::string input;
    for (std::uint32_t i = 0; i < count; ++i) input += frame(9, std::to_string(i));
    peer.feed(input + text("after"));
    EXPECT_EQ(peer.events.size(), 60u);
    EXPECT_EQ(peer.machine().has_input(), count >= 60);
    EXPECT_EQ(peer.events.back().payload, count < 60 ? "after" : "59");
    peer.machine().on_drained();
    peer.drain();
    EXPECT_EQ(peer.events.size(), count + 1);
    EXPECT_EQ(peer.events.back().payload, "after");
    EXPECT_FALSE(peer.machine().has_input());
    EXPECT_EQ(peer.held(), 0);
  }
}

TEST(MachineHostile, TwentyThousandPingsHoldNoMoreThanOneRead) {
  Peer peer;
  std::string input;
  for (int i = 0; i < 20'000; ++i) input += frame(9, std::string(125, 'p'));
  for (std::size_t from = 0; from < input.size(); from += 65536) {
    peer.feed(std::string_view(input).substr(from, 65536));
    EXPECT_LE(peer.held(), 2 * 65536);
    peer.output();
  }
  EXPECT_EQ(peer.events.size(), 20'000u);
  EXPECT_EQ(peer.held(), 0);
}

// F46.
TEST(MachineHostile, ManySmallMessagesInOneWrite) {
  Peer peer;
  peer.echo = true;
  std::string input;
  std::string output;
  for (int i = 0; i < 2000; ++i) {
    const std::string event = "42[\"echo\"," + std::to_string(i) + "]";
    input += text(event);
    output += plain(1, event);
  }
  peer.feed(input);
  EXPECT_TRUE(peer.output() == output);
}

// F49: an unfinished message has an age.
TEST(MachineHostile, UnfinishedMessageIsClosedAtItsTimeout) {
  Peer peer;
  peer.feed(text("begun", false));
  EXPECT_EQ(peer.machine().deadline(), peer.now() + 60s);
  peer.pass(59s);
  peer.feed(frame(9, "still here") + more("x"));  // does not wind the clock up again
  peer.machine().on_deadline(peer.now(), peer.env());
  EXPECT_TRUE(peer.machine().open());
  peer.pass(1s);
  peer.machine().on_deadline(peer.now(), peer.env());
  EXPECT_TRUE(peer.machine().has_input());
  peer.output();
  peer.drain();
  EXPECT_EQ(peer.events.back(), (Record{EventKind::closed, "", 1008, "Message timed out", true}));
  EXPECT_EQ(peer.held(), 0);
}

// F51.
TEST(MachineHostile, PeerThatNeverAnswersOurClose) {
  Peer peer;
  peer.machine().close(1001, "", peer.env(), peer.now());
  EXPECT_EQ(peer.machine().deadline(), peer.now() + 5s);
  peer.pass(3s);
  peer.feed(text("ignored") + frame(9, "ignored") + text("begun", false));
  EXPECT_TRUE(peer.events.empty());
  EXPECT_EQ(peer.output(), plain_close(1001));
  peer.pass(2s);
  peer.machine().on_deadline(peer.now(), peer.env());
  peer.drain();
  EXPECT_EQ(peer.output(), "");
  EXPECT_EQ(peer.events.back(),
            (Record{EventKind::closed, "", 1006, "Closing handshake timed out", true}));
}

}  // namespace
}  // namespace socketio::ws::testing
