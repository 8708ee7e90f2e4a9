// Commands for one socket, and how it ends.
#include <algorithm>

#include "sio/core_state.hpp"

namespace socketio::sio {

// There is one for each client and namespace.
static_assert(sizeof(Socket) <= 176);
static_assert(sizeof(Client) <= 112);

Socket::Socket() = default;
Socket::~Socket() = default;

bool Core::accept(SocketId id, base::Time) {
  State& s = *state_;
  if (!acceptable(id)) return false;
  Socket* socket = s.sockets.get(id);
  Namespace& nsp = s.at(socket->nsp);
  nsp.rooms.add(*socket);
  try {
    s.greet(*socket, nsp);
  } catch (...) {
    nsp.rooms.remove(*socket);
    throw;
  }
  socket->state = SocketState::connected;
  // Joined: the connect timeout is off. (It may also be another namespace of a client whose
  // attachments are awaited: that clock goes on.)
  Client* client = s.clients.get(socket->client);
  if (client != nullptr && !client->awaits_more()) client->unlink();
  return true;
}

// What it has missed, and CONNECT.
void Core::State::greet(Socket& socket, const Namespace& nsp) {
  if (socket.recovery != nullptr) send_missed(socket);
  Writer& writer = encoder.begin_value();
  if (!socket.session->v3()) {
    writer.begin_object();
    writer.key("sid");
    writer.string(socket.id_view());
    if (socket.recovery != nullptr) {
      writer.key("pid");
      writer.string(view(socket.recovery->pid));
    }
    writer.end_object();
  }
  const Encoded packet = encoder.finish(PacketType::connect, nsp.name, std::nullopt, 0);
  send(*socket.session, packet);
}

bool Core::refuse(SocketId id, base::Bytes message, const Value& data) {
  State& s = *state_;
  Socket* socket = s.sockets.get(id);
  if (socket == nullptr || socket->state != SocketState::connecting) return false;
  if (Client* client = s.clients.get(socket->client))
    s.refuse_connect(*client, s.at(socket->nsp).name, message, data);
  s.begin_disconnect(*socket, DisconnectReason::forced_server_close);
  return true;
}

namespace {

// Of another parser than the default.
bool send_messages(eio::Session& session, std::span<const MessageBytes> messages, bool compress) {
  return !messages.empty() &&
         std::all_of(messages.begin(), messages.end(), [&](const MessageBytes& message) {
           return message.binary ? session.send_binary(message.bytes, compress)
                                 : session.send_text(message.bytes, {}, compress);
         });
}

}  // namespace

bool Core::State::send(eio::Session& session, const Encoded& packet, bool compress) {
  // Nearly all: one text, and not a long one.
  if (!packet.head.empty() && packet.body.size() < eio::kLongText && packet.attachments.empty())
      [[likely]]
    return session.send_text(packet.head, packet.body, compress);
  return send_unusual(session, packet, compress);
}

bool Core::State::send_unusual(eio::Session& session, const Encoded& packet, bool compress) {
  if (packet.head.empty()) return send_messages(session, packet.messages, compress);
  const bool in_place = packet.body.size() >= eio::kLongText && packet.text != nullptr &&
                        packet.text->size() == packet.body.size();  // not taken already
  if (!(in_place ? session.send_long_text(packet.head, *packet.text, compress)
                 : session.send_text(packet.head, packet.body, compress)))
    return false;
  return std::all_of(packet.attachments.begin(), packet.attachments.end(),
                     [&](base::Bytes bytes) { return session.send_binary(bytes, compress); });
}

bool Core::emit(Socket& socket, const Encoded& packet, Flags flags) {
  if (!State::can_emit(socket)) return false;
  if (flags.is_volatile && !socket.session->writable()) return false;
  return State::send(*socket.session, packet, flags.compress);
}

bool Core::send_ack(Socket& socket, const Encoded& packet) {
  return State::can_emit(socket) && State::send(*socket.session, packet);
}

bool Core::join(Socket& socket, base::Bytes room) {
  if (!State::can_emit(socket)) return false;
  Rooms& rooms = state_->at(socket.nsp).rooms;
  if (socket.memberships.slots.size() >= state_->options.max_rooms_per_socket)
    return rooms.contains(socket, room);
  if (rooms.join(socket, room) && socket.recovery != nullptr)
    socket.recovery->join(room, state_->position);
  return true;
}

bool Core::leave(Socket& socket, base::Bytes room) {
  if (!State::can_emit(socket)) return false;
  if (state_->at(socket.nsp).rooms.leave(socket, room) && socket.recovery != nullptr)
    socket.recovery->leave(room, state_->position);
  return true;
}

void Core::disconnect(Socket& socket, bool close, base::Time now) {
  State& s = *state_;
  if (socket.state != SocketState::connected) return;
  Client* client = s.clients.get(socket.client);
  if (!close || client == nullptr) {
    s.send_disconnect(socket);
    s.begin_disconnect(socket, DisconnectReason::server_namespace_disconnect);
    return;
  }
  for (const Entry& entry : client->entries) {
    Socket* other = s.sockets.get(entry.socket);
    if (other != nullptr && other->state == SocketState::connected) s.send_disconnect(*other);
  }
  s.expect_end(*client);
  s.stop_reading(*client);
  s.disconnect_all(*client, DisconnectReason::server_namespace_disconnect);
  if (client->session != nullptr)
    client->session->close(eio::CloseReason::forced_close, "disconnected by the server", now);
}

void Core::State::send_disconnect(Socket& socket) {
  if (!can_emit(socket)) return;
  encoder.begin_value();
  const Encoded packet =
      encoder.finish(PacketType::disconnect, at(socket.nsp).name, std::nullopt, 0);
  send(*socket.session, packet);
}

// Its events are reported later; from now on nothing is sent to it. One that was still connecting
// goes without a word: nobody has been told that it is there.
void Core::State::begin_disconnect(Socket& socket, DisconnectReason reason, base::Bytes detail) {
  queue.reserve(2);
  Queued item;
  item.socket = socket.self;
  item.client = socket.client;
  item.reason = reason;
  item.text = detail;
  if (socket.state == SocketState::connecting) {
    socket.state = SocketState::disconnected;
    item.kind = Queued::Kind::vanish;
    queue.push(std::move(item));
  } else if (socket.state == SocketState::connected) {
    socket.state = SocketState::disconnecting;
    if (socket.recovery != nullptr) socket.recovery->detached = position;
    Queued last;
    last.socket = item.socket;
    last.client = item.client;
    last.reason = reason;
    last.text = detail;
    last.event = EventKind::disconnected;
    item.event = EventKind::disconnecting;
    queue.push(std::move(item));
    queue.push(std::move(last));
  }
}

void Core::State::leave(Socket& socket, DisconnectReason reason) {
  at(socket.nsp).rooms.remove(socket);
  socket.state = SocketState::disconnected;
  socket.session = nullptr;
  Client* client = clients.get(socket.client);
  if (client == nullptr) return;
  Entry* entry = client->find(socket.nsp);
  if (entry == nullptr || entry->socket != socket.self) return;
  if (reason == DisconnectReason::server_namespace_disconnect)
    entry->socket = {};
  else
    client->entries.erase(entry);
}

}  // namespace socketio::sio
