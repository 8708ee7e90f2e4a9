#include "ws/utf8.hpp"

#include <gtest/gtest.h>

#include "ws/testing.hpp"

namespace socketio::ws::testing {
namespace {

// By decoding, where utf8.cpp has a table: how many bytes are the beginning of some valid text, and
// whether they end between code points.
struct Reference {
  std::size_t good = 0;
  bool complete = true;
};

Reference reference(std::string_view text) {
  Reference result;
  const auto byte = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned lead = byte(i);
    const std::size_t size = lead < 0x80                    ? 1
                             : lead >= 0xC2 && lead <= 0xDF ? 2
                             : lead >= 0xE0 && lead <= 0xEF ? 3
                             : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                            : 0;
    if (size == 0) return result;
    result.good = i + 1;
    result.complete = size == 1;
    std::uint32_t point = size == 1 ? lead : lead & (0xFFU >> (size + 1));
    for (std::size_t k = 1; k < size; ++k) {
      if (i + k == text.size()) return result;
      if ((byte(i + k) & 0xC0) != 0x80) return result;
      point = point << 6 | (byte(i + k) & 0x3FU);
      // The range of all code points that may still follow, against what is allowed.
      const std::size_t open = 6 * (size - 1 - k);
      const std::uint32_t low = point << open;
      const std::uint32_t high = low | ((1U << open) - 1);
      const std::uint32_t least = size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000;
      if (high < least || low > 0x10FFFF || (low >= 0xD800 && high <= 0xDFFF)) return result;
      result.good = i + k + 1;
      result.complete = k + 1 == size;
    }
    i += size;
  }
  return result;
}

void expect_same(std::string_view text) {
  const Reference expected = reference(text);
  const bool valid = expected.good == text.size() && expected.complete;
  ASSERT_EQ(valid_utf8(text), valid);
  Utf8Validator whole;
  ASSERT_EQ(whole.feed(text), expected.good == text.size());
  if (expected.good == text.size()) {
    ASSERT_EQ(whole.complete(), expected.complete);
  }
  Utf8Validator bytewise;
  for (std::size_t i = 0; i < text.size(); ++i)
    ASSERT_EQ(bytewise.feed(text.substr(i, 1)), i < expected.good) << "at " << i;
}

TEST(Utf8, EverySequenceOfThreeBytes) {
  for (unsigned a = 0x70; a < 0x100; ++a) {
    for (unsigned b = 0x70; b < 0x100; ++b) {
      const std::string two{static_cast<char>(a), static_cast<char>(b)};
      for (const unsigned c :
           {0x00U, 0x7FU, 0x80U, 0x8FU, 0x90U, 0x9FU, 0xA0U, 0xBFU, 0xC0U, 0xC2U, 0xE0U, 0xFFU}) {
        const std::string three = two + static_cast<char>(c);
        ASSERT_NO_FATAL_FAILURE(expect_same(three));
        ASSERT_NO_FATAL_FAILURE(expect_same(std::string(40, 'x') + three));
      }
    }
  }
}

// Text made of code points of every length, damaged in one place, cut everywhere.
TEST(Utf8, RandomTextsInPieces) {
  static constexpr std::string_view kPieces[] = {"a",
                                                 "\xc2\x80",
                                                 "\xce\xba",
                                                 "\xe0\xa0\x80",
                                                 "\xe2\x82\xac",
                                                 "\xed\x9f\xbf",
                                                 "\xef\xbf\xbf",
                                                 "\xf0\x90\x80\x80",
                                                 "\xf0\x9f\x98\x80",
                                                 "\xf4\x8f\xbf\xbf",
                                                 "0123456789abcdef0123456789"};
  SeededRandom random(3);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::size_t n = random.below(80); n > 0; --n) text += kPieces[random.below(11)];
    if (round % 2 == 0 && !text.empty())
      text[random.below(text.size())] = static_cast<char>(random.below(256));
    ASSERT_NO_FATAL_FAILURE(expect_same(text));
    const Reference expected = reference(text);
    Utf8Validator validator;
    for (std::size_t from = 0; from < text.size();) {
      const std::size_t n = std::min(1 + random.below(100), text.size() - from);
      ASSERT_EQ(validator.feed(std::string_view(text).substr(from, n)), from + n <= expected.good);
      from += n;
    }
    ASSERT_EQ(validator.complete(), expected.complete && expected.good == text.size());
  }
}

TEST(Utf8, ResetForgets) {
  Utf8Validator validator;
  EXPECT_FALSE(validator.feed("\xff"));
  EXPECT_FALSE(validator.feed("fine"));
  EXPECT_FALSE(validator.complete());
  validator.reset();
  EXPECT_TRUE(validator.feed("fine"));
  EXPECT_TRUE(validator.complete());
}

}  // namespace
}  // namespace socketio::ws::testing
