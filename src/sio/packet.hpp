// Socket.IO v5 packets (docs/protocol/socket.io.md).
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace socketio::sio {

enum class PacketType : std::uint8_t {
  connect,
  disconnect,
  event,
  ack,
  connect_error,
  binary_event,
  binary_ack
};

inline constexpr base::Bytes kRootName = "/";
inline bool is_root(base::Bytes nsp) {
  return nsp.size() == 1 && nsp.front() == '/';
}

// connect, connect_error, disconnect, disconnecting, newListener, removeListener: never a user's
// event.
bool reserved_event_of_its_size(base::Bytes name);
inline bool reserved_event(base::Bytes name) {
  // Most names are shorter than all of these.
  return name.size() >= 7 && reserved_event_of_its_size(name);
}

inline constexpr std::uint64_t kMaxAckId = (std::uint64_t{1} << 53) - 1;

// Everything in front of the JSON: type, number of attachments, namespace, id.
struct Header {
  PacketType type = PacketType::event;
  std::uint32_t attachments = 0;
  base::Bytes nsp = kRootName;
  std::optional<std::uint64_t> id{};
  std::size_t size = 0;  // of the header: the payload is what follows
};

// The error text, or empty. Views in `out` point into `text`.
base::Bytes parse_long_header(base::Bytes text, std::uint32_t max_attachments, Header& out);
inline base::Bytes parse_header(base::Bytes text, std::uint32_t max_attachments, Header& out) {
  // Most packets are "2[…": a type and nothing more.
  if (text.size() < 2 || text[1] != '[' || text[0] < '0' || text[0] > '4')
    return parse_long_header(text, max_attachments, out);
  out.type = static_cast<PacketType>(text[0] - '0');
  out.size = 1;
  return {};
}

}  // namespace socketio::sio
