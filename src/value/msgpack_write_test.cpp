#include "value/msgpack_write.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "value/msgpack_testing.hpp"

namespace socketio::value {
namespace {

using testing::from_hex;
using testing::packed;
using testing::to_hex;

std::string hex(const Value& value) {
  return to_hex(packed(value));
}

std::string numbers(std::initializer_list<Value> values) {
  return hex(Value::array(values));
}

// Recorded from notepack.io 2.2.0 on Node 20.
TEST(MsgpackWrite, AsNotepack) {
  EXPECT_EQ(hex(nullptr), "c0");
  EXPECT_EQ(numbers({true, false}), "92c3c2");
  EXPECT_EQ(
      numbers({0, 127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296, 9007199254740991}),
      "9a007fcc80ccffcd0100cdffffce00010000ceffffffffcf0000000100000000cf001fffffffffffff");
  EXPECT_EQ(numbers({-1, -32, -33, -128, -129, -32768, -32769, -2147483648, -2147483649,
                     -9007199254740991}),
            "9affe0d0dfd080d1ff7fd18000d2ffff7fffd280000000d3ffffffff7fffffffd3ffe0000000000001");
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(numbers({0.5, -0.5, 1.1, std::numeric_limits<double>::quiet_NaN(), infinity, -infinity,
                     -0.0, 5e-324}),
            "98cb3fe0000000000000cbbfe0000000000000cb3ff199999999999acb7ff8000000000000"
            "cb7ff0000000000000cbfff000000000000000cb0000000000000001");
  EXPECT_EQ(numbers({3.0, 9007199254740992.0, 9223372036854775808.0, -9223372036854775808.0}),
            "9403cf0020000000000000cf8000000000000000d38000000000000000");
  // notepack writes a wrong integer for these.
  EXPECT_EQ(numbers({1e20, 18446744073709551616.0}), "92cb4415af1d78b58c40cb43f0000000000000");
  EXPECT_EQ(numbers({"", "é", "😀"}), "93a0a2c3a9a4f09f9880");
  EXPECT_EQ(hex(Binary("\1\2\3")), "c403010203");
  EXPECT_EQ(hex(Value::object(
                {{"a", Value::array({1, Value::object({{"b", Value::array({Binary("\xff")})}})})},
                 {"", ""}})),
            "82a161920181a16291c401ffa0a0");
}

// M25: the lengths where a longer form begins.
TEST(MsgpackWrite, LengthsAsNotepack) {
  struct Row {
    std::size_t length;
    const char* str;
    const char* bin;
    const char* array;
  };
  const Row rows[] = {
      {15, "af", "c40f", "9f"},
      {16, "b0", "c410", "dc0010"},
      {31, "bf", "c41f", "dc001f"},
      {32, "d920", "c420", "dc0020"},
      {255, "d9ff", "c4ff", "dc00ff"},
      {256, "da0100", "c50100", "dc0100"},
      {65535, "daffff", "c5ffff", "dcffff"},
      {65536, "db00010000", "c600010000", "dd00010000"},
  };
  for (const Row& row : rows) {
    const std::string text(row.length, 'x');
    EXPECT_EQ(packed(text), from_hex(row.str) + text) << row.length;
    EXPECT_EQ(packed(Binary(text)), from_hex(row.bin) + text) << row.length;
    EXPECT_EQ(packed(Array(row.length, Value(0))),
              from_hex(row.array) + std::string(row.length, '\0'))
        << row.length;
  }
}

// Heads that have to grow, one inside and one behind the other, with members counted by value.
TEST(MsgpackWrite, LongArraysInsideEachOther) {
  const Value sixteen = Array(16, Value(7));
  Object members;
  for (int i = 0; i < 16; ++i) members["k" + std::to_string(i + 10)] = i;
  Array outer(17, Value(1));
  outer[0] = sixteen;
  outer[5] = members;
  outer[16] = sixteen;
  const std::string inner = "dc0010" + std::string("07070707070707070707070707070707");
  std::string expected = "dc0011" + inner + "01010101" + "de0010";
  for (int i = 0; i < 16; ++i)
    expected +=
        "a36b" + to_hex(std::to_string(i + 10)) + to_hex(std::string(1, static_cast<char>(i)));
  expected += "01010101010101010101" + inner;
  EXPECT_EQ(hex(outer), expected);
}

TEST(MsgpackWrite, InvalidUtf8IsReplaced) {
  EXPECT_EQ(packed("a\xff"
                   "b"),
            "\xa5"
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(hex(Value::object({{"\xff", 1}})), "81a3efbfbd01");
}

TEST(MsgpackWrite, RawIsTranslated) {
  const auto raw = [](std::string_view json) {
    base::TextBuffer out;
    MsgpackWriter writer(out);
    writer.begin_array();
    writer.raw(json);
    writer.end_array();
    writer.finish();
    return to_hex(out.view());
  };
  EXPECT_EQ(raw(R"({"a":[1,"two",null,0.5]})"), "9181a1619401a374776fc0cb3fe0000000000000");
  EXPECT_EQ(raw("1,\"two\""), "9201a374776f");
  EXPECT_EQ(raw(""), "91c0");
  EXPECT_EQ(raw("{oops"), "91c0");
  EXPECT_EQ(raw("1]"), "91c0");
}

TEST(MsgpackWrite, WhatIsLeftOpenIsClosed) {
  base::TextBuffer out;
  MsgpackWriter writer(out);
  writer.begin_array();
  writer.begin_object();
  writer.key("a");
  writer.boolean(true);
  writer.finish();
  EXPECT_EQ(to_hex(out.view()), "9181a161c3");
  out.clear(0);
  writer.end_array();  // of nothing
  writer.null();
  writer.finish();
  EXPECT_EQ(to_hex(out.view()), "c0");
}

}  // namespace
}  // namespace socketio::value
