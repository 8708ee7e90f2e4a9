// llhttp as it is compiled here, without our own check in front of it.
#include "http/request_parser.hpp"

#include <gtest/gtest.h>

namespace socketio::http {
namespace {

using Stop = RequestParser::Stop;

TEST(RequestParser, IsCompiledInStrictMode) {
  // Loose llhttp accepts each of these.
  for (const base::Bytes head : {"GET / HTTP/1.1\r\nX : b\r\n\r\n", "GET /\xff HTTP/1.1\r\n\r\n"}) {
    RequestParser parser;
    EXPECT_EQ(parser.execute(head).stop, Stop::refused) << head;
  }
}

TEST(RequestParser, StopsExactlyAtEveryBoundary) {
  const base::Bytes head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  base::Bytes body = "3;x\r\nabc\r\n0\r\nT: v\r\n\r\nGET";
  RequestParser parser;
  RequestParser::Step step = parser.execute(head);
  EXPECT_EQ(step.stop, Stop::head_end);
  EXPECT_EQ(step.consumed, head.size());
  const auto next = [&] {
    step = parser.execute(body);
    body.remove_prefix(step.consumed);
    return step.stop;
  };
  EXPECT_EQ(next(), Stop::chunk_header);
  EXPECT_EQ(step.chunk_size, 3u);
  EXPECT_EQ(step.consumed, 5u);
  EXPECT_EQ(next(), Stop::chunk_end);
  EXPECT_EQ(step.body, "abc");
  EXPECT_EQ(next(), Stop::chunk_header);
  EXPECT_EQ(step.chunk_size, 0u);
  EXPECT_EQ(next(), Stop::message_end);
  EXPECT_EQ(body, "GET");
}

TEST(RequestParser, TellsUnknownMethodsApart) {
  RequestParser parser;
  const RequestParser::Step step = parser.execute("FOO / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(step.stop, Stop::refused);
  EXPECT_TRUE(step.unknown_method);
  EXPECT_FALSE(step.detail.empty());
}

}  // namespace
}  // namespace socketio::http
