// What Compressor writes, read back by zlib itself.
#include "http/compressor.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

namespace socketio::http {
namespace {

std::string inflated(base::Bytes packed, int window_bits) {
  z_stream z{};
  if (inflateInit2(&z, window_bits) != Z_OK) return "no memory";
  std::string out(2'000'000, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  z.avail_in = static_cast<uInt>(packed.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int result = ::inflate(&z, Z_FINISH);
  out.resize(z.total_out);
  inflateEnd(&z);
  return result == Z_STREAM_END && z.avail_in == 0 ? out : "not one whole stream";
}

std::string noise(std::size_t size) {
  std::string out;
  std::uint32_t state = 7;
  while (out.size() < size) {
    state = state * 1'664'525 + 1'013'904'223;
    out += static_cast<char>(state >> 24);
  }
  return out;
}

TEST(Compressor, OneWholeStreamOfTheFormat) {
  for (const int level : {0, 1, 6, 9}) {
    Compressor compressor(level);
    for (const std::string& body :
         {std::string(), std::string("x"), std::string(1'000'000, 'a'), noise(100'000)}) {
      for (int again = 0; again < 2; ++again) {
        EXPECT_EQ(inflated(compressor.compress(Coding::gzip, body), 15 + 16), body);
        EXPECT_EQ(inflated(compressor.compress(Coding::deflate, body), 15), body);
      }
    }
    compressor.release();
    EXPECT_EQ(inflated(compressor.compress(Coding::gzip, "after"), 15 + 16), "after");
  }
}

TEST(Compressor, TheLevelDecidesHowShort) {
  std::string body;
  for (int i = 0; i < 5'000; ++i) body += std::to_string(i * i % 7919) + ",";
  const auto size = [&body](int level) {
    return Compressor(level).compress(Coding::gzip, body).size();
  };
  EXPECT_GT(size(0), body.size());
  EXPECT_LT(size(9), size(1));
  EXPECT_LT(size(1), body.size());
}

TEST(Compressor, BrotliWhereItIsBuiltIn) {
  const std::string body(100'000, 'b');
  if (has_brotli()) {
    EXPECT_LT(brotli(body).size(), 100u);
    EXPECT_FALSE(brotli("").empty());
  } else {
    EXPECT_EQ(brotli(body), "");
  }
}

}  // namespace
}  // namespace socketio::http
