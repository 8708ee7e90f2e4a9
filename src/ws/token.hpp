// The characters of a token (RFC 9110 §5.6.2): names of sub-protocols, extensions, parameters.
#pragma once

#include "base/bytes.hpp"

namespace socketio::ws {

constexpr bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         base::Bytes("!#$%&'*+-.^_`|~").find(c) != base::Bytes::npos;
}

}  // namespace socketio::ws
