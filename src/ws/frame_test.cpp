#include "ws/frame.hpp"

#include <gtest/gtest.h>

#include "ws/testing.hpp"

namespace socketio::ws::testing {
namespace {

TEST(Frame, HeadersAtTheBoundsOfEveryForm) {
  for (const std::uint64_t size : {0UL, 1UL, 125UL, 126UL, 65535UL, 65536UL, 1UL << 40}) {
    for (const bool masked : {false, true}) {
      for (const bool fin : {false, true}) {
        std::array<char, kMaxHeader> out;
        std::uint32_t key = 0;
        std::memcpy(&key, "\x37\xfa\x21\x3d", 4);
        const std::size_t n = write_header(out.data(), Opcode::binary, size, fin, !fin,
                                           masked ? std::optional(key) : std::nullopt);
        EXPECT_EQ(n, header_size(size, masked));
        EXPECT_EQ(
            std::string(out.data(), n),
            frame(2, "", {.fin = fin, .rsv = fin ? 0U : 4U, .masked = masked, .announced = size}));
      }
    }
  }
}

TEST(Frame, SharedFrames) {
  base::Ledger ledger;
  for (const std::size_t size : {0U, 5U, 125U, 126U, 65535U, 65536U}) {
    const std::string payload(size, 'p');
    const base::Chunk chunk = make_frame(Opcode::text, payload, &ledger);
    EXPECT_EQ(std::string(chunk.data(), chunk.capacity()), plain(1, payload));
  }
  EXPECT_EQ(ledger.output(), 0);
}

// RFC 6455 §5.7's examples.
TEST(Frame, ExamplesOfTheRfc) {
  EXPECT_EQ(plain(1, "Hello"), "\x81\x05Hello");
  EXPECT_EQ(text("Hello"), "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
  const base::Chunk chunk = make_frame(Opcode::ping, "Hello", nullptr);
  EXPECT_EQ(std::string(chunk.data(), chunk.capacity()), "\x89\x05Hello");
}

TEST(CloseCode, MayBeSent) {
  for (unsigned code = 0; code <= 65535; ++code) {
    const bool expected = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                          (code >= 3000 && code <= 4999);
    ASSERT_EQ(may_be_sent(static_cast<std::uint16_t>(code)), expected) << code;
  }
}

}  // namespace
}  // namespace socketio::ws::testing
