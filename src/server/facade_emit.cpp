// The free functions behind Emits and Selects: on the shard's thread they run at once, elsewhere
// the arguments become values and the call is posted.
#include <stdexcept>

#include <socketio/server.hpp>

#include "server/shard.hpp"
#include "sio/packet.hpp"

namespace socketio::server {

void refuse_reserved(std::string_view event) {
  if (sio::reserved_event(event))
    throw std::invalid_argument("\"" + std::string(event) + "\" is a reserved event name");
}

}  // namespace socketio::server

namespace socketio::detail {
namespace {

// A command on the target's shard, now or posted.
bool command(const Target& target, std::function<void(server::Dispatcher&, sio::SocketId)> act) {
  if (target.link == nullptr) return false;
  return target.link->run_or_post([target, act = std::move(act)](server::Shard& shard) {
    for (const sio::SocketId id : shard.dispatcher().select(target)) act(shard.dispatcher(), id);
  });
}

}  // namespace

bool emit(const Socket& socket, std::string_view event, ArgsRef args) {
  server::refuse_reserved(event);
  if (socket.link() == nullptr) return false;
  const auto id = sio::SocketId::unpack(socket.self());
  if (server::Shard* shard = socket.link()->command(); shard != nullptr)
    return shard->dispatcher().emit(id, event, args, {});
  auto values = std::make_shared<Args>(server::collect(args));
  return socket.link()->post([id, values, name = std::string(event)](server::Shard& shard) {
    shard.dispatcher().emit(id, name, {values.get(), server::write_values}, {});
  });
}

bool emit(const Target& target, std::string_view event, ArgsRef args) {
  server::refuse_reserved(event);
  if (target.link == nullptr) return false;
  const auto run = [](server::Shard& shard, const Target& to, std::string_view name, ArgsRef a) {
    server::Dispatcher& dispatcher = shard.dispatcher();
    return to.single ? dispatcher.emit(sio::SocketId::unpack(to.socket), name, a,
                                       {to.is_volatile, to.compress})
                     : dispatcher.emit_many(to, name, a);
  };
  if (server::Shard* shard = target.link->command(); shard != nullptr)
    return run(*shard, target, event, args);
  auto values = std::make_shared<Args>(server::collect(args));
  return target.link->post(
      [target, values, run, name = std::string(event)](server::Shard& shard) {
        run(shard, target, name, {values.get(), server::write_values});
      },
      target.is_volatile);
}

bool emit_with_ack(const Target& target, std::string_view event, ArgsRef args,
                   std::unique_ptr<AckReceiver> receiver) {
  server::refuse_reserved(event);
  if (!target.single && !target.timeout)
    throw std::invalid_argument("a broadcast that expects acknowledgements needs timeout()");
  if (target.link == nullptr) return receiver->finish(Errc::disconnected, {}), false;
  if (server::Shard* shard = target.link->command(); shard != nullptr) {
    return shard->dispatcher().emit_with_ack(target, event, args, std::move(receiver));
  }
  // A posted job may be dropped unrun when the server closes: the receiver still has to end.
  struct Holder {
    std::unique_ptr<AckReceiver> receiver;
    ~Holder() {
      if (receiver) receiver->finish(Errc::shutting_down, {});
    }
  };
  auto holder = std::make_shared<Holder>(std::move(receiver));
  auto values = std::make_shared<Args>(server::collect(args));
  return target.link->post(
      [target, holder, values, name = std::string(event)](server::Shard& shard) {
        shard.dispatcher().emit_with_ack(target, name, {values.get(), server::write_values},
                                         std::move(holder->receiver));
      });
}

Pending<std::vector<RemoteSocket>> fetch_sockets(const Target& target) {
  Pending<std::vector<RemoteSocket>> pending;
  const Finisher<std::vector<RemoteSocket>> finish(pending.state());
  const bool reached =
      target.link != nullptr && target.link->run_or_post([target, finish](server::Shard& shard) {
        std::vector<RemoteSocket> found;
        for (const sio::SocketId id : shard.dispatcher().select(target)) {
          if (const sio::Socket* socket = shard.dispatcher().core().get(id); socket != nullptr)
            found.push_back(shard.dispatcher().remote(*socket));
        }
        finish(std::move(found));
      });
  if (!reached) finish(Errc::shutting_down);
  return pending;
}

bool sockets_join(const Target& target, std::vector<std::string> rooms) {
  return command(target,
                 [rooms = std::move(rooms)](server::Dispatcher& dispatcher, sio::SocketId id) {
                   sio::Socket* socket = dispatcher.core().get(id);
                   for (const std::string& room : rooms) {
                     if (socket != nullptr) dispatcher.core().join(*socket, room);
                   }
                 });
}

bool sockets_leave(const Target& target, std::vector<std::string> rooms) {
  return command(target,
                 [rooms = std::move(rooms)](server::Dispatcher& dispatcher, sio::SocketId id) {
                   sio::Socket* socket = dispatcher.core().get(id);
                   for (const std::string& room : rooms) {
                     if (socket != nullptr) dispatcher.core().leave(*socket, room);
                   }
                 });
}

bool disconnect_sockets(const Target& target, bool close) {
  return command(target, [close](server::Dispatcher& dispatcher, sio::SocketId id) {
    if (sio::Socket* socket = dispatcher.core().get(id); socket != nullptr)
      dispatcher.core().disconnect(*socket, close, dispatcher.shard().now());
  });
}

}  // namespace socketio::detail
