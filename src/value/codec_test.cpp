#include <chrono>
#include <deque>
#include <list>
#include <map>
#include <set>
#include <unordered_map>

#include <gtest/gtest.h>

#include <socketio/codec.hpp>

#include "value/json_read.hpp"
#include "value/json_write.hpp"

namespace shop {

enum class Color : std::uint8_t { red, green = 200 };
enum Plain { first, second };
enum class Letter : char { a = 'a' };

struct Point {
  double x = 0;
  double y = 0;
  bool operator==(const Point&) const = default;
};
SOCKETIO_FIELDS(Point, x, y)

struct Item {
  std::string name;
  std::optional<int> count;
  std::vector<Point> path;
  std::map<std::string, Point> named;
  Color color = Color::red;
  std::optional<Point> at;
  bool operator==(const Item&) const = default;
};
SOCKETIO_FIELDS(Item, name, count, path, named, color, at)

struct Tree {
  int id = 0;
  std::vector<Tree> children;
};
SOCKETIO_FIELDS(Tree, id, children)

struct Glance {
  std::string_view text;
};
SOCKETIO_FIELDS(Glance, text)

struct Derived : Point {
  double z = 0;
};

struct Wide {
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x;
};
SOCKETIO_FIELDS(Wide, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x)

// Joins by a specialisation.
struct Celsius {
  double degrees = 0;
};

}  // namespace shop

template <>
struct socketio::Codec<shop::Celsius> {
  static void write(Writer& to, const shop::Celsius& value) { to.number(value.degrees); }
  static bool read(const Element& from, shop::Celsius& out) {
    return from.as_number(out.degrees) && out.degrees >= -273.15;
  }
};

namespace socketio {
namespace {

using namespace std::string_literals;

template <class T>
std::string written(const T& value) {
  base::TextBuffer out;
  std::vector<base::Bytes> attachments;
  value::JsonWriter writer(out, attachments);
  encode(writer, value);
  return std::string(out.view());
}

template <class T>
std::optional<T> read(base::Bytes json) {
  value::JsonDocument document;
  EXPECT_TRUE(document.parse_copy(json)) << json;
  T out{};
  if (!decode(document.root(), out)) return std::nullopt;
  return out;
}

template <class T>
void expect_same(const T& value, base::Bytes json) {
  EXPECT_EQ(written(value), json);
  EXPECT_EQ(read<T>(json), value) << json;
}

template <class T>
void expect_refused(std::initializer_list<base::Bytes> texts) {
  for (const base::Bytes json : texts) EXPECT_FALSE(read<T>(json)) << json;
}

template <class T>
void expect_range(base::Bytes least, base::Bytes most, base::Bytes below, base::Bytes above) {
  using Limits = std::numeric_limits<T>;
  expect_same(Limits::min(), least);
  expect_same(Limits::max(), most);
  expect_refused<T>({below, above, "0.5", "true", "\"1\"", "null", "[1]", "1e999"});
  EXPECT_EQ(read<T>("7.0"), T{7});
}

TEST(Codec, Integers) {
  expect_range<std::int8_t>("-128", "127", "-129", "128");
  expect_range<std::uint8_t>("0", "255", "-1", "300");
  expect_range<std::int16_t>("-32768", "32767", "-32769", "32768");
  expect_range<std::uint16_t>("0", "65535", "-1", "65536");
  expect_range<std::int32_t>("-2147483648", "2147483647", "-2147483649", "2147483648");
  expect_range<std::uint32_t>("0", "4294967295", "-1", "4294967296");
  expect_range<std::int64_t>("-9223372036854775808", "9223372036854775807", "-1e19",
                             "9223372036854775808");
  expect_range<std::uint64_t>("0", "18446744073709551615", "-1", "18446744073709551616");
  expect_range<long long>("-9223372036854775808", "9223372036854775807", "-1e19", "1e19");
  expect_range<unsigned char>("0", "255", "-1", "256");
}

TEST(Codec, OtherScalars) {
  expect_same(true, "true");
  expect_refused<bool>({"1", "0", "null", "\"true\""});
  expect_same(1.5, "1.5");
  EXPECT_EQ(read<double>("3"), 3.0);
  EXPECT_EQ(read<double>("18446744073709551615"), 18446744073709551615.0);
  EXPECT_EQ(read<double>("1e999"), std::numeric_limits<double>::infinity());
  expect_refused<double>({"\"1\"", "true", "null", "[]"});
  expect_same(1.5F, "1.5");
  expect_refused<float>({"1e300"});
  EXPECT_EQ(read<float>("-1e999"), -std::numeric_limits<float>::infinity());
  expect_same("text"s, "\"text\"");
  expect_refused<std::string>({"1", "null", "[]"});
  expect_refused<std::string_view>({"1", "null"});
  EXPECT_EQ(written("literal"), "\"literal\"");
  EXPECT_EQ(written(static_cast<const char*>(nullptr)), "null");
  EXPECT_EQ(written(nullptr), "null");
  expect_refused<std::nullptr_t>({"0", "false"});
  expect_same(shop::Color::green, "200");
  EXPECT_EQ(read<shop::Color>("3"), shop::Color{3});
  expect_refused<shop::Color>({"256", "-1", "\"red\"", "1.5"});
  expect_same(shop::second, "1");
  expect_same(shop::Letter::a, "97");
  expect_same(std::monostate{}, "null");
}

TEST(Codec, StringViewsPointIntoThePacket) {
  value::JsonDocument document;
  ASSERT_TRUE(document.parse_copy(R"(["a\n",{"k":1.0}])"));
  std::tuple<std::string_view, RawView> out;
  ASSERT_TRUE(decode(document.root(), out));
  EXPECT_EQ(std::get<0>(out), "a\n");
  EXPECT_EQ(std::get<1>(out).json, R"({"k":1.0})");
  EXPECT_EQ(written(std::get<1>(out)), R"({"k":1.0})");
  Raw raw;
  ASSERT_TRUE(decode(document.root(), raw));
  EXPECT_EQ(raw.json, R"(["a\n",{"k":1}])");
  EXPECT_EQ(written(raw), raw.json);
}

TEST(Codec, BinaryTypes) {
  const std::string bytes =
      "\0\xFF"
      "b"s;
  value::JsonDocument document;
  ASSERT_TRUE(document.parse_copy(R"({"_placeholder":true,"num":0})"));
  Binary binary;
  Raw raw;
  RawView raw_view;
  EXPECT_FALSE(decode(document.root(), binary));  // an ordinary object until bound
  const std::vector<base::Bytes> attachments{bytes};
  ASSERT_TRUE(document.bind_attachments(attachments));
  BinaryView view;
  std::vector<std::byte> vector;
  std::span<const std::byte> span;
  Value value;
  std::string text;
  ASSERT_TRUE(decode(document.root(), binary) && decode(document.root(), view) &&
              decode(document.root(), vector) && decode(document.root(), span) &&
              decode(document.root(), value));
  EXPECT_EQ(binary.view(), bytes);
  EXPECT_EQ(view.data(), bytes.data());
  EXPECT_EQ(vector.size(), bytes.size());
  EXPECT_EQ(vector[1], std::byte{0xFF});
  EXPECT_EQ(static_cast<const void*>(span.data()), bytes.data());
  EXPECT_EQ(value, Value(binary));
  EXPECT_FALSE(decode(document.root(), text) || decode(document.root(), raw) ||
               decode(document.root(), raw_view));
  const auto placeholder = R"({"_placeholder":true,"num":0})";
  EXPECT_EQ(written(binary), placeholder);
  EXPECT_EQ(written(view), placeholder);
  EXPECT_EQ(written(vector), placeholder);
  EXPECT_EQ(written(span), placeholder);
  EXPECT_EQ(written(std::array<std::byte, 2>{}), placeholder);
  expect_refused<Binary>({"\"text\"", "[1,2]", "null"});
  expect_refused<std::vector<std::byte>>({"[1,2]", "\"text\""});
}

TEST(Codec, Optional) {
  expect_same(std::optional(1), "1");
  EXPECT_EQ(written(std::optional<int>()), "null");
  EXPECT_EQ(read<std::optional<int>>("null"), std::make_optional(std::optional<int>()));
  expect_refused<std::optional<int>>({"\"1\"", "1.5"});
  std::optional<int> out = 7;
  EXPECT_TRUE(decode(Element(), out));  // a missing argument
  EXPECT_EQ(out, std::nullopt);
  int plain = 7;
  EXPECT_FALSE(decode(Element(), plain));
}

TEST(Codec, Sequences) {
  expect_same(std::vector{1, 2, 3}, "[1,2,3]");
  expect_same(std::vector<bool>{true, false}, "[true,false]");
  expect_same(std::deque<std::string>{"a", "b"}, R"(["a","b"])");
  expect_same(std::list<double>{1.5}, "[1.5]");
  expect_same(std::set<int>{3, 1, 2}, "[1,2,3]");
  expect_same(std::vector<std::vector<int>>{{1}, {}, {2, 3}}, "[[1],[],[2,3]]");
  expect_same(Args{1, "two", nullptr}, R"([1,"two",null])");
  EXPECT_EQ(written(std::span<const int>(std::array{1, 2})), "[1,2]");
  EXPECT_EQ(read<std::set<int>>("[1,1]"), std::set{1});
  expect_refused<std::vector<int>>({"[1,\"2\"]", "[1,[2]]", "{}", "1", "null", "[null]"});
  std::vector<int> used{9, 9};
  value::JsonDocument document;
  ASSERT_TRUE(document.parse_copy("[1]"));
  ASSERT_TRUE(decode(document.root(), used));
  EXPECT_EQ(used, std::vector{1});
}

TEST(Codec, AnArrayOfNothingReservesLittle) {
  std::string text = "[";
  for (int i = 0; i < 100000; ++i) text += "0,";
  text.back() = ']';
  value::JsonDocument document;
  ASSERT_TRUE(document.parse_copy(text));
  std::vector<std::array<std::string, 16>> out;
  EXPECT_FALSE(decode(document.root(), out));
  EXPECT_LE(out.capacity() * sizeof(out[0]), detail::kReserveBytes);
}

TEST(Codec, FixedLength) {
  expect_same(std::pair{1, "a"s}, R"([1,"a"])");
  expect_same(std::tuple{1, "a"s, true}, R"([1,"a",true])");
  expect_same(std::tuple<>{}, "[]");
  expect_same(std::array{1, 2}, "[1,2]");
  expect_refused<std::pair<int, int>>({"[1]", "[1,2,3]", "{}", "[1,\"2\"]"});
  expect_refused<std::tuple<int, int>>({"[1]", "[1,2,3]", "null"});
  expect_refused<std::array<int, 2>>({"[1]", "[1,2,3]", "[1,null]"});
}

TEST(Codec, Maps) {
  expect_same(std::map<std::string, int>{{"a", 1}, {"b", 2}}, R"({"a":1,"b":2})");
  expect_same(std::unordered_map<std::string, std::vector<int>>{{"a", {1}}}, R"({"a":[1]})");
  EXPECT_EQ((read<std::map<std::string, int>>(R"({"a":1,"a":2})")),
            (std::map<std::string, int>{{"a", 2}}));
  expect_refused<std::map<std::string, int>>({R"({"a":"1"})", "[]", "null"});
  expect_same(Object{{"z", 1}, {"a", Value::array({})}}, R"({"z":1,"a":[]})");
  expect_refused<Object>({"[]", "1"});
}

TEST(Codec, Variant) {
  using Any = std::variant<std::monostate, int, double, std::string, std::vector<int>>;
  expect_same(Any(1), "1");
  expect_same(Any(1.5), "1.5");
  expect_same(Any("x"s), "\"x\"");
  expect_same(Any(std::vector{1}), "[1]");
  expect_same(Any(), "null");
  expect_refused<Any>({"true", "[\"a\"]", "{}"});
}

TEST(Codec, Structs) {
  expect_same(shop::Point{1, 2.5}, R"({"x":1,"y":2.5})");
  EXPECT_EQ(read<shop::Point>(R"({"y":2,"more":[{}],"x":1})"), (shop::Point{1, 2}));
  EXPECT_EQ(read<shop::Point>(R"({"x":1,"y":2,"x":3})"), (shop::Point{3, 2}));
  expect_refused<shop::Point>({R"({"x":1})", R"({"x":1,"y":null})", R"({"x":1,"y":"2"})", "[1,2]",
                               "null", "{}", R"({"x":1,"Y":2})"});
  expect_same(shop::Item{"n", 2, {{1, 2}}, {{"k", {3, 4}}}, shop::Color::green, shop::Point{5, 6}},
              R"({"name":"n","count":2,"path":[{"x":1,"y":2}],"named":{"k":{"x":3,"y":4}},)"
              R"("color":200,"at":{"x":5,"y":6}})");
  expect_same(shop::Item{"n", {}, {}, {}, shop::Color::red, {}},
              R"({"name":"n","path":[],"named":{},"color":0})");
  EXPECT_EQ(read<shop::Item>(R"({"name":"","path":[],"named":{},"color":0,"at":null})"),
            shop::Item{});
  expect_refused<shop::Item>({R"({"name":"","path":[{"x":1}],"named":{},"color":0})",
                              R"({"name":"","path":[],"named":{},"color":0,"count":"1"})"});
}

TEST(Codec, AnAbsentOptionalFieldIsCleared) {
  shop::Item item;
  item.count = 7;
  value::JsonDocument document;
  ASSERT_TRUE(document.parse_copy(R"({"name":"","path":[],"named":{},"color":0})"));
  ASSERT_TRUE(decode(document.root(), item));
  EXPECT_EQ(item.count, std::nullopt);
}

TEST(Codec, RecursiveAndWideStructs) {
  const auto tree = read<shop::Tree>(R"({"id":1,"children":[{"id":2,"children":[]}]})");
  ASSERT_TRUE(tree);
  EXPECT_EQ(tree->children.at(0).id, 2);
  EXPECT_EQ(written(*tree), R"({"id":1,"children":[{"id":2,"children":[]}]})");
  shop::Wide wide{};
  wide.x = 24;
  const auto again = read<shop::Wide>(written(wide));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->x, 24);
}

TEST(Codec, OwnSpecialisation) {
  EXPECT_EQ(written(std::vector<shop::Celsius>{{1.5}}), "[1.5]");
  EXPECT_TRUE(read<shop::Celsius>("20"));
  expect_refused<shop::Celsius>({"-300", "\"20\""});
}

TEST(Codec, DynamicTypes) {
  EXPECT_EQ(read<Value>(R"({"a":[1,null]})"), Value::object({{"a", Value::array({1, nullptr})}}));
  value::JsonDocument document;
  ASSERT_TRUE(document.parse_copy("[1,2]"));
  Element element;
  ASSERT_TRUE(decode(document.root(), element));
  EXPECT_EQ(element.size(), 2u);
}

struct Opaque {};

// What does not join, in both directions; require_encodable() says why.
static_assert(!Encodable<char> && !Decodable<char> && !Encodable<wchar_t> && !Encodable<char8_t>);
static_assert(!Encodable<std::vector<char>> && !Decodable<std::optional<char>>);
static_assert(!Encodable<std::chrono::seconds> && !Decodable<std::chrono::milliseconds>);
static_assert(!Encodable<int*> && !Encodable<Opaque> && !Decodable<std::vector<Opaque>>);
static_assert(!Encodable<shop::Derived> && !Encodable<std::byte>);
static_assert(!Decodable<std::map<int, int>> && !Decodable<const char*> && !Encodable<Element>);
static_assert(!Decodable<std::span<const int>> && !Decodable<std::array<std::byte, 2>>);
static_assert(Encodable<const std::string&> && Encodable<const char (&)[3]> && Encodable<char*>);
static_assert(Encodable<std::int8_t> && Decodable<unsigned char>);

static_assert(is_view_v<std::string_view> && is_view_v<const BinaryView&> && is_view_v<RawView>);
static_assert(is_view_v<std::span<const std::byte>> && is_view_v<Element>);
static_assert(is_view_v<std::optional<std::string_view>> && is_view_v<std::pair<int, RawView>>);
static_assert(is_view_v<std::vector<std::string_view>> && is_view_v<shop::Glance>);
static_assert(is_view_v<std::map<std::string, std::variant<int, BinaryView>>>);
static_assert(is_view_v<std::vector<shop::Glance>> && is_view_v<std::tuple<shop::Glance>>);
static_assert(!is_view_v<int> && !is_view_v<std::string> && !is_view_v<Binary>);
static_assert(!is_view_v<Value> && !is_view_v<Args> && !is_view_v<Object> && !is_view_v<Raw>);
static_assert(!is_view_v<shop::Tree> && !is_view_v<shop::Item> && !is_view_v<std::tuple<>>);

}  // namespace
}  // namespace socketio
