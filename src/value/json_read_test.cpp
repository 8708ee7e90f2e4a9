#include "value/json_read.hpp"

#include <array>
#include <limits>
#include <memory>

#include <gtest/gtest.h>

#include "value/json_write.hpp"

namespace socketio::value {
namespace {

using namespace std::string_literals;

// Text with exactly the promised padding behind it, of bytes that would break a number or a string.
class Padded {
 public:
  explicit Padded(base::Bytes text) : size_(text.size()), data_(new char[size_ + base::kPadding]) {
    text.copy(data_.get(), size_);
    std::fill_n(data_.get() + size_, base::kPadding, '7');
  }
  base::Bytes text() const { return {data_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<char[]> data_;
};

std::string nested(base::Bytes open, std::size_t depth, base::Bytes inner, base::Bytes close) {
  std::string out;
  for (std::size_t i = 0; i < depth; ++i) out += open;
  out += inner;
  for (std::size_t i = 0; i < depth; ++i) out += close;
  return out;
}

// What the reader made of it, written again; "refused" when it is none.
std::string echo(base::Bytes text) {
  JsonDocument document;
  const Padded padded(text);
  if (!document.parse(padded.text())) return "refused";
  return Value::read(document.root()).to_json();
}

struct Row {
  const char* id;
  std::string in;
  std::string out;
};

// reliability table 3.10; what the JS reference does is noted where we differ.
const Row kRows[] = {
    {"J01", std::string(10000, '['), "refused"},
    {"J02", nested("{\"a\":", 20000, "", ""), "refused"},
    {"J03", "[NaN]", "refused"},
    {"J04", "[Infinity]", "refused"},
    {"J05", "[-]", "refused"},
    {"J06", "[01]", "refused"},
    {"J07", "[1.]", "refused"},
    {"J08", "[.5]", "refused"},
    {"J09", "[1e999,-1e999]", "[null,null]"},
    {"J10", "[123456789012345678901234567890]", "[1.2345678901234568e+29]"},
    {"J11", "[9007199254740993]", "[9007199254740993]"},  // JS rounds to …992
    {"J12", "[-0,-0.0]", "[0,0]"},
    {"J13", R"(["\ud800"])", "[\"\xEF\xBF\xBD\"]"},  // JS keeps the escape
    {"J14", R"(["\u0000"])", R"(["\u0000"])"},
    {"J15", "[\"a\tb\"]", "refused"},
    {"J16", "['a']", "refused"},
    {"J17", R"([{"a":1,"a":2}])", R"([{"a":2}])"},
    {"J18", R"([{"__proto__":{"x":1}}])", R"([{"__proto__":{"x":1}}])"},
    {"J19", "[1,]", "refused"},
    {"J19", R"({"a":1,})", "refused"},
    {"J20", "[1/*c*/]", "refused"},
    {"J20", "[1]//c", "refused"},
    {"J21", R"(["\x41"])", "refused"},
    {"J22", "[1] \r\n\t ", "[1]"},
    {"J23", "\xEF\xBB\xBF[1]", "refused"},
    {"J24", "[1][2]", "refused"},
    {"J24", "1 2", "refused"},
    {"J25", nested("", 1, R"(["\u00e9\u00e9"])", ""), "[\"\xC3\xA9\xC3\xA9\"]"},
    // J26, from JSONTestSuite: the kinds of n_ and y_ files not named above.
    {"J26", "", "refused"},
    {"J26", " ", "refused"},
    {"J26", "[", "refused"},
    {"J26", "]", "refused"},
    {"J26", "[\"a\"", "refused"},
    {"J26", "[1 true]", "refused"},
    {"J26", "[\"\": 1]", "refused"},
    {"J26", "{\"x\", null}", "refused"},
    {"J26", "{1:1}", "refused"},
    {"J26", "{\"a\":\"b\"}#", "refused"},
    {"J26", "[,1]", "refused"},
    {"J26", "[1,,2]", "refused"},
    {"J26", "[nul]", "refused"},
    {"J26", "[True]", "refused"},
    {"J26", "[+1]", "refused"},
    {"J26", "[0x42]", "refused"},
    {"J26", "[0e+]", "refused"},
    {"J26", "[1eE2]", "refused"},
    {"J26", "[-01]", "refused"},
    {"J26", "[1]\0"s, "refused"},
    {"J26", "[\x0C]", "refused"},
    {"J26", "[\"\\u00A\"]", "refused"},
    {"J26", "[\"\\\"]", "refused"},
    {"J26", "[\"\xFF\"]", "refused"},
    {"J26", "[\"\xED\xA0\x80\"]", "refused"},
    {"J26", "\"\\uD800\\", "refused"},
    {"J26", "[]", "[]"},
    {"J26", "{}", "{}"},
    {"J26", "null", "null"},
    {"J26", "\"a\"", "\"a\""},
    {"J26", "42", "42"},
    {"J26", " [ ] ", "[]"},
    {"J26", "{\"\":0}", "{\"\":0}"},
    {"J26", "[1E+2,1e-2,20e1]", "[100,0.01,200]"},
    {"J26", "[\"\\uD801\\udc37\"]", "[\"\xF0\x90\x90\xB7\"]"},
    {"J26", "[\"\\u2028\x7F\"]", "[\"\xE2\x80\xA8\x7F\"]"},
};

TEST(JsonRead, Table) {
  for (const Row& row : kRows) {
    EXPECT_EQ(echo(row.in), row.out) << row.id << ' ' << row.in.substr(0, 60);
  }
}

TEST(JsonRead, J25ManyEscapes) {
  std::string in = "[\"";
  std::string out = "[\"";
  for (int i = 0; i < 50; ++i) {
    in += "\\u00e9";
    out += "\xC3\xA9";
  }
  EXPECT_EQ(echo(in + "\"]"), out + "\"]");
}

// Linear, not timed: quadratic work on these sizes would take minutes.
TEST(JsonRead, J27LargeInputs) {
  std::string quotes;
  for (int i = 0; i < 500000; ++i) quotes += "\\\"";
  EXPECT_EQ(echo("[\"" + quotes + "\"]"), "[\"" + quotes + "\"]");
  EXPECT_EQ(echo("[" + std::string(1000000, '1') + "]"), "[null]");
  EXPECT_EQ(echo("[0." + std::string(1000000, '1') + "]"), "[0.1111111111111111]");
  std::string keys = "{";
  for (int i = 0; i < 300000; ++i) {
    keys += "\"k" + std::to_string(i % 150000) + "\":" + std::to_string(i) + ",";
  }
  keys.back() = '}';
  JsonDocument document;
  ASSERT_TRUE(document.parse_copy(keys));
  const Value value = Value::read(document.root());
  EXPECT_EQ(value.size(), 150000u);
  EXPECT_EQ(value["k7"].to_integer(), 150007);
  std::string views = "[";
  for (int i = 0; i < 300000; ++i) views += "[7],";
  views.back() = ']';
  ASSERT_TRUE(document.parse_copy(views));
  for (auto child = document.root().children(); child.next();) {
    std::string_view text;
    ASSERT_TRUE(child.value().as_raw_view(text));
    ASSERT_EQ(text, "[7]");
  }
}

TEST(JsonRead, Depth) {
  for (const auto& [open, inner, close] :
       {std::array<base::Bytes, 3>{"[", "1", "]"}, {"{\"a\":", "1", "}"}}) {
    for (const std::size_t depth : {kMaxDepth - 1, kMaxDepth}) {
      const std::string text = nested(open, depth, inner, close);
      EXPECT_EQ(echo(text), text) << depth;
    }
    EXPECT_EQ(echo(nested(open, kMaxDepth + 1, inner, close)), "refused");
  }
  // An empty innermost container does not count.
  EXPECT_NE(echo(nested("[", kMaxDepth + 1, "", "]")), "refused");
  EXPECT_EQ(echo(nested("[", kMaxDepth + 2, "", "]")), "refused");
}

TEST(JsonRead, Numbers) {
  JsonDocument document;
  ASSERT_TRUE(document.parse_copy(
      "[9223372036854775807,9223372036854775808,18446744073709551615,18446744073709551616,"
      "-9223372036854775808,-9223372036854775809,3.0,1e3,0.5,1e999,-1e999,1e-999,\"1\",-1]"));
  const Element root = document.root();
  const auto integer = [&](std::size_t i) {
    std::int64_t v = 0;
    return root.at(i).as_integer(v) ? std::optional(v) : std::nullopt;
  };
  const auto natural = [&](std::size_t i) {
    std::uint64_t v = 0;
    return root.at(i).as_unsigned(v) ? std::optional(v) : std::nullopt;
  };
  const auto number = [&](std::size_t i) {
    double v = 0;
    return root.at(i).as_number(v) ? std::optional(v) : std::nullopt;
  };
  using I = std::numeric_limits<std::int64_t>;
  using U = std::numeric_limits<std::uint64_t>;
  EXPECT_EQ(integer(0), I::max());
  EXPECT_EQ(natural(0), 9223372036854775807u);
  EXPECT_EQ(integer(1), std::nullopt);
  EXPECT_EQ(natural(1), 9223372036854775808u);
  EXPECT_EQ(natural(2), U::max());
  EXPECT_EQ(natural(3), std::nullopt);
  EXPECT_EQ(number(3), 18446744073709551616.0);
  EXPECT_EQ(integer(4), I::min());
  EXPECT_EQ(integer(5), I::min());  // rounded to a double, as in JS
  EXPECT_EQ(integer(6), 3);
  EXPECT_EQ(natural(7), 1000u);
  EXPECT_EQ(integer(8), std::nullopt);
  EXPECT_EQ(number(8), 0.5);
  EXPECT_EQ(number(9), std::numeric_limits<double>::infinity());
  EXPECT_EQ(integer(9), std::nullopt);
  EXPECT_EQ(number(10), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(number(11), 0.0);
  EXPECT_EQ(number(12), std::nullopt);
  EXPECT_EQ(natural(13), std::nullopt);
  EXPECT_EQ(number(13), -1.0);
}

TEST(JsonRead, KindsAndChildren) {
  JsonDocument document;
  ASSERT_TRUE(
      document.parse_copy(R"([null,true,1,18446744073709551615,1.5,"s",[],{"a":{"b":2}}])"));
  const Element root = document.root();
  const Kind kinds[] = {Kind::null,   Kind::boolean, Kind::integer, Kind::unsigned_integer,
                        Kind::number, Kind::string,  Kind::array,   Kind::object};
  ASSERT_EQ(root.size(), std::size(kinds));
  std::size_t i = 0;
  for (auto child = root.children(); child.next(); ++i) {
    EXPECT_EQ(child.value().kind(), kinds[i]);
    EXPECT_TRUE(child.key().empty());
    EXPECT_EQ(root.at(i).kind(), kinds[i]);
  }
  std::int64_t two = 0;
  EXPECT_TRUE(root.at(7).find("a").find("b").as_integer(two));
  EXPECT_EQ(two, 2);
  EXPECT_FALSE(root.at(7).find("b").exists());
  EXPECT_FALSE(root.at(8).exists());
  EXPECT_FALSE(root.find("a").exists());
  EXPECT_FALSE(root.at(1).children().next());
  EXPECT_EQ(root.at(5).size(), 0u);
  bool flag = false;
  EXPECT_TRUE(root.at(1).as_bool(flag) && flag);
  EXPECT_FALSE(root.at(2).as_bool(flag));
  std::string_view text;
  EXPECT_FALSE(root.at(2).as_string(text));
  EXPECT_FALSE(root.at(5).as_binary(text));
  const Element missing;
  EXPECT_TRUE(missing.is_null());
  EXPECT_FALSE(missing.exists() || missing.as_bool(flag) || missing.as_string(text));
}

TEST(JsonRead, LoneSurrogates) {
  const Row rows[] = {
      {"high", R"("\uD800")", "?"},
      {"low", R"("\udc00")", "?"},
      {"high high low", R"("\ud83d\ud83d\ude00")", "?\xF0\x9F\x98\x80"},
      {"low high", R"("\ude00\ud83d")", "??"},
      {"high, other escape", R"("\ud83d\n")", "?\\n"},
      {"high, letter", R"("\ud83du")", "?u"},
      {"escaped backslash", R"("\\ud800\ud800")", R"(\\ud800?)"},
      {"key", R"({"\ud800":1})", "{?}"},
  };
  for (const Row& row : rows) {
    std::string out = row.out;
    for (std::size_t at = 0; (at = out.find('?', at)) != std::string::npos;) {
      out.replace(at, 1, "\xEF\xBF\xBD");
    }
    out = out[0] == '{' ? "{\"\xEF\xBF\xBD\":1}" : "\"" + out + "\"";
    EXPECT_EQ(echo(row.in), out) << row.id;
  }
  // Mending one thing does not hide another.
  EXPECT_EQ(echo(R"(["\ud800",01])"), "refused");
  EXPECT_EQ(echo(R"(["\ud800","\x"])"), "refused");
  EXPECT_EQ(echo(R"([1e999,"\ud800\u12"])"), "refused");
  EXPECT_EQ(echo(R"([1e999,1e])"), "refused");
  for (const char* glued : {"[9-1e999]", "[--1e999]", "[1e999-1]", "[1e999e1]", "[1e999x]",
                            "[1.1e999.1]", "[123456789012345678901-1]", "[1e999\"a\"]",
                            "[9\"a\"1e999]", "[+1e999]", "[9+123456789012345678901]"}) {
    EXPECT_EQ(echo(glued), "refused") << glued;
  }
}

TEST(JsonRead, RestOfArray) {
  const Row rows[] = {
      {"plain", R"(["m",1,"x"])", R"(1,"x")"},
      {"alone", R"(["m"])", ""},
      {"alone, spaces", " [ \"m\" ] ", ""},
      {"empty", "[]", ""},
      {"spaces", " [ \"a,]\" , {\"k\" : [1, 2]} ,\n 3\t] \n", "{\"k\" : [1, 2]} ,\n 3"},
      {"number first", "[1 ,2]", "2"},
      {"container first", "[[1,[2]],{\"a\":[]},3]", "{\"a\":[]},3"},
      {"one string", "[1,\"x\"]", "\"x\""},
      {"normalised", R"(["m",1e999,-1e999,"\ud800",2])", R"(null,null,"\ufffd",2)"},
      {"no array", "{\"a\":1}", ""},
      {"no array", "7", ""},
  };
  for (const Row& row : rows) {
    JsonDocument document;
    const Padded padded(row.in);
    ASSERT_TRUE(document.parse(padded.text()));
    EXPECT_EQ(document.rest_of_array(), row.out) << row.id;
  }
}

// What the core asks of every event at once, by either reader.
TEST(JsonRead, EventsAreTakenApart) {
  const struct {
    base::Bytes in;
    bool event;
    base::Bytes name, rest;
  } rows[] = {
      {R"(["m",1,"x"])", true, "m", R"(1,"x")"},
      {R"([ "\u006d" , [1, 2] ])", true, "m", "[1, 2]"},
      {R"(["m"])", true, "m", ""},
      {R"(["m",1e999])", true, "m", "null"},
      {"[1,\"m\"]", false, "", ""},
      {"[]", false, "", ""},
      {R"({"m":1})", false, "", ""},
      {R"("m")", false, "", ""},
      {R"(["m",])", false, "", ""},
  };
  for (const auto reader : {JsonDocument::Reader::usual, JsonDocument::Reader::tape_only}) {
    for (const auto& row : rows) {
      JsonDocument document(reader);
      const Padded padded(row.in);
      base::Bytes name;
      base::Bytes rest;
      ASSERT_EQ(document.parse_event(padded.text(), name, rest), row.event) << row.in;
      if (!row.event) continue;
      EXPECT_EQ(name, row.name) << row.in;
      EXPECT_EQ(rest, row.rest) << row.in;
    }
  }
}

TEST(JsonRead, Raw) {
  JsonDocument document;
  ASSERT_TRUE(document.parse_copy(" [ 1.0 , \"a\\u00e9\\n\" ,{ \"k\" : [ 1 , 2 ] } , null,[ ] ] "));
  const char* compact[] = {"1", "\"a\xC3\xA9\\n\"", "{\"k\":[1,2]}", "null", "[]"};
  const char* received[] = {"1.0", "\"a\\u00e9\\n\"", "{ \"k\" : [ 1 , 2 ] }", "null", "[ ]"};
  std::string raw = "left over";
  std::string_view view;
  // Backwards as well: the place of the last one is remembered.
  for (const std::size_t i : {0u, 1u, 2u, 3u, 4u, 2u, 0u, 4u}) {
    ASSERT_TRUE(document.root().at(i).as_raw(raw));
    EXPECT_EQ(raw, compact[i]);
    ASSERT_TRUE(document.root().at(i).as_raw_view(view));
    EXPECT_EQ(view, received[i]);
  }
  ASSERT_TRUE(document.root().as_raw_view(view));
  EXPECT_EQ(view.front(), '[');
  EXPECT_EQ(view.back(), ']');
  ASSERT_TRUE(document.root().at(2).find("k").at(1).as_raw_view(view));
  EXPECT_EQ(view, "2");
  ASSERT_TRUE(document.parse_copy(" 12 "));
  ASSERT_TRUE(document.root().as_raw_view(view));
  EXPECT_EQ(view, "12");
}

struct Bind {
  const char* text;
  std::size_t attachments;
  bool ok;
};

TEST(JsonRead, PlaceholdersAreChecked) {
  const Bind rows[] = {
      {R"(["m",{"_placeholder":true,"num":0}])", 1, true},
      {R"(["m",{"num":1,"_placeholder":true}])", 2, true},
      {R"(["m",{"_placeholder":true,"num":1.0}])", 2, true},
      {R"(["m",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}])", 1, true},
      {R"(["m",{"_placeholder":true,"num":1}])", 1, false},
      {R"(["m",{"_placeholder":true,"num":-1}])", 1, false},
      {R"(["m",{"_placeholder":true,"num":0.5}])", 1, false},
      {R"(["m",{"_placeholder":true,"num":"0"}])", 1, false},
      {R"(["m",{"_placeholder":true,"num":null}])", 1, false},
      {R"(["m",{"_placeholder":true,"num":18446744073709551615}])", 1, false},
      {R"(["m",{"_placeholder":true,"num":1e999}])", 1, false},
      {R"(["m",{"_placeholder":true}])", 1, false},
      {R"(["m",{"_placeholder":true,"num":0}])", 0, false},
      {R"(["m",{"_placeholder":false,"num":9}])", 1, true},
      {R"(["m",{"_placeholder":1,"num":9}])", 1, true},
      {R"(["m",{"num":9}])", 1, true},
      {R"(["m",{"_placeholder":true,"num":9,"num":0}])", 1, true},
      {R"(["m",{"_placeholder":true,"num":0,"_placeholder":false}])", 0, true},
      {R"(["m",[{"a":{"b":[{"_placeholder":true,"num":3}]}}]])", 3, false},
      // What stands inside a placeholder is not followed, as in JS.
      {R"(["m",{"_placeholder":true,"num":0,"x":{"_placeholder":true,"num":7}}])", 1, true},
  };
  const std::string bytes = "bytes";
  const std::vector<base::Bytes> all(3, bytes);
  for (const Bind& row : rows) {
    JsonDocument document;
    ASSERT_TRUE(document.parse_copy(row.text));
    EXPECT_EQ(document.bind_attachments(std::span(all).first(row.attachments)), row.ok) << row.text;
  }
}

TEST(JsonRead, BinaryAtAnyDepth) {
  JsonDocument document;
  const std::string one = "one\0"s;
  const std::string two = "\xFF\xFE"s;
  const std::vector<base::Bytes> attachments{one, two};
  const std::string text =
      R"(["m",{"_placeholder":true,"num":1},[[{"a":{"_placeholder":true,"num":0}}]],"end"])";
  ASSERT_TRUE(document.parse_copy(text));
  EXPECT_EQ(document.root().at(1).kind(), Kind::object);  // not bound yet
  ASSERT_TRUE(document.bind_attachments(attachments));
  const Element root = document.root();
  std::string_view bytes;
  EXPECT_EQ(root.at(1).kind(), Kind::binary);
  EXPECT_EQ(root.at(1).size(), 0u);
  EXPECT_FALSE(root.at(1).children().next());
  ASSERT_TRUE(root.at(1).as_binary(bytes));
  EXPECT_EQ(bytes, two);
  ASSERT_TRUE(root.at(2).at(0).at(0).find("a").as_binary(bytes));
  EXPECT_EQ(bytes, one);
  EXPECT_EQ(root.size(), 4u);
  std::string raw;
  EXPECT_FALSE(root.as_raw(raw) || root.at(1).as_raw(raw) || root.at(2).as_raw(raw));
  EXPECT_FALSE(root.at(2).as_raw_view(bytes));
  EXPECT_TRUE(root.at(3).as_raw(raw));
  EXPECT_TRUE(root.at(3).as_raw_view(bytes));
  EXPECT_EQ(bytes, "\"end\"");
  EXPECT_EQ(document.rest_of_array(), text.substr(5, text.size() - 6));

  // Out again: the attachments are numbered in the order they are met.
  base::TextBuffer out;
  std::vector<base::Bytes> written;
  JsonWriter writer(out, written);
  copy(root, writer);
  EXPECT_EQ(out.view(),
            R"(["m",{"_placeholder":true,"num":0},[[{"a":{"_placeholder":true,"num":1}}]],"end"])");
  EXPECT_EQ(written, (std::vector<base::Bytes>{two, one}));

  // The next packet knows nothing of them.
  ASSERT_TRUE(document.parse_copy(text));
  EXPECT_EQ(document.root().at(1).kind(), Kind::object);
}

TEST(JsonRead, BinaryBelowTheDepthLimit) {
  JsonDocument document;
  const std::vector<base::Bytes> attachments{"x"};
  const auto text = nested("[", kMaxDepth - 1, R"({"_placeholder":true,"num":0})", "]");
  ASSERT_TRUE(document.parse_copy(text));
  ASSERT_TRUE(document.bind_attachments(attachments));
  Element at = document.root();
  for (std::size_t i = 1; i < kMaxDepth; ++i) at = at.at(0);
  EXPECT_EQ(at.kind(), Kind::binary);
}

TEST(JsonRead, BuffersOfAHugeMessageAreReleased) {
  JsonDocument document;
  EXPECT_EQ(document.capacity(), 0u);
  ASSERT_TRUE(document.parse_copy("[1]"));
  const std::size_t small = document.capacity();
  EXPECT_LE(small, kKeptCapacity);
  ASSERT_TRUE(document.parse_copy("[" + std::string(kKeptCapacity, ' ') + "1e3]"));
  EXPECT_GT(document.capacity(), kKeptCapacity);
  ASSERT_TRUE(document.parse_copy("[2]"));
  EXPECT_LE(document.capacity(), small);
  ASSERT_TRUE(document.parse_copy("[" + std::string(kKeptCapacity - 5, ' ') + "1e3]"));
  const std::size_t kept = document.capacity();
  ASSERT_TRUE(document.parse_copy("[2]"));
  EXPECT_EQ(document.capacity(), kept);
  EXPECT_LE(kept, kKeptCapacity);
}

TEST(JsonRead, ARefusedTextLeavesNothing) {
  JsonDocument document;
  EXPECT_FALSE(document.root().exists());
  ASSERT_TRUE(document.parse_copy("[1,2]"));
  EXPECT_FALSE(document.parse_copy("[1,"));
  EXPECT_FALSE(document.root().exists());
  EXPECT_EQ(document.rest_of_array(), "");
  EXPECT_TRUE(document.bind_attachments({}));
  EXPECT_FALSE(document.parse({}));
  ASSERT_TRUE(document.parse_copy("[3]"));
  EXPECT_TRUE(document.root().exists());
}

TEST(JsonRead, ValidUtf8) {
  EXPECT_TRUE(valid_utf8("a\xC3\xA9\xF0\x9F\x98\x80"));
  EXPECT_TRUE(valid_utf8(""));
  EXPECT_FALSE(valid_utf8("\xC3"));
  EXPECT_FALSE(valid_utf8("\xED\xA0\x80"));
}

}  // namespace
}  // namespace socketio::value
