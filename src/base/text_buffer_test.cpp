#include "base/text_buffer.hpp"

#include <string>

#include <gtest/gtest.h>

namespace socketio::base {
namespace {

TEST(TextBuffer, KeepsWhatWasWrittenWhileItGrows) {
  TextBuffer buffer;
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.view(), "");
  std::string expected;
  for (std::size_t i = 0; i < 300; ++i) {
    const std::string piece(i, static_cast<char>('a' + i % 26));
    buffer.append(piece);
    buffer.push_back('|');
    expected += piece + '|';
    ASSERT_EQ(buffer.view(), expected);
  }
  EXPECT_EQ(buffer.size(), expected.size());
}

TEST(TextBuffer, RoomIsOnlyTakenAsFarAsWritten) {
  TextBuffer buffer;
  buffer.append("ab");
  char* at = buffer.room(100);
  *at++ = 'c';
  buffer.to(at);
  EXPECT_EQ(buffer.view(), "abc");
}

TEST(TextBuffer, GivesBackWhatIsMoreThanIsKept) {
  TextBuffer buffer;
  buffer.append(std::string(1000, 'x'));
  const std::size_t capacity = buffer.capacity();
  buffer.clear(capacity);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.capacity(), capacity);
  buffer.clear(capacity - 1);
  EXPECT_EQ(buffer.capacity(), 0u);
  buffer.append("y");
  EXPECT_EQ(buffer.view(), "y");
}

TEST(TextBuffer, GivesItsTextAwayWithWhatIsInFrontOfIt) {
  Ledger ledger;
  TextBuffer buffer(8);
  const std::string text(1000, 'x');
  buffer.append(text);
  EXPECT_EQ(ledger.output(), 0);
  std::memcpy(buffer.front(3), "abc", 3);
  {
    const Span span = buffer.take(3, &ledger);
    EXPECT_EQ(span.bytes(), "abc" + text);
    EXPECT_EQ(ledger.output(), static_cast<std::int64_t>(span.chunk.capacity()));
    EXPECT_TRUE(buffer.empty());
    EXPECT_EQ(buffer.capacity(), 0u);
    buffer.append("next");
    EXPECT_EQ(buffer.view(), "next");
    EXPECT_EQ(span.bytes(), "abc" + text);
  }
  EXPECT_EQ(ledger.output(), 0);
}

// The second text of a size does not grow step by step into memory of that size.
TEST(TextBuffer, BeginsAsLargeAsWhatItGaveAway) {
  TextBuffer buffer;
  for (int i = 0; i < 1000; ++i) buffer.push_back('x');
  const std::size_t capacity = buffer.capacity();
  buffer.take(0, nullptr);
  buffer.push_back('y');
  EXPECT_GE(buffer.capacity(), capacity);
  buffer.clear(100);  // more than is kept: from now on as ever
  buffer.push_back('z');
  EXPECT_LT(buffer.capacity(), 200u);
}

TEST(TextBuffer, ALongValueLeavesRoomForTheBracketBehindIt) {
  TextBuffer buffer;
  buffer.append(std::string(100'000, 'x'));
  const std::size_t capacity = buffer.capacity();
  buffer.push_back(']');
  EXPECT_EQ(buffer.capacity(), capacity);
}

}  // namespace
}  // namespace socketio::base
