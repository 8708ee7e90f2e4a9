// The lab's connection state recovery: its options, and what a test needs to see a session come
// back.
//
//   connection_state_recovery {…}   members as in ConnectionStateRecoveryOptions; {} turns it on
//   recovery_middleware true        a middleware that logs {middleware: id, recovered}
//
//   state ()                        acknowledged with {id, recovered, rooms, data}
//   remember (value)                kept in the socket's data
//   POST /__emit {event, args, room?, socket?, volatile?, ack?}
//                                   to everybody, a room, or the socket of that id, whether or not
//                                   it is still there
//   GET /__recovery                 the recovery part of the server's statistics
#include <map>

#include "lab.hpp"

using socketio::ConnectionStateRecoveryOptions;
using socketio::Socket;
using socketio::Spread;
using socketio::Value;

namespace {

struct Memory {
  Value value;
};

// The last handle of each id, kept after its connection is gone.
class Handles {
 public:
  void add(const Socket& socket) {
    const std::lock_guard lock(mutex_);
    all_.insert_or_assign(std::string(socket.id()), socket);
  }
  Socket find(std::string_view id) {
    const std::lock_guard lock(mutex_);
    const auto found = all_.find(id);
    return found == all_.end() ? Socket() : found->second;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Socket, std::less<>> all_;
};

Value state_of(const Socket& socket) {
  socketio::Array rooms;
  for (const std::string& room : socket.rooms()) rooms.emplace_back(room);
  return Value::object({{"id", socket.id()},
                        {"recovered", socket.recovered()},
                        {"rooms", std::move(rooms)},
                        {"data", socket.data<Memory>().value}});
}

template <class To>
bool emit(const To& to, const Value& what) {
  const std::string event(what["event"].to_string());
  const socketio::Args args(what["args"].get_if<socketio::Array>() != nullptr
                                ? *what["args"].get_if<socketio::Array>()
                                : socketio::Array());
  return what["volatile"].to_bool() ? to.volatile_().emit(event, Spread(args))
                                    : to.emit(event, Spread(args));
}

void install(const Lab& lab) {
  socketio::Server& io = lab.io;
  const auto handles = std::make_shared<Handles>();
  io.on_connection([handles](const Socket& socket) { handles->add(socket); });
  io.on_event("state", [](const Socket& socket) { return state_of(socket); });
  io.on_event("remember", [](const Socket& socket, const Value& value) {
    socket.data<Memory>().value = value;
    return true;
  });
  io.http().post("/__emit", [&io, handles](const socketio::HttpRequest& request) {
    const Value what = Value::parse(request.body()).value_or(Value());
    bool done = false;
    if (!what["socket"].is_null())
      done = emit(handles->find(what["socket"].to_string()), what);
    else if (!what["room"].is_null())
      done = emit(io.to(what["room"].to_string()), what);
    else
      done = emit(io.sockets(), what);
    return socketio::HttpReply::json(Value(done));
  });
  io.http().get("/__recovery", [&io](const socketio::HttpRequest&) {
    const socketio::Stats stats = io.stats();
    return socketio::HttpReply::json(Value::object({{"sessions", stats.recovery_sessions},
                                                    {"packets", stats.recovery_packets},
                                                    {"bytes", stats.recovery_bytes},
                                                    {"output", stats.output_bytes}}));
  });
  if (lab.given["recovery_middleware"].to_bool()) {
    io.use([&log = lab.log](const Socket& socket) -> std::optional<socketio::ConnectError> {
      log.add(Value::object({{"middleware", socket.id()}, {"recovered", socket.recovered()}}));
      return std::nullopt;
    });
  }
}

void set_recovery(socketio::ServerOptions& options, const Value& value) {
  ConnectionStateRecoveryOptions& recovery = options.connection_state_recovery.emplace();
  const auto number = [&value](const char* name, std::size_t& member) {
    if (!value[name].is_null()) member = static_cast<std::size_t>(value[name].to_integer());
  };
  if (!value["max_disconnection_duration"].is_null())
    recovery.max_disconnection_duration = lab_duration(value["max_disconnection_duration"]);
  if (!value["skip_middlewares"].is_null())
    recovery.skip_middlewares = value["skip_middlewares"].to_bool();
  number("max_log_bytes", recovery.max_log_bytes);
  number("max_log_packets", recovery.max_log_packets);
  number("max_sessions", recovery.max_sessions);
}

const LabTopic topic({{"connection_state_recovery", set_recovery},
                      {"recovery_middleware", [](socketio::ServerOptions&, const Value&) {}}},
                     install);

}  // namespace
