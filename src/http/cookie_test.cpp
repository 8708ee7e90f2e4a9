#include "http/cookie.hpp"

#include <gtest/gtest.h>

namespace socketio::http {
namespace {

TEST(Cookie, WritesTheSessionCookie) {
  Cookie cookie;
  cookie.name = "io";
  cookie.value = "s-_1";
  EXPECT_EQ(serialise(cookie), "io=s-_1; Path=/; HttpOnly; SameSite=Lax");
}

TEST(Cookie, WritesEveryAttributeInOrder) {
  Cookie cookie;
  cookie.name = "n";
  cookie.value = "a b;";
  cookie.max_age_seconds = 10;
  cookie.domain = "example.com";
  cookie.path = "/x";
  cookie.expires = "Thu, 01 Jan 1970 00:00:00 GMT";
  cookie.secure = cookie.partitioned = true;
  cookie.priority = "High";
  cookie.same_site = "None";
  EXPECT_EQ(serialise(cookie),
            "n=a%20b%3B; Max-Age=10; Domain=example.com; Path=/x; Expires=Thu, 01 Jan 1970 "
            "00:00:00 GMT; HttpOnly; Secure; Partitioned; Priority=High; SameSite=None");
}

TEST(Cookie, LeavesOutWhatIsEmpty) {
  Cookie cookie;
  cookie.name = "n";
  cookie.path = cookie.same_site = "";
  cookie.http_only = false;
  EXPECT_EQ(serialise(cookie), "n=");
}

// H86
TEST(Cookie, RefusesWhatWouldBreakOutOfTheHeader) {
  const auto refused = [](auto change) {
    Cookie cookie;
    cookie.name = "n";
    change(cookie);
    return !serialise(cookie).has_value();
  };
  EXPECT_TRUE(refused([](Cookie& c) { c.name = ""; }));
  EXPECT_TRUE(refused([](Cookie& c) { c.name = "a b"; }));
  EXPECT_TRUE(refused([](Cookie& c) { c.name = "a\r\nX: y"; }));
  EXPECT_TRUE(refused([](Cookie& c) { c.path = "/; Secure"; }));
  EXPECT_TRUE(refused([](Cookie& c) { c.domain = "a\r\n"; }));
  EXPECT_TRUE(refused([](Cookie& c) { c.expires = "\n"; }));
  EXPECT_TRUE(refused([](Cookie& c) { c.priority = "Highest"; }));
  EXPECT_TRUE(refused([](Cookie& c) { c.same_site = "lax; x"; }));
  EXPECT_FALSE(refused([](Cookie& c) { c.value = "\r\n;"; }));
}

}  // namespace
}  // namespace socketio::http
