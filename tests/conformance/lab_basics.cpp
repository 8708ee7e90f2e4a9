// The lab's options that every server has, and the behaviour that every test may count on:
//
//   echo (...args)                 acknowledged with the arguments, or emitted back
//   join/leave (room)              acknowledged with the rooms
//   to (room, event, ...args)      to the room without the sender
//   all (event, ...args)           to everybody
//   hang up (close)                disconnect(close)
//   GET /__log                     {log: what happened since, rss, clients}
#include "lab.hpp"

using socketio::Ack;
using socketio::Args;
using socketio::ServerOptions;
using socketio::Socket;
using socketio::Spread;
using socketio::Value;

namespace {

Value rooms_of(const Socket& socket) {
  socketio::Array rooms;
  for (const std::string& room : socket.rooms()) rooms.emplace_back(room);
  return rooms;
}

Args behind(const Args& args, std::size_t skipped) {
  return {args.begin() + static_cast<std::ptrdiff_t>(std::min(skipped, args.size())), args.end()};
}

void install(const Lab& lab) {
  ServerLog& log = lab.log;
  socketio::Server& io = lab.io;
  io.on_connection([&log](Socket socket) {
    log.add(Value::object({{"connected", socket.nsp().name()}, {"id", socket.id()}}));
    socket.on_disconnect([&log, id = std::string(socket.id())](socketio::DisconnectReason reason,
                                                               std::string_view detail) {
      log.add(Value::object({{"disconnect", to_string(reason)}, {"detail", detail}, {"id", id}}));
    });
  });
  io.on_event("echo", [](Socket socket, const Args& args, Ack ack) {
    ack ? ack(Spread(args)) : socket.emit("echo", Spread(args));
  });
  io.on_event("join", [](Socket socket, const std::string& room) {
    socket.join(room);
    return rooms_of(socket);
  });
  io.on_event("leave", [](Socket socket, const std::string& room) {
    socket.leave(room);
    return rooms_of(socket);
  });
  io.on_event("to", [](Socket socket, const Args& args) {
    if (args.size() < 2) return;
    socket.to(args[0].to_string()).emit(args[1].to_string(), Spread(behind(args, 2)));
  });
  io.on_event("all", [&io](const Args& args) {
    if (!args.empty()) io.emit(args[0].to_string(), Spread(behind(args, 1)));
  });
  io.on_event("hang up", [](Socket socket, bool close) { socket.disconnect(close); });
  io.on_error([&log](const socketio::ErrorReport& error) {
    log.add(Value::object({{"error", error.message},
                           {"code", error.code},
                           {"name", error.name},
                           {"event", error.event}}));
  });
  io.http().get("/__log", [&io, &log](const socketio::HttpRequest&) {
    const socketio::Stats stats = io.stats();
    return socketio::HttpReply::json(Value::object({{"log", log.take()},
                                                    {"rss", resident_bytes()},
                                                    {"clients", stats.clients},
                                                    {"input", stats.input_bytes},
                                                    {"output", stats.output_bytes},
                                                    {"shed", stats.shed_clients}}));
  });
}

// The setter of one member, by how it is written in JSON.
auto duration(std::chrono::milliseconds ServerOptions::*member) {
  return [member](ServerOptions& o, const Value& v) { o.*member = lab_duration(v); };
}
auto flag(bool ServerOptions::*member) {
  return [member](ServerOptions& o, const Value& v) { o.*member = v.to_bool(); };
}
auto text(std::string ServerOptions::*member) {
  return [member](ServerOptions& o, const Value& v) { o.*member = v.to_string(); };
}
template <class Number>
auto number(Number ServerOptions::*member) {
  return [member](ServerOptions& o, const Value& v) {
    o.*member = static_cast<Number>(v.to_integer());
  };
}

const LabTopic topic({{"path", text(&ServerOptions::path)},
                      {"serve_client", flag(&ServerOptions::serve_client)},
                      {"client_dist", text(&ServerOptions::client_dist)},
                      {"connect_timeout", duration(&ServerOptions::connect_timeout)},
                      {"ping_interval", duration(&ServerOptions::ping_interval)},
                      {"ping_timeout", duration(&ServerOptions::ping_timeout)},
                      {"upgrade_timeout", duration(&ServerOptions::upgrade_timeout)},
                      {"max_http_buffer_size", number(&ServerOptions::max_http_buffer_size)},
                      {"polling", flag(&ServerOptions::polling)},
                      {"websocket", flag(&ServerOptions::websocket)},
                      {"allow_upgrades", flag(&ServerOptions::allow_upgrades)},
                      {"max_attachments", number(&ServerOptions::max_attachments)},
                      {"max_connections", number(&ServerOptions::max_connections)},
                      {"max_clients", number(&ServerOptions::max_clients)},
                      {"send_queue_soft", number(&ServerOptions::send_queue_soft)},
                      {"send_queue_hard", number(&ServerOptions::send_queue_hard)},
                      {"max_input_bytes", number(&ServerOptions::max_input_bytes)},
                      {"max_output_bytes", number(&ServerOptions::max_output_bytes)},
                      {"max_running_handlers", number(&ServerOptions::max_running_handlers)},
                      {"close_timeout", duration(&ServerOptions::close_timeout)},
                      {"backlog", number(&ServerOptions::backlog)}},
                     install);

}  // namespace
