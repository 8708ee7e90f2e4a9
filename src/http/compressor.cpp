#include "http/compressor.hpp"

#include <new>

#include <zlib.h>

namespace socketio::http {
namespace {

using base::Bytes;

constexpr int kMemLevel = 8;
constexpr int kWindowBits = 15;
constexpr int kGzip = 16;  // added to the window: zlib's way of asking for it
// A larger result's memory is not kept.
constexpr std::size_t kKept = std::size_t{64} * 1024;

}  // namespace

struct Compressor::Stream {
  z_stream z{};
  Stream(int window_bits, int level) {
    if (deflateInit2(&z, level, Z_DEFLATED, window_bits, kMemLevel, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { deflateEnd(&z); }
};

Compressor::Compressor(int level) : level_(level) {}

Compressor::~Compressor() = default;

Bytes Compressor::compress(Coding coding, Bytes body) {
  const bool gzip = coding == Coding::gzip;
  auto& stream = streams_[gzip ? 0 : 1];
  if (stream == nullptr)
    stream = std::make_unique<Stream>(gzip ? kWindowBits + kGzip : kWindowBits, level_);
  z_stream& z = stream->z;
  deflateReset(&z);
  if (out_.capacity() > kKept) out_ = {};
  // With so much room one call does it all.
  out_.resize(deflateBound(&z, static_cast<uLong>(body.size())));
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));  // zlib only reads it
  z.avail_in = static_cast<uInt>(body.size());
  z.next_out = reinterpret_cast<Bytef*>(out_.data());
  z.avail_out = static_cast<uInt>(out_.size());
  ::deflate(&z, Z_FINISH);
  return Bytes(out_).substr(0, out_.size() - z.avail_out);
}

void Compressor::release() {
  streams_ = {};
  out_ = {};
}

}  // namespace socketio::http
