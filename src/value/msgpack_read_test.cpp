#include "value/msgpack_read.hpp"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include <socketio/codec.hpp>

#include "value/json_read.hpp"
#include "value/msgpack_testing.hpp"

namespace socketio::value {
namespace {

using namespace std::string_literals;
using testing::from_hex;
using testing::packed;
using testing::to_hex;

// What is read, as JSON; binary as its placeholder. "!" and the error's text otherwise.
std::string read(base::Bytes bytes) {
  MsgpackDocument document;
  if (const base::Bytes error = document.parse(bytes, kMaxDepth); !error.empty())
    return "!" + std::string(error);
  return Value::read(document.root()).to_json();
}

TEST(MsgpackRead, WhatTheThreeDialectsWrite) {
  struct Row {
    const char* what;
    const char* hex;
    const char* json;
  };
  const char* const kPlaceholder = R"({"_placeholder":true,"num":0})";
  // Recorded from notepack.io 2.2.0 and 3.0.1 and @msgpack/msgpack 2.8.0 on Node 20.
  const Row rows[] = {
      {"undefined, notepack 2", "d40000", "null"},
      {"undefined, the others", "c0", "null"},
      {"[undefined, 1], notepack 2", "92d4000001", "[null,1]"},
      {"{a: undefined, b: 1}, notepack 2", "82a161d40000a16201", R"({"a":null,"b":1})"},
      {"{a: undefined, b: 1}, notepack 3", "81a16201", R"({"b":1})"},
      {"{a: undefined, b: 1}, @msgpack", "82a161c0a16201", R"({"a":null,"b":1})"},
      {"booleans", "92c3c2", "[true,false]"},
      {"integers",
       "9a007fcc80ccffcd0100cdffffce00010000ceffffffffcf0000000100000000cf001fffffffffffff",
       "[0,127,128,255,256,65535,65536,4294967295,4294967296,9007199254740991]"},
      {"negative integers",
       "9affe0d0dfd080d1ff7fd18000d2ffff7fffd280000000d3ffffffff7fffffffd3ffe0000000000001",
       "[-1,-32,-33,-128,-129,-32768,-32769,-2147483648,-2147483649,-9007199254740991]"},
      {"2^53, notepack", "cf0020000000000000", "9007199254740992"},
      {"2^53, @msgpack", "cb4340000000000000", "9007199254740992"},
      {"numbers",
       "98cb3fe0000000000000cbbfe0000000000000cb3ff199999999999acb7ff8000000000000"
       "cb7ff0000000000000cbfff000000000000000cb0000000000000001",
       "[0.5,-0.5,1.1,null,null,null,0,5e-324]"},
      {"float 32", "ca3fc00000", "1.5"},
      {"strings", "95a0a2c3a9a4f09f9880a161d9027878", R"(["","é","😀","a","xx"])"},
      {"Buffer", "c403010203", kPlaceholder},
      {"Uint8Array, notepack 2", "c70300010203", kPlaceholder},
      {"Uint8Array of one byte, notepack 2", "c7010007", kPlaceholder},
      {"Uint8Array of eight, notepack 2", "c708000000000000000000", kPlaceholder},
      {"Date, notepack 2", "d7000000018bcfe5687b", "\"2023-11-14T22:13:20.123Z\""},
      {"Date, the others", "d7ff1d5353006553f100", "\"2023-11-14T22:13:20.123Z\""},
      {"Date(0), notepack 2", "d7000000000000000000", "\"1970-01-01T00:00:00.000Z\""},
      {"Date(0), the others", "d6ff00000000", "\"1970-01-01T00:00:00.000Z\""},
      {"Date(-1), notepack 2", "d700ffffffffffffffff", "\"1969-12-31T23:59:59.999Z\""},
      {"Date(-1), the others", "c70cff3b8b87c0ffffffffffffffff", "\"1969-12-31T23:59:59.999Z\""},
      {"the last Date, notepack 2", "d700001eb208c2dc0000", "\"+275760-09-13T00:00:00.000Z\""},
      {"the last Date, the others", "c70cff00000000000007dba8218000",
       "\"+275760-09-13T00:00:00.000Z\""},
      {"a date that JS has not", "d700001eb208c2dc0001", "null"},
      {"a timestamp that JS has not", "c70cff000000007fffffffffffffff", "null"},
      {"nested", "82a161920181a16291c401ffa0a0",
       R"({"a":[1,{"b":[{"_placeholder":true,"num":0}]}],"":""})"},
      {"__proto__", "81a95f5f70726f746f5f5f01", R"({"__proto__":1})"},
      {"16 items", "dc001000000000000000000000000000000000", "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]"},
      {"16 items, the longest form", "dd0000001000000000000000000000000000000000",
       "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]"},
      {"a map, the longer forms", "de0001a16101", R"({"a":1})"},
      {"a map, the longest form", "df00000001a16101", R"({"a":1})"},
      {"another extension", "d47f05", kPlaceholder},
      {"another extension, longer", "c8000201abcd", kPlaceholder},
      {"extension 0 in other sizes", "d5000102", kPlaceholder},
      {"a timestamp of an unknown size", "d5ff0102", kPlaceholder},
      {"duplicate keys", "82a16101a16102", R"({"a":2})"},
  };
  for (const Row& row : rows) EXPECT_EQ(read(from_hex(row.hex)), row.json) << row.what;
}

TEST(MsgpackRead, WhatIsRefused) {
  struct Row {
    const char* what;
    std::string bytes;
    const char* error;
  };
  const char* const kParse = "!Could not parse";
  const Row rows[] = {
      {"M01 nothing", "", kParse},
      {"M02 c1", from_hex("c1"), kParse},
      {"M03 array of 2^32-1", from_hex("ddffffffff"), kParse},
      {"M04 map of 2^32-1", from_hex("dfffffffff"), kParse},
      {"M05 bin of 2^32-1", from_hex("c6ffffffff"), kParse},
      {"M06 str of 2^32-1", from_hex("dbffffffff616263"), kParse},
      {"M07 20,000 arrays", std::string(20'000, '\x91'), kParse},
      {"M09 a string cut short", from_hex("a36162"), kParse},
      {"M18 an extension cut short", from_hex("c7ff0000"), kParse},
      {"M19 invalid UTF-8", from_hex("a2c328"), kParse},
      {"a key of invalid UTF-8", from_hex("81a1ff00"), kParse},
      {"M20 more behind it", from_hex("0102"), "!trailing bytes"},
      {"a head cut short", from_hex("cd01"), kParse},
      {"an array cut short", from_hex("9201"), kParse},
      {"a map cut short", from_hex("81a161"), kParse},
      {"an extension without its type", from_hex("c701"), kParse},
      {"a map with fewer bytes than keys and values", from_hex("8201a1"), kParse},
      {"a number as key", from_hex("810102"), kParse},
      {"an array as key", from_hex("8191a16102"), kParse},
      {"nil as key", from_hex("81c002"), kParse},
  };
  for (const Row& row : rows) EXPECT_EQ(read(row.bytes), row.error) << row.what;
}

TEST(MsgpackRead, EveryPrefixOfAMessageIsRefused) {
  const std::string whole =
      packed(Value::object({{"a", Value::array({1, -300, 1.5, "text", nullptr})},
                            {"b", Binary("bytes")},
                            {"c", Value::object({{"d", 1ULL << 63}})}}));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(read(whole.substr(0, size)), "!Could not parse") << size;
  EXPECT_NE(read(whole).front(), '!');
}

TEST(MsgpackRead, DepthIsBounded) {
  MsgpackDocument document;
  const std::string deepest = std::string(512, '\x91') + '\x90';
  EXPECT_EQ(document.parse(deepest, kMaxDepth), "");
  EXPECT_EQ(document.parse(std::string(512, '\x91') + '\xc0', kMaxDepth), "");
  EXPECT_EQ(document.parse('\x91' + deepest, kMaxDepth), "Could not parse");
  EXPECT_FALSE(document.root().exists());
}

TEST(MsgpackRead, IntegersAreExact) {
  struct Row {
    const char* hex;
    Kind kind;
    bool has_signed;
    std::int64_t as_signed;
    bool has_unsigned;
    std::uint64_t as_unsigned;
  };
  const Row rows[] = {
      {"cfffffffffffffffff", Kind::unsigned_integer, false, 0, true, ~std::uint64_t{0}},
      {"cf8000000000000000", Kind::unsigned_integer, false, 0, true, std::uint64_t{1} << 63},
      {"cf7fffffffffffffff", Kind::integer, true, INT64_MAX, true, INT64_MAX},
      {"d37fffffffffffffff", Kind::integer, true, INT64_MAX, true, INT64_MAX},
      {"d38000000000000000", Kind::integer, true, INT64_MIN, false, 0},
      {"d0ff", Kind::integer, true, -1, false, 0},
      {"ccff", Kind::integer, true, 255, true, 255},
      {"cb4008000000000000", Kind::number, true, 3, true, 3},
      {"cbc008000000000000", Kind::number, true, -3, false, 0},
      {"cb400c000000000000", Kind::number, false, 0, false, 0},
      {"a131", Kind::string, false, 0, false, 0},
  };
  for (const Row& row : rows) {
    const std::string bytes = from_hex(row.hex);
    MsgpackDocument document;
    ASSERT_EQ(document.parse(bytes, kMaxDepth), "") << row.hex;
    const Element root = document.root();
    EXPECT_EQ(root.kind(), row.kind) << row.hex;
    std::int64_t s = 0;
    std::uint64_t u = 0;
    EXPECT_EQ(root.as_integer(s), row.has_signed) << row.hex;
    EXPECT_EQ(root.as_unsigned(u), row.has_unsigned) << row.hex;
    EXPECT_EQ(s, row.as_signed) << row.hex;
    EXPECT_EQ(u, row.as_unsigned) << row.hex;
  }
}

struct Point {
  double x = 0;
  std::optional<int> y;
  std::vector<std::string> tags;
};
SOCKETIO_FIELDS(Point, x, y, tags)

// What a handler's parameters are read by.
TEST(MsgpackRead, TypedValues) {
  const std::string bytes = packed(Value::array(
      {Value::object({{"x", 1.5}, {"other", 0}, {"tags", Value::array({"a", "b"})}, {"y", 7}}),
       Binary("bytes"), true, 3, Value::object({{"k", -1}}), "text"}));
  MsgpackDocument document;
  ASSERT_EQ(document.parse(bytes, kMaxDepth), "");
  const Element root = document.root();
  ASSERT_EQ(root.size(), 6U);
  Point point;
  ASSERT_TRUE(decode(root.at(0), point));
  EXPECT_EQ(point.x, 1.5);
  EXPECT_EQ(point.y, 7);
  EXPECT_EQ(point.tags, (std::vector<std::string>{"a", "b"}));
  Binary binary;
  ASSERT_TRUE(decode(root.at(1), binary));
  EXPECT_EQ(binary.view(), "bytes");
  bool truth = false;
  EXPECT_TRUE(decode(root.at(2), truth) && truth);
  int number = 0;
  EXPECT_TRUE(decode(root.at(3), number));
  EXPECT_EQ(number, 3);
  EXPECT_FALSE(decode(root.at(5), number));
  std::uint8_t small = 0;
  EXPECT_FALSE(decode(root.at(4), small));
  Raw raw;
  RawView view;
  ASSERT_TRUE(decode(root.at(0), raw));
  ASSERT_TRUE(decode(root.at(0), view));
  EXPECT_EQ(raw.json, R"({"x":1.5,"other":0,"tags":["a","b"],"y":7})");
  EXPECT_EQ(view.json, raw.json);
  EXPECT_FALSE(decode(root.at(1), raw));  // binary
  EXPECT_FALSE(decode(root, view));       // binary inside
  EXPECT_EQ(root.find("x").exists(), false);
  EXPECT_EQ(root.at(4).find("k").exists(), true);
}

// A date's text is made when it is asked for, and stays for as long as the packet.
TEST(MsgpackRead, DatesAreStrings) {
  const std::string bytes = from_hex("92d7000000018bcfe5687bd6ff00000000");
  MsgpackDocument document;
  ASSERT_EQ(document.parse(bytes, kMaxDepth), "");
  std::string_view first;
  std::string_view second;
  std::string_view again;
  ASSERT_TRUE(document.root().at(0).as_string(first));
  ASSERT_TRUE(document.root().at(1).as_string(second));
  ASSERT_TRUE(document.root().at(0).as_string(again));
  EXPECT_EQ(first, "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(second, "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(again.data(), first.data());
  std::string_view raw;
  ASSERT_TRUE(document.root().as_raw_view(raw));
  EXPECT_EQ(raw, R"(["2023-11-14T22:13:20.123Z","1970-01-01T00:00:00.000Z"])");
}

// Wide and deep at once: stepping over what lies inside takes one look-up and not a walk.
TEST(MsgpackRead, DeepAndLargeIsLinear) {
  std::string bytes;
  for (int i = 0; i < 511; ++i) bytes += from_hex("9300");  // [0, …, 1]
  bytes += from_hex("dc") + from_hex("ffff") + std::string(65535, '\0');
  bytes += std::string(511, '\1');
  MsgpackDocument document;
  ASSERT_EQ(document.parse(bytes, kMaxDepth), "");
  Element at = document.root();
  for (int i = 0; i < 511; ++i) {
    std::int64_t last = 0;
    ASSERT_TRUE(at.at(2).as_integer(last));
    EXPECT_EQ(last, 1);
    at = at.at(1);
  }
  EXPECT_EQ(at.size(), 65535U);
}

TEST(MsgpackRead, RandomValuesComeBack) {
  std::mt19937_64 random(20261128);
  for (int i = 0; i < 2000; ++i) {
    const Value value = testing::random_value(random, 5);
    const std::string bytes = packed(value);
    MsgpackDocument document;
    ASSERT_EQ(document.parse(bytes, kMaxDepth), "") << to_hex(bytes);
    const Value again = Value::read(document.root());
    ASSERT_EQ(again, value) << value.to_json();
    ASSERT_EQ(packed(again), bytes);
  }
}

}  // namespace
}  // namespace socketio::value
