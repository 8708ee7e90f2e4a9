// Brotli by libbrotlienc; brotli_absent.cpp stands in for this file where that is not installed.
#include <new>

#include <brotli/encode.h>

#include "http/compressor.hpp"

namespace socketio::http {

bool has_brotli() {
  return true;
}

std::string brotli(base::Bytes body) {
  std::size_t size = BrotliEncoderMaxCompressedSize(body.size());
  std::string out(size, '\0');
  if (BrotliEncoderCompress(BROTLI_MAX_QUALITY, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT,
                            body.size(), reinterpret_cast<const std::uint8_t*>(body.data()), &size,
                            reinterpret_cast<std::uint8_t*>(out.data())) == BROTLI_FALSE)
    throw std::bad_alloc();
  out.resize(size);
  return out;
}

}  // namespace socketio::http
