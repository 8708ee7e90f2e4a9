// Families of namespaces.
//
//   /dynamic-<number>               by a pattern; a middleware refuses {"refuse":true}
//   /maybe-…                        by a coroutine: those whose auth has {"ok":true}
//   /later-…                        by a function that answers from another thread
//   join (room), who ()             in any of them: acknowledged with the rooms, the name
//   parent (room, event, ...args)   in "/": to that room of every /dynamic-…; "": to all in them
//   children ()                     in "/": acknowledged with their names
#include "lab.hpp"

using socketio::Allow;
using socketio::Args;
using socketio::ConnectError;
using socketio::Namespace;
using socketio::NamespacePattern;
using socketio::ParentNamespace;
using socketio::ServerOptions;
using socketio::Socket;
using socketio::Spread;
using socketio::Task;
using socketio::Value;

namespace {

void furnish(const ParentNamespace& parent) {
  parent.use([](const Socket& socket) -> std::optional<ConnectError> {
    if (socket.handshake().auth["refuse"].to_bool()) return ConnectError{"refused"};
    return {};
  });
  parent.on_event("who", [](const Socket& socket) { return socket.nsp().name(); });
  parent.on_event("join",
                  [](const Socket& socket, const std::string& room) { return socket.join(room); });
}

void install(const Lab& lab) {
  socketio::Server& io = lab.io;
  io.on_new_namespace([&log = lab.log](const Namespace& nsp) {
    log.add(Value::object({{"new_namespace", nsp.name()}}));
  });
  const ParentNamespace numbered = io.of(NamespacePattern("^/dynamic-\\d+$"));
  furnish(numbered);
  furnish(io.of([](std::string name, Value auth) -> Task<bool> {
    co_return name.starts_with("/maybe-") && auth["ok"].to_bool();
  }));
  furnish(io.of([&io](std::string_view name, const Value&, const Allow& allow) {
    if (!name.starts_with("/later-")) return allow(false);
    if (!io.offload([] {}, [allow] { allow(true); })) allow(false);
  }));
  io.on_event("parent", [numbered](const Args& args) {
    if (args.size() < 2) return;
    const Args rest(args.begin() + 2, args.end());
    const std::string_view room = args[0].to_string();
    if (room.empty())
      numbered.emit(args[1].to_string(), Spread(rest));
    else
      numbered.to(room).emit(args[1].to_string(), Spread(rest));
  });
  io.on_event("children", [numbered] {
    socketio::Array names;
    for (const Namespace& child : numbered.children()) names.emplace_back(child.name());
    return Value(names);
  });
}

const LabTopic topic({{"cleanup_empty_child_namespaces",
                       [](ServerOptions& o, const Value& v) {
                         o.cleanup_empty_child_namespaces = v.to_bool();
                       }},
                      {"max_child_namespaces",
                       [](ServerOptions& o, const Value& v) {
                         o.max_child_namespaces = static_cast<std::size_t>(v.to_integer());
                       }}},
                     install);

}  // namespace
