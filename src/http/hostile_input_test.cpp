// Hostile requests by id: what each must be answered with, whole and split at every byte.
#include <algorithm>
#include <ostream>

#include <gtest/gtest.h>

#include "support/http_dialogue.hpp"

namespace socketio::http {
namespace {

using test::HttpDialogue;
using namespace std::string_literals;

struct Row {
  std::string id;
  std::string input;
  std::string answer;  // HttpDialogue::summary()
};
// Else GoogleTest prints the bytes of the strings, also those that nobody wrote.
std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << row.id;
}

std::string get(const std::string& lines) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n";
}
std::string post(const std::string& lines, const std::string& body = "") {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n" + body;
}
std::string chunked(const std::string& body) {
  return post("Transfer-Encoding: chunked\r\n", body);
}
std::string target(const std::string& text) {
  return "GET " + text + " HTTP/1.1\r\nHost: a\r\n\r\n";
}
std::string repeat(const std::string& text, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

std::vector<Row> start_line_rows() {
  return {
      {"H01", "\x00\x01\x02\xff\xfe\r\n\r\n"s, "400 c"},
      {"H02", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, "400 c"},
      {"H03", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400 c"},
      {"H04", "GET / \r\n\r\n", "400 c"},
      {"H05", "GET /\r\n\r\n", "400 c"},
      {"H06", "GET / HTTP/9.9\r\nHost: a\r\n\r\n", "505 c"},
      {"H07", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", "400 c"},
      {"H08", "GET / http/1.1\r\nHost: a\r\n\r\n", "400 c"},
      {"H09", "GET / HTTP/1.1\r\n\r\n", "400 c"},
      {"H10", get("Host: b\r\n"), "400 c"},
      {"H10 equal", get("Host: a\r\n"), "400 c"},
      {"H11", "GET / HTTP/1.0\r\n\r\n", "200 c"},
      {"H12", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "400 c"},
      {"H12 behind", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "400 c"},
      {"H13", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "400 c"},
      {"H14", "\r\n" + get(""), "200"},
      {"H14 twice", "\r\n\r\n" + get(""), "400 c"},
      {"H15", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", "400 c"},
      {"H16", "GET / HTTP/1.1\nHost: a\n\n", "400 c"},
      {"H17", "GET / HTTP/1.1\rHost: a\r\r", "400 c"},
      {"H29", target("/" + std::string(20'000, 'a')), "414 c"},
      {"H66", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", "405 c"},
      {"H67", "TRACE / HTTP/1.1\r\nHost: a\r\nX: secret\r\n\r\n", "405 c"},
      {"H68", std::string(102, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n", "501 c"},
      {"H68 unknown", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", "501 c"},
      {"H68 lower", "get / HTTP/1.1\r\nHost: a\r\n\r\n", "501 c"},
      {"H69", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "200"},
      {"H69 GET", target("*"), "400 c"},
      {"H70", target("http://a/x?y"), "200"},
      {"H70 port", target("http://A:80/x"), "200"},
      {"H70 other", target("http://b/x"), "400 c"},
      {"H70 user", target("http://u@a/x"), "400 c"},
      {"H70 empty", target("http:///x"), "400 c"},
      {"H70 form", target("x"), "400 c"},
      {"H71", target("/../../etc/passwd"), "200"},  // the path is judged by normalise_path
      {"H74", target("/\xff"), "400 c"},
      {"H74 fragment", target("/#a"), "400 c"},
  };
}

std::vector<Row> header_rows() {
  return {
      {"H18", "GET / HTTP/1.1\r\nHost: a\r\n\rSomething", "400 c"},
      {"H19", get("X: a\0b\r\n"s), "400 c"},
      {"H20", get("X: a\rb\r\n"), "400 c"},
      {"H21", get("X: a\ab\r\n"), "400 c"},
      {"H22", get("X : b\r\n"), "400 c"},
      {"H23", "GET / HTTP/1.1\r\n X: b\r\nHost: a\r\n\r\n", "400 c"},
      {"H24", get("X: a\r\n b\r\n"), "400 c"},
      {"H24 tab", get("X: a\r\n\tb\r\n"), "400 c"},
      {"H25", get("X[]: b\r\n"), "400 c"},
      {"H26", get(": b\r\n"), "400 c"},
      {"H27", get("X\r\n"), "400 c"},
      {"H28", get("X\x85: b\r\n"), "400 c"},
      {"H30", get("X: " + std::string(20'000, 'a') + "\r\n"), "431 c"},
      {"H31", get(repeat("X: b\r\n", 3000)), "431 c"},
      {"H32", post("Content-Length: -1\r\n"), "400 c"},
      {"H33", post("Content-Length: +5\r\n", "hello"), "400 c"},
      {"H34", post("Content-Length: 0x5\r\n", "hello"), "400 c"},
      {"H35", post("Content-Length: 5,5\r\n", "hello"), "400 c"},
      {"H36", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), "400 c"},
      {"H37", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), "400 c"},
      {"H38", post("Content-Length: 18446744073709551616\r\n"), "400 c"},
      {"H38 below", post("Content-Length: 18446744073709551615\r\n"), "413 c"},
      {"H39", post("Content-Length: \r\n"), "400 c"},
      {"H40", post("Content-Length: 1 0\r\n", "0123456789"), "400 c"},
      {"H41", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "400 c"},
      {"H42", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), "400 c"},
      {"H43", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), "400 c"},
      {"H44", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), "501 c"},
      {"H45", post("Transfer-Encoding: ,chunked\r\n", "0\r\n\r\n"), "400 c"},
      {"H46", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
       "400 c"},
      {"H47", post("Transfer-Encoding:\vchunked\r\n", "0\r\n\r\n"), "400 c"},
      {"H48", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), "400 c"},
      {"H49", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 c"},
      {"H65", get("Expect: something\r\n"), "417 c"},
      {"H76", get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"),
       "200"},
      {"H87", "GET / HTTP/1.1\r\nHost: " + std::string(1000, ',') + "\r\n\r\n", "200"},
      {"H87 forwarded", get("X-Forwarded-For: " + std::string(1000, ',') + "\r\n"), "200"},
      {"H87 empty", "GET / HTTP/1.1\r\nHost:\r\nX-Forwarded-For:\r\n\r\n", "200"},
      {"H87 coded", "GET / HTTP/1.1\r\nHost: a%0d%0ab\r\n\r\n", "200"},
      {"H87 slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400 c"},
      {"H88", post("Content-Encoding: gzip\r\nContent-Length: 1\r\n", "x"), "415 c"},
      {"W17", get("X: a\x7f\r\n"), "400 c"},
      {"W25", get("Origin: a\vb\r\n"), "400 c"},
      {"W27", get("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n") + "hello",
       "400 c"},
      {"W32",
       get("Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n") +
           "0\r\n\r\n",
       "400 c"},
  };
}

std::vector<Row> body_rows() {
  return {
      {"H50", chunked("0x1\r\na\r\n0\r\n\r\n"), "400 c"},
      {"H51", chunked("-1\r\na\r\n0\r\n\r\n"), "400 c"},
      {"H52", chunked("0_2e\r\na\r\n0\r\n\r\n"), "400 c"},
      {"H53", chunked("ffffffffffffffff1\r\na\r\n0\r\n\r\n"), "400 c"},
      {"H53 below", chunked("ffffffffffffffff\r\na"), "413 c"},
      {"H53 zeros", chunked("00000000000000001\r\na\r\n0\r\n\r\n"), "400 c"},
      {"H54", chunked("1\na\n0\n\n"), "400 c"},
      {"H55", chunked("1 \r\na\r\n0\r\n\r\n"), "400 c"},
      {"H56", chunked("1\r\nab\r\n0\r\n\r\n"), "400 c"},
      {"H57", chunked("\r\na\r\n0\r\n\r\n"), "400 c"},
      {"H58", chunked("1;" + std::string(70'000, 'e') + "\r\na\r\n0\r\n\r\n"), "400 c"},
      {"H58 small", chunked("1;a=b\r\na\r\n0\r\n\r\n"), "200"},
      {"H58 many", chunked(repeat("1;" + std::string(100, 'e') + "\r\na\r\n", 200) + "0\r\n\r\n"),
       "400 c"},
      {"H59", chunked("1;a\rb\r\na\r\n0\r\n\r\n"), "400 c"},
      {"H60", chunked("0\r\nContent-Length: 5\r\n\r\n"), "400 c"},
      {"H60 TE", chunked("0\r\ntransfer-Encoding: chunked\r\n\r\n"), "400 c"},
      {"H60 near", chunked("0\r\nContent-Lengthy: 5\r\nContent: 1\r\n\r\n"), "200"},
      {"H60 NUL", chunked("0\r\nX\0: 5\r\n\r\n"s), "400 c"},
      {"H60 good", chunked("1\r\na\r\n0\r\nX: y\r\nZ: \r\n\r\n") + get(""), "200 200"},
      {"H60 fold", chunked("0\r\nX: y\r\n z\r\n\r\n"), "400 c"},
      {"H60 LF", chunked("0\r\nX: y\n\r\n"), "400 c"},
      {"H61", chunked("0\r\n" + repeat("X: y\r\n", 5000) + "\r\n"), "431 c"},
      {"H62", get("") + get("") + get(""), "200 200 200"},
      {"H63", get("Connection: close\r\n") + get(""), "200 c"},
      {"H63 TAB", get("Connection: close\t\r\n") + get(""), "200 c"},
      {"H63 body", post("Connection: close\r\nContent-Length: 1\r\n", "a") + get(""), "200 c"},
      {"H63 chunked",
       post("Connection: close\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n") + get(""), "200 c"},
      {"H64", post("Expect: 100-continue\r\nContent-Length: 5\r\n", "hello"), "100 200"},
      {"H78", get("Content-Length: 5\r\n") + "hello" + get(""), "200 200"},
  };
}

class Hostile : public testing::TestWithParam<Row> {};

TEST_P(Hostile, IsAnsweredAsTheTableSays) {
  const Row& row = GetParam();
  HttpDialogue whole;
  whole.feed(row.input);
  EXPECT_EQ(whole.summary(), row.answer) << row.id << "\n" << whole.events;
  if (row.answer == "400 c") {
    EXPECT_EQ(whole.output,
              "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  }
  EXPECT_EQ(whole.ledger.input(), 0);
  EXPECT_EQ(whole.output.find("secret"), std::string::npos);
}

TEST_P(Hostile, IsAnsweredAlikeInAnySplit) {
  const Row& row = GetParam();
  HttpDialogue whole;
  whole.feed(row.input);
  const std::size_t step = row.input.size() <= 4096 ? 1 : 61;
  for (std::size_t split = 1; split < row.input.size(); split += step) {
    HttpDialogue halves;
    halves.feed(std::string_view(row.input).substr(0, split));
    halves.feed(std::string_view(row.input).substr(split));
    ASSERT_EQ(halves.events, whole.events) << row.id << " split at " << split;
    ASSERT_EQ(halves.output, whole.output) << row.id << " split at " << split;
    ASSERT_EQ(halves.ledger.input(), 0) << row.id << " split at " << split;
  }
  HttpDialogue bytes;
  for (const char c : row.input) bytes.feed({&c, 1});
  EXPECT_EQ(bytes.events, whole.events) << row.id;
  EXPECT_EQ(bytes.output, whole.output) << row.id;
}

std::string name_of(const testing::TestParamInfo<Row>& info) {
  std::string name = info.param.id;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(StartLine, Hostile, testing::ValuesIn(start_line_rows()), name_of);
INSTANTIATE_TEST_SUITE_P(Headers, Hostile, testing::ValuesIn(header_rows()), name_of);
INSTANTIATE_TEST_SUITE_P(Bodies, Hostile, testing::ValuesIn(body_rows()), name_of);

// H84: a megabyte of pipelined requests is answered in order, one in flight at a time.
TEST(Pipelining, AMegabyteOfPipelinedRequestsIsAnsweredInOrder) {
  HttpDialogue dialogue;
  std::string input;
  std::string expected;
  int n = 0;
  for (; input.size() < 1'000'000; ++n) {
    input += target("/" + std::to_string(n));
    expected += "GET /" + std::to_string(n) + " ";
  }
  for (std::size_t at = 0; at < input.size(); at += 65'536)
    dialogue.feed(std::string_view(input).substr(at, 65'536));
  std::string bodies;
  for (std::size_t at = 0; (at = dialogue.output.find("\r\n\r\n", at)) != std::string::npos;) {
    at += 4;
    const std::size_t end = std::min(dialogue.output.find("HTTP/1.1", at), dialogue.output.size());
    bodies += dialogue.output.substr(at, end - at);
  }
  EXPECT_EQ(bodies, expected);
  EXPECT_EQ(dialogue.ledger.input(), 0);
}

}  // namespace
}  // namespace socketio::http
