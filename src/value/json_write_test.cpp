#include "value/json_write.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "value/utf8.hpp"

namespace socketio::value {
namespace {

using namespace std::string_literals;

std::string number(double v) {
  base::TextBuffer out;
  std::vector<base::Bytes> attachments;
  JsonWriter(out, attachments).number(v);
  return std::string(out.view());
}

std::string literal(base::Bytes text) {
  base::TextBuffer out;
  write_json_string(out, text);
  base::TextBuffer by_writer;
  std::vector<base::Bytes> attachments;
  JsonWriter(by_writer, attachments).string(text);
  EXPECT_EQ(by_writer.view(), out.view());
  return std::string(out.view());
}

TEST(JsonWrite, NumbersAsJsonStringify) {
  struct Row {
    double v;
    const char* text;
  };
  // Recorded from JSON.stringify of Node 20.
  const Row rows[] = {
      {0.0, "0"},
      {-0.0, "0"},
      {1.0, "1"},
      {-1.0, "-1"},
      {0.1, "0.1"},
      {0.5, "0.5"},
      {1.5, "1.5"},
      {-1.25, "-1.25"},
      {0.3333333333333333, "0.3333333333333333"},
      {100.0, "100"},
      {100000000000000000000.0, "100000000000000000000"},
      {1e+21, "1e+21"},
      {123456789012345680000.0, "123456789012345680000"},
      {1.2345678901234566e+25, "1.2345678901234566e+25"},
      {9007199254740991.0, "9007199254740991"},
      {9007199254740992.0, "9007199254740992"},
      {9007199254740992.0, "9007199254740992"},
      {9223372036854776000.0, "9223372036854776000"},
      {18446744073709552000.0, "18446744073709552000"},
      {0.000001, "0.000001"},
      {1e-7, "1e-7"},
      {1.5e-7, "1.5e-7"},
      {0.00000123, "0.00000123"},
      {0.00001234, "0.00001234"},
      {5e-324, "5e-324"},
      {1.7976931348623157e+308, "1.7976931348623157e+308"},
      {2.2250738585072014e-308, "2.2250738585072014e-308"},
      {4.35, "4.35"},
      {0.30000000000000004, "0.30000000000000004"},
      {1e+23, "1e+23"},
      {9.5e-7, "9.5e-7"},
      {999999999999999900000.0, "999999999999999900000"},
      {1e+300, "1e+300"},
      {123456.789, "123456.789"},
      {-1e-10, "-1e-10"},
      {-1e+21, "-1e+21"},
      {4294967296.5, "4294967296.5"},
      {9007199254740994.0, "9007199254740994"},
      {1e+100, "1e+100"},
      {std::numeric_limits<double>::quiet_NaN(), "null"},
      {std::numeric_limits<double>::infinity(), "null"},
      {-std::numeric_limits<double>::infinity(), "null"},
  };
  for (const Row& row : rows) EXPECT_EQ(number(row.v), row.text);
}

TEST(JsonWrite, StringsAsJsonStringify) {
  std::string controls;
  for (char c = 0; c < 0x20; ++c) controls += c;
  EXPECT_EQ(literal(controls),
            R"("\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f)"
            R"(\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c)"
            R"(\u001d\u001e\u001f")");
  EXPECT_EQ(literal(""), "\"\"");
  EXPECT_EQ(literal("a\"b\\c/d'"), R"("a\"b\\c/d'")");
  EXPECT_EQ(literal("\x7F\xE2\x80\xA8\xF0\x9F\x98\x80"), "\"\x7F\xE2\x80\xA8\xF0\x9F\x98\x80\"");
}

// What must be escaped at every place of the word-wise scan, in ASCII and in other text.
TEST(JsonWrite, EscapesAtEveryPosition) {
  for (const base::Bytes filler : {base::Bytes("a"), base::Bytes("\xC3\xA9")}) {
    for (std::size_t size = 0; size < 40; ++size) {
      for (std::size_t at = 0; at <= size; ++at) {
        for (const auto& [c, escaped] : {std::pair<base::Bytes, base::Bytes>{"\"", "\\\""},
                                         {"\\", "\\\\"},
                                         {"\n", "\\n"},
                                         {"\x1F", "\\u001f"},
                                         {"\x20", "\x20"},
                                         {"\xFF", "\xEF\xBF\xBD"}}) {
          std::string in;
          std::string out;
          for (std::size_t i = 0; i <= size; ++i) {
            in += i == at ? c : filler;
            out += i == at ? escaped : filler;
          }
          ASSERT_EQ(literal(in), "\"" + out + "\"");
        }
      }
    }
  }
}

// Recorded from Buffer.from(bytes).toString() of Node 20, each U+FFFD shown as '?'.
TEST(JsonWrite, InvalidUtf8IsReplaced) {
  const std::pair<base::Bytes, base::Bytes> rows[] = {
      {"\x80", "?"},
      {"\xC3", "?"},
      {"\xC3(", "?("},
      {"\xC0\xAF", "??"},
      {"\xE2\x82", "?"},
      {"\xE2\x82z", "?z"},
      {"\xED\xA0\x80", "???"},
      {"\xE0\x80\x80", "???"},
      {"\xF0\x9F\x98", "?"},
      {"\xF0\x80\x80\x80", "????"},
      {"\xF4\x90\x80\x80", "????"},
      {"\xF5\x80", "??"},
      {"\xF0\x9F\x98\x80\xFF", "\xF0\x9F\x98\x80?"},
      {"\xE1\xE1\x80\xE1\x80\x80", "??\xE1\x80\x80"},
  };
  for (const auto& [in, out] : rows) {
    std::string expected(out);
    for (std::size_t at = 0; (at = expected.find('?', at)) != std::string::npos;) {
      expected.replace(at, 1, "\xEF\xBF\xBD");
    }
    EXPECT_EQ(replace_invalid_utf8(in), expected);
    EXPECT_EQ(literal(in), "\"" + expected + "\"");
  }
}

// With each kind of character that is not plain at every place.
TEST(JsonWrite, StringsOfEveryLength) {
  for (std::size_t size = 0; size < 50; ++size) {
    const std::string letters(size, 'x');
    EXPECT_EQ(literal(letters), '"' + letters + '"');
    for (std::size_t i = 0; i < size; ++i) {
      const std::string front = '"' + letters.substr(0, i);
      const std::string back = letters.substr(i + 1) + '"';
      for (const auto& [in, out] :
           {std::pair{"\n", "\\n"}, std::pair{"\"", "\\\""}, std::pair{"\\", "\\\\"},
            std::pair{"\xFF", "\xEF\xBF\xBD"}, std::pair{"\x7F", "\x7F"}, std::pair{" ", " "}}) {
        std::string text = letters;
        text.replace(i, 1, in);
        EXPECT_EQ(literal(text), front + out + back);
      }
    }
  }
}

TEST(JsonWrite, CommasAndNesting) {
  base::TextBuffer out;
  out.append("42");
  std::vector<base::Bytes> attachments;
  JsonWriter writer(out, attachments);
  writer.begin_array();
  writer.string("m");
  writer.null();
  writer.boolean(true);
  writer.boolean(false);
  writer.integer(std::numeric_limits<std::int64_t>::min());
  writer.unsigned_integer(std::numeric_limits<std::uint64_t>::max());
  writer.begin_array();
  writer.end_array();
  writer.begin_object();
  writer.end_object();
  writer.begin_object();
  writer.key("a\n");
  writer.begin_array();
  writer.integer(1);
  writer.end_array();
  writer.key("b");
  writer.binary("bytes");
  writer.end_object();
  writer.raw("{\"r\":1}");
  writer.raw("");
  writer.binary("more");
  writer.end_array();
  EXPECT_EQ(out.view(), R"(42["m",null,true,false,-9223372036854775808,18446744073709551615,[],{},)"
                        R"({"a\n":[1],"b":{"_placeholder":true,"num":0}},{"r":1},null,)"
                        R"({"_placeholder":true,"num":1}])");
  EXPECT_EQ(attachments, (std::vector<base::Bytes>{"bytes", "more"}));
}

}  // namespace
}  // namespace socketio::value
