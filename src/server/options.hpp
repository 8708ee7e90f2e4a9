// ServerOptions, checked and split into what each layer wants to know.
#pragma once

#include <optional>

#include <socketio/server.hpp>

#include "base/ledger.hpp"
#include "eio/options.hpp"
#include "http/cors.hpp"
#include "http/server_machine.hpp"
#include "net/backend.hpp"
#include "sio/options.hpp"
#include "ws/machine.hpp"

namespace socketio::server {

struct Settings {
  // Throws std::invalid_argument naming the option.
  explicit Settings(ServerOptions given);

  ServerOptions options;
  std::size_t max_clients;  // or what follows from max_connections
  eio::Options eio;
  sio::Options sio;
  ws::Limits ws;
  std::optional<ws::DeflateOptions> deflate;  // none: permessage-deflate is off
  http::Limits http;
  std::optional<http::CorsRules> cors;
};

}  // namespace socketio::server
