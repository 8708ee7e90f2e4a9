#include "eio/packet_v3.hpp"

#include "base/base64.hpp"

namespace socketio::eio {
namespace {

constexpr base::Bytes kBase64Message = "b4";
constexpr char kBinaryMessage = static_cast<char>(PacketType::message);

}  // namespace

std::optional<Packet> parse_text_packet_v3(base::MutBytes text) {
  if (text.empty() || text[0] != 'b') return parse_packet(text);
  std::optional<Packet> packet = parse_packet(text.subspan(1));
  if (!packet || packet->binary) return std::nullopt;  // "bb…" is of no version
  const std::ptrdiff_t size =
      base::base64_decode(base::as_bytes(packet->data), packet->data.data());
  if (size < 0) return std::nullopt;
  packet->data = packet->data.first(static_cast<std::size_t>(size));
  packet->binary = true;
  return packet;
}

std::optional<Packet> parse_binary_packet_v3(base::MutBytes bytes) {
  if (bytes.empty() || bytes[0] < 0 || bytes[0] > static_cast<char>(PacketType::noop))
    return std::nullopt;
  return Packet{static_cast<PacketType>(bytes[0]), true, bytes.subspan(1)};
}

std::size_t base64_packet_size(std::size_t data) {
  return kBase64Message.size() + base::base64_size(data);
}

void append_base64_packet(std::string& out, base::Bytes data) {
  out += kBase64Message;
  const std::size_t at = out.size();
  out.resize(at + base::base64_size(data.size()));
  base::base64_encode(data, out.data() + at);
}

void append_binary_packet(std::string& out, base::Bytes data) {
  out += kBinaryMessage;
  out += data;
}

}  // namespace socketio::eio
