#include "ws/deflate_stream.hpp"

#include <algorithm>
#include <array>
#include <new>

#include <zlib.h>

namespace socketio::ws {
namespace {

using base::Bytes;

constexpr Bytes kTail("\0\0\xff\xff", 4);  // ends every flush, and is left out on the wire
constexpr Bytes kEmpty("\0", 1);           // an empty message (RFC 7692 §7.2.3.6)
constexpr int kBetweenBlocks = 128;        // in data_type

// zlib does not write through next_in, whatever its type says.
void set_input(z_stream& z, Bytes in) {
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
  z.avail_in = static_cast<uInt>(in.size());
}

}  // namespace

// -- Out

struct Deflater::Stream {
  z_stream z{};
  Stream(int window_bits, int level, int mem_level) {
    if (deflateInit2(&z, level, Z_DEFLATED, -std::max(window_bits, 9), mem_level,
                     Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { deflateEnd(&z); }
};

Deflater::Deflater(int window_bits, int level, int mem_level)
    : stream_(std::make_unique<Stream>(window_bits, level, mem_level)) {}

Deflater::~Deflater() = default;

void Deflater::reset() {
  deflateReset(&stream_->z);
}

void Deflater::compress(std::span<const Bytes> parts, base::TextBuffer& out) {
  std::size_t total = 0;
  for (const Bytes part : parts) total += part.size();
  if (total == 0) return out.append(kEmpty);
  out.room(deflateBound(&stream_->z, static_cast<uLong>(total)) + 16);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    if (!parts[i].empty() || last) add(parts[i], last, out);
  }
}

void Deflater::add(Bytes part, bool last, base::TextBuffer& out) {
  z_stream& z = stream_->z;
  set_input(z, part);
  std::size_t room = deflateBound(&z, static_cast<uLong>(part.size())) + 16;
  do {
    char* const to = out.room(room);
    z.next_out = reinterpret_cast<Bytef*>(to);
    z.avail_out = static_cast<uInt>(room);
    ::deflate(&z, last ? Z_SYNC_FLUSH : Z_NO_FLUSH);
    out.to(to + (room - z.avail_out));
    room = 4096;
  } while (z.avail_out == 0);
  if (last) out.to(out.room(0) - kTail.size());
}

// -- In

struct Inflater::Stream {
  z_stream z{};
  explicit Stream(int window_bits) {
    if (inflateInit2(&z, -window_bits) != Z_OK) throw std::bad_alloc();
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { inflateEnd(&z); }
};

Inflater::Inflater(int window_bits) : stream_(std::make_unique<Stream>(window_bits)) {}

Inflater::~Inflater() = default;

void Inflater::reset() {
  inflateReset(&stream_->z);
  begun_ = false;
}

Inflated Inflater::inflate(Bytes payload, std::size_t max, base::InBuffer& out,
                           base::Ledger& ledger, std::size_t piece) {
  // Not a legal form, but one with an obvious meaning; `ws` reads it so.
  if (payload.empty() && !begun_) return Inflated::whole;
  Inflated outcome = step(payload, max, out, ledger, piece);
  begun_ = outcome == Inflated::more;
  if (outcome != Inflated::whole || ended_) return outcome;
  outcome = step(kTail, max, out, ledger, ~std::size_t{0});
  if (outcome != Inflated::whole) return outcome;
  if ((stream_->z.data_type & kBetweenBlocks) != 0) return Inflated::whole;
  why_ = "unexpected end of file";
  return Inflated::invalid;
}

Inflated Inflater::step(Bytes in, std::size_t max, base::InBuffer& out, base::Ledger& ledger,
                        std::size_t piece) {
  z_stream& z = stream_->z;
  std::array<char, kStep> room;
  const std::size_t before = out.size();
  const Bytes now = in.substr(0, piece);  // empty blocks are work, too
  set_input(z, now);
  ended_ = false;
  do {
    if (out.size() - before >= piece) {
      rest_ = in.substr(now.size() - z.avail_in);
      return Inflated::more;
    }
    z.next_out = reinterpret_cast<Bytef*>(room.data());
    z.avail_out = static_cast<uInt>(room.size());
    const int result = ::inflate(&z, Z_SYNC_FLUSH);
    const std::size_t made = room.size() - z.avail_out;
    if (made > max - out.size()) return Inflated::too_big;
    out.append({room.data(), made}, ledger);
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result == Z_STREAM_END) {
      // A "last" block, which need not be the last (RFC 7692 §7.2.3.4): go on behind it with the
      // window kept. inflateReset() would forget it, and taking it out and putting it back would
      // copy 64 KiB for two bytes of input.
      inflateResetKeep(&z);
      ended_ = z.avail_in == 0;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      why_ = z.msg != nullptr ? z.msg : "invalid data";
      return Inflated::invalid;
    }
  } while (z.avail_in > 0 || z.avail_out == 0);
  rest_ = in.substr(now.size());
  return rest_.empty() ? Inflated::whole : Inflated::more;
}

}  // namespace socketio::ws
