// The two byte views every layer speaks. Text views on purpose: HTTP, Engine.IO and Socket.IO are
// text protocols, and a conversion at every comparison would hide the parser.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace socketio::base {

using Bytes = std::string_view;
using MutBytes = std::span<char>;

// Received bytes are always followed by this many initialised (not meaningful) bytes, because the
// JSON parser loads whole vectors. Whoever hands MutBytes upwards promises it.
inline constexpr std::size_t kPadding = 64;

inline Bytes as_bytes(MutBytes bytes) {
  return {bytes.data(), bytes.size()};
}

}  // namespace socketio::base
