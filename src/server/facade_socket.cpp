// Socket: a thin handle over the dispatcher's commands and registries.
#include <stdexcept>

#include <socketio/server.hpp>

#include "server/facade_emit.hpp"
#include "server/shard.hpp"

namespace socketio {

std::string_view Handshake::header(std::string_view lower_case_name) const& {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

namespace {

server::Shard* here(const Socket& socket) {
  return socket.hub() == nullptr ? nullptr : socket.hub()->here(socket.shard());
}

sio::Socket* find(const Socket& socket) {
  server::Shard* shard = here(socket);
  return shard == nullptr ? nullptr
                          : shard->dispatcher().core().get(sio::SocketId::unpack(socket.self()));
}

server::SocketExtras* extras(const Socket& socket) {
  server::Shard* shard = here(socket);
  return shard == nullptr ? nullptr
                          : shard->dispatcher().extras(sio::SocketId::unpack(socket.self()));
}

}  // namespace

bool Socket::connected() const {
  const sio::Socket* socket = find(*this);
  return socket != nullptr && socket->state == sio::SocketState::connected;
}

bool Socket::recovered() const {
  const sio::Socket* socket = find(*this);
  return socket != nullptr && socket->recovery != nullptr && socket->recovery->recovered;
}

Namespace Socket::nsp() const {
  return {hub(), nsp_};
}

Handshake Socket::handshake() const {
  server::Shard* shard = here(*this);
  return shard == nullptr ? Handshake()
                          : shard->dispatcher().handshake(sio::SocketId::unpack(self_));
}

EngineSocket Socket::engine() const {
  server::Shard* shard = here(*this);
  const sio::Socket* socket = find(*this);
  server::SessionRecord* record = socket == nullptr ? nullptr : shard->session_of(socket->client);
  return record == nullptr ? EngineSocket() : shard->engine_socket(*record);
}

detail::Target Socket::target_for_emit() const {
  detail::Target target;
  target.hub = hub();
  target.nsp = nsp_;
  target.shard = shard_;
  target.socket = self_;
  target.sender = id_;
  target.long_sender = long_id_;
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
  const ListenerId id = hub()->new_listener_id();
  own->events.add(name, {id, once, std::move(handler)});
  return id;
}

ListenerId Socket::add_any(detail::HandlerPtr handler, bool outgoing, bool first) const {
  server::SocketExtras* own = extras(*this);
  if (own == nullptr) return 0;
  const ListenerId id = hub()->new_listener_id();
  if (outgoing) here(*this)->dispatcher().expect_outgoing();
  server::add_listener(outgoing ? own->any_outgoing : own->any, {id, false, std::move(handler)},
                       first);
  return id;
}

ListenerId Socket::add_disconnect(DisconnectHandler handler, bool before) const {
  server::SocketExtras* own = extras(*this);
  if (own == nullptr) return 0;
  const ListenerId id = hub()->new_listener_id();
  (before ? own->disconnecting : own->disconnected).add(id, std::move(handler));
  return id;
}

ListenerId Socket::on_error(std::function<void(std::string_view)> handler) const {
  server::SocketExtras* own = extras(*this);
  if (own == nullptr) return 0;
  const ListenerId id = hub()->new_listener_id();
  own->error.add(id, std::move(handler));
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

namespace {
std::size_t count(const server::ListenersPtr& list) {
  return list ? list->size() : 0;
}
// Without making any.
const server::SocketExtras* extras_if_any(const Socket& socket) {
  const sio::Socket* found = find(socket);
  return found == nullptr ? nullptr : server::extras_of(*found);
}
}  // namespace

std::size_t Socket::listener_count(std::string_view name) const {
  const auto* own = extras_if_any(*this);
  return own == nullptr ? 0 : count(own->events.find(name));
}
std::size_t Socket::any_count() const {
  const auto* own = extras_if_any(*this);
  return own == nullptr ? 0 : count(own->any);
}
std::size_t Socket::any_outgoing_count() const {
  const auto* own = extras_if_any(*this);
  return own == nullptr ? 0 : count(own->any_outgoing);
}

bool Socket::set_data(Value value) const {
  if (extras(*this) == nullptr) return false;
  data<Value>() = std::move(value);
  return true;
}

bool Socket::join(std::string_view room) const {
  sio::Socket* socket = find(*this);
  return socket != nullptr && here(*this)->dispatcher().join(*socket, room);
}
bool Socket::join(std::initializer_list<std::string_view> rooms) const {
  bool all = true;
  for (const std::string_view room : rooms) all = join(room) && all;
  return all;
}
bool Socket::join(const std::vector<std::string>& rooms) const {
  bool all = true;
  for (const std::string& room : rooms) all = join(room) && all;
  return all;
}
bool Socket::leave(std::string_view room) const {
  sio::Socket* socket = find(*this);
  return socket != nullptr && here(*this)->dispatcher().leave(*socket, room);
}

std::vector<std::string> Socket::rooms() const {
  const sio::Socket* socket = find(*this);
  if (socket == nullptr || socket->state == sio::SocketState::disconnected) return {};
  const sio::Rooms& all = here(*this)->dispatcher().core().rooms(nsp_);
  std::vector<std::string> out;
  if (all.contains(*socket, id())) out.emplace_back(id());
  for (std::string& room : all.rooms_of(*socket)) out.push_back(std::move(room));
  return out;
}

bool Socket::in_room(std::string_view room) const {
  const sio::Socket* socket = find(*this);
  return socket != nullptr && here(*this)->dispatcher().core().rooms(nsp_).contains(*socket, room);
}

bool Socket::disconnect(bool close) const {
  if (here(*this) != nullptr && !connected()) return false;
  return hub_ && detail::disconnect_sockets(target_for_emit(), close);
}

bool Socket::post(std::function<void()> job) const {
  if (here(*this) != nullptr && find(*this) == nullptr) return false;
  return hub_ && hub()->post(shard_, [job = std::move(job)](server::Shard&) { job(); });
}

void* Socket::data_slot(std::type_index type, std::shared_ptr<void> (*make)()) const {
  server::SocketExtras* own = extras(*this);
  if (own == nullptr)
    throw std::system_error(here(*this) == nullptr ? Errc::wrong_thread : Errc::disconnected);
  if (const auto& hook = hub()->hooks.admin.data_touched; hook && type == typeid(Value))
      [[unlikely]]
    hook(*this);
  return own->slot(type, make);
}

}  // namespace socketio
