#include "http/url.hpp"

#include <gtest/gtest.h>

namespace socketio::http {
namespace {

using namespace std::string_literals;

TEST(Url, DecodesPercentEscapes) {
  EXPECT_EQ(percent_decode("a%20b%2Fc"), "a b/c");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  EXPECT_EQ(percent_decode("%00"), "\0"s);
  EXPECT_EQ(percent_decode("%"), std::nullopt);
  EXPECT_EQ(percent_decode("%1"), std::nullopt);
  EXPECT_EQ(percent_decode("%1g"), std::nullopt);
  EXPECT_EQ(percent_decode(""), "");
}

TEST(Url, EncodesAsEncodeUriComponent) {
  EXPECT_EQ(percent_encode("aZ09-_.!~*'()"), "aZ09-_.!~*'()");
  EXPECT_EQ(percent_encode("a b/c?d&e=f+\xc3\xa9"), "a%20b%2Fc%3Fd%26e%3Df%2B%C3%A9");
}

TEST(Url, EncodingIsUndoneByDecoding) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
}

struct PathRow {
  std::string in;
  std::optional<std::string> out;
};

TEST(Url, NormalisesPaths) {
  const PathRow rows[] = {
      {"/", "/"},
      {"/a/b", "/a/b"},
      {"/a/./b", "/a/b"},
      {"/a/../b", "/b"},
      {"/a/%2e%2E/b", "/b"},
      {"/a/.%2e/b", "/b"},
      {"/a/%2e/b", "/a/b"},
      {"/a/..", "/"},
      {"/a/b/..", "/a/"},
      {"/a/.", "/a/"},
      {"/a/", "/a/"},
      {"//a", "//a"},
      {"/a//b/..", "/a//"},
      {"/...", "/..."},
      {"/a%20b", "/a b"},
      {"/%C3%A9", "/\xc3\xa9"},
      {"/socket.io/../x", "/x"},
      {"/socket.io/./", "/socket.io/"},
      {"/a%2Fb", "/a/b"},
      {"/..", std::nullopt},
      {"/../../etc/passwd", std::nullopt},   // H71
      {"/socket.io/../../x", std::nullopt},  // H72
      {"/%00%2e%2e", std::nullopt},          // H73
      {"/a/../..", std::nullopt},
      {"/a%2f..%2fb", std::nullopt},
      {"/a%2f..", std::nullopt},
      {"/..%2fb", std::nullopt},
      {"/a\\b", std::nullopt},
      {"/a%5cb", std::nullopt},
      {"/%ff", std::nullopt},
      {"/%c0%ae", std::nullopt},        // overlong '.'
      {"/%ed%a0%80", std::nullopt},     // surrogate
      {"/%f4%90%80%80", std::nullopt},  // above U+10FFFF
      {"/%", std::nullopt},
      {"/%zz", std::nullopt},
      {"a", std::nullopt},
      {"", std::nullopt},
      {"*", std::nullopt},
      {"/%252e%252e", "/%2e%2e"},
  };
  for (const PathRow& row : rows) EXPECT_EQ(normalise_path(row.in), row.out) << row.in;
}

TEST(Url, ManySegmentsTakeLinearTime) {
  std::string path;
  for (int i = 0; i < 100'000; ++i) path += "/a/b/..";
  EXPECT_EQ(normalise_path(path)->size(), 200'001u);
}

TEST(Url, ParsesQueriesAsNodeDoes) {
  const Query expected = {{"EIO", "4"},   {"transport", "polling"},
                          {"a b", "c d"}, {"x", ""},
                          {"", "y"},      {"p", "1%zz"},
                          {"q", "1=2"},   {"r", "%"}};
  EXPECT_EQ(parse_query("EIO=4&transport=polling&a+b=c%20d&&x&=y&p=1%zz&q=1=2&r=%"), expected);
  EXPECT_EQ(parse_query(""), Query{});
  EXPECT_EQ(parse_query("a=%ff%e2%82b"), (Query{{"a", "\xef\xbf\xbd\xef\xbf\xbd\x62"}}));
}

TEST(Url, ParsesAtMostAsManyPairsAsAskedFor) {
  std::string query;
  for (int i = 0; i < 1001; ++i) query += "&a=b";
  EXPECT_EQ(parse_query(query).size(), 1000u);
  EXPECT_EQ(parse_query("a&b&c", 3).size(), 3u);
  EXPECT_EQ(parse_query("a&b&c", 2).size(), 2u);
}

TEST(Url, FindsOneValue) {
  const std::string query = "EIO=4&sid=abc%2Fd&sid=second&empty=&%6bey=v&flag";
  EXPECT_EQ(query_value(query, "EIO").value, "4");
  EXPECT_EQ(query_value(query, "sid").value, "second");  // as in JS, where they fill an object
  EXPECT_TRUE(query_value(query, "empty").present);
  EXPECT_EQ(query_value(query, "empty").value, "");
  EXPECT_TRUE(query_value(query, "flag").present);
  EXPECT_EQ(query_value(query, "key").value, "v");
  EXPECT_FALSE(query_value(query, "EI").present);
  EXPECT_FALSE(query_value("", "EIO").present);
}

// The form with room is the same answer, without a copy where the path is normal already.
TEST(Url, LeavesANormalPathWhereItIs) {
  for (const std::string path : {"/", "/a/b.c", "/socket.io/", "/a/%62", "/a/../b", "/./a", "/a//b",
                                 "/..", "a", "", "/%00", "/a/.", "/.hidden", "/caf%C3%A9"}) {
    std::string room;
    const std::optional<base::Bytes> found = normalise_path(path, room);
    const std::optional<std::string> wanted = normalise_path(path);
    ASSERT_EQ(found.has_value(), wanted.has_value()) << path;
    if (found) {
      EXPECT_EQ(*found, *wanted) << path;
    }
  }
  const std::string path = "/socket.io/";
  std::string room;
  const std::optional<base::Bytes> found = normalise_path(path, room);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->data(), path.data());
}

}  // namespace
}  // namespace socketio::http
