// SHA-1 (RFC 3174), for the opening handshake alone, where it guards nothing: it shows that the
// other side speaks WebSocket. OpenSSL's costs a look-up by name under a lock for each use, and two
// megabytes of its library in memory, which a server without TLS does not touch otherwise.
#pragma once

#include <array>

#include "base/bytes.hpp"

namespace socketio::ws {

std::array<char, 20> sha1(base::Bytes text);

}  // namespace socketio::ws
