// The server's side of the Socket.IO Admin UI (https://admin.socket.io, npm's @socket.io/admin-ui):
// who is connected, in which rooms, what is sent, and a few commands.
//
//   instrument(io, {.auth = AdminLogin{.username = "admin", .password_hash = "$2b$10$…"}});
//
// The page is a client of a namespace of your server; it is served from elsewhere, so that
// ServerOptions::cors has to allow its origin, with credentials. More in docs/guide/18-admin-ui.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <socketio/server.hpp>

namespace socketio {

// Who may log in. One of `password` and `password_hash` is set.
struct AdminLogin {
  std::string username{};
  std::string password{};       // as it is
  std::string password_hash{};  // bcrypt: $2a$, $2b$ or $2y$ and 56 characters
};

enum class AdminMode : std::uint8_t {
  development,  // everything: sockets, rooms, each event. Costs a packet to the admins for each
  production,   // numbers only: server, namespaces, events and bytes per interval
};

// What the admin UI may see and do. A value out of its range makes instrument() throw.
struct AdminOptions {
  // Not set: instrument() throws, unless allow_anyone is true.
  std::optional<AdminLogin> auth{};
  bool allow_anyone = false;
  std::string namespace_name = "/admin";
  bool readonly = false;    // no commands
  std::string server_id{};  // empty: the name of the host
  AdminMode mode = AdminMode::development;
  // From one server_stats to the next.
  std::chrono::milliseconds stats_interval{2'000};
  // A login is answered with an id that stands for it later: how long it is valid, and how many
  // there are at once. When there are more, the oldest go.
  std::chrono::milliseconds session_duration{24 * 60 * 60 * 1'000};
  std::size_t max_sessions = 1'000;
  // Failed logins of one address (IPv6: of one /64) per second, in bursts of as many; then its
  // logins are refused unseen. One that is refused costs no hash.
  std::size_t max_failed_logins = 5;
  // Logins whose hash is being computed on the offload worker, one at a time, or waits for that;
  // more are refused.
  std::size_t max_waiting_logins = 8;
  // Sockets an admin is told of when it connects, as far as they fit into half of
  // ServerOptions::send_queue_hard. It hears of those that come later.
  std::size_t max_listed_sockets = 10'000;
  // Bytes of an event's arguments, binary included. Of a longer one the admins see only that there
  // was one.
  std::size_t max_event_bytes = 64 * 1024;
};

// Before the first client, on the thread that sets the server up. Throws std::invalid_argument,
// which names the option, and std::logic_error the second time for a server. Costs nothing on
// servers it was not called for. Admins see a socket's data change when Socket::set_data() has
// changed it, or a handler that asked for Socket::data() has; what is changed through that
// reference later, they see with the next of these.
SOCKETIO_EXPORT void instrument(Server& io, AdminOptions options);

}  // namespace socketio
