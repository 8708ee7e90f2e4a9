// The backends of a server's shards, as ServerOptions::backend wants them.
#pragma once

#include <memory>
#include <vector>

#include <socketio/server.hpp>

#include "base/log.hpp"
#include "net/backend.hpp"

namespace socketio::server {

// One for each shard, all of one kind. Throws std::system_error when what is asked for cannot be
// had; epoll in the place of io_uring is one line in the log, a warning where a limit is the
// reason.
std::vector<std::unique_ptr<net::Backend>> make_backends(
    Backend wanted, std::size_t count, base::Logger& logger,
    std::size_t max_receive = net::kMaxReceive);

}  // namespace socketio::server
