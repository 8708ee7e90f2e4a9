#include "eio/packet.hpp"

#include "base/base64.hpp"

namespace socketio::eio {

base::Bytes name(Transport transport) {
  return transport == Transport::polling ? "polling" : "websocket";
}

std::optional<Packet> parse_packet(base::MutBytes text) {
  if (!text.empty() && text[0] == 'b') {
    const base::MutBytes data = text.subspan(1);
    const std::ptrdiff_t size = base::base64_decode(base::as_bytes(data), data.data());
    if (size < 0) return std::nullopt;
    return Packet{PacketType::message, true, data.first(static_cast<std::size_t>(size))};
  }
  if (text.empty() || text[0] < '0' || text[0] > '6') return std::nullopt;
  return Packet{static_cast<PacketType>(text[0] - '0'), false, text.subspan(1)};
}

}  // namespace socketio::eio
