#include "ws/frame.hpp"

#include <algorithm>
#include <cstring>

namespace socketio::ws {

std::size_t write_header(char* out, Opcode opcode, std::uint64_t payload, bool fin, bool rsv1,
                         std::optional<std::uint32_t> mask) {
  const auto put = [&out](std::uint64_t byte) { *out++ = static_cast<char>(byte & 0xFF); };
  const auto mask_bit = static_cast<std::uint64_t>(mask ? 0x80 : 0);
  put((fin ? 0x80U : 0U) | (rsv1 ? 0x40U : 0U) | static_cast<unsigned>(opcode));
  if (payload < 126) {
    put(mask_bit | payload);
  } else if (payload <= 0xFFFF) {
    put(mask_bit | 126);
    put(payload >> 8);
    put(payload);
  } else {
    put(mask_bit | 127);
    for (int shift = 56; shift >= 0; shift -= 8) put(payload >> shift);
  }
  if (mask) std::memcpy(out, &*mask, sizeof *mask);
  return header_size(payload, mask.has_value());
}

base::Chunk make_frame(Opcode opcode, base::Bytes payload, base::Ledger* ledger, bool rsv1) {
  return make_frame(opcode, {&payload, 1}, ledger, rsv1);
}

base::Chunk make_frame(Opcode opcode, std::span<const base::Bytes> parts, base::Ledger* ledger,
                       bool rsv1) {
  std::size_t size = 0;
  for (const base::Bytes part : parts) size += part.size();
  base::Chunk chunk = base::Chunk::allocate(header_size(size, false) + size, ledger);
  char* to = chunk.data() + write_header(chunk.data(), opcode, size, true, rsv1);
  for (const base::Bytes part : parts) to = std::copy(part.begin(), part.end(), to);
  return chunk;
}

}  // namespace socketio::ws
