// What the admin UI is shown, as values: the shapes are those of @socket.io/admin-ui 0.5.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <socketio/socket.hpp>
#include <socketio/stats.hpp>

namespace socketio::server {

// A socket's connection: whatever tells those of one client from others, and its transport.
struct AdminConnection {
  static constexpr std::size_t kClientIdSize = 12;
  std::string client_id;
  std::string transport;
};

// Date.prototype.toISOString, toString.
std::string iso_date(std::int64_t unix_ms);
std::string js_date(std::int64_t unix_ms);

std::string_view shown_name(std::string_view name);

// Without what stands for a client elsewhere: cookies and credentials.
bool is_secret_header(std::string_view lower_case_name);

// Bytes of a value on the wire: its JSON, and the binary in it.
std::size_t wire_size(const Value& value);

// What a node keeps of its own in a socket's data, for the nodes of a cluster.
inline constexpr std::string_view kAdminMember = "_admin";
Value shown_data(const Value& data);
// Of a socket of another node, from its data.
AdminConnection connection_in(const Value& data);

// Of what a stranger's handshake says: bytes of its address, of its URL, of its headers, of its
// query; and headers, parameters. The rest is not shown: it goes to every admin, for each socket.
inline constexpr std::size_t kMaxShownPart = 2 * 1024;
inline constexpr std::size_t kMaxShownPairs = 64;
// Bytes of an event's or a room's name.
inline constexpr std::size_t kMaxShownName = 1'024;
Value shown_socket(std::string_view id, std::string_view nsp, const AdminConnection& connection,
                   const Value& data, const Handshake& handshake,
                   const std::vector<std::string>& rooms);

// The differences, as aggregatedEvents.
Array aggregated(const Stats& before, const Stats& now, std::int64_t unix_ms);

}  // namespace socketio::server
