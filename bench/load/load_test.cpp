// The generator's own readers and its histogram.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "load/frame_reader.hpp"
#include "load/histogram.hpp"
#include "load/http_reader.hpp"
#include "load/message.hpp"

namespace load {
namespace {

using Seen = std::vector<std::string>;

// `bytes` fed in two pieces, cut at `cut`.
Seen read_frames(const std::string& bytes, std::size_t cut) {
  FrameReader reader;
  Seen seen;
  const auto on_message = [&](std::uint8_t opcode, std::string_view front) {
    seen.push_back(std::to_string(opcode) + ":" + std::string(front.substr(0, 4)));
  };
  EXPECT_TRUE(reader.feed(std::string_view(bytes).substr(0, cut), on_message));
  EXPECT_TRUE(reader.feed(std::string_view(bytes).substr(cut), on_message));
  return seen;
}

std::string frame(std::uint8_t first, const std::string& payload) {
  std::string text(1, static_cast<char>(first));
  const std::size_t n = payload.size();
  if (n < 126) return text + static_cast<char>(n) + payload;
  text += static_cast<char>(n < 65'536 ? 126 : 127);
  for (int shift = n < 65'536 ? 8 : 56; shift >= 0; shift -= 8)
    text += static_cast<char>((n >> static_cast<unsigned>(shift)) & 0xFFU);
  return text + payload;
}

TEST(FrameReader, gives_the_same_messages_however_the_bytes_are_split) {
  const std::string bytes = frame(0x81, "42[\"m\"]") + frame(0x81, "") + frame(0x89, "ping") +
                            frame(0x82, std::string(126, 'b')) + frame(0x01, "frag") +
                            frame(0x00, std::string(300, 'x')) + frame(0x8A, "") +
                            frame(0x80, "ment") + frame(0x81, std::string(125, 'c')) +
                            frame(0x88, "\x03\xe8");
  const Seen expected{"1:42[\"", "1:", "9:ping", "2:bbbb", "10:", "1:frag", "1:cccc", "8:\x03\xe8"};
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut)
    ASSERT_EQ(read_frames(bytes, cut), expected) << cut;
}

TEST(FrameReader, reads_byte_by_byte_and_long_frames) {
  const std::string bytes = frame(0x82, std::string(70'000, 'l')) + frame(0x81, "tail");
  FrameReader reader;
  int messages = 0;
  for (const char byte : bytes)
    ASSERT_TRUE(reader.feed({&byte, 1}, [&](std::uint8_t, std::string_view) { ++messages; }));
  EXPECT_EQ(messages, 2);
}

TEST(FrameReader, refuses_what_no_server_sends) {
  const auto ignore = [](std::uint8_t, std::string_view) {};
  EXPECT_FALSE(FrameReader().feed("HTTP/1.1 400", ignore));   // reserved bits
  EXPECT_FALSE(FrameReader().feed("\x81\x81mask1", ignore));  // masked
  EXPECT_TRUE(FrameReader().feed("\x81\x01x", ignore));
}

TEST(HttpReader, gives_the_same_responses_however_the_bytes_are_split) {
  const std::string bytes =
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
      "HTTP/1.1 400 Bad Request\r\ncontent-length:  12\r\nx-content-length: "
      "7\r\n\r\n\r\n\r\n12345678"
      "HTTP/1.1 204 No Content\r\nCONTENT-LENGTH: 0\r\n\r\n";
  const Seen expected{"200:ok", "400:\r\n\r\n12345678", "204:"};
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    HttpReader reader;
    Seen seen;
    const auto on_response = [&](unsigned status, std::string_view body) {
      seen.push_back(std::to_string(status) + ":" + std::string(body));
    };
    ASSERT_TRUE(reader.feed(std::string_view(bytes).substr(0, cut), on_response));
    ASSERT_TRUE(reader.feed(std::string_view(bytes).substr(cut), on_response));
    ASSERT_EQ(seen, expected) << cut;
  }
}

TEST(HttpReader, refuses_a_response_without_a_length) {
  const auto ignore = [](unsigned, std::string_view) {};
  EXPECT_FALSE(HttpReader().feed("HTTP/1.1 200 OK\r\nA: b\r\n\r\n", ignore));
  EXPECT_FALSE(HttpReader().feed("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", ignore));
  EXPECT_FALSE(HttpReader().feed("\x81\x01x\r\n\r\n", ignore));
}

TEST(HttpReader, refuses_what_is_too_long) {
  const auto ignore = [](unsigned, std::string_view) {};
  const auto announcing = [](std::uint64_t length) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
  };
  EXPECT_TRUE(HttpReader().feed(announcing(HttpReader::kMaxBody), ignore));
  EXPECT_FALSE(HttpReader().feed(announcing(HttpReader::kMaxBody + 1), ignore));
  // With the head before it, this is 0 modulo 2^64.
  const std::uint64_t around = 0 - std::uint64_t{announcing(~std::uint64_t{0}).size()};
  EXPECT_FALSE(HttpReader().feed(announcing(around), ignore));
  HttpReader endless;
  EXPECT_TRUE(endless.feed(std::string(HttpReader::kMaxHead, 'x'), ignore));
  EXPECT_FALSE(endless.feed("x", ignore));
}

TEST(Histogram, is_right_to_a_thirty_second) {
  Histogram histogram;
  for (int micros = 1; micros <= 1000; ++micros) histogram.add(std::chrono::microseconds(micros));
  EXPECT_EQ(histogram.count(), 1000U);
  EXPECT_NEAR(histogram.quantile(0.5), 500, 500.0 / 32);
  EXPECT_NEAR(histogram.quantile(0.99), 990, 990.0 / 32);
  EXPECT_EQ(histogram.max(), 1000);
  EXPECT_EQ(histogram.quantile(1), 1000);  // never above the largest
  std::uint64_t counted = 0;
  double before = 0;
  histogram.each([&](double micros, std::uint64_t count) {
    EXPECT_GT(micros, before);
    before = micros;
    counted += count;
  });
  EXPECT_EQ(counted, 1000U);
  histogram.clear();
  EXPECT_EQ(histogram.quantile(0.5), 0);
  EXPECT_EQ(histogram.max(), 0);
}

TEST(Histogram, takes_the_extremes) {
  Histogram histogram;
  histogram.add(socketio::base::Duration(-5));
  histogram.add(std::chrono::hours(24 * 365 * 200));
  EXPECT_EQ(histogram.count(), 2U);
  EXPECT_EQ(histogram.quantile(0), 0);
}

TEST(Message, has_the_form_of_each_transport) {
  Options options;
  EXPECT_EQ(make_message(options, 3).at(0).data, "42[\"m\",\"abc\"]");
  options.ack = true;
  EXPECT_EQ(make_message(options, 1).at(0).data, "420[\"m\",\"a\"]");
  options.binary = 4;
  EXPECT_EQ(polling_payload(make_message(options, 1)),
            "451-0[\"m\",{\"_placeholder\":true,\"num\":0}]\x1e"
            "bYWJjZA==");
  options.transport = Transport::raw;
  EXPECT_EQ(make_message(options, 1).size(), 1U);
  EXPECT_TRUE(make_message(options, 1).at(0).binary);
}

TEST(Message, knows_what_comes_in) {
  EXPECT_EQ(classify("42[\"m\"]"), Incoming::message);
  EXPECT_EQ(classify("430[]"), Incoming::message);
  EXPECT_EQ(classify("451-[\"m\",{}]"), Incoming::announcement);
  EXPECT_EQ(classify("461-0[{}]"), Incoming::announcement);
  EXPECT_EQ(classify("40{\"sid\":\"x\"}"), Incoming::connected);
  EXPECT_EQ(classify("44{\"message\":\"no\"}"), Incoming::unexpected);
  EXPECT_EQ(classify("2"), Incoming::ping);
  EXPECT_EQ(classify("0{}"), Incoming::open);
  EXPECT_EQ(classify("6"), Incoming::nothing);
  EXPECT_EQ(classify("1"), Incoming::unexpected);
  EXPECT_EQ(classify("4"), Incoming::unexpected);
  EXPECT_EQ(classify(""), Incoming::unexpected);
}

}  // namespace
}  // namespace load
