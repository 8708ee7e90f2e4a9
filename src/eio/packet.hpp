// Engine.IO v4 packets (docs/protocol/engine.io.md): a type digit and data in text, raw bytes for a
// binary message on WebSocket, 'b' + base64 for one in text.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace socketio::eio {

enum class PacketType : std::uint8_t { open, close, ping, pong, message, upgrade, noop };

enum class Transport : std::uint8_t { polling, websocket };
base::Bytes name(Transport transport);

struct Packet {
  PacketType type = PacketType::noop;
  bool binary = false;
  base::MutBytes data{};
};

// A text frame or one record of a polling payload; nullopt when empty, of unknown type, or not
// base64. Decodes in place. (Clients with forceBase64 send 'b' on WebSockets too.)
std::optional<Packet> parse_packet(base::MutBytes text);

}  // namespace socketio::eio
