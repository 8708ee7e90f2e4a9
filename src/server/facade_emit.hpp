// What Emits and Selects ask for, done by the sockets of this process: the short way, past any
// adapter, and what adapters end with. Targets name many receivers of one namespace.
#pragma once

#include <socketio/broadcast.hpp>

#include "server/hub.hpp"

namespace socketio::sio {
struct Socket;
}

namespace socketio::server {

class Dispatcher;

// Throws std::invalid_argument for names that Socket.IO keeps for itself. Any thread.
void refuse_reserved(std::string_view event);
// Reports an event that has more attachments than may be sent. Any thread.
void refuse_attachments(const detail::Hub& hub, std::string_view event);

}  // namespace socketio::server

namespace socketio::detail {

bool emit_here(const Target& target, std::string_view event, ArgsRef args);
Pending<std::vector<RemoteSocket>> fetch_here(const Target& target);
// &Dispatcher::join or &Dispatcher::leave.
using RoomCommand = bool (server::Dispatcher::*)(sio::Socket&, base::Bytes);
bool rooms_here(const Target& target, const std::vector<std::string>& rooms, RoomCommand change);
bool disconnect_here(const Target& target, bool close);
// server_side_emit() without a cluster.
void warn_no_servers(Hub& hub);

}  // namespace socketio::detail
