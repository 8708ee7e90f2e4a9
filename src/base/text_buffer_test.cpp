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

}  // namespace
}  // namespace socketio::base
