// The free functions behind Emits and Selects. One receiver: on its shard's thread at once,
// elsewhere the arguments become values and the call is posted. Many: encoded once, then handed to
// every shard.
#include <stdexcept>

#include <socketio/server.hpp>

#include "server/callers_encoder.hpp"
#include "server/fan_in.hpp"
#include "server/recovery.hpp"
#include "server/shard.hpp"
#include "sio/packet.hpp"

namespace socketio::server {

void refuse_reserved(std::string_view event) {
  if (sio::reserved_event(event))
    throw std::invalid_argument("\"" + std::string(event) + "\" is a reserved event name");
}

namespace {

// Encodes on the caller's thread, whichever it is; without text when the packet cannot be sent.
sio::SharedPacket encode(detail::Hub& hub, Shard* here, std::uint32_t nsp, std::string_view event,
                         detail::ArgsRef args) {
  CallersEncoder encoder(hub, here);
  std::string copy;
  base::Bytes name;
  if (here != nullptr && here->dispatcher().core().has_namespace(nsp)) {
    name = here->dispatcher().core().namespace_name(nsp);
  } else {
    name = copy = hub.names.name(nsp);
    if (copy.empty()) return {};  // gone
  }
  args.write(args.arguments, encoder->begin_event(event));
  const sio::Encoded packet =
      encoder->finish(sio::PacketType::event, name, std::nullopt, hub.settings.sio.max_attachments);
  return sio::Encoder::share(packet, &hub.ledger);
}

}  // namespace
}  // namespace socketio::server

namespace socketio::detail {
namespace {

// What is addressed to a parent goes to each of its children.
template <class Do>
bool each_child(const Target& target, Do act) {
  bool all = true;
  for (const std::uint32_t child : target.hub->names.children(target.nsp)) {
    Target one = target;
    one.nsp = child;
    all = act(one) && all;
  }
  return all;
}

void refuse_parent(const Target& target, const char* what) {
  if (target.hub != nullptr && server::is_parent(target.nsp))
    throw std::invalid_argument(std::string(what) + " not supported on parent namespaces");
}

// A command for every selected socket, on the shards that may have some.
bool command(const Target& target, std::function<void(server::Dispatcher&, sio::SocketId)> act) {
  if (target.hub == nullptr) return false;
  if (server::is_parent(target.nsp))
    return each_child(target, [&](const Target& child) { return command(child, act); });
  const Hub::Job job = [target, act = std::move(act)](server::Shard& shard) {
    for (const sio::SocketId id : shard.dispatcher().select(target)) act(shard.dispatcher(), id);
  };
  return target.single ? target.hub->command_or_post(target.shard, job)
                       : target.hub->command_all(job);
}

bool emit_to_many(const Target& target, std::string_view event, ArgsRef args) {
  if (server::is_parent(target.nsp))
    return each_child(target,
                      [&](const Target& child) { return emit_to_many(child, event, args); });
  Hub& hub = *target.hub;
  if (hub.recovery != nullptr)
    return hub.recovery->emit(target, event, args) == server::Recovery::Sent::yes;
  server::Shard* here = hub.command();
  const sio::SharedPacket packet = server::encode(hub, here, target.nsp, event, args);
  if (!packet.text) return false;
  if (here != nullptr && hub.size() == 1)
    return here->dispatcher().broadcast(target, packet, event);
  const Hub::Job job = [target, packet, name = std::string(event)](server::Shard& shard) {
    shard.dispatcher().broadcast(target, packet, name);
  };
  return hub.on_all(job, target.is_volatile);
}

bool emit_to_one(const std::shared_ptr<Hub>& hub, std::uint32_t shard, std::uint64_t socket,
                 std::string_view event, ArgsRef args, sio::Flags flags) {
  if (hub == nullptr) return false;
  const auto id = sio::SocketId::unpack(socket);
  if (server::Shard* here = hub->command(shard); here != nullptr)
    return here->dispatcher().emit(id, event, args, flags);
  auto values = std::make_shared<Args>(server::collect(args));
  return hub->post_command(
      shard,
      [id, flags, values, name = std::string(event)](server::Shard& there) {
        there.dispatcher().emit(id, name, {values.get(), server::write_values}, flags);
      },
      flags.is_volatile);
}

}  // namespace

bool emit(const Socket& socket, std::string_view event, ArgsRef args) {
  if (socket.hub() != nullptr && socket.hub()->recovery != nullptr) [[unlikely]]
    return emit(socket.target_for_emit(), event, args);
  server::refuse_reserved(event);
  return emit_to_one(socket.hub(), socket.shard(), socket.self(), event, args, {});
}

bool emit(const Target& target, std::string_view event, ArgsRef args) {
  server::refuse_reserved(event);
  if (target.hub == nullptr) return false;
  if (!target.single) return emit_to_many(target, event, args);
  if (target.hub->recovery != nullptr) {
    const server::Recovery::Sent sent = target.hub->recovery->emit(target, event, args);
    if (sent != server::Recovery::Sent::unknown_socket) return sent == server::Recovery::Sent::yes;
  }
  return emit_to_one(target.hub, target.shard, target.socket, event, args,
                     {target.is_volatile, target.compress});
}

bool emit_with_ack(const Target& target, std::string_view event, ArgsRef args,
                   std::unique_ptr<AckReceiver> receiver) {
  server::refuse_reserved(event);
  refuse_parent(target, "acknowledgements are");
  if (!target.single && !target.timeout)
    throw std::invalid_argument("a broadcast that expects acknowledgements needs timeout()");
  if (target.hub == nullptr) return receiver->finish(Errc::disconnected, {}), false;
  const Hub& hub = *target.hub;
  const std::size_t first = target.single ? target.shard : 0;
  const std::size_t parts = target.single ? 1 : hub.size();
  if (server::Shard* shard = hub.command(first); shard != nullptr && parts == 1)
    return shard->dispatcher().emit_with_ack(target, event, args, std::move(receiver));
  auto values = std::make_shared<Args>(server::collect(args));
  auto receivers = server::fan_in(target.hub, parts, std::move(receiver));
  bool reached = true;
  for (std::size_t i = 0; i < parts; ++i) {
    auto part = std::make_shared<std::unique_ptr<AckReceiver>>(std::move(receivers[i]));
    const Hub::Job job = [target, part, values, name = std::string(event)](server::Shard& shard) {
      shard.dispatcher().emit_with_ack(target, name, {values.get(), server::write_values},
                                       std::move(*part));
    };
    if (hub.command_or_post(first + i, job)) continue;
    reached = false;
    (*part)->finish(hub.refusal(first + i),
                    {});  // here, with no lock held and no destructor under way
  }
  return reached;
}

Pending<std::vector<RemoteSocket>> fetch_sockets(const Target& target) {
  refuse_parent(target, "fetch_sockets() is");
  Pending<std::vector<RemoteSocket>> pending;
  const Finisher<std::vector<RemoteSocket>> finish(pending.state());
  if (target.hub == nullptr) return finish(Errc::shutting_down), pending;
  auto found = std::make_shared<server::Gather<RemoteSocket>>(
      target.hub, target.single ? 1 : target.hub->size(),
      [finish](std::vector<RemoteSocket> all) { finish(std::move(all)); });
  const Hub::Job job = [target, found](server::Shard& shard) {
    std::vector<RemoteSocket> mine;
    for (const sio::SocketId id : shard.dispatcher().select(target)) {
      if (const sio::Socket* socket = shard.dispatcher().core().get(id); socket != nullptr)
        mine.push_back(shard.dispatcher().remote(*socket));
    }
    found->add(std::move(mine));
  };
  const bool reached =
      target.single ? target.hub->run_or_post(target.shard, job) : target.hub->on_all(job);
  if (!reached) finish(target.hub->refusal(target.single ? target.shard : 0));
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
