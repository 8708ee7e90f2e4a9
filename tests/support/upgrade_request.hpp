// The request that opens a WebSocket, for tests that write their own bytes.
#pragma once

#include <string>
#include <string_view>

namespace socketio::test {

inline constexpr const char* kEngineSocket = "/socket.io/?EIO=4&transport=websocket";

// The header lines that make it one; the key is the example of RFC 6455 §1.3.
inline constexpr const char* kUpgradeLines =
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

// `more`: header lines, each with its end.
inline std::string upgrade_request(std::string_view target = kEngineSocket,
                                   std::string_view more = {}) {
  return std::string("GET ").append(target).append(" HTTP/1.1\r\nHost: test\r\n") + kUpgradeLines +
         std::string(more) + "\r\n";
}

}  // namespace socketio::test
