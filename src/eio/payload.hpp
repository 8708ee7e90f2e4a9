// A polling payload: packets joined by the byte 0x1e, binary messages as 'b' + base64. Pulled one
// packet at a time, decoded in place.
#pragma once

#include "eio/packet.hpp"

namespace socketio::eio {

inline constexpr char kSeparator = '\x1e';
// More than any client sends at once, few enough that one body cannot keep a shard busy.
inline constexpr std::size_t kMaxPacketsPerPayload = 16'384;
// What may be chosen instead, at most: sessions count them in 16 bits.
inline constexpr std::uint32_t kMostPacketsPerPayload = 65'535;

class PayloadReader {
 public:
  // `body` stays valid and writable while reading, followed by padding. `packets`: already read in
  // front of it, when a reading goes on. `most`: how many there may be.
  explicit PayloadReader(base::MutBytes body, std::uint32_t packets = 0,
                         std::uint32_t most = kMaxPacketsPerPayload)
      : rest_(body), packets_(packets), most_(most), over_(false) {}
  PayloadReader() = default;

  enum class Status : std::uint8_t { packet, end, malformed };
  // Packets before a malformed one are delivered; nothing after it. An empty payload is malformed.
  Status next(Packet& out);

  // Where to go on, unless it is over.
  bool over() const { return over_; }
  base::MutBytes rest() const { return rest_; }
  std::uint32_t packets() const { return packets_; }

 private:
  base::MutBytes rest_{};
  std::uint32_t packets_ = 0;
  std::uint32_t most_ = kMaxPacketsPerPayload;
  bool over_ = true;
};

}  // namespace socketio::eio
