// Sec-WebSocket-Extensions (RFC 6455 §9.1): which of the permessage-deflate offers a server takes,
// what a client offers, and whether it may take the answer (RFC 7692 §7.1). Offers are refused
// exactly when `ws` refuses them.
#pragma once

#include <optional>
#include <string>

#include "ws/deflate.hpp"

namespace socketio::ws {

struct DeflateAnswer {
  enum class Kind : std::uint8_t {
    none,      // not offered: go on without it
    accepted,  // `params` hold, and `header` is the value to answer
    refused,   // malformed, or no offer is acceptable: 400
  };
  Kind kind = Kind::none;
  DeflateParams params{};
  std::string header{};
};

// Server. `header`: all Sec-WebSocket-Extensions values joined by ", "; empty when absent. With
// `thrifty` no side may keep a context, whatever `options` would allow. Linear in the header.
DeflateAnswer answer_deflate(base::Bytes header, const DeflateOptions& options,
                             bool thrifty = false);

// Client: the header's value.
std::string offer_deflate(const DeflateOptions& options);
// Client: the answer to offer_deflate(); nullopt when it is none that the offer allows (the
// handshake has failed). An empty header: Kind none.
std::optional<DeflateAnswer> check_deflate(base::Bytes header, const DeflateOptions& options);

}  // namespace socketio::ws
