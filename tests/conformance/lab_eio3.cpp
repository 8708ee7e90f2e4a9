// Old clients (Socket.IO 2): the option that lets them in, and
//
//   who am I ()        acknowledged with {id, auth, query}, in "/" and "/chat"
//   /chat              echo and to, as in "/"
//   /refused           refused: with "why" in its query that as data, else with a message only
#include "lab.hpp"

using socketio::Ack;
using socketio::Args;
using socketio::Next;
using socketio::Socket;
using socketio::Spread;
using socketio::Value;

namespace {

Value who(const Socket& socket) {
  const socketio::Handshake handshake = socket.handshake();
  socketio::Object query;
  for (const auto& [key, value] : handshake.query) query[key] = value;
  return Value::object({{"id", socket.id()}, {"auth", handshake.auth}, {"query", query}});
}

void install(const Lab& lab) {
  if (lab.given["allow_eio3"].is_null()) return;
  lab.io.on_event("who am I", who);
  const socketio::Namespace chat = lab.io.of("/chat");
  chat.on_connection([&log = lab.log](Socket socket) {
    log.add(Value::object({{"connected", socket.nsp().name()}, {"id", socket.id()}}));
    socket.on_disconnect([&log, id = std::string(socket.id())](socketio::DisconnectReason reason) {
      log.add(Value::object({{"disconnect", to_string(reason)}, {"id", id}}));
    });
  });
  chat.on_event("who am I", who);
  chat.on_event("echo", [](Socket socket, const Args& args, Ack ack) {
    ack ? ack(Spread(args)) : socket.emit("echo", Spread(args));
  });
  chat.on_event("others", [](Socket socket, const Args& args) {
    socket.broadcast().emit("others", Spread(args));
  });
  chat.on_event("to id", [](Socket socket, const std::string& id, const std::string& event) {
    socket.to(id).emit(event, socket.id());
  });
  lab.io.of("/refused").use([](const Socket& socket, const Next& next) {
    const Value why = socket.handshake().auth["why"];
    next(why.is_null() ? socketio::ConnectError{"not you"}
                       : socketio::ConnectError{"not you", Value::object({{"why", why}})});
  });
}

const LabTopic topic({{"allow_eio3", [](socketio::ServerOptions& o,
                                        const Value& v) { o.allow_eio3 = v.to_bool(); }}},
                     install);

}  // namespace
