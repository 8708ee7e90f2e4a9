// ServerOptions, checked and split into what each layer wants to know.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <socketio/server.hpp>

#include "base/ledger.hpp"
#include "base/log.hpp"
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
  eio::Options eio;
  sio::Options sio;
  ws::Limits ws;
  std::optional<ws::DeflateOptions> deflate;  // none: permessage-deflate is off
  http::Limits http;
  std::optional<http::CorsRules> cors;
};

// One for each shard, all of one kind. Throws std::system_error when what is asked for cannot be
// had; epoll in the place of io_uring is one line in the log, a warning where a limit is the
// reason.
std::vector<std::unique_ptr<net::Backend>> make_backends(
    Backend wanted, std::size_t count, base::Logger& logger,
    std::size_t max_receive = net::kMaxReceive);

}  // namespace socketio::server
