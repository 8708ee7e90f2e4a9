// Sixteen bytes of JSON text at a time, for reading and for writing strings.
#pragma once

#include "base/block.hpp"

namespace socketio::value {

// All ones in the bytes that a string cannot hold as they are: controls, the quote, the backslash.
inline base::Block special_bytes(base::Block block) {
  using base::Block;
  const Block quote = Block{} + static_cast<std::uint8_t>('"');
  const Block backslash = Block{} + static_cast<std::uint8_t>('\\');
  const Block space = Block{} + static_cast<std::uint8_t>(' ');
  return reinterpret_cast<Block>(block == quote) | reinterpret_cast<Block>(block == backslash) |
         reinterpret_cast<Block>(block < space);
}

}  // namespace socketio::value
