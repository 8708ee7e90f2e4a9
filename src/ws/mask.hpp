// The masking of RFC 6455 §5.3: XOR with a four-byte key. Its own unit because it touches every
// byte that clients send.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace socketio::ws {

// Masks or unmasks in place. `key` holds the four bytes in wire order (as memcpy reads them).
// Returns the key turned so that the next call continues where this one stopped, wherever a payload
// was split.
std::uint32_t apply_mask(base::MutBytes bytes, std::uint32_t key);

// The same, and tells whether the result is all ASCII: nobody else need look. Turns the key.
bool unmask_ascii(base::MutBytes bytes, std::uint32_t& key);

}  // namespace socketio::ws
