// Engine.IO v3 packets: as those of v4 (packet.hpp), except that a binary packet has a type as
// well. Where bytes can be carried it is their first byte, a number and not a digit; elsewhere the
// packet is text: 'b', the type's digit, base64.
#pragma once

#include <string>

#include "eio/packet.hpp"

namespace socketio::eio {

// Decodes base64 in place. nullopt when empty, of unknown type, or of broken base64.
std::optional<Packet> parse_text_packet_v3(base::MutBytes text);
std::optional<Packet> parse_binary_packet_v3(base::MutBytes bytes);

// Of a binary message: "b4" and base64, or the byte 4 and the bytes.
constexpr std::size_t kBinaryTypeSize = 1;
std::size_t base64_packet_size(std::size_t data);
void append_base64_packet(std::string& out, base::Bytes data);
void append_binary_packet(std::string& out, base::Bytes data);

}  // namespace socketio::eio
