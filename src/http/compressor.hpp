// Whole bodies in gzip (RFC 1952), deflate (RFC 1950: that is what HTTP calls so) and brotli (RFC
// 7932, when it was built in). The streams of zlib are kept for the next body: making one costs as
// much as compressing 10 KB.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "http/content_coding.hpp"

namespace socketio::http {

class Compressor {
 public:
  explicit Compressor(int level);  // of zlib, 0 to 9
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  // `coding`: gzip or deflate. The result is valid until the next call.
  base::Bytes compress(Coding coding, base::Bytes body);
  // Gives all memory back.
  void release();

 private:
  struct Stream;
  const int level_;
  std::array<std::unique_ptr<Stream>, 2> streams_;
  std::string out_;
};

// Brotli of the best quality, for what is compressed once and sent often.
bool has_brotli();
std::string brotli(base::Bytes body);  // only when has_brotli()

}  // namespace socketio::http
