#include "eio/packet.hpp"

namespace socketio::eio {

base::Bytes name(Transport transport) {
  return transport == Transport::polling ? "polling" : "websocket";
}

std::optional<Packet> parse_packet(base::MutBytes text) {
  if (text.empty() || text[0] < '0' || text[0] > '6') return std::nullopt;
  return Packet{static_cast<PacketType>(text[0] - '0'), false, text.subspan(1)};
}

}  // namespace socketio::eio
