// A polling payload: packets joined by the byte 0x1e, binary messages as 'b' + base64. Pulled one
// packet at a time, decoded in place.
#pragma once

#include "eio/packet.hpp"

namespace socketio::eio {

inline constexpr char kSeparator = '\x1e';
inline constexpr std::size_t kMaxPacketsPerPayload = 16'384;

class PayloadReader {
 public:
  // `body` stays valid and writable while reading, followed by padding.
  explicit PayloadReader(base::MutBytes body) : rest_(body) {}
  PayloadReader() = default;

  enum class Status : std::uint8_t { packet, end, malformed };
  // Packets before a malformed one are delivered; nothing after it. An empty payload is malformed.
  Status next(Packet& out);

 private:
  base::MutBytes rest_{};
  std::size_t packets_ = 0;
  bool started_ = false;
  bool over_ = false;
};

}  // namespace socketio::eio
