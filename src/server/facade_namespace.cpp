// Namespace: a thin handle over the registries of every shard.
#include <socketio/server.hpp>

#include "server/facade_emit.hpp"
#include "server/shard.hpp"

namespace socketio {

// Registering reaches every shard: at once before the loops run, through the mailboxes after.

namespace {

server::Shard* somewhere(const std::shared_ptr<detail::Hub>& hub) {
  return hub == nullptr ? nullptr : hub->here();
}

// Runs `change(handlers, id)` on every shard that is left. Never refused: what one shard lacked
// could not be taken back from the others.
template <class Change>
void change_all(const detail::Hub& hub, sio::NamespaceIndex nsp, ListenerId id, Change change) {
  hub.run_on_all(detail::Mail::always, [nsp, id, change](server::Shard& shard) {
    if (auto* own = shard.dispatcher().handlers(nsp); own != nullptr) change(*own, id);
  });
}

// 0: the namespace has been cleaned up, or it is a nobody's.
template <class Add>
ListenerId add_to_all(const std::shared_ptr<detail::Hub>& hub, sio::NamespaceIndex nsp, Add add) {
  if (hub == nullptr) return 0;
  server::Shard& here = hub->registering("socketio::Namespace");
  if (here.dispatcher().handlers(nsp) == nullptr) return 0;
  const ListenerId id = hub->new_listener_id();
  change_all(*hub, nsp, id, std::move(add));
  return id;
}

}  // namespace

detail::Target Namespace::target_for_emit() const {
  detail::Target target;
  target.hub = hub_;
  target.nsp = index_;
  return target;
}

detail::Target ParentNamespace::target_for_emit() const {
  detail::Target target;
  target.hub = hub_;
  target.nsp = index_;
  return target;
}

std::vector<Namespace> ParentNamespace::children() const {
  std::vector<Namespace> all;
  for (const sio::NamespaceIndex child : hub_->names.children(index_))
    all.emplace_back(hub_, child);
  return all;
}

std::string Namespace::name() const {
  return hub_ == nullptr ? std::string() : hub_->names.name(index_);
}

std::shared_ptr<Adapter> Namespace::adapter() const {
  return hub_ == nullptr ? nullptr : hub_->names.adapter(index_);
}

std::size_t Namespace::size() const {
  return hub_ == nullptr ? 0 : hub_->names.sockets(index_);
}

std::vector<Socket> Namespace::sockets() const {
  std::vector<Socket> out;
  server::Shard* shard = somewhere(hub_);
  if (shard == nullptr) return out;
  for (const sio::SocketId id : shard->dispatcher().select(target_for_emit()))
    out.push_back(shard->dispatcher().handle(id));
  return out;
}

ListenerId detail::Registration::on_connection(std::function<void(Socket)> handler) const {
  return add_to_all(hub_, index_,
                    [handler = std::move(handler)](server::NamespaceHandlers& own, ListenerId id) {
                      own.connection.add(id, handler);
                    });
}

ListenerId detail::Registration::on_disconnect(
    std::function<void(Socket, DisconnectReason)> handler) const {
  return add_to_all(hub_, index_,
                    [handler = std::move(handler)](server::NamespaceHandlers& own, ListenerId id) {
                      own.disconnected.add(id, handler);
                    });
}

ListenerId detail::Registration::add_listener(std::string_view name, detail::HandlerPtr handler,
                                              bool once) const {
  server::refuse_reserved(name);
  return add_to_all(hub_, index_,
                    [event = std::string(name), handler = std::move(handler), once](
                        server::NamespaceHandlers& own, ListenerId id) {
                      own.events.add(event, {id, once, handler});
                    });
}

ListenerId detail::Registration::add_any(detail::HandlerPtr handler) const {
  return add_to_all(hub_, index_,
                    [handler = std::move(handler)](server::NamespaceHandlers& own, ListenerId id) {
                      server::add_listener(own.any, {id, false, handler});
                    });
}

ListenerId detail::Registration::add_server_listener(std::string_view name,
                                                     detail::HandlerPtr handler) const {
  return add_to_all(hub_, index_,
                    [event = std::string(name), handler = std::move(handler)](
                        server::NamespaceHandlers& own, ListenerId id) {
                      own.server_events.add(event, {id, false, handler});
                    });
}

ListenerId detail::Registration::add_room_listener(
    std::size_t fact, std::function<void(std::string_view, std::string_view)> handler) const {
  return add_to_all(
      hub_, index_,
      [fact, handler = std::move(handler)](server::NamespaceHandlers& own, ListenerId id) {
        own.room_facts[fact].add(id, handler);
        own.watched = true;
      });
}

namespace {
constexpr std::size_t number(server::RoomFact fact) {
  return static_cast<std::size_t>(fact);
}
auto room_only(std::function<void(std::string_view)> handler) {
  return [handler = std::move(handler)](std::string_view room, std::string_view) { handler(room); };
}
}  // namespace

ListenerId detail::Registration::on_create_room(
    std::function<void(std::string_view)> handler) const {
  return add_room_listener(number(server::RoomFact::created), room_only(std::move(handler)));
}
ListenerId detail::Registration::on_join_room(
    std::function<void(std::string_view, std::string_view)> handler) const {
  return add_room_listener(number(server::RoomFact::joined), std::move(handler));
}
ListenerId detail::Registration::on_leave_room(
    std::function<void(std::string_view, std::string_view)> handler) const {
  return add_room_listener(number(server::RoomFact::left), std::move(handler));
}
ListenerId detail::Registration::on_delete_room(
    std::function<void(std::string_view)> handler) const {
  return add_room_listener(number(server::RoomFact::deleted), room_only(std::move(handler)));
}

bool detail::Registration::add_middleware(detail::Middleware middleware) const {
  return add_to_all(
             hub_, index_,
             [middleware = std::move(middleware)](server::NamespaceHandlers& own, ListenerId) {
               auto list = own.middlewares
                               ? std::make_shared<std::vector<detail::Middleware>>(*own.middlewares)
                               : std::make_shared<std::vector<detail::Middleware>>();
               list->push_back(middleware);
               own.middlewares = std::move(list);
             }) != 0;
}

bool detail::Registration::off(std::string_view name) const {
  server::Shard* shard = somewhere(hub_);
  if (shard == nullptr) return false;
  const auto* mine = shard->dispatcher().handlers(index_);
  const bool had = mine != nullptr && mine->events.find(name) != nullptr;
  change_all(*hub_, index_, 0,
             [event = std::string(name)](server::NamespaceHandlers& own, ListenerId) {
               own.events.remove(event);
             });
  return had;
}

bool detail::Registration::off(ListenerId listener) const {
  server::Shard* shard = somewhere(hub_);
  if (shard == nullptr) return false;
  bool had = false;
  hub_->run_on_all(detail::Mail::always,
                   [index = index_, listener, shard, &had](server::Shard& on) {
                     auto* own = on.dispatcher().handlers(index);
                     const bool removed = own != nullptr && own->remove(listener);
                     if (&on == shard) had = removed;  // the others may run after we have returned
                   });
  return had;
}

}  // namespace socketio
