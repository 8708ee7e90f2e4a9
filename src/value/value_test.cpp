#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include <socketio/value.hpp>

#include "value/json_read.hpp"
#include "value/json_write.hpp"

namespace socketio {
namespace {

// Writes, then reads with the attachments in place.
Value round_trip(const Value& value) {
  base::TextBuffer text;
  std::vector<base::Bytes> attachments;
  value::JsonWriter writer(text, attachments);
  value.write(writer);
  value::JsonDocument document;
  EXPECT_TRUE(document.parse_copy(text.view())) << text.view();
  EXPECT_TRUE(document.bind_attachments(attachments));
  return Value::read(document.root());
}

TEST(Value, Kinds) {
  const Value values[] = {nullptr,
                          true,
                          -1,
                          std::numeric_limits<std::uint64_t>::max(),
                          1.5,
                          "s",
                          Binary("b"),
                          Value::array({1}),
                          Value::object({{"a", 1}})};
  std::size_t kind = 0;
  for (const Value& value : values) {
    EXPECT_EQ(value.kind(), static_cast<Kind>(kind++));
    EXPECT_EQ(round_trip(value), value);
  }
  EXPECT_EQ(Value(1u).kind(), Kind::integer);
  EXPECT_EQ(Value(std::uint8_t{200}).to_integer(), 200);
  EXPECT_EQ(Value(1.5F).kind(), Kind::number);
  static_assert(!std::is_constructible_v<Value, char>);
  static_assert(!std::is_constructible_v<Value, int*>);
  static_assert(!std::is_constructible_v<Value, const void*>);
}

TEST(Value, Conversions) {
  EXPECT_EQ(Value(3.0).to_integer(), 3);
  EXPECT_EQ(Value(3.5).to_integer(7), 7);
  EXPECT_EQ(Value(1e300).to_integer(7), 7);
  EXPECT_EQ(Value(std::numeric_limits<double>::quiet_NaN()).to_integer(7), 7);
  EXPECT_EQ(Value(std::numeric_limits<std::uint64_t>::max()).to_integer(7), 7);
  EXPECT_EQ(Value(std::uint64_t{1} << 63).to_number(), 9223372036854775808.0);
  EXPECT_EQ(Value("3").to_number(7), 7);
  EXPECT_EQ(Value("3").to_integer(7), 7);
  EXPECT_EQ(Value(2).to_number(), 2.0);
  EXPECT_TRUE(Value(true).to_bool());
  EXPECT_FALSE(Value(1).to_bool());
  EXPECT_EQ(Value("x").to_string(), "x");
  EXPECT_EQ(Value(1).to_string("none"), "none");
}

TEST(Value, Access) {
  Value value;
  value["a"]["b"] = 1;
  value["c"] = Value::array({1, "two", nullptr});
  const Value& view = value;
  EXPECT_EQ(view["a"]["b"].to_integer(), 1);
  EXPECT_EQ(view["c"][1].to_string(), "two");
  EXPECT_TRUE(view["c"][3].is_null());
  EXPECT_TRUE(view["x"]["y"][0].is_null());
  EXPECT_TRUE(view[0].is_null());
  EXPECT_EQ(value["c"][0].to_integer(), 1);
  EXPECT_TRUE(value[0].is_null());
  EXPECT_EQ(view.size(), 2u);
  EXPECT_EQ(view["c"].size(), 3u);
  EXPECT_EQ(view["a"]["b"].size(), 0u);
  EXPECT_EQ(value.to_json(), R"({"a":{"b":1},"c":[1,"two",null]})");
}

TEST(Value, Objects) {
  Object object{{"b", 1}, {"a", 2}, {"b", 3}};
  EXPECT_EQ(Value(object).to_json(), R"({"b":3,"a":2})");
  EXPECT_TRUE(object.contains("a"));
  EXPECT_EQ(object.find("z"), nullptr);
  EXPECT_EQ(object, (Object{{"a", 2}, {"b", 3}}));
  EXPECT_FALSE(object == (Object{{"a", 2}, {"c", 3}}));
  EXPECT_FALSE(object == (Object{{"a", 2}}));
  EXPECT_TRUE(object.erase("b"));
  EXPECT_FALSE(object.erase("b"));
  EXPECT_EQ(object.size(), 1u);
}

// Of objects that clients send, so it must not be quadratic: 5e9 comparisons.
TEST(Value, LargeObjectsOfAnyOrderCompareSoon) {
  constexpr int kMembers = 100'000;
  const auto text = [](bool reversed, int last) {
    std::string out = "{\"first\":0";
    for (int i = 0; i < kMembers; ++i) {
      const int n = reversed ? kMembers - 1 - i : i;
      out += ",\"key" + std::to_string(n) + "\":" + std::to_string(n == 7 ? last : n);
    }
    return out + "}";
  };
  const std::optional<Value> one = Value::parse(text(false, 7));
  EXPECT_EQ(one, Value::parse(text(true, 7)));
  EXPECT_NE(one, Value::parse(text(true, 8)));
}

// Around the number of members where looking for duplicates changes its way.
TEST(Value, ReceivedDuplicatesKeepTheFirstPlaceAndTheLastValue) {
  for (const int count : {1, 2, 15, 16, 17, 40}) {
    std::string text = "{";
    std::string expected = "{";
    for (int i = 0; i < count; ++i) text += "\"k" + std::to_string(i) + "\":0,";
    for (int i = 0; i < count; i += 2) text += "\"k" + std::to_string(i) + "\":1,";
    for (int i = 0; i < count; ++i) {
      expected += "\"k" + std::to_string(i) + (i % 2 == 0 ? "\":1," : "\":0,");
    }
    text.back() = '}';
    expected.back() = '}';
    const auto value = Value::parse(text);
    ASSERT_TRUE(value);
    EXPECT_EQ(value->to_json(), expected);
  }
}

TEST(Value, NumbersOfDifferentKindsCompare) {
  EXPECT_EQ(Value(1), Value(1.0));
  EXPECT_EQ(Value(1e19), Value(std::uint64_t{10000000000000000000u}));
  EXPECT_FALSE(Value(1) == Value(true));
  EXPECT_FALSE(Value(1) == Value("1"));
  EXPECT_FALSE(Value(1) == Value(1.5));
  EXPECT_FALSE(Value("a") == Value(Binary("a")));
}

TEST(Value, ParseAndToJson) {
  EXPECT_EQ(Value::parse("{"), std::nullopt);
  EXPECT_EQ(Value::parse(""), std::nullopt);
  EXPECT_EQ(Value::parse(" [1] "), Value::array({1}));
  EXPECT_EQ(Value::array({Binary("x"), Value::object({{"b", Binary("y")}})}).to_json(),
            R"([{"_placeholder":true,"num":0},{"b":{"_placeholder":true,"num":1}}])");
}

class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}

  Value value(int depth) {
    switch (below(depth > 0 ? 9 : 7)) {
      case 0:
        return nullptr;
      case 1:
        return below(2) == 0;
      case 2:
        return static_cast<std::int64_t>(engine_() >> below(64));
      case 3:
        return engine_() | std::uint64_t{1} << 63;
      case 4:
        return number();
      case 5:
        return text();
      case 6:
        return Binary(text());
      case 7: {
        Array out;
        for (auto i = below(6); i > 0; --i) out.push_back(value(depth - 1));
        return out;
      }
      default: {
        Object out;
        for (auto i = below(6); i > 0; --i) out[text()] = value(depth - 1);
        return out;
      }
    }
  }

 private:
  std::uint64_t below(std::uint64_t n) { return engine_() % n; }
  double number() {
    for (;;) {
      const auto v = std::bit_cast<double>(engine_());
      // JS writes integers between 2^53 and 10^21 rounded, which are then others as integers.
      if (std::isfinite(v) && !(std::abs(v) > 9e15 && std::abs(v) < 1e21)) return v;
    }
  }
  std::string text() {
    static const char* const kPieces[] = {
        "a", "\"", "\\", "\n", "\x1F", "name", "\xC3\xA9", "\x7F", "\xF0\x9F\x98\x80", " "};
    std::string out;
    for (auto i = below(12); i > 0; --i) out += kPieces[below(std::size(kPieces))];
    return out;
  }

  std::mt19937_64 engine_;
};

TEST(Value, WhatIsWrittenReadsEqual) {
  for (std::uint32_t seed = 0; seed < 5000; ++seed) {
    const Value value = Random(seed).value(5);
    ASSERT_EQ(round_trip(value), value) << "seed " << seed << ' ' << value.to_json();
  }
}

}  // namespace
}  // namespace socketio
