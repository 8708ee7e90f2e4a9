// The frame header of RFC 6455 §5.2, written. (Reading is the machine's: it never needs a header
// apart from its payload.)
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/chunk.hpp"

namespace socketio::ws {

enum class Opcode : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10
};

inline constexpr std::size_t kMaxHeader = 14;

constexpr std::size_t header_size(std::uint64_t payload, bool masked) {
  return (payload < 126 ? 2U : payload <= 0xFFFF ? 4U : 10U) + (masked ? 4U : 0U);
}

// The header of a short unmasked frame: most that a server sends. Longer ones: write_header().
inline char* write_short_header(char* out, Opcode opcode, std::size_t payload) {
  *out++ = static_cast<char>(0x80U | static_cast<unsigned>(opcode));
  *out++ = static_cast<char>(payload);
  return out;
}
inline constexpr std::size_t kMaxShort = 125;
inline constexpr std::size_t kShortHeader = 2;

// Writes header_size() bytes; RSV1 marks a compressed message (RFC 7692 §6).
std::size_t write_header(char* out, Opcode opcode, std::uint64_t payload, bool fin = true,
                         bool rsv1 = false, std::optional<std::uint32_t> mask = std::nullopt);

// A whole unmasked frame (as servers send them): shared by every receiver of a broadcast.
base::Chunk make_frame(Opcode opcode, base::Bytes payload, base::Ledger* ledger, bool rsv1 = false);
base::Chunk make_frame(Opcode opcode, std::span<const base::Bytes> parts, base::Ledger* ledger,
                       bool rsv1 = false);

}  // namespace socketio::ws
