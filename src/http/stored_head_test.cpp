#include "http/stored_head.hpp"

#include <random>

#include <gtest/gtest.h>

#include "http/head_check.hpp"

namespace socketio::http {
namespace {

const std::string kHead =
    "GET http://a:8080/p%20q/?x=1?2 HTTP/1.1\r\nHost: a:8080\r\nX-A:  one \t\r\nx-a: two\r\n"
    "Empty:\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n";

StoredHead store(std::string head, base::Bytes note = {}) {
  Request request;
  request.head = head;
  StoredHead stored(request, note);
  std::fill(head.begin(), head.end(), '?');
  return stored;
}

TEST(StoredHead, OutlivesItsRequest) {
  static_assert(sizeof(StoredHead) == 8);
  const StoredHead stored = store(kHead, "a note");
  EXPECT_TRUE(stored);
  EXPECT_EQ(stored.note(), "a note");
  EXPECT_GT(stored.bytes(), kHead.size() / 3);  // it is packed
  EXPECT_LT(stored.bytes(), kHead.size());
  const HeadCopy head = stored.open();
  EXPECT_EQ(head.text(), kHead);
  EXPECT_EQ(head.method(), "GET");
  EXPECT_EQ(head.target(), "http://a:8080/p%20q/?x=1?2");
  EXPECT_EQ(head.path(), "/p%20q/");
  EXPECT_EQ(head.query(), "x=1?2");
  EXPECT_EQ(head.headers().size(), 6u);
  EXPECT_EQ(head.headers()[1].value, "one");
  EXPECT_EQ(head.header("upgrade"), "websocket");
  EXPECT_EQ(head.header("none"), std::nullopt);
}

TEST(StoredHead, ACopyIsItsOwn) {
  auto stored = std::make_unique<StoredHead>(store(kHead, "a note"));
  const StoredHead copy = stored->copy();
  EXPECT_EQ(copy.bytes(), stored->bytes());
  stored.reset();
  EXPECT_EQ(copy.open().text(), kHead);
  EXPECT_EQ(copy.note(), "a note");
  EXPECT_FALSE(StoredHead().copy());
}

TEST(StoredHead, ThatIsEmptyHasNothing) {
  const StoredHead stored;
  EXPECT_FALSE(stored);
  EXPECT_EQ(stored.note(), "");
  EXPECT_EQ(stored.bytes(), 0U);
  const HeadCopy head = stored.open();
  EXPECT_EQ(head.method(), "");
  EXPECT_EQ(head.path(), "");
  EXPECT_TRUE(head.headers().empty());
  EXPECT_EQ(head.header("host"), std::nullopt);
}

TEST(StoredHead, GivesBackEveryByte) {
  for (const std::string head :
       {"", "\r", "\r\n", "G", "GET", " ", "GET /socket.io/?EIO=4&transport=websocket",
        "GET /socket.io/?EIO=4&transport=websocke", "\r\n\r\n", "\r\n\r",
        " HTTP/1.1\r\nHost: ", "X\x01Y", "\x7f", "\t\xff\x80"}) {
    EXPECT_EQ(store(head).open().text(), head);
  }
  // Pieces of what is packed, cut off and run together.
  const std::string pieces =
      "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost\r\nUser-Agent: "
      "Mozilla/5.0 "
      "(X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
      "Safari/537.36\r\nX-Forwarded-For: "
      "10.0.0.1\r\nsec-ch-ua-mobile: ?0\r\nSec-Fetch-Site: none\r\nAccept: */*\r\n\r\n";
  std::mt19937 random(11);
  for (int i = 0; i < 2000; ++i) {
    std::string head;
    for (unsigned n = random() % 4; n > 0; --n)
      head += pieces.substr(random() % pieces.size(), random() % 60);
    ASSERT_EQ(store(head).open().text(), head);
  }
}

}  // namespace
}  // namespace socketio::http
