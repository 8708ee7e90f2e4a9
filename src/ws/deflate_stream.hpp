// zlib's raw streams (RFC 1951) as permessage-deflate uses them: whole messages in, whole messages
// out. The only place of this layer that knows zlib.
//
//   Deflater  [message parts] -> sync flush -> without the last 00 00 ff ff   (RFC 7692 §7.2.1)
//   Inflater  [message][00 00 ff ff] -> at most `max` bytes                    (RFC 7692 §7.2.2)
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.hpp"
#include "base/in_buffer.hpp"
#include "base/text_buffer.hpp"

namespace socketio::ws {

// Windows are 2^bits bytes. zlib cannot write for a window of 256 bytes, but what it writes for one
// of 512 reaches no further back than 250.
inline constexpr int kMinWindowBits = 8;
inline constexpr int kMaxWindowBits = 15;

// What a stream costs while it exists (zlib's own figures, rounded up).
constexpr std::size_t deflater_bytes(int window_bits, int mem_level) {
  return (std::size_t{1} << (window_bits + 2)) + (std::size_t{1} << (mem_level + 9)) + 8192;
}
constexpr std::size_t inflater_bytes(int window_bits) {
  return (std::size_t{1} << window_bits) + 8192;
}

// Both throw std::bad_alloc, as everything does that allocates.
class Deflater {
 public:
  Deflater(int window_bits, int level, int mem_level);
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // Appends the compressed form of the parts, one message.
  void compress(std::span<const base::Bytes> parts, base::TextBuffer& out);
  // The same, a part at a time: as much of it as comes out. Only the last may be empty, and not all
  // of them.
  void add(base::Bytes part, bool last, base::TextBuffer& out);
  // The next message does not refer to those before it.
  void reset();

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

enum class Inflated : std::uint8_t {
  whole,
  more,  // as much as was asked for at a time: there is more in what came
  too_big,
  invalid
};

class Inflater {
 public:
  // Bytes written at a time: what may be inflated beyond the limit before it is noticed.
  static constexpr std::size_t kStep = std::size_t{16} * 1024;

  explicit Inflater(int window_bits);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Appends the message that `payload` stands for, at most `max` bytes. `invalid`: why() says it in
  // the words of zlib. Time and memory are linear in the payload and `max`. After about `piece`
  // bytes, in or out, it stops with `more`: the next call goes on with rest(), in any memory. After
  // anything but `whole` and `more` the stream is of no use until reset().
  Inflated inflate(base::Bytes payload, std::size_t max, base::InBuffer& out, base::Ledger& ledger,
                   std::size_t piece = ~std::size_t{0});
  base::Bytes rest() const { return rest_; }
  base::Bytes why() const { return why_; }
  void reset();

 private:
  struct Stream;
  Inflated step(base::Bytes in, std::size_t max, base::InBuffer& out, base::Ledger& ledger,
                std::size_t piece);

  std::unique_ptr<Stream> stream_;
  base::Bytes why_{};
  base::Bytes rest_{};
  bool ended_ = false;  // the input ended with a last block
  bool begun_ = false;  // the last call said `more`
};

}  // namespace socketio::ws
