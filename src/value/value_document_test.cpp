#include "value/value_document.hpp"

#include <random>

#include <gtest/gtest.h>

#include "value/date.hpp"
#include "value/msgpack_testing.hpp"
#include "value/value_writer.hpp"

namespace socketio::value {
namespace {

TEST(ValueDocument, ShowsWhatIsThere) {
  const Value value =
      Value::array({"name", 1, 1.5, true, nullptr, Binary("b"), 1ULL << 63,
                    Value::object({{"a", 1}, {"b", Value::array({})}, {"c", Value::object({})}})});
  ValueDocument document;
  EXPECT_FALSE(document.root().exists());
  document.show(value);
  const Element root = document.root();
  ASSERT_EQ(root.size(), 8U);
  std::string_view text;
  std::uint64_t natural = 0;
  std::int64_t integer = 0;
  double number = 0;
  bool boolean = false;
  EXPECT_TRUE(root.at(0).as_string(text) && text == "name");
  EXPECT_TRUE(root.at(1).as_unsigned(natural) && natural == 1);
  EXPECT_TRUE(root.at(1).as_number(number) && number == 1);
  EXPECT_FALSE(root.at(2).as_integer(integer));
  EXPECT_TRUE(root.at(3).as_bool(boolean) && boolean);
  EXPECT_TRUE(root.at(4).is_null());
  EXPECT_TRUE(root.at(5).as_binary(text) && text == "b");
  EXPECT_TRUE(root.at(6).as_unsigned(natural) && natural == 1ULL << 63);
  EXPECT_FALSE(root.at(6).as_integer(integer));
  EXPECT_TRUE(root.at(7).find("a").as_integer(integer) && integer == 1);
  EXPECT_FALSE(root.at(8).exists());
  EXPECT_FALSE(root.at(0).as_number(number));
  std::string raw;
  ASSERT_TRUE(root.at(7).as_raw(raw));
  EXPECT_EQ(raw, R"({"a":1,"b":[],"c":{}})");
  EXPECT_FALSE(root.as_raw(raw));
}

TEST(ValueDocument, RandomValues) {
  std::mt19937_64 random(7);
  ValueDocument document;
  for (int i = 0; i < 500; ++i) {
    const Value value = testing::random_value(random, 4);
    document.show(value);
    ASSERT_EQ(Value::read(document.root()), value);
    ValueWriter writer;
    copy(document.root(), writer);
    const Args again = writer.take();
    ASSERT_EQ(again.size(), 1U);
    ASSERT_EQ(again[0], value);
  }
}

// Linear, not timed: quadratic work on these sizes would take minutes.
TEST(ValueWriter, LargeObjects) {
  constexpr int kMembers = 200'000;
  ValueWriter writer;
  writer.begin_object();
  for (int i = 0; i < 2 * kMembers; ++i) {
    writer.key("k" + std::to_string(i % kMembers));
    writer.integer(i);
  }
  writer.end_object();
  const Args all = writer.take();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].size(), std::size_t{kMembers});
  EXPECT_EQ(all[0]["k7"].to_integer(), kMembers + 7);
}

TEST(Date, AsToIsoString) {
  struct Row {
    std::int64_t milliseconds;
    const char* text;
  };
  // Recorded from Node 20.
  const Row rows[] = {
      {0, "1970-01-01T00:00:00.000Z"},
      {-1, "1969-12-31T23:59:59.999Z"},
      {1'700'000'000'123, "2023-11-14T22:13:20.123Z"},
      {951'782'400'000, "2000-02-29T00:00:00.000Z"},
      {-62'167'219'200'000, "0000-01-01T00:00:00.000Z"},
      {-62'167'219'200'001, "-000001-12-31T23:59:59.999Z"},
      {253'402'300'799'999, "9999-12-31T23:59:59.999Z"},
      {253'402'300'800'000, "+010000-01-01T00:00:00.000Z"},
      {kMaxDate, "+275760-09-13T00:00:00.000Z"},
      {-kMaxDate, "-271821-04-20T00:00:00.000Z"},
  };
  for (const Row& row : rows) EXPECT_EQ(iso_date(row.milliseconds), row.text);
  EXPECT_TRUE(is_date(kMaxDate) && is_date(-kMaxDate));
  EXPECT_FALSE(is_date(kMaxDate + 1) || is_date(-kMaxDate - 1));
}

}  // namespace
}  // namespace socketio::value
