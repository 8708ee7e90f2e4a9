// What llhttp is not asked about, it would have accepted.
#include "http/head_check.hpp"

#include <random>

#include <gtest/gtest.h>

#include "http/request_parser.hpp"

namespace socketio::http {
namespace {

// Heads from pieces that matter to somebody's framing, and from bytes that matter to nobody.
class Heads {
 public:
  std::string next() {
    std::string head = pick({"GET", "GET", "POST", "POST", "PUT", "get", "SOURCE", "M-SEARCH"});
    head += ' ' + target() + pick({" HTTP/1.1", " HTTP/1.1", " HTTP/1.1", " HTTP/1.0"}) + "\r\n";
    head += "Host: a\r\n";
    for (unsigned n = below(6); n > 0; --n) head += line();
    return head + "\r\n";
  }

 private:
  unsigned below(unsigned n) { return n == 0 ? 0 : static_cast<unsigned>(random_() % n); }
  std::string pick(std::initializer_list<const char*> from) {
    return from.begin()[below(static_cast<unsigned>(from.size()))];
  }
  std::string any(unsigned most, bool ascii) {
    std::string text;
    for (unsigned n = below(most); n > 0; --n) {
      const char c = static_cast<char>(ascii ? 0x21 + below(0x5E) : below(256));
      text += c == '\0' || c == '\r' || c == '\n' || c == '\x7f' ? 'x' : c;
    }
    return text;
  }
  std::string target() {
    return pick({"/", "/", "/socket.io/?EIO=4&transport=polling", "http://a/", "*"}) +
           any(below(2) * 30, true);
  }
  std::string name() {
    std::string all = pick({"Connection", "Proxy-Connection", "Content-Length", "Upgrade",
                            "Transfer-Encoding", "Content-Encoding", "Keep-Alive", "Expect", "X",
                            "Conn", "x!#$%&'*+-.^_`|~9", "Sec-WebSocket-Key"});
    for (char& c : all) c = below(3) == 0 && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return all;
  }
  std::string line() {
    std::string value = pick({"close",
                              "keep-alive",
                              "Upgrade",
                              "upgrade,close",
                              "keep-alive, Upgrade",
                              "websocket",
                              "h2c",
                              "chunked",
                              "gzip, chunked",
                              "0",
                              "12",
                              "007",
                              "1 2",
                              "5\t",
                              "\t",
                              "",
                              "closex",
                              ",",
                              "18446744073709551615",
                              "18446744073709551616",
                              "100-continue"});
    if (below(4) == 0) value += any(20, false);
    return name() + pick({":", ": ", ": ", ": ", ":  ", ":\t"}) + value +
           pick({"", "", "", " ", "\t"}) + "\r\n";
  }

  std::mt19937 random_{7};
};

TEST(HeadCheck, LlhttpAcceptsEveryPlainHead) {
  Heads heads;
  int plain = 0;
  int others = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string head = heads.next();
    HeadScan scan;
    if (scan.scan(head, Limits{}).state != HeadScan::State::found) continue;
    std::vector<Header> room(scan.header_lines());
    Request request;
    const HeadVerdict verdict = check_head(head, room, request);
    if (verdict.status != 0) continue;
    ++(verdict.plain ? plain : others);
    if (!verdict.plain) continue;
    RequestParser parser;
    const RequestParser::Step step = parser.execute(head);
    ASSERT_EQ(step.stop, RequestParser::Stop::head_end) << head << step.detail;
    ASSERT_EQ(step.consumed, head.size()) << head;
  }
  EXPECT_GT(plain, 1000);
  EXPECT_GT(others, 1000);
}

TEST(HeadCheck, AsksLlhttpAboutWhatIsUnusual) {
  const auto plain = [](const std::string& head) {
    std::vector<Header> room(4);
    Request request;
    const HeadVerdict verdict = check_head(head, room, request);
    EXPECT_EQ(verdict.status, 0) << head;
    return verdict.plain;
  };
  EXPECT_TRUE(plain("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_TRUE(plain("POST / HTTP/1.1\r\nHost:a\r\nContent-Length: 5\r\n\r\n"));
  EXPECT_FALSE(plain("FOO / HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_FALSE(plain("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_FALSE(plain("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 \r\n\r\n"));
  EXPECT_FALSE(plain("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\t5\r\n\r\n"));
  EXPECT_FALSE(plain("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
}

}  // namespace
}  // namespace socketio::http
