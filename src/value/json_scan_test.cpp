#include "value/json_scan.hpp"

#include <array>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "value/json_read.hpp"
#include "value/testing.hpp"

namespace socketio::value {
namespace {

// The text with hostile padding: more digits, a quote, and what a scanner that runs on would take.
std::string padded(base::Bytes text) {
  std::string out(text);
  for (std::size_t i = 0; i < base::kPadding; ++i) out += "7\"],}\xFFn"[i % 7];
  return out;
}

bool scans(base::Bytes text) {
  const std::string memory = padded(text);
  JsonScan scan;
  return scan.read(base::Bytes(memory).substr(0, text.size()));
}

// simdjson alone makes the same of it, or both refuse.
::testing::AssertionResult agrees(base::Bytes text) {
  const std::string memory = padded(text);
  const base::Bytes view = base::Bytes(memory).substr(0, text.size());
  JsonDocument usual;
  JsonDocument tape(JsonDocument::Reader::tape_only);
  const bool read = usual.parse(view);
  if (read != tape.parse(view))
    return ::testing::AssertionFailure() << text << (read ? ": taken" : ": refused");
  if (read && !same(usual, tape)) return ::testing::AssertionFailure() << text << ": differs";
  return ::testing::AssertionSuccess();
}

const std::array kTaken = {
    R"(["m","abcdefghijklmnopqrstuvwxyzabcdef"])",
    R"(["m",{"a":1,"b":"text"}])",
    R"([])",
    R"({})",
    R"("")",
    R"("plain")",
    R"([ 1 , 2 ])",
    " { \"a\" : [ true , false , null ] , \"b\" : { } } \r\n\t",
    R"(["move",12,-7,0,0.5,-0.5,123456789012345678,-123456789012345678])",
    R"([0.1234567890123456,3.141592653589793,100000.00001])",
    R"(["\"\\\/\b\f\n\r\t","a\nb","\n"])",
    R"({"key\n":"x","key\n":"y","":1})",
    "[\"Gr\xC3\xBC\xC3\x9F\",\"\xF0\x9F\x98\x80\"]",
    R"(["a",[[],[[]],{"x":[{}]}],"z"])",
    R"([1])",
    R"(17)",
    R"(true)",
};

TEST(JsonScan, WhatItTakesIsWhatSimdjsonReads) {
  for (const base::Bytes text : kTaken) {
    EXPECT_TRUE(scans(text)) << text;
    EXPECT_TRUE(agrees(text));
  }
}

TEST(JsonScan, LeavesToSimdjson) {
  const std::string deep(kMaxScanDepth + 1, '[');
  const std::string deep_end(kMaxScanDepth + 1, ']');
  for (const base::Bytes text : {
           base::Bytes(R"(["\u0041"])"),
           base::Bytes(R"(["\ud800"])"),
           base::Bytes(R"([1e3])"),
           base::Bytes("[-0]"),
           base::Bytes("-0"),
           base::Bytes("[1234567890123456789]"),
           base::Bytes("[0.123456789012345678901234567890123]"),
           base::Bytes("[\"\xFF\"]"),
           base::Bytes(R"(["\x"])"),
           base::Bytes("[01]"),
           base::Bytes("[-01.5]"),
           base::Bytes("[1.]"),
           base::Bytes("[.5]"),
           base::Bytes("[-]"),
           base::Bytes("[+1]"),
           base::Bytes("[1,]"),
           base::Bytes("[,1]"),
           base::Bytes("[1 2]"),
           base::Bytes("[1]]"),
           base::Bytes("[1"),
           base::Bytes("["),
           base::Bytes("{\"a\"}"),
           base::Bytes("{\"a\":}"),
           base::Bytes("{\"a\":1,}"),
           base::Bytes("{1:1}"),
           base::Bytes("{\"a\" 1}"),
           base::Bytes("[1}"),
           base::Bytes("{\"a\":1]"),
           base::Bytes("[tru]"),
           base::Bytes("[trueish]"),
           base::Bytes("[nul"),
           base::Bytes("[\"a"),
           base::Bytes("[\"a\\"),
           base::Bytes("[\"a\\\""),
           base::Bytes("[\"\n\"]"),
           base::Bytes("[\"\\n\n\"]"),
           base::Bytes("  "),
           base::Bytes(""),
           base::Bytes("1 2"),
           base::Bytes("\xEF\xBB\xBF[]"),
           base::Bytes("[\xC2\xA0]"),
           base::Bytes("[1]\0", 4),
           base::Bytes(deep),
           base::Bytes(deep_end),
       }) {
    EXPECT_FALSE(scans(text)) << text;
    EXPECT_TRUE(agrees(text));
  }
  EXPECT_TRUE(agrees(deep + deep_end));
}

// A name that begins behind the end, and nothing in the padding that would stop the search for its
// end: shown by a sanitizer, as the memory ends there.
TEST(JsonScan, DoesNotReadBehindThePadding) {
  const base::Bytes text = R"(["x",{)";
  std::vector<char> memory(text.begin(), text.end());
  memory.push_back('"');
  memory.resize(text.size() + base::kPadding, 'x');
  JsonScan scan;
  EXPECT_FALSE(scan.read({memory.data(), text.size()}));
}

TEST(JsonScan, Limits) {
  const auto text = [](std::size_t size) { return '"' + std::string(size - 2, 'x') + '"'; };
  EXPECT_TRUE(scans(text(kMaxScan)));
  EXPECT_FALSE(scans(text(kMaxScan + 1)));
  const auto escaped = [](std::size_t size) { return '"' + std::string(size - 4, 'x') + "\\n\""; };
  EXPECT_TRUE(scans(escaped(kMaxScanEscaped)));
  EXPECT_FALSE(scans(escaped(kMaxScanEscaped + 1)));
  const auto values = [](std::size_t count) {
    std::string out = "[1";  // the array is one of them
    for (std::size_t i = 2; i < count; ++i) out += ",1";
    return out + "]";
  };
  EXPECT_TRUE(scans(values(kMaxScanNodes)));
  EXPECT_FALSE(scans(values(kMaxScanNodes + 1)));
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(scans(nested(kMaxScanDepth)));
  EXPECT_FALSE(scans(nested(kMaxScanDepth + 1)));
  for (const std::string& each :
       {text(kMaxScan), text(kMaxScan + 1), escaped(kMaxScanEscaped), escaped(kMaxScanEscaped + 1),
        values(kMaxScanNodes), values(kMaxScanNodes + 1), nested(kMaxScanDepth)})
    EXPECT_TRUE(agrees(each));
}

// Strings are read in strides: whatever is special in one has to be found wherever it lies.
TEST(JsonScan, LongStrings) {
  for (std::size_t size = 0; size < 300; ++size) {
    const std::string plain = "[\"" + std::string(size, 'x') + "\",\"y\"]";
    EXPECT_TRUE(scans(plain));
    EXPECT_TRUE(agrees(plain));
    for (const char c : {'"', '\\', '\n', '\xFF', '\xC3'}) {
      std::string other = plain;
      other[2 + size / 2] = c;
      EXPECT_TRUE(agrees(other));
    }
  }
  EXPECT_TRUE(scans("[\"" + std::string(100'000, 'x') + "\",{\"k\":\"Gr\xC3\xBC\xC3\x9F\"}]"));
}

// Every text made of up to four of these pieces, and every good text with one byte changed, missing
// or doubled.
TEST(JsonScan, AgreesOnNeighboursOfGoodTexts) {
  const std::array pieces = {"[", "]", "{", "}", ",", ":", "\"a\"", "1", " ", "-", "\\", "t", "."};
  std::size_t count = 1;
  for (int length = 1; length <= 4; ++length) {
    count *= pieces.size();
    for (std::size_t number = 0; number < count; ++number) {
      std::string text;
      for (std::size_t rest = number, i = 0; i < static_cast<std::size_t>(length); ++i) {
        text += pieces[rest % pieces.size()];
        rest /= pieces.size();
      }
      ASSERT_TRUE(agrees(text));
    }
  }
  for (const base::Bytes good : kTaken) {
    for (std::size_t i = 0; i < good.size(); ++i) {
      for (const char c : base::Bytes("\"\\[]{},:0-.e \n\x01\x7F\x80\xC3\xFF"
                                      "u")) {
        std::string text(good);
        text[i] = c;
        ASSERT_TRUE(agrees(text));
        text.insert(i, 1, good[i]);
        ASSERT_TRUE(agrees(text));
      }
      std::string text(good);
      text.erase(i, 1);
      ASSERT_TRUE(agrees(text));
    }
  }
}

TEST(JsonScan, AgreesOnRandomTexts) {
  std::mt19937 random(20260101);
  const base::Bytes letters = R"(""""\\[[]]{{}},,,,:::0123456789..--eEtrufalsn  bn/)";
  for (int round = 0; round < 100'000; ++round) {
    std::string text;
    for (std::size_t size = random() % 24; size > 0; --size)
      text += letters[random() % letters.size()];
    ASSERT_TRUE(agrees(text));
    ASSERT_TRUE(agrees('[' + text + ']'));
  }
}

// Strings end at every position of a word, plain, after an escape, and at the end of the text.
TEST(JsonScan, StringsOfEveryLength) {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string letters(size, 'x');
    EXPECT_TRUE(scans("[\"" + letters + "\"]"));
    EXPECT_TRUE(agrees("[\"" + letters + "\",\"\\n" + letters + "\"]"));
    EXPECT_TRUE(agrees("[\"" + letters + "\\n\"]"));
    EXPECT_TRUE(agrees("[\"" + letters + "\xC3\xBC\"]"));
    EXPECT_TRUE(agrees("[\"" + letters + "\xC3\"]"));
    EXPECT_TRUE(agrees("[\"" + letters));
    EXPECT_TRUE(agrees("[\"" + letters + '\x1F' + "\"]"));
  }
}

TEST(JsonScan, EscapesAreReadTogether) {
  std::string text = "[";
  for (int i = 0; i < 200; ++i) text += R"("a\nb\"",)";
  text += "1]";
  const std::string memory = padded(text);
  JsonScan scan;
  ASSERT_TRUE(scan.read(base::Bytes(memory).substr(0, text.size())));
  for (std::size_t i = 1; i <= 200; ++i) EXPECT_EQ(scan.string(i), "a\nb\"");
  EXPECT_TRUE(agrees(text));
}

}  // namespace
}  // namespace socketio::value
