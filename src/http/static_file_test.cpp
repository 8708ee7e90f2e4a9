#include "http/static_file.hpp"

#include <gtest/gtest.h>

namespace socketio::http {
namespace {

TEST(StaticFile, KnowsContentTypes) {
  EXPECT_EQ(content_type("index.html"), "text/html; charset=utf-8");
  EXPECT_EQ(content_type("a/b.CSS"), "text/css; charset=utf-8");
  EXPECT_EQ(content_type("socket.io.min.js"), "application/javascript; charset=utf-8");
  EXPECT_EQ(content_type("x.js.map"), "application/json; charset=utf-8");
  EXPECT_EQ(content_type("x.png"), "image/png");
  EXPECT_EQ(content_type("x.woff2"), "font/woff2");
  EXPECT_EQ(content_type("x.unknown"), "application/octet-stream");
  EXPECT_EQ(content_type("Makefile"), "application/octet-stream");
  EXPECT_EQ(content_type("x."), "application/octet-stream");
}

struct FileRow {
  std::string path;
  std::string prefix;
  std::optional<std::string> file;
};

TEST(StaticFile, FindsTheFileOfAPath) {
  const FileRow rows[] = {
      {"/", "", "index.html"},
      {"/", "/", "index.html"},
      {"/a.js", "/", "a.js"},
      {"/dir/", "", "dir/index.html"},
      {"/static/a.js", "/static", "a.js"},
      {"/static/a.js", "/static/", "a.js"},
      {"/static", "/static", "index.html"},
      {"/static/x/../a.js", "/static", "a.js"},
      {"/a%20b.txt", "", "a b.txt"},
      {"/100%25", "", "100%"},
      {"/statics/a.js", "/static", std::nullopt},
      {"/other", "/static", std::nullopt},
      {"/static/../secret", "/static", std::nullopt},
      {"/static/%2e%2e/secret", "/static", std::nullopt},
      {"/../a", "", std::nullopt},
      {"/%2e%2e/a", "", std::nullopt},
      {"/%252e%252e/a", "", std::nullopt},
      {"/%252e%252e%252fa", "", std::nullopt},
      {"/.env", "", std::nullopt},
      {"/a/.git/config", "", std::nullopt},
      {"/%2eenv", "", std::nullopt},
      {"/a%2f.env", "", std::nullopt},
      {"/a\\b", "", std::nullopt},
      {"/a%5c..%5cb", "", std::nullopt},
      {"/a%00.js", "", std::nullopt},
      {"/a%0a.js", "", std::nullopt},
      {"//a", "", std::nullopt},
      {"/a//b", "", std::nullopt},
      {"a", "", std::nullopt},
  };
  for (const FileRow& row : rows)
    EXPECT_EQ(file_for(row.path, row.prefix), row.file) << row.path << " below " << row.prefix;
}

TEST(StaticFile, WritesDates) {
  EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(http_date(1709210096), "Thu, 29 Feb 2024 12:34:56 GMT");
  EXPECT_EQ(http_date(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
}

constexpr FileFacts kFacts{1000, 784111777'500'000'000};

FilePlan plan(const std::string& method, std::vector<Header> headers) {
  Request request;
  request.method = method;
  request.headers = headers;
  return plan_file(request, "a.txt", kFacts);
}

std::string value(const FilePlan& plan, std::string_view name) {
  for (const auto& [key, text] : plan.head.headers) {
    if (iequals(key, name)) return text;
  }
  return "";
}

TEST(StaticFile, PlansTheWholeFile) {
  const FilePlan whole = plan("GET", {});
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.first, 0u);
  EXPECT_EQ(whole.length, 1000u);
  EXPECT_EQ(value(whole, "Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(value(whole, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(value(whole, "Content-Length"), "1000");
  EXPECT_EQ(value(whole, "Last-Modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(value(whole, "ETag"), etag(kFacts));
  EXPECT_TRUE(etag(kFacts).starts_with("W/\"3e8-"));
  EXPECT_EQ(plan("HEAD", {}).length, 1000u);
}

TEST(StaticFile, RefusesOtherMethods) {
  EXPECT_EQ(plan("POST", {}).status, 405);
  EXPECT_EQ(value(plan("DELETE", {}), "Allow"), "GET, HEAD");
}

TEST(StaticFile, HonoursConditions) {
  const std::string tag = etag(kFacts);
  const std::string strong = tag.substr(2);
  const std::string list = "\"x\", " + tag;
  const auto status = [](std::vector<Header> headers) { return plan("GET", headers).status; };
  EXPECT_EQ(status({{"If-None-Match", tag}}), 304);
  EXPECT_EQ(status({{"If-None-Match", strong}}), 304);
  EXPECT_EQ(status({{"If-None-Match", list}}), 304);
  EXPECT_EQ(status({{"If-None-Match", "*"}}), 304);
  EXPECT_EQ(status({{"If-None-Match", "\"x\""}}), 200);
  EXPECT_EQ(status({{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}}), 304);
  EXPECT_EQ(status({{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:38 GMT"}}), 304);
  EXPECT_EQ(status({{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"}}), 200);
  EXPECT_EQ(status({{"If-Modified-Since", "yesterday"}}), 200);
  EXPECT_EQ(status({{"If-Modified-Since", "Sun, 31 Feb 1994 08:49:37 GMT"}}), 200);
  EXPECT_EQ(
      status({{"If-None-Match", "\"x\""}, {"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}}),
      200);
}

// RFC 9110 §13.2.2: these come first.
TEST(StaticFile, HonoursPreconditions) {
  const std::string tag = etag(kFacts);
  const std::string strong = tag.substr(2);
  const auto status = [](std::vector<Header> headers) { return plan("GET", headers).status; };
  const Header now{"If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"};
  const Header before{"If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"};
  EXPECT_EQ(status({{"If-Match", "*"}}), 200);
  EXPECT_EQ(status({{"If-Match", tag}}), 412) << "§13.1.1: weak tags are never the same";
  EXPECT_EQ(status({{"If-Match", strong}}), 412);
  EXPECT_EQ(status({{"If-Match", "\"x\""}}), 412);
  EXPECT_EQ(status({{"If-Match", ""}}), 412);
  EXPECT_EQ(status({now}), 200);
  EXPECT_EQ(status({before}), 412);
  EXPECT_EQ(status({{"If-Unmodified-Since", "yesterday"}}), 200);
  EXPECT_EQ(status({{"If-Match", "*"}, before}), 200) << "§13.1.4: only without the other";
  EXPECT_EQ(status({{"If-Match", "*"}, {"If-None-Match", tag}}), 304);
  EXPECT_EQ(status({before, {"If-None-Match", tag}}), 412);
  EXPECT_EQ(status({now, {"If-None-Match", tag}}), 304);
  EXPECT_EQ(status({before, {"Range", "bytes=0-9"}}), 412);
  EXPECT_EQ(status({now, {"Range", "bytes=0-9"}}), 206);
  const FilePlan failed = plan("HEAD", {{"If-Match", tag}});
  EXPECT_EQ(failed.status, 412);
  EXPECT_EQ(failed.head.status, 412);
  EXPECT_EQ(failed.length, 0u);
}

struct RangeRow {
  std::string range;
  int status;
  std::uint64_t first;
  std::uint64_t length;
};

TEST(StaticFile, HonoursOneRange) {
  const RangeRow rows[] = {
      {"bytes=0-99", 206, 0, 100},
      {"bytes=0-0", 206, 0, 1},
      {"bytes=999-", 206, 999, 1},
      {"bytes=500-99999", 206, 500, 500},
      {"bytes=-10", 206, 990, 10},
      {"bytes=-5000", 206, 0, 1000},
      {"Bytes=1-2", 206, 1, 2},
      {"bytes=1000-", 416, 0, 0},
      {"bytes=1000-2000", 416, 0, 0},
      {"bytes=-0", 416, 0, 0},
      {"bytes=0-1,5-6", 200, 0, 1000},
      {"bytes=5-4", 200, 0, 1000},
      {"bytes=-", 200, 0, 1000},
      {"bytes=a-b", 200, 0, 1000},
      {"bytes=1-b", 200, 0, 1000},
      {"bytes=+1-2", 200, 0, 1000},
      {"bytes=18446744073709551616-", 200, 0, 1000},
      {"items=0-1", 200, 0, 1000},
      {"bytes", 200, 0, 1000},
  };
  for (const RangeRow& row : rows) {
    const FilePlan got = plan("GET", {{"Range", row.range}});
    EXPECT_EQ(got.status, row.status) << row.range;
    EXPECT_EQ(got.first, row.first) << row.range;
    EXPECT_EQ(got.length, row.length) << row.range;
  }
  EXPECT_EQ(value(plan("GET", {{"Range", "bytes=0-99"}}), "Content-Range"), "bytes 0-99/1000");
  EXPECT_EQ(value(plan("GET", {{"Range", "bytes=1000-"}}), "Content-Range"), "bytes */1000");
  EXPECT_EQ(plan("HEAD", {{"Range", "bytes=0-99"}}).status, 200);
  EXPECT_EQ(plan("GET", {{"Range", "bytes=0-9"}, {"If-Range", etag(kFacts)}}).status, 200);
  EXPECT_EQ(
      plan("GET", {{"Range", "bytes=0-9"}, {"If-Range", "Sun, 06 Nov 1994 08:49:37 GMT"}}).status,
      206);
}

}  // namespace
}  // namespace socketio::http
