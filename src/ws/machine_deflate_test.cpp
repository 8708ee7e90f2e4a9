// Compressed messages on a connection: RSV1, fragments, limits, splits, and two machines joined.
// Rows of reliability.md §3.6 by their id.
#include <array>

#include <gtest/gtest.h>

#include "ws/testing.hpp"

namespace socketio::ws::testing {
namespace {

using namespace std::string_literals;

constexpr DeflateParams kNoContext{true, true, 15, 15};
constexpr DeflateParams kContext{false, false, 15, 15};

const DeflateOptions& always() {
  static const DeflateOptions options = [] {
    DeflateOptions o;
    o.threshold = 0;
    return o;
  }();
  return options;
}

// As a client without context compresses it.
std::string packed(std::string_view message) {
  Deflater deflater(kMaxWindowBits, 9, 8);
  base::TextBuffer out;
  const base::Bytes parts[] = {message};
  deflater.compress(parts, out);
  return std::string(out.view());
}

std::string compressed(unsigned opcode, std::string_view payload, bool fin = true) {
  return frame(opcode, payload, {.fin = fin, .rsv = 4});
}

struct Server : Peer {
  explicit Server(const DeflateParams& params = kNoContext, Limits limits = {})
      : Peer(Role::server, limits) {
    use(params, always());
  }
};

Record text_event(std::string payload) {
  return {EventKind::text, std::move(payload), 0, "", false};
}
Record failure(unsigned code, std::string reason) {
  return {EventKind::closed, "", code, std::move(reason), true};
}

TEST(MachineDeflate, D01_ACompressedMessage) {
  Server server;
  server.echo = true;
  server.feed(compressed(1, packed(std::string(300, 'x'))));
  EXPECT_EQ(server.events, (std::vector{text_event(std::string(300, 'x'))}));
  const std::string out = server.output();
  EXPECT_EQ(out[0], '\xc1') << "answered compressed";
  EXPECT_LT(out.size(), 30u);
  EXPECT_EQ(server.held(), 0);
}

TEST(MachineDeflate, D09_AMessageAsItIs) {
  Server server;
  server.feed(text("plain") + compressed(2, packed("packed")) + text("plain"));
  EXPECT_EQ(server.events,
            (std::vector{text_event("plain"), Record{EventKind::binary, "packed", 0, "", false},
                         text_event("plain")}));
}

TEST(MachineDeflate, OnlyWhatIsWorthIt) {
  DeflateOptions options;
  options.threshold = 100;
  Peer server;
  server.use(kNoContext, options);
  const auto first_byte = [&](std::size_t size, bool compress) {
    EXPECT_TRUE(server.machine().send_text(std::string(size, 'a'), server.env(), compress));
    return server.output()[0];
  };
  EXPECT_EQ(first_byte(99, true), '\x81');
  EXPECT_EQ(first_byte(100, true), '\xc1');
  EXPECT_EQ(first_byte(100, false), '\x81') << "compress(false)";
  EXPECT_TRUE(server.machine().ping(std::string(125, 'a'), server.env()));
  EXPECT_EQ(server.output()[0], '\x89') << "control frames never";
  server.machine().close(1000, std::string(123, 'a'), server.env(), server.now());
  EXPECT_EQ(server.output()[0], '\x88');
}

struct Row {
  std::string name;
  std::string input;
  std::vector<Record> events;
};

std::vector<Row> rows() {
  const std::string bad_text = packed("\xff");
  return {
      {"D02 invalid block type", compressed(1, "\x07"s), {failure(1007, "invalid block type")}},
      {"D04 RSV1 with empty payload", compressed(1, ""), {text_event("")}},
      {"D05 RSV1 on ping", frame(9, "x", {.rsv = 4}), {failure(1002, "RSV1 must be clear")}},
      {"RSV1 on close",
       frame(8, code_body(1000), {.rsv = 4}),
       {failure(1002, "RSV1 must be clear")}},
      {"D06 RSV1 on continuation",
       compressed(1, packed("ab").substr(0, 2), false) + compressed(0, packed("ab").substr(2)),
       {failure(1002, "RSV1 must be clear")}},
      {"D07 truncated", compressed(1, "\xf2\x48\xcd"s), {failure(1007, "unexpected end of file")}},
      {"D08 bad UTF-8", compressed(1, bad_text), {failure(1007, "invalid UTF-8 sequence")}},
      {"D08 bad UTF-8 in binary",
       compressed(2, bad_text),
       {Record{EventKind::binary, "\xff", 0, "", false}}},
      {"D11 stored block",
       compressed(1, "\x00\x05\x00\x05\x00Hello"s),
       {failure(1007, "invalid stored block lengths")}},
      {"D12 zlib header",
       compressed(1, "\x78\x9c\xf2\x48\xcd\xc9\xc9\x07\x00"s),
       {failure(1007, "invalid stored block lengths")}},
      {"D13 BFINAL", compressed(1, "\x03\x00"s), {text_event("")}},
      {"D13 BFINAL and on",
       compressed(1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"s),
       {text_event("Hello")}},
      {"D17 too far back",
       compressed(1, "\xf2\x00\x11\x00\x00"s),
       {failure(1007, "invalid distance too far back")}},
      {"RSV2", frame(1, "x", {.rsv = 6}), {failure(1002, "RSV2 and RSV3 must be clear")}},
      {"fragments with a ping between",
       compressed(1, packed("fragments").substr(0, 3), false) + frame(9, "p") + more("") +
           more(packed("fragments").substr(3), true) + text("next"),
       {Record{EventKind::ping, "p", 0, "", false}, text_event("fragments"), text_event("next")}},
      {"a plain message in fragments", text("a", false) + more("b", true), {text_event("ab")}},
      {"long",
       compressed(1, packed(std::string(20'000, 'q'))),
       {text_event(std::string(20'000, 'q'))}},
  };
}

std::vector<Record> run(const std::vector<std::string_view>& pieces, bool keep_often = false,
                        const DeflateOptions& options = always()) {
  Peer server(Role::server);
  server.use(kNoContext, options);
  server.keep_often = keep_often;
  for (const std::string_view piece : pieces) server.feed(piece);
  EXPECT_EQ(server.held(), 0);
  return server.events;
}

TEST(MachineDeflate, RowsWholeAndSplitAtEveryByte) {
  for (const Row& row : rows()) {
    SCOPED_TRACE(row.name);
    const std::string_view input = row.input;
    ASSERT_EQ(run({input}), row.events);
    ASSERT_EQ(run({input}, true), row.events);
    for (std::size_t at = 1; at < input.size(); ++at)
      ASSERT_EQ(run({input.substr(0, at), input.substr(at)}), row.events) << "split at " << at;
    std::vector<std::string_view> bytes;
    for (std::size_t i = 0; i < input.size(); ++i) bytes.push_back(input.substr(i, 1));
    ASSERT_EQ(run(bytes), row.events);
    DeflateOptions in_pieces = always();
    for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
      in_pieces.piece = piece;
      ASSERT_EQ(run({input}, false, in_pieces), row.events) << "inflated by " << piece;
      ASSERT_EQ(run(bytes, true, in_pieces), row.events) << "inflated by " << piece;
    }
  }
}

// Long messages of two connections are inflated by turns, from one pool; with context or without.
TEST(MachineDeflate, D10_InPieces) {
  DeflateOptions options = always();
  options.piece = 50'000;
  const std::string message = packed(std::string(300'000, 'a'));
  for (const DeflateParams& params : {kNoContext, kContext}) {
    DeflatePool pool(options);
    base::Ledger ledger;
    Deflate one(Role::server, params, pool);
    Deflate other(Role::server, params, pool);
    for (int round = 0; round < 2; ++round) {
      ASSERT_EQ(one.inflate(message, 300'000, ledger), Inflated::more);
      ASSERT_EQ(other.inflate(message, 299'999, ledger), Inflated::more);
      EXPECT_GT(one.held(), 50'000U);
      int calls = 1;
      Inflated outcome = Inflated::more;
      while (outcome == Inflated::more) {
        outcome = one.go_on(300'000, ledger);
        ++calls;
      }
      EXPECT_EQ(outcome, Inflated::whole);
      EXPECT_EQ(base::as_bytes(one.message()), std::string(300'000, 'a'));
      EXPECT_GE(calls, 5);
      while ((outcome = other.go_on(299'999, ledger)) == Inflated::more) {
      }
      EXPECT_EQ(outcome, Inflated::too_big);
      one.clear();
      EXPECT_EQ(ledger.input(), 0);
      if (!params.client_no_context_takeover) break;  // of no use after that
    }
  }
}

// The time of a message is its sender's: it is over when all has come, however long we take.
TEST(MachineDeflate, WhatHasComeWholeHasNoDeadline) {
  DeflateOptions options = always();
  options.piece = 50'000;
  Peer server(Role::server);
  server.use(kNoContext, options);
  server.send_pongs = false;  // one piece
  const std::string message = compressed(1, packed(std::string(300'000, 'a')));
  server.feed(std::string_view(message).substr(0, message.size() / 2));
  EXPECT_NE(server.machine().deadline(), base::kNever);
  server.feed(std::string_view(message).substr(message.size() / 2));
  EXPECT_TRUE(server.machine().inflating());
  EXPECT_EQ(server.machine().deadline(), base::kNever);
}

// Whoever is closed, or closes, in the middle of one is not told of it.
TEST(MachineDeflate, ClosedInTheMiddleOfAMessage) {
  DeflateOptions options = always();
  options.piece = 50'000;
  Peer server(Role::server);
  server.use(kNoContext, options);
  server.send_pongs = false;  // one piece
  server.feed(compressed(1, packed(std::string(300'000, 'a'))));
  EXPECT_TRUE(server.machine().inflating());
  EXPECT_TRUE(server.machine().has_input());
  EXPECT_TRUE(server.events.empty());
  server.machine().close(1000, "", server.env(), server.now());
  server.send_pongs = true;
  server.feed(text("not read") + frame(8, code_body(1000)));
  EXPECT_EQ(server.events, (std::vector{Record{EventKind::closed, "", 1000, "", false}}));
  EXPECT_EQ(server.held(), 0);
}

// D18, and the same with context: the reference of the second message is the difference.
TEST(MachineDeflate, D18_TheWindowIsKeptOnlyWhereItWasAgreedOn) {
  const std::string hello = compressed(1, "\xf2\x48\xcd\xc9\xc9\x07\x00"s);
  const std::string again = compressed(1, "\xf2\x00\x11\x00\x00"s);
  Server without(kNoContext);
  without.feed(hello + again);
  EXPECT_EQ(without.events,
            (std::vector{text_event("Hello"), failure(1007, "invalid distance too far back")}));
  Server with(kContext);
  with.feed(hello + again + hello + again);
  EXPECT_EQ(with.events, (std::vector(4, text_event("Hello"))));
}

// D03, D15, D16
TEST(MachineDeflate, D03_TheLimitIsOfWhatComesOut) {
  const Limits limits{.max_message = 5000};
  const auto outcome = [&](std::string_view input) {
    Server server(kNoContext, limits);
    server.feed(input);
    EXPECT_EQ(server.held(), 0);
    return server.events;
  };
  const std::vector<Record> too_big{failure(1009, "Max payload size exceeded")};
  EXPECT_EQ(outcome(compressed(1, packed(std::string(5000, 'a')))),
            (std::vector{text_event(std::string(5000, 'a'))}));
  EXPECT_EQ(outcome(compressed(1, packed(std::string(5001, 'a')))), too_big);
  EXPECT_EQ(outcome(compressed(1, packed(std::string(4'000'000, 'a')))), too_big) << "a bomb";
  // What is sent counts too, before it is inflated.
  EXPECT_EQ(outcome(compressed(1, std::string(5001, '\0'))), too_big);
}

// D14: work follows the bytes.
TEST(MachineDeflate, D14_EmptyBlocks) {
  std::string blocks;
  for (int i = 0; i < 20'000; ++i) blocks += "\x00\x00\x00\xff\xff"s;
  Server server;
  server.feed(compressed(1, blocks + "\x00"s));
  EXPECT_EQ(server.events, (std::vector{text_event("")}));
}

TEST(MachineDeflate, D22_NotNegotiated) {
  Peer client(Role::client);
  client.feed(frame(1, packed("x"), {.rsv = 4, .masked = false}));
  EXPECT_EQ(client.events, (std::vector{failure(1002, "RSV1 must be clear")}));
  Peer server;
  server.feed(compressed(1, packed("x")));
  EXPECT_EQ(server.events, (std::vector{failure(1002, "RSV1 must be clear")}));
}

// A stalled message costs what was sent, and no stream.
TEST(MachineDeflate, AnUnfinishedMessageHoldsWhatWasSent) {
  const std::string message = packed(std::string(500'000, 'z'));
  Server server;
  server.feed(compressed(1, message, false));
  EXPECT_GT(server.held(), 0);
  EXPECT_LE(server.held(), static_cast<std::int64_t>(2 * message.size() + 256));
  server.feed(more("", true));
  EXPECT_EQ(server.events.size(), 1u);
  EXPECT_EQ(server.held(), 0);
}

TEST(MachineDeflate, AFrameBehindACompressedOneIsReadAfterIt) {
  Server server(kContext);
  std::string input;
  std::vector<Record> expected;
  for (int i = 0; i < 50; ++i) {
    const std::string payload = "message " + std::to_string(i);
    input += compressed(1, packed(payload));
    expected.push_back(text_event(payload));
  }
  server.feed(input);
  EXPECT_EQ(server.events, expected);
}

std::string random_message(SeededRandom& random) {
  std::string out;
  const std::size_t words = random.below(400);
  for (std::size_t i = 0; i < words; ++i) {
    if (random.below(8) == 0) {
      out += std::to_string(random.below(1'000'000));
    } else {
      out += std::array{"alpha ", "\xce\xb2 ", "\xf0\x9f\x98\x80", "{\"id\":"}[random.below(4)];
    }
  }
  return out;
}

// Property: what one side sends the other receives, for every agreement, in any pieces.
TEST(MachineDeflate, RandomConversations) {
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const auto bits = [&random] { return 8 + static_cast<int>(random.below(8)); };
    const DeflateParams params{random.below(2) == 0, random.below(2) == 0, bits(), bits()};
    DeflateOptions options;
    options.threshold = random.below(300);
    options.level = static_cast<int>(random.below(10));
    options.mem_level = 1 + static_cast<int>(random.below(9));
    Peer server(Role::server, {}, seed);
    Peer client(Role::client, {}, seed + 1000);
    server.use(params, options);
    client.use(params, options);
    server.keep_often = seed % 2 == 0;
    for (Peer* from : {&client, &server, &client, &server}) {
      Peer& to = from == &client ? server : client;
      std::vector<Record> expected;
      std::string wire;
      for (int i = 0; i < 12; ++i) {
        const std::string payload = random_message(random);
        const bool compress = random.below(5) != 0;
        const bool binary = random.below(3) == 0;
        ASSERT_TRUE(binary ? from->machine().send_binary(payload, from->env(), compress)
                           : from->machine().send_text(payload, from->env(), compress));
        expected.push_back({binary ? EventKind::binary : EventKind::text, payload, 0, "", false});
        wire += from->output();
      }
      to.events.clear();
      while (!wire.empty()) {
        const std::size_t n = 1 + random.below(std::min<std::size_t>(wire.size(), 2000));
        to.feed(std::string_view(wire).substr(0, n));
        wire.erase(0, n);
      }
      ASSERT_EQ(to.events, expected);
      ASSERT_EQ(to.held(), 0);
    }
  }
}

}  // namespace
}  // namespace socketio::ws::testing
