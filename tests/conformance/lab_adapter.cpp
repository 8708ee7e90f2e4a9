// Two servers of one process, joined by an adapter ("joined": true). The second one has no options
// of its own and listens on a free port.
//
//   GET /__peer                    its port
//   both: mine ()                  acknowledged with "first" or "second"
//         enter (room)             joins, and says so in its data; acknowledged
//         tell (room, event, …)    to that room of both servers, "" to everybody
//         count (event)            asks everybody (of both), acknowledged with what they answered
//         sockets (room)           acknowledged with [{id, rooms, data}] of both
//         whisper (id, event, …)   to the socket of that id, wherever it is
//         throw out (room)         disconnects the room's members on both
//         ask servers (number)     acknowledged with the answers of the other server
#include <memory>
#include <thread>

#include "lab.hpp"
#include "support/joined_adapter.hpp"

using namespace std::chrono_literals;
using socketio::Args;
using socketio::Namespace;
using socketio::RemoteSocket;
using socketio::Server;
using socketio::ServerOptions;
using socketio::Socket;
using socketio::Spread;
using socketio::Task;
using socketio::Value;

namespace {

void use_adapter(ServerOptions& options) {
  static socketio::test::Bus bus;
  options.adapter = [](const Namespace& nsp) { return bus.make(nsp); };
}

Args behind(const Args& args, std::size_t skipped) {
  return {args.begin() + static_cast<std::ptrdiff_t>(std::min(skipped, args.size())), args.end()};
}

Value describe(const RemoteSocket& socket) {
  socketio::Array rooms;
  for (const std::string& room : socket.rooms()) rooms.emplace_back(room);
  return Value::object({{"id", socket.id()}, {"rooms", rooms}, {"data", socket.data()}});
}

void furnish(Server& io, const std::string& name) {
  const Namespace nsp = io.sockets();
  io.on_event("mine", [name] { return name; });
  io.on_event("enter", [](const Socket& socket, const std::string& room) {
    socket.set_data(Value::object({{"entered", room}}));
    return socket.join(room);
  });
  io.on_event("tell", [nsp](const Args& args) {
    if (args.size() < 2) return;
    const std::string_view room = args[0].to_string();
    const std::string_view event = args[1].to_string();
    room.empty() ? nsp.emit(event, Spread(behind(args, 2)))
                 : nsp.to(room).emit(event, Spread(behind(args, 2)));
  });
  io.on_event("count", [nsp](std::string event) -> Task<Value> {
    const auto all = co_await nsp.timeout(20s).emit_with_ack<Value>(event);
    co_return all ? Value(*all) : Value(all.error().message());
  });
  io.on_event("sockets", [nsp](std::string room) -> Task<Value> {
    const auto found = co_await nsp.in(room).fetch_sockets();
    socketio::Array all;
    for (const RemoteSocket& socket : found.value()) all.push_back(describe(socket));
    co_return all;
  });
  io.on_event("whisper", [nsp](Args args) -> Task<Value> {
    const auto found = co_await nsp.in(args.at(0).to_string()).fetch_sockets();
    if (!found || found->empty()) co_return Value("nobody");
    co_return Value(found->front().emit(args.at(1).to_string(), Spread(behind(args, 2))));
  });
  io.on_event("throw out", [nsp](const std::string& room) { nsp.in(room).disconnect_sockets(); });
  io.on_event("ask servers", [&io](int number) -> Task<Value> {
    const auto answers = co_await io.server_side_emit_with_ack<Value>("double", number);
    co_return answers ? Value(*answers) : Value(answers.error().message());
  });
  nsp.on_server_event("double", [name](int number) {
    return Value::object({{"server", name}, {"answer", 2 * number}});
  });
}

// Runs until the process ends.
class Second {
 public:
  explicit Second(const ServerOptions& options) : io_(options) {
    furnish(io_, "second");
    io_.listen(0);
    thread_ = std::jthread([this] { io_.run(); });
  }
  ~Second() { io_.close(); }
  std::uint16_t port() const { return io_.port(); }

 private:
  Server io_;
  std::jthread thread_;
};

void install(const Lab& lab) {
  if (!lab.given["joined"].to_bool()) return;
  furnish(lab.io, "first");
  ServerOptions options;
  use_adapter(options);
  static const Second second(options);
  lab.io.http().get("/__peer", [](const socketio::HttpRequest&) {
    return socketio::HttpReply::json(Value(second.port()));
  });
}

const LabTopic topic({{"joined",
                       [](ServerOptions& o, const Value& v) {
                         if (v.to_bool()) use_adapter(o);
                       }}},
                     install);

}  // namespace
