// RFC 6455's rules as one table, over the ground of the Autobahn test suite (whose numbers begin
// the row names), in reduced sizes where those are large.
#include <gtest/gtest.h>

#include "ws/testing.hpp"

namespace socketio::ws::testing {
namespace {

const std::string kCosmos = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";
const std::string kProtocolError = plain_close(1002);
const std::string kBadText = "invalid UTF-8 sequence";

std::string pings(int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += frame(9, "payload-" + std::to_string(i));
  return all;
}
std::string pongs(int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += plain(10, "payload-" + std::to_string(i));
  return all;
}
std::string in_fragments(unsigned opcode, const std::string& payload, std::size_t size) {
  std::string all;
  for (std::size_t from = 0; from < payload.size(); from += size) {
    all += frame(from == 0 ? opcode : 0, payload.substr(from, size),
                 {.fin = from + size >= payload.size()});
  }
  return all;
}

void add_messages(std::vector<Case>& cases) {
  for (const unsigned opcode : {1U, 2U}) {
    int number = 1;
    for (const std::size_t size : {0U, 125U, 126U, 127U, 128U, 65535U, 65536U}) {
      const std::string payload(size, opcode == 1 ? '*' : '\xfe');
      cases.push_back({"1." + std::to_string(opcode) + "." + std::to_string(number++),
                       frame(opcode, payload), plain(opcode, payload)});
    }
  }
}

void add_pings(std::vector<Case>& cases) {
  const std::string binary("\x00\xff\xfe\xfd\xfc\xfb\x00\xff", 8);
  cases.push_back({"2.1", frame(9, ""), plain(10, "")});
  cases.push_back({"2.2", frame(9, "Hello, world!"), plain(10, "Hello, world!")});
  cases.push_back({"2.3", frame(9, binary), plain(10, binary)});
  cases.push_back({"2.4", frame(9, std::string(125, '\xfe')), plain(10, std::string(125, '\xfe'))});
  cases.push_back({"2.5", frame(9, std::string(126, '\xfe')), kProtocolError, 1002,
                   "invalid payload length 126"});
  cases.push_back({"2.7 2.8", frame(10, "") + frame(10, "unsolicited"), ""});
  cases.push_back({"2.9", frame(10, "unsolicited") + frame(9, "p"), plain(10, "p")});
  cases.push_back({"2.10", pings(10), pongs(10)});
}

void add_reserved(std::vector<Case>& cases) {
  for (unsigned rsv = 1; rsv <= 7; ++rsv) {
    const std::string name = "3." + std::to_string(rsv);
    const std::string why = (rsv & 3) != 0 ? "RSV2 and RSV3 must be clear" : "RSV1 must be clear";
    for (const unsigned opcode : {0U, 1U, 2U, 8U, 9U, 10U}) {
      cases.push_back({name + " opcode " + std::to_string(opcode), frame(opcode, "", {.rsv = rsv}),
                       kProtocolError, 1002, why});
    }
    cases.push_back({name + " after a good frame",
                     text("good") + frame(1, "bad", {.rsv = rsv}) + frame(9, "no"),
                     plain(1, "good") + kProtocolError, 1002, why});
  }
}

void add_opcodes(std::vector<Case>& cases) {
  for (const unsigned opcode : {3U, 4U, 5U, 6U, 7U, 11U, 12U, 13U, 14U, 15U}) {
    const std::string why = "invalid opcode " + std::to_string(opcode);
    const std::string name = (opcode < 8 ? "4.1 opcode " : "4.2 opcode ") + std::to_string(opcode);
    cases.push_back({name, frame(opcode, ""), kProtocolError, 1002, why});
    cases.push_back({name + " with payload", frame(opcode, "reserved"), kProtocolError, 1002, why});
    cases.push_back({name + " after text", text("hi") + frame(opcode, "x") + frame(9, ""),
                     plain(1, "hi") + kProtocolError, 1002, why});
  }
}

void add_fragments(std::vector<Case>& cases) {
  const std::string both = plain(1, "fragment1fragment2");
  const auto refused = [&cases](std::string name, std::string input, std::string why,
                                std::string before = {}) {
    cases.push_back({std::move(name), std::move(input), before + kProtocolError, 1002, why});
  };
  refused("5.1", frame(9, "fragment1", {.fin = false}) + more("fragment2", true),
          "FIN must be set");
  refused("5.2", frame(10, "fragment1", {.fin = false}) + more("fragment2", true),
          "FIN must be set");
  cases.push_back({"5.3", text("fragment1", false) + more("fragment2", true), both});
  cases.push_back({"5.6", text("fragment1", false) + frame(9, "ping") + more("fragment2", true),
                   plain(10, "ping") + both});
  cases.push_back(
      {"5.6 pong", text("fragment1", false) + frame(10, "x") + more("fragment2", true), both});
  refused("5.9", more("non-continuation", true) + text("Hello"), "invalid opcode 0");
  refused("5.12", more("non-continuation", false) + text("Hello"), "invalid opcode 0");
  refused("5.15",
          text("fragment1", false) + more("fragment2", true) + more("fragment3") +
              text("fragment4", true),
          "invalid opcode 0", both);
  refused("5.18", text("fragment1", false) + text("fragment2"), "invalid opcode 1");
  refused("5.18 binary", frame(2, "fragment1", {.fin = false}) + frame(2, "fragment2"),
          "invalid opcode 2");
  const std::string five = text("f1", false) + more("f2") + frame(9, "one") + more("f3") +
                           more("f4") + frame(9, "two") + more("f5", true);
  cases.push_back({"5.19", five, plain(10, "one") + plain(10, "two") + plain(1, "f1f2f3f4f5")});
  cases.push_back({"5.19 binary", frame(2, "", {.fin = false}) + frame(9, "") + more("\xff", true),
                   plain(10, "") + plain(2, "\xff")});
}

void add_text(std::vector<Case>& cases, const std::string& name, const std::string& payload,
              bool valid) {
  const std::string answer = valid ? plain(1, payload) : plain_close(1007);
  const unsigned closed = valid ? 0 : 1007;
  const std::string why = valid ? "" : kBadText;
  cases.push_back({name, text(payload), answer, closed, why});
  if (!payload.empty())
    cases.push_back({name + " by octet", in_fragments(1, payload, 1), answer, closed, why});
}

void add_utf8_handling(std::vector<Case>& cases) {
  const std::string valid =
      "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!";
  add_text(cases, "6.1.1", "", true);
  cases.push_back({"6.1.2", text("", false) + more("") + more("", true), plain(1, "")});
  cases.push_back({"6.1.3", text("", false) + more("middle") + more("", true), plain(1, "middle")});
  add_text(cases, "6.2.1 6.2.3", valid, true);
  cases.push_back(
      {"6.2.2", text(valid.substr(0, 12), false) + more(valid.substr(12), true), plain(1, valid)});
  add_text(cases, "6.2.4", kCosmos, true);
  add_text(cases, "6.3", kCosmos + "\xed\xa0\x80" + "edited", false);

  // Fail fast: nothing comes after the impossible byte.
  const std::string bad = plain_close(1007);
  cases.push_back({"6.4.1", text(kCosmos, false) + more("\xf4\x90\x80\x80"), bad, 1007, kBadText});
  cases.push_back({"6.4.2", text(kCosmos + "\xf4", false) + more("\x90"), bad, 1007, kBadText});
  const std::string begun = kCosmos + "\xf4\x90";
  cases.push_back(
      {"6.4.3 6.4.4", frame(1, begun, {.announced = begun.size() + 8}), bad, 1007, kBadText});
  const std::string long_begun = std::string(200, 'x') + begun;
  cases.push_back({"6.4.4 long", frame(1, long_begun, {.announced = 4000}), bad, 1007, kBadText});

  for (std::size_t n = 1; n <= kCosmos.size(); ++n) {
    const bool whole = n == kCosmos.size() || (kCosmos[n] & 0xC0) != 0x80;
    add_text(cases, "6.5 6.6 prefix of " + std::to_string(n), kCosmos.substr(0, n), whole);
  }
}

struct Texts {
  const char* group;
  bool valid;
  std::vector<std::string> payloads;
};

std::vector<Texts> utf8_texts() {
  return {
      {"6.7 first of a length",
       true,
       {std::string(1, '\0'), "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80"}},
      {"6.8 5 and 6 bytes, first", false, {"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"}},
      {"6.9 last of a length", true, {"\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"}},
      {"6.10 5 and 6 bytes, last",
       false,
       {"\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf"}},
      {"6.11 boundaries",
       true,
       {"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf"}},
      {"6.11 above U+10FFFF", false, {"\xf4\x90\x80\x80"}},
      {"6.12 continuations",
       false,
       {"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf\x80\xbf"}},
      {"6.13 lonely starts", false, {"\xc0 \xc1 ", "\xdf ", "\xe0 ", "\xf0 ", "\xf8 ", "\xfc "}},
      {"6.14 last byte missing",
       false,
       {"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xf0\x90\x80"}},
      {"6.15 incomplete ones joined", false, {"\xdf\xef\xbf\xf0\x90\x80"}},
      {"6.16 impossible bytes", false, {"\xfe", "\xff", "\xfe\xfe\xff\xff"}},
      {"6.17 overlong", false, {"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf"}},
      {"6.18 overlong, largest", false, {"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf"}},
      {"6.19 overlong NUL",
       false,
       {std::string("\xc0\x80"), std::string("\xe0\x80\x80"), std::string("\xf0\x80\x80\x80")}},
      {"6.20 surrogates",
       false,
       {"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80",
        "\xed\xbe\x80", "\xed\xbf\xbf"}},
      {"6.21 surrogate pairs", false, {"\xed\xa0\x80\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf"}},
      {"6.22 noncharacters",
       true,
       {"\xef\xbf\xbe", "\xef\xbf\xbf", "\xf0\x9f\xbf\xbe", "\xf3\xbf\xbf\xbf",
        "\xf4\x8f\xbf\xbe"}},
      {"6.23 specials", true, {"\xef\xbf\xb9", "\xef\xbf\xba", "\xef\xbf\xbc", "\xef\xbf\xbd"}},
  };
}

void add_utf8_texts(std::vector<Case>& cases) {
  for (const Texts& texts : utf8_texts()) {
    for (std::size_t i = 0; i < texts.payloads.size(); ++i)
      add_text(cases, std::string(texts.group) + " #" + std::to_string(i + 1), texts.payloads[i],
               texts.valid);
  }
}

void add_close(std::vector<Case>& cases) {
  const std::string normal = frame(8, code_body(1000));
  const std::string answer = plain_close(1000);
  cases.push_back({"7.1.1", text("Hello") + normal, plain(1, "Hello") + answer, 1000});
  cases.push_back({"7.1.2", normal + normal, answer, 1000});
  cases.push_back({"7.1.3", normal + frame(9, ""), answer, 1000});
  cases.push_back({"7.1.4", normal + text("late"), answer, 1000});
  cases.push_back({"7.1.5", text("f1", false) + normal + more("f2", true), answer, 1000});
  cases.push_back({"7.1.6", text(std::string(70'000, '*')) + normal + frame(9, ""),
                   plain(1, std::string(70'000, '*')) + answer, 1000});
  cases.push_back({"7.3.1", frame(8, ""), plain(8, ""), 1005});
  cases.push_back({"7.3.2", frame(8, "a"), kProtocolError, 1002, "invalid payload length 1"});
  cases.push_back({"7.3.3", normal, answer, 1000});
  for (const std::size_t n : {15U, 122U, 123U}) {
    const std::string body = code_body(1000, std::string(n, 'r'));
    cases.push_back(
        {"7.3.4 7.3.5 reason of " + std::to_string(n), frame(8, body), plain(8, body), 1000});
  }
  cases.push_back({"7.3.6", frame(8, code_body(1000, std::string(124, '*'))), kProtocolError, 1002,
                   "invalid payload length 126"});
  cases.push_back({"7.5.1", frame(8, code_body(1000, kCosmos + "\xed\xa0\x80" + "edited")),
                   plain_close(1007), 1007, kBadText});
  cases.push_back({"7.5 reason ends inside a code point", frame(8, code_body(1000, "\xce")),
                   plain_close(1007), 1007, kBadText});
  for (const unsigned code : {1000U, 1001U, 1002U, 1003U, 1007U, 1008U, 1009U, 1010U, 1011U, 1012U,
                              1013U, 1014U, 3000U, 3999U, 4000U, 4999U})
    cases.push_back(
        {"7.7 " + std::to_string(code), frame(8, code_body(code)), plain_close(code), code});
  for (const unsigned code :
       {0U, 999U, 1004U, 1005U, 1006U, 1015U, 1016U, 1100U, 2000U, 2999U, 5000U, 65535U})
    cases.push_back({"7.9 7.13 " + std::to_string(code), frame(8, code_body(code)), kProtocolError,
                     1002, "invalid status code " + std::to_string(code)});
}

void add_sizes(std::vector<Case>& cases) {
  const std::string letters(256 * 1024, 'x');
  const std::string bytes(256 * 1024, '\xfe');
  cases.push_back({"9.1", text(letters), plain(1, letters)});
  cases.push_back({"9.2", frame(2, bytes), plain(2, bytes)});
  for (const std::size_t size : {64U, 256U, 1024U, 65536U}) {
    const std::string name = " in fragments of " + std::to_string(size);
    cases.push_back({"9.3" + name, in_fragments(1, letters, size), plain(1, letters)});
    cases.push_back({"9.4" + name, in_fragments(2, bytes, size), plain(2, bytes)});
  }
  const std::string auto_fragmented(65536, '*');
  cases.push_back({"10.1", in_fragments(1, auto_fragmented, 1300), plain(1, auto_fragmented)});
}

}  // namespace

std::vector<Case> rfc_cases() {
  std::vector<Case> cases;
  add_messages(cases);
  add_pings(cases);
  add_reserved(cases);
  add_opcodes(cases);
  add_fragments(cases);
  add_utf8_handling(cases);
  add_utf8_texts(cases);
  add_close(cases);
  add_sizes(cases);
  return cases;
}

namespace {

void expect_case(const Case& row) {
  SCOPED_TRACE(row.name);
  Peer peer;
  peer.echo = true;
  peer.feed(row.input);
  const std::string output = peer.output();
  EXPECT_TRUE(output == row.output) << output.substr(0, 200);
  if (row.closed == 0) {
    EXPECT_TRUE(peer.machine().open());
    EXPECT_TRUE(peer.events.empty() || peer.events.back().kind != EventKind::closed);
  } else {
    ASSERT_FALSE(peer.events.empty());
    const Record& last = peer.events.back();
    EXPECT_EQ(last.kind, EventKind::closed);
    EXPECT_EQ(last.code, row.closed);
    EXPECT_EQ(last.failed, !row.reason.empty());
    if (last.failed) {
      EXPECT_EQ(last.reason, row.reason);
    }
  }
  EXPECT_EQ(peer.held(), 0);
  EXPECT_EQ(peer.machine().deadline(), base::kNever);
}

TEST(MachineRfc, EveryRow) {
  for (const Case& row : rfc_cases()) expect_case(row);
}

// 2.6, 2.11, 3.x, 5.x "octet-wise", 9.7/9.8 and all splits besides: machine_split_test.cpp.

TEST(MachineRfc, Autobahn916SixteenMegabytes) {
  Limits limits;
  limits.max_message = 16 << 20;
  Peer peer(Role::server, limits);
  const std::string payload(limits.max_message, 'm');
  const std::string input = text(payload);
  for (std::size_t from = 0; from < input.size(); from += 65536)
    peer.feed(std::string_view(input).substr(from, 65536));
  ASSERT_EQ(peer.events.size(), 1u);
  EXPECT_TRUE(peer.events[0].payload == payload);
  EXPECT_EQ(peer.held(), 0);
}

TEST(MachineRfc, Autobahn97ThousandEchoes) {
  Peer peer;
  peer.echo = true;
  for (const std::size_t size : {0U, 16U, 64U, 256U, 1024U, 4096U}) {
    const std::string payload(size, 'e');
    for (int i = 0; i < 1000; ++i) {
      peer.feed(text(payload));
      ASSERT_TRUE(peer.output() == plain(1, payload));
    }
  }
  EXPECT_EQ(peer.held(), 0);
}

}  // namespace
}  // namespace socketio::ws::testing
