// Socket and Namespace: thin handles over the dispatcher's commands and registries.
#include <stdexcept>

#include <socketio/server.hpp>

#include "server/shard.hpp"

namespace socketio {

namespace server {
void refuse_reserved(std::string_view event);
}

std::string_view Handshake::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

Socket::Socket(std::shared_ptr<detail::ShardLink> link, std::uint64_t self, std::uint32_t nsp,
               std::string_view id)
    : link_(std::move(link)), self_(self), nsp_(nsp) {
  id.copy(id_.data(), id_.size());
}

namespace {

server::Shard* here(const std::shared_ptr<detail::ShardLink>& link) {
  return link == nullptr ? nullptr : link->here();
}

sio::Socket* find(const Socket& socket) {
  server::Shard* shard = here(socket.link());
  return shard == nullptr ? nullptr
                          : shard->dispatcher().core().get(sio::SocketId::unpack(socket.self()));
}

server::SocketExtras* extras(const Socket& socket) {
  server::Shard* shard = here(socket.link());
  return shard == nullptr ? nullptr
                          : shard->dispatcher().extras(sio::SocketId::unpack(socket.self()));
}

ListenerId new_id(const std::shared_ptr<detail::ShardLink>& link) {
  return link->here()->dispatcher().next_listener_id();
}

}  // namespace

bool Socket::connected() const {
  const sio::Socket* socket = find(*this);
  return socket != nullptr && socket->state == sio::SocketState::connected;
}

Namespace Socket::nsp() const {
  return {link_, nsp_};
}

Handshake Socket::handshake() const {
  server::Shard* shard = here(link_);
  return shard == nullptr ? Handshake()
                          : shard->dispatcher().handshake(sio::SocketId::unpack(self_));
}

detail::Target Socket::target_for_emit() const {
  detail::Target target;
  target.link = link_;
  target.nsp = nsp_;
  target.socket = self_;
  target.single = true;
  return target;
}

Broadcast Socket::broadcast() const {
  detail::Target target = target_for_emit();
  target.single = false;
  return Broadcast(std::move(target));
}

ListenerId Socket::add_listener(std::string_view name, detail::HandlerPtr handler,
                                bool once) const {
  server::refuse_reserved(name);
  server::SocketExtras* own = extras(*this);
  if (own == nullptr) return 0;
  const ListenerId id = new_id(link_);
  own->events.add(name, {id, once, std::move(handler)});
  return id;
}

ListenerId Socket::add_any(detail::HandlerPtr handler, bool outgoing) const {
  server::SocketExtras* own = extras(*this);
  if (own == nullptr) return 0;
  const ListenerId id = new_id(link_);
  if (outgoing) here(link_)->dispatcher().expect_outgoing();
  server::add_listener(outgoing ? own->any_outgoing : own->any, {id, false, std::move(handler)});
  return id;
}

ListenerId Socket::add_disconnect(DisconnectHandler handler, bool before) const {
  server::SocketExtras* own = extras(*this);
  if (own == nullptr) return 0;
  const ListenerId id = new_id(link_);
  (before ? own->disconnecting : own->disconnected).emplace_back(id, std::move(handler));
  return id;
}

ListenerId Socket::on_error(std::function<void(std::string_view)> handler) const {
  server::SocketExtras* own = extras(*this);
  if (own == nullptr) return 0;
  const ListenerId id = new_id(link_);
  own->error.emplace_back(id, std::move(handler));
  return id;
}

bool Socket::use(std::function<void(Packet&, Next)> middleware) const {
  server::SocketExtras* own = extras(*this);
  if (own == nullptr) return false;
  // A new list: packets on their way keep the one they started with.
  auto list =
      own->middlewares
          ? std::make_shared<std::vector<std::function<void(Packet&, Next)>>>(*own->middlewares)
          : std::make_shared<std::vector<std::function<void(Packet&, Next)>>>();
  list->push_back(std::move(middleware));
  own->middlewares = std::move(list);
  return true;
}

bool Socket::off(std::string_view name) const {
  server::SocketExtras* own = extras(*this);
  return own != nullptr && own->events.remove(name);
}
bool Socket::off(ListenerId id) const {
  server::SocketExtras* own = extras(*this);
  return own != nullptr && own->remove(id);
}
bool Socket::off_any() const {
  server::SocketExtras* own = extras(*this);
  return own != nullptr && std::exchange(own->any, nullptr) != nullptr;
}
bool Socket::off_any_outgoing() const {
  server::SocketExtras* own = extras(*this);
  return own != nullptr && std::exchange(own->any_outgoing, nullptr) != nullptr;
}

bool Socket::join(std::string_view room) const {
  sio::Socket* socket = find(*this);
  return socket != nullptr && here(link_)->dispatcher().core().join(*socket, room);
}
bool Socket::join(std::initializer_list<std::string_view> rooms) const {
  bool all = true;
  for (const std::string_view room : rooms) all = join(room) && all;
  return all;
}
bool Socket::leave(std::string_view room) const {
  sio::Socket* socket = find(*this);
  return socket != nullptr && here(link_)->dispatcher().core().leave(*socket, room);
}

std::vector<std::string> Socket::rooms() const {
  const sio::Socket* socket = find(*this);
  if (socket == nullptr || socket->state == sio::SocketState::disconnected) return {};
  std::vector<std::string> out{std::string(id())};
  for (std::string& room : here(link_)->dispatcher().core().rooms(nsp_).rooms_of(*socket))
    out.push_back(std::move(room));
  return out;
}

bool Socket::in_room(std::string_view room) const {
  const sio::Socket* socket = find(*this);
  return socket != nullptr &&
         (room == id() || here(link_)->dispatcher().core().rooms(nsp_).contains(*socket, room));
}

bool Socket::disconnect(bool close) const {
  if (here(link_) != nullptr && !connected()) return false;
  return link_ != nullptr && detail::disconnect_sockets(target_for_emit(), close);
}

bool Socket::post(std::function<void()> job) const {
  if (here(link_) != nullptr && find(*this) == nullptr) return false;
  return link_ != nullptr && link_->post([job = std::move(job)](server::Shard&) { job(); });
}

void* Socket::data_slot(std::type_index type, std::shared_ptr<void> (*make)()) const {
  server::SocketExtras* own = extras(*this);
  if (own == nullptr)
    throw std::system_error(here(link_) == nullptr ? Errc::wrong_thread : Errc::disconnected);
  for (auto& [key, value] : own->data) {
    if (key == type) return value.get();
  }
  return own->data.emplace_back(type, make()).second.get();
}

// -- Namespace.

namespace {
server::NamespaceExtras* extras(const std::shared_ptr<detail::ShardLink>& link, std::uint32_t nsp) {
  server::Shard* shard = here(link);
  return shard == nullptr ? nullptr : &shard->dispatcher().extras(nsp);
}
}  // namespace

detail::Target Namespace::target_for_emit() const {
  detail::Target target;
  target.link = link_;
  target.nsp = index_;
  return target;
}

std::string_view Namespace::name() const {
  server::Shard* shard = here(link_);
  return shard == nullptr ? std::string_view() : shard->dispatcher().core().namespace_name(index_);
}

std::size_t Namespace::size() const {
  server::Shard* shard = here(link_);
  return shard == nullptr ? 0 : shard->dispatcher().core().rooms(index_).sockets();
}

std::vector<Socket> Namespace::sockets() const {
  std::vector<Socket> out;
  server::Shard* shard = here(link_);
  if (shard == nullptr) return out;
  for (const sio::SocketId id : shard->dispatcher().select(target_for_emit()))
    out.push_back(shard->dispatcher().handle(id));
  return out;
}

ListenerId Namespace::on_connection(std::function<void(Socket)> handler) const {
  server::NamespaceExtras* own = extras(link_, index_);
  if (own == nullptr) return 0;
  const ListenerId id = new_id(link_);
  own->connection.emplace_back(id, std::move(handler));
  return id;
}

ListenerId Namespace::on_disconnect(std::function<void(Socket, DisconnectReason)> handler) const {
  server::NamespaceExtras* own = extras(link_, index_);
  if (own == nullptr) return 0;
  const ListenerId id = new_id(link_);
  own->disconnected.emplace_back(id, std::move(handler));
  return id;
}

ListenerId Namespace::add_listener(std::string_view name, detail::HandlerPtr handler,
                                   bool once) const {
  server::refuse_reserved(name);
  server::NamespaceExtras* own = extras(link_, index_);
  if (own == nullptr) return 0;
  const ListenerId id = new_id(link_);
  own->events.add(name, {id, once, std::move(handler)});
  return id;
}

ListenerId Namespace::add_any(detail::HandlerPtr handler) const {
  server::NamespaceExtras* own = extras(link_, index_);
  if (own == nullptr) return 0;
  const ListenerId id = new_id(link_);
  server::add_listener(own->any, {id, false, std::move(handler)});
  return id;
}

bool Namespace::add_middleware(detail::Middleware middleware) const {
  server::NamespaceExtras* own = extras(link_, index_);
  if (own == nullptr) return false;
  auto list = own->middlewares
                  ? std::make_shared<std::vector<detail::Middleware>>(*own->middlewares)
                  : std::make_shared<std::vector<detail::Middleware>>();
  list->push_back(std::move(middleware));
  own->middlewares = std::move(list);
  return true;
}

bool Namespace::off(std::string_view name) const {
  server::NamespaceExtras* own = extras(link_, index_);
  return own != nullptr && own->events.remove(name);
}
bool Namespace::off(ListenerId id) const {
  server::NamespaceExtras* own = extras(link_, index_);
  return own != nullptr && own->remove(id);
}

}  // namespace socketio
