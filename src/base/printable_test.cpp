#include "base/printable.hpp"

#include <gtest/gtest.h>

namespace socketio::base {
namespace {

std::string printable(Bytes text, std::size_t limit = 1000) {
  std::string out = ">";
  append_printable(out, text, limit);
  return out.substr(1);
}

TEST(Printable, OrdinaryTextStays) {
  EXPECT_EQ(printable("GET /a?b \"c\" 'd'"), "GET /a?b \"c\" 'd'");
  EXPECT_EQ(printable("wörld €, 𝄞"), "wörld €, 𝄞");
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, NothingBeginsALineOrACommand) {
  EXPECT_EQ(printable("a\r\nb\tc"), "a\\r\\nb\\tc");
  EXPECT_EQ(printable("\x1b[2J\x7f"), "\\x1b[2J\\x7f");
  EXPECT_EQ(printable(std::string("\0", 1)), "\\x00");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\xc2\\x9b2J");                     // U+009B: the one-character ESC [
  EXPECT_EQ(printable("\xc2\xa0"), "\xc2\xa0");  // the first behind them
  EXPECT_EQ(printable("\\x1b"), "\\\\x1b");      // is not what ESC becomes
}

TEST(Printable, WhatIsNoUtf8IsShownAsBytes) {
  EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");                    // overlong
  EXPECT_EQ(printable("\xe0\x9f\x80"), "\\xe0\\x9f\\x80");           // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
  EXPECT_EQ(printable("\xf0\x8f\xbf\xbf"), "\\xf0\\x8f\\xbf\\xbf");
  EXPECT_EQ(printable("a\xe2\x82"), "a\\xe2\\x82");  // cut short
  EXPECT_EQ(printable("\xe2(x"), "\\xe2(x");
}

TEST(Printable, LongTextIsCutAtACodePoint) {
  EXPECT_EQ(printable("12345", 5), "12345");
  EXPECT_EQ(printable("123456", 5), "12345...");
  EXPECT_EQ(printable("1234ö", 5), "1234...");
  EXPECT_EQ(printable("1234\n", 5), "1234...");
  EXPECT_EQ(printable("x", 0), "...");
}

}  // namespace
}  // namespace socketio::base
