// A request below the path that waits for somebody's decision. Its connection holds it, as a route
// holds one that the user has not answered: nothing more is read behind it, and when the
// connection goes, so does this, and an answer that still comes finds nothing.
//
//   middlewares, one after the other -> eio::decide -> [a handshake: allow_request -> generate_id]
//                                    -> carried out
#pragma once

#include <memory>
#include <optional>

#include "base/in_buffer.hpp"
#include "eio/gateway.hpp"
#include "server/engine_hooks.hpp"

namespace socketio::server {

struct Admission {
  Admission(const http::Request& r, bool upgrade) : request(&r), websocket(upgrade) {}

  const http::Request* request;  // the HTTP machine's, which keeps it until it is answered
  bool websocket;
  bool asked_all = false;  // the middlewares have let it pass
  bool allowed = false;    // so has allow_request
  bool whole = false;      // a POST's body is there
  std::size_t next_middleware = 0;
  std::shared_ptr<EngineRequest::Answer> answer;  // of the middleware that is being asked
  std::optional<HttpRequest> shown;               // made when user code wants to see it
  eio::Decision decision{};
  base::InBuffer body;
};

}  // namespace socketio::server
