#include "sio/packet.hpp"

#include <algorithm>
#include <array>

namespace socketio::sio {

namespace {

constexpr std::array<base::Bytes, 4> kUnknownType{"unknown packet type 7", "unknown packet type 8",
                                                  "unknown packet type 9",
                                                  "unknown packet type NaN"};

bool digit(char c) {
  return c >= '0' && c <= '9';
}

// The reference lets JS convert these numbers ("1e1", " 1", "0x1"); digits are all we take. Reads
// as many as there are and stops counting above `limit`.
struct Number {
  std::uint64_t value = 0;
  bool over = false;
  std::size_t digits = 0;
};

Number read_number(base::Bytes text, std::uint64_t limit) {
  Number number;
  for (; number.digits < text.size() && digit(text[number.digits]); ++number.digits) {
    if (number.over) continue;
    number.value = number.value * 10 + static_cast<std::uint64_t>(text[number.digits] - '0');
    number.over = number.value > limit;
  }
  return number;
}

}  // namespace

bool reserved_event_of_its_size(base::Bytes name) {
  switch (name.size()) {
    case 7:
      return name == "connect";
    case 10:
      return name == "disconnect";
    case 11:
      return name == "newListener";
    case 13:
      return name == "connect_error" || name == "disconnecting";
    case 14:
      return name == "removeListener";
    default:
      return false;
  }
}

base::Bytes parse_long_header(base::Bytes text, std::uint32_t max_attachments, Header& out) {
  if (text.empty() || !digit(text[0])) return kUnknownType[3];
  if (text[0] > '6') return kUnknownType[static_cast<std::size_t>(text[0] - '7')];
  out.type = static_cast<PacketType>(text[0] - '0');
  std::size_t at = 1;
  if (out.type == PacketType::binary_event || out.type == PacketType::binary_ack) {
    const Number count = read_number(text.substr(at), max_attachments);
    at += count.digits;
    if (count.digits == 0 || at == text.size() || text[at] != '-') return "Illegal attachments";
    if (count.over) return "too many attachments";
    if (count.value == 0) return "Illegal attachments";
    out.attachments = static_cast<std::uint32_t>(count.value);
    ++at;
  }
  if (at < text.size() && text[at] == '/') {
    const std::size_t comma = text.find(',', at);
    const std::size_t end = comma == base::Bytes::npos ? text.size() : comma;
    out.nsp = text.substr(at, end - at);
    at = std::min(end + 1, text.size());  // the comma may be missing when nothing follows
  }
  const Number id = read_number(text.substr(at), kMaxAckId);
  if (id.over) return "invalid payload";
  if (id.digits > 0) out.id = id.value;
  out.size = at + id.digits;
  return {};
}

}  // namespace socketio::sio
