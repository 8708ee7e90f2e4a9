// The free functions behind Emits and Selects. One receiver: on its shard's thread at once,
// elsewhere the arguments become values and the call is posted. Many: to the adapter of the
// namespace when the user has given one; else encoded once, then handed to every shard.
#include "server/facade_emit.hpp"

#include <stdexcept>

#include <socketio/server.hpp>

#include "server/callers_encoder.hpp"
#include "server/cluster_question.hpp"
#include "server/fan_in.hpp"
#include "server/recovery.hpp"
#include "server/shard.hpp"
#include "sio/packet.hpp"

namespace socketio::server {

namespace {

[[noreturn]] void throw_reserved(std::string_view event) {
  throw std::invalid_argument("\"" + std::string(event) + "\" is a reserved event name");
}

// Between servers other names are reserved than between server and client.
void refuse_server_event(std::string_view event) {
  if (event == "connect" || event == "connection" || event == "new_namespace")
    throw_reserved(event);
}

}  // namespace

void refuse_reserved(std::string_view event) {
  if (sio::reserved_event(event)) [[unlikely]]
    throw_reserved(event);
}

void refuse_attachments(const detail::Hub& hub, std::string_view event) {
  // Only a user's parser has another reason.
  const bool by_parser = hub.settings.sio.parser.kind() == Parser::Kind::custom;
  const ErrorReport report{ErrorReport::Kind::send_refused,
                           by_parser ? "the parser made no messages of it"
                                     : "more binary attachments than max_attachments (" +
                                           std::to_string(hub.settings.sio.max_attachments) +
                                           "): the receiver would disconnect",
                           std::string(event)};
  const detail::Hub::Job tell = [report](Shard& shard) { shard.dispatcher().report(report); };
  if (Shard* here = hub.here(); here != nullptr) return tell(*here);
  hub.post(0, tell);
}

namespace {

// Encodes on the caller's thread, whichever it is; without text when the packet cannot be sent.
sio::SharedPacket encode(detail::Hub& hub, Shard* here, sio::NamespaceIndex nsp,
                         std::string_view event, detail::ArgsRef args) {
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
  if (!packet.can_be_sent()) return refuse_attachments(hub, event), sio::SharedPacket();
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
  for (const sio::NamespaceIndex child : target.hub->names.children(target.nsp)) {
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

// Null, and nothing looked up, when the user has given none.
std::shared_ptr<Adapter> adapter_of(const Target& target) {
  if (target.single || !target.hub->has_adapters) [[likely]]
    return nullptr;
  return target.hub->names.adapter(target.nsp);
}

Delivery delivery_of(const Target& target) {
  Delivery delivery{target.rooms,    target.except, target.is_volatile,
                    target.compress, target.local,  target.timeout};
  if (const std::string_view sender = target.sender_id(); !sender.empty())
    delivery.except.emplace_back(sender);
  return delivery;
}

// What many sockets are told to do: each child of a parent, the adapter, or the sockets here.
template <class Through, class Here>
bool tell(const Target& target, Through through, Here here) {
  if (target.hub == nullptr) return false;
  if (server::is_parent(target.nsp))
    return each_child(target, [&](const Target& child) { return tell(child, through, here); });
  if (const auto adapter = adapter_of(target)) return through(*adapter, delivery_of(target));
  return here(target);
}

// A command for every selected socket, on the shards that may have some.
bool command(const Target& target, std::function<void(server::Dispatcher&, sio::SocketId)> act) {
  const Hub::Job job = [target, act = std::move(act)](server::Shard& shard) {
    for (const sio::SocketId id : shard.dispatcher().select(target)) act(shard.dispatcher(), id);
  };
  return target.single ? target.hub->run(target.shard, Mail::in_order, job)
                       : target.hub->run_on_all(Mail::in_order, job);
}

bool emit_to_many(const Target& target, std::string_view event, ArgsRef args) {
  return tell(
      target,
      [&](Adapter& adapter, const Delivery& delivery) {
        return adapter.broadcast({std::string(event), server::collect(args)}, delivery);
      },
      [&](const Target& here) { return emit_here(here, event, args); });
}

// Not of this thread: the arguments become values.
bool post_to_one(const Hub& hub, std::uint32_t shard, sio::SocketId id, std::string_view event,
                 ArgsRef args, sio::Flags flags) {
  auto values = std::make_shared<Args>(server::collect(args));
  return hub.post(shard, flags.is_volatile ? Mail::in_order_volatile : Mail::in_order,
                  [id, flags, values, name = std::string(event)](server::Shard& there) {
                    there.dispatcher().emit(id, name, {values.get(), server::write_values}, flags);
                  });
}

bool emit_to_one(const Hub& hub, std::uint32_t shard, std::uint64_t socket, std::string_view event,
                 ArgsRef args, sio::Flags flags) {
  const auto id = sio::SocketId::unpack(socket);
  if (server::Shard* here = hub.enter(shard); here != nullptr) [[likely]]
    return here->dispatcher().emit(id, event, args, flags);
  return post_to_one(hub, shard, id, event, args, flags);
}

}  // namespace

bool emit_here(const Target& target, std::string_view event, ArgsRef args) {
  Hub& hub = *target.hub;
  if (hub.recovery != nullptr && hub.session_keeper(target.nsp) == nullptr)
    return hub.recovery->emit(target, event, args) == server::Recovery::Sent::yes;
  server::Shard* here = hub.enter();
  const sio::SharedPacket packet = server::encode(hub, here, target.nsp, event, args);
  if (!packet.text) return false;
  if (here != nullptr && hub.size() == 1)
    return here->dispatcher().broadcast(target, packet, event);
  const Hub::Job job = [target, packet, name = std::string(event)](server::Shard& shard) {
    shard.dispatcher().broadcast(target, packet, name);
  };
  if (hub.recovery != nullptr)
    return hub.run_on_all(Mail::in_order, job);  // in its place among the commands
  return hub.run_on_all(target.is_volatile ? Mail::is_volatile : Mail::bounded, job);
}

bool emit(const Socket& socket, std::string_view event, ArgsRef args) {
  server::refuse_reserved(event);
  const Hub* hub = socket.hub().get();
  if (hub == nullptr) return false;
  if (hub->recovery != nullptr) [[unlikely]]
    return emit(socket.target_for_emit(), event, args);
  return emit_to_one(*hub, socket.shard(), socket.self(), event, args, {});
}

bool emit(const Target& target, std::string_view event, ArgsRef args) {
  server::refuse_reserved(event);
  if (target.hub == nullptr) return false;
  if (!target.single) return emit_to_many(target, event, args);
  if (target.hub->recovery != nullptr) {
    if (const auto keeper = target.hub->session_keeper(target.nsp)) {
      Delivery delivery;
      delivery.rooms.emplace_back(target.sender_id());
      delivery.is_volatile = target.is_volatile;
      delivery.compress = target.compress;
      return keeper->broadcast({std::string(event), server::collect(args)}, delivery);
    }
    const server::Recovery::Sent sent = target.hub->recovery->emit(target, event, args);
    if (sent != server::Recovery::Sent::unknown_socket) return sent == server::Recovery::Sent::yes;
  }
  return emit_to_one(*target.hub, target.shard, target.socket, event, args,
                     {target.is_volatile, target.compress});
}

bool emit_with_ack(const Target& target, std::string_view event, ArgsRef args,
                   std::unique_ptr<AckReceiver> receiver) {
  server::refuse_reserved(event);
  refuse_parent(target, "acknowledgements are");
  if ((target.remote || !target.single) && !target.timeout) {
    throw std::invalid_argument(target.remote
                                    ? "an acknowledgement of a RemoteSocket needs timeout()"
                                    : "a broadcast that expects acknowledgements needs timeout()");
  }
  if (target.hub == nullptr) return receiver->finish(Errc::disconnected, {}), false;
  if (const auto adapter = adapter_of(target)) {
    const auto question =
        std::make_shared<server::ClusterQuestion>(target.hub, target.remote, std::move(receiver));
    return server::ClusterQuestion::ask(
        question, *adapter, {std::string(event), server::collect(args)}, delivery_of(target));
  }
  const Hub& hub = *target.hub;
  const std::size_t first = target.single ? target.shard : 0;
  const std::size_t parts = target.single ? 1 : hub.size();
  if (server::Shard* shard = hub.enter(first); shard != nullptr && parts == 1)
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
    if (hub.run(first + i, Mail::in_order, job)) continue;
    reached = false;
    (*part)->finish(hub.refusal(first + i),
                    {});  // here, with no lock held and no destructor under way
  }
  return reached;
}

Pending<std::vector<RemoteSocket>> fetch_sockets(const Target& target) {
  refuse_parent(target, "fetch_sockets() is");
  if (target.hub == nullptr) return Pending<std::vector<RemoteSocket>>(Errc::shutting_down);
  const auto adapter = adapter_of(target);
  if (adapter == nullptr) return fetch_here(target);
  // It may answer on any thread, but whoever asked goes on on its own.
  Pending<std::vector<RemoteSocket>> pending;
  const Finisher<std::vector<RemoteSocket>> finish(pending.state());
  adapter->fetch_sockets(delivery_of(target))
      .then([finish, home = server::Home(target.hub)](Result<std::vector<RemoteSocket>> found) {
        auto kept = std::make_shared<Result<std::vector<RemoteSocket>>>(std::move(found));
        home.run([finish, kept] { finish(std::move(*kept)); });
      });
  return pending;
}

Pending<std::vector<RemoteSocket>> fetch_here(const Target& target) {
  Pending<std::vector<RemoteSocket>> pending;
  const Finisher<std::vector<RemoteSocket>> finish(pending.state());
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
  const bool reached = target.single ? target.hub->run(target.shard, Mail::bounded, job)
                                     : target.hub->run_on_all(Mail::bounded, job);
  if (!reached) finish(target.hub->refusal(target.single ? target.shard : 0));
  return pending;
}

bool sockets_join(const Target& target, std::vector<std::string> rooms) {
  return tell(
      target,
      [&](Adapter& adapter, const Delivery& delivery) {
        return adapter.add_sockets(delivery, rooms);
      },
      [&](const Target& here) { return rooms_here(here, rooms, &server::Dispatcher::join); });
}

bool sockets_leave(const Target& target, std::vector<std::string> rooms) {
  return tell(
      target,
      [&](Adapter& adapter, const Delivery& delivery) {
        return adapter.del_sockets(delivery, rooms);
      },
      [&](const Target& here) { return rooms_here(here, rooms, &server::Dispatcher::leave); });
}

bool disconnect_sockets(const Target& target, bool close) {
  return tell(
      target,
      [&](Adapter& adapter, const Delivery& delivery) {
        return adapter.disconnect_sockets(delivery, close);
      },
      [&](const Target& here) { return disconnect_here(here, close); });
}

bool rooms_here(const Target& target, const std::vector<std::string>& rooms, RoomCommand change) {
  return command(target, [rooms, change](server::Dispatcher& dispatcher, sio::SocketId id) {
    for (const std::string& room : rooms) {
      if (sio::Socket* socket = dispatcher.core().get(id); socket != nullptr)
        (dispatcher.*change)(*socket, room);
    }
  });
}

bool disconnect_here(const Target& target, bool close) {
  return command(target, [close](server::Dispatcher& dispatcher, sio::SocketId id) {
    if (sio::Socket* socket = dispatcher.core().get(id); socket != nullptr)
      dispatcher.core().disconnect(*socket, close, dispatcher.shard().now());
  });
}

// -- Between servers.

void warn_no_servers(Hub& hub) {
  static constexpr std::string_view kText =
      "this adapter does not support the server_side_emit() functionality";
  const Hub::Job tell_log = [](server::Shard& shard) {
    shard.log(base::LogLevel::warn, base::LogKind::general, kText);
  };
  if (server::Shard* here = hub.here(); here != nullptr) return tell_log(*here);
  hub.post(0, tell_log);
}

bool server_side_emit(const Target& target, std::string_view event, ArgsRef args) {
  server::refuse_server_event(event);
  if (target.hub == nullptr) return false;
  const auto adapter = adapter_of(target);
  if (adapter == nullptr) return warn_no_servers(*target.hub), false;
  return adapter->server_side_emit({std::string(event), server::collect(args)});
}

bool server_side_emit_with_ack(const Target& target, std::string_view event, ArgsRef args,
                               std::unique_ptr<AckReceiver> receiver) {
  server::refuse_server_event(event);
  if (target.hub == nullptr) return receiver->finish(Errc::disconnected, {}), false;
  const auto adapter = adapter_of(target);
  if (adapter == nullptr) {
    warn_no_servers(*target.hub);
    return receiver->finish(Errc::unsupported, {}), false;
  }
  auto kept = std::make_shared<std::unique_ptr<AckReceiver>>(std::move(receiver));
  auto done = [kept, home = server::Home(target.hub)](std::error_code error,
                                                      std::vector<Value> answers) {
    if (*kept == nullptr) return;
    const std::shared_ptr<AckReceiver> last = std::move(*kept);
    for (Value& answer : answers) {
      const server::OwnedArgs owned({std::move(answer)});
      last->reply(owned.root());
    }
    home.run([last, error] { last->finish(error, {}); });
  };
  return adapter->server_side_emit_with_ack({std::string(event), server::collect(args)},
                                            std::move(done));
}

}  // namespace socketio::detail
