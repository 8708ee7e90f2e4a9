// Statistics in the text format that Prometheus and everything like it reads (version 0.0.4). Every
// label has a fixed set of values, none of them a peer's: no names of events, rooms or namespaces,
// no ids, no addresses. So the text is bounded, and nobody can write into it.
#pragma once

#include <string>

#include <socketio/stats.hpp>

namespace socketio::server {

// Sessions that poll. The two counts are not of one moment: there may just be more on WebSocket
// than there are at all.
std::uint64_t polling_clients(const Stats& stats);

std::string metrics_text(const Stats& stats);

}  // namespace socketio::server
