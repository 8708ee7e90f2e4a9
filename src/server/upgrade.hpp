// The server's side of the WebSocket handshake over HTTP (RFC 6455 §4.2), for Engine.IO and for
// the user's own routes.
#pragma once

#include <optional>
#include <string>

#include "http/message.hpp"

namespace socketio::server {

struct Upgrade {
  explicit Upgrade(const http::Request& request);

  std::string protocols;                  // all that are offered, joined by ", "
  std::string extensions;                 // likewise
  std::optional<http::Response> refusal;  // the answer, when the request is not acceptable
  // The 101's lines without the empty one at the end.
  std::string head(base::Bytes protocol) const;

 private:
  std::string accept_;
};

}  // namespace socketio::server
