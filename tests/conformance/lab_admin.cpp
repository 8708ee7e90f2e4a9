// The admin UI's side of the server ("admin": {…}, the fields of AdminOptions), and what its tests
// watch:
//
//   set data (value)          acknowledged
//   mark data (key, value)    acknowledged; through the reference of data()
//   /chat                     another namespace
#include <socketio/admin.hpp>

#include "lab.hpp"

using socketio::AdminLogin;
using socketio::AdminMode;
using socketio::AdminOptions;
using socketio::ServerOptions;
using socketio::Socket;
using socketio::Value;

namespace {

AdminOptions admin_options(const Value& given) {
  AdminOptions options;
  if (given["username"].is_null()) {
    options.allow_anyone = true;
  } else {
    options.auth = AdminLogin{std::string(given["username"].to_string()),
                              std::string(given["password"].to_string()),
                              std::string(given["password_hash"].to_string())};
  }
  options.readonly = given["readonly"].to_bool();
  options.server_id = given["server_id"].to_string();
  if (given["production"].to_bool()) options.mode = AdminMode::production;
  const auto count = [&given](std::string_view name, std::size_t& out) {
    if (!given[name].is_null()) out = static_cast<std::size_t>(given[name].to_integer());
  };
  count("max_sessions", options.max_sessions);
  count("max_failed_logins", options.max_failed_logins);
  count("max_waiting_logins", options.max_waiting_logins);
  count("max_listed_sockets", options.max_listed_sockets);
  count("max_event_bytes", options.max_event_bytes);
  if (!given["stats_interval"].is_null())
    options.stats_interval = lab_duration(given["stats_interval"]);
  if (!given["session_duration"].is_null())
    options.session_duration = lab_duration(given["session_duration"]);
  if (!given["namespace_name"].is_null())
    options.namespace_name = given["namespace_name"].to_string();
  return options;
}

void install(const Lab& lab) {
  if (lab.given["admin"].is_null()) return;
  lab.io.of("/chat");
  lab.io.on_event("mark data", [](Socket socket, const std::string& key, const Value& value) {
    socket.data()[key] = value;
    return true;
  });
  lab.io.on_event("set data",
                  [](Socket socket, const Value& data) { return socket.set_data(data); });
  instrument(lab.io, admin_options(lab.given["admin"]));
}

const LabTopic topic({{"admin", [](ServerOptions&, const Value&) {}}}, install);

}  // namespace
