#include "http/message.hpp"

#include <cctype>

#include <gtest/gtest.h>

#include "http/head_check.hpp"

namespace socketio::http {
namespace {

using namespace std::string_literals;

TEST(Message, ComparesWithoutCase) {
  EXPECT_TRUE(iequals("Content-Length", "content-LENGTH"));
  EXPECT_TRUE(iequals("", ""));
  EXPECT_FALSE(iequals("a", "ab"));
  EXPECT_FALSE(iequals("[", "{"));  // differ by 0x20 and are no letters
  EXPECT_FALSE(iequals("@", "`"));
  // Every pair of bytes, where eight are compared at once and where one is.
  for (int x = 0; x < 256; ++x) {
    for (int y = 0; y < 256; ++y) {
      const char a = static_cast<char>(x);
      const char b = static_cast<char>(y);
      const bool same = a == b || (x < 0x80 && y < 0x80 && std::isalpha(x) && (x ^ y) == 0x20);
      ASSERT_EQ(iequals(std::string("k") + a + "234567", std::string("K") + b + "234567"), same);
      ASSERT_EQ(iequals(std::string(1, a), std::string(1, b)), same);
    }
  }
}

TEST(Message, FindsTokensInLists) {
  EXPECT_TRUE(list_contains("keep-alive, Upgrade", "upgrade"));
  EXPECT_TRUE(list_contains("\tupgrade ,x", "upgrade"));
  EXPECT_TRUE(list_contains(",,upgrade", "upgrade"));
  EXPECT_FALSE(list_contains("upgraded", "upgrade"));
  EXPECT_FALSE(list_contains("", "upgrade"));
}

TEST(Message, KnowsReasonPhrases) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(reason_phrase(505), "HTTP Version Not Supported");
  EXPECT_EQ(reason_phrase(299), "Unknown");
}

TEST(Message, JudgesHeaders) {
  EXPECT_TRUE(valid_header("X-A", "some\tvalue \xc3\xa9"));
  EXPECT_TRUE(valid_header("X", ""));
  EXPECT_FALSE(valid_header("", "v"));
  EXPECT_FALSE(valid_header("X A", "v"));
  EXPECT_FALSE(valid_header("X:", "v"));
  EXPECT_FALSE(valid_header("X", "a\r\nY: b"));
  EXPECT_FALSE(valid_header("X", "a\0b"s));
  EXPECT_FALSE(valid_header("X", "\x7f"));
}

TEST(Message, SetReplacesWithoutCase) {
  Response response;
  response.set("Content-Type", "a").set("X", "1").set("content-type", "b");
  ASSERT_EQ(response.headers.size(), 2u);
  EXPECT_EQ(response.headers[0].second, "b");
}

const std::string kHead =
    "GET http://a:8080/p%20q/?x=1?2 HTTP/1.1\r\nHost: a:8080\r\nX-A:  one \t\r\nx-a: two\r\n"
    "Empty:\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n";

TEST(Message, ReadsARequest) {
  std::array<Header, 8> room;
  Request request;
  ASSERT_EQ(check_head(kHead, room, request).status, 0);
  EXPECT_EQ(request.head, kHead);
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.target, "http://a:8080/p%20q/?x=1?2");
  EXPECT_EQ(request.path, "/p%20q/");
  EXPECT_EQ(request.query, "x=1?2");
  EXPECT_EQ(request.headers.size(), 6u);
  EXPECT_EQ(request.header("X-a"), "one");
  EXPECT_EQ(request.count("x-A"), 2u);
  EXPECT_EQ(request.find("empty"), "");
  EXPECT_EQ(request.find("none"), std::nullopt);
  EXPECT_TRUE(request.upgrade);
  EXPECT_TRUE(request.keep_alive);
  EXPECT_FALSE(request.has_body());
}

}  // namespace
}  // namespace socketio::http
