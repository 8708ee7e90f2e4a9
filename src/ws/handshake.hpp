// The opening handshake of RFC 6455 §4, both roles, over values that http has parsed.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/random.hpp"

namespace socketio::ws {

// What a server needs from the request; views.
struct UpgradeRequest {
  base::Bytes method;
  base::Bytes upgrade;        // Upgrade header, empty when absent
  base::Bytes key;            // Sec-WebSocket-Key
  std::size_t key_count = 0;  // how many such headers there were
  base::Bytes version;        // Sec-WebSocket-Version
  base::Bytes protocols;      // all Sec-WebSocket-Protocol values joined by ", "
  base::Bytes extensions;     // likewise; see extensions.hpp
  bool http_1_1 = true;
};

// The texts are those of `ws` (see docs/reference/differences-from-js.md where they differ).
struct Refusal {
  int status;
  base::Bytes message;        // e.g. "Missing or invalid Sec-WebSocket-Key header"
  bool send_version = false;  // add "Sec-WebSocket-Version: 13, 8"
};

// nullopt: acceptable. The first offered sub-protocol is the one to echo.
std::optional<Refusal> check_upgrade(const UpgradeRequest& request);
base::Bytes first_protocol(base::Bytes protocols);

// Sec-WebSocket-Accept for a key: base64(SHA-1(key + GUID)), 28 characters.
std::string accept_key(base::Bytes key);
// Client: a fresh key, 24 characters.
std::string make_key(base::Random& random);

// What a client needs from the response; views. (Whether Connection lists "upgrade" is http's to
// know, as for requests.)
struct UpgradeResponse {
  int status = 0;
  base::Bytes upgrade;
  base::Bytes accept;      // Sec-WebSocket-Accept
  base::Bytes protocol;    // Sec-WebSocket-Protocol, empty when absent
  base::Bytes extensions;  // likewise
};

// RFC 6455 §4.1, the client's checks: nullopt when acceptable, else why not, in the words of `ws`.
// `key` and `offered` (sub-protocols, joined by ", ") are what the request said. With
// `extension_offered` the answer's extensions are the caller's to judge (check_deflate).
std::optional<base::Bytes> check_response(const UpgradeResponse& response, base::Bytes key,
                                          base::Bytes offered, bool extension_offered = false);

}  // namespace socketio::ws
