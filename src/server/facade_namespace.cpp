// Namespace: a thin handle over the registries of every shard.
#include <socketio/server.hpp>

#include "server/shard.hpp"

namespace socketio {

namespace server {
void refuse_reserved(std::string_view event);
}

// Registering reaches every shard: at once before the loops run, through the mailboxes
// after.

namespace {

ListenerId new_id(const std::shared_ptr<detail::Hub>& hub) {
  return hub->listener_ids.fetch_add(1, std::memory_order_relaxed) + 1;
}

server::Shard* somewhere(const std::shared_ptr<detail::Hub>& hub) {
  return hub == nullptr ? nullptr : hub->here();
}

// Runs `change(extras, id)` on every shard; 0 on a thread that is none of them.
template <class Change>
ListenerId change_all(const std::shared_ptr<detail::Hub>& hub, std::uint32_t nsp, Change change) {
  if (somewhere(hub) == nullptr) return 0;
  const ListenerId id = new_id(hub);
  const bool reached = hub->on_all(
      [nsp, id, change](server::Shard& shard) { change(shard.dispatcher().extras(nsp), id); });
  return reached ? id : 0;
}

}  // namespace

detail::Target Namespace::target_for_emit() const {
  detail::Target target;
  target.hub = hub_;
  target.nsp = index_;
  return target;
}

std::string_view Namespace::name() const {
  return hub_ == nullptr ? std::string_view() : std::string_view(hub_->names.name(index_));
}

std::size_t Namespace::size() const {
  return hub_ == nullptr ? 0 : hub_->names.sockets(index_).load(std::memory_order_relaxed);
}

std::vector<Socket> Namespace::sockets() const {
  std::vector<Socket> out;
  server::Shard* shard = somewhere(hub_);
  if (shard == nullptr) return out;
  for (const sio::SocketId id : shard->dispatcher().select(target_for_emit()))
    out.push_back(shard->dispatcher().handle(id));
  return out;
}

ListenerId Namespace::on_connection(std::function<void(Socket)> handler) const {
  return change_all(hub_, index_, [handler](server::NamespaceExtras& own, ListenerId id) {
    own.connection.emplace_back(id, handler);
  });
}

ListenerId Namespace::on_disconnect(std::function<void(Socket, DisconnectReason)> handler) const {
  return change_all(hub_, index_, [handler](server::NamespaceExtras& own, ListenerId id) {
    own.disconnected.emplace_back(id, handler);
  });
}

ListenerId Namespace::add_listener(std::string_view name, detail::HandlerPtr handler,
                                   bool once) const {
  server::refuse_reserved(name);
  return change_all(
      hub_, index_,
      [event = std::string(name), handler, once](server::NamespaceExtras& own, ListenerId id) {
        own.events.add(event, {id, once, handler});
      });
}

ListenerId Namespace::add_any(detail::HandlerPtr handler) const {
  return change_all(hub_, index_, [handler](server::NamespaceExtras& own, ListenerId id) {
    server::add_listener(own.any, {id, false, handler});
  });
}

bool Namespace::add_middleware(detail::Middleware middleware) const {
  return change_all(hub_, index_, [middleware](server::NamespaceExtras& own, ListenerId) {
           auto list = own.middlewares
                           ? std::make_shared<std::vector<detail::Middleware>>(*own.middlewares)
                           : std::make_shared<std::vector<detail::Middleware>>();
           list->push_back(middleware);
           own.middlewares = std::move(list);
         }) != 0;
}

bool Namespace::off(std::string_view name) const {
  server::Shard* shard = somewhere(hub_);
  if (shard == nullptr) return false;
  const bool had = shard->dispatcher().extras(index_).events.find(name) != nullptr;
  change_all(hub_, index_, [event = std::string(name)](server::NamespaceExtras& own, ListenerId) {
    own.events.remove(event);
  });
  return had;
}

bool Namespace::off(ListenerId listener) const {
  server::Shard* shard = somewhere(hub_);
  if (shard == nullptr) return false;
  bool had = false;
  hub_->on_all([index = index_, listener, shard, &had](server::Shard& on) {
    const bool removed = on.dispatcher().extras(index).remove(listener);
    if (&on == shard) had = removed;  // the others may run after we have returned
  });
  return had;
}

}  // namespace socketio
