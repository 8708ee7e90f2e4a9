// What recovery adds to sockets: numbered packets, sessions that begin, end and are taken up again.
#include <algorithm>

#include "sio/core_state.hpp"
#include "sio/recovery_log.hpp"

namespace socketio::sio {

std::uint64_t Core::position() const {
  return state_->position;
}

void Core::set_position(std::uint64_t number) {
  state_->position = std::max(state_->position, number);
}

void Core::begin_session(Socket& socket) {
  const std::uint64_t now = state_->position;
  socket.recovery =
      std::make_unique<RecoverySession>(state_->random_id(), socket.id.chars(), socket.nsp, now);
  for (const std::string& room : rooms(socket.nsp).rooms_of(socket))
    socket.recovery->join(room, now);
}

void Core::adopt(Socket& socket, std::unique_ptr<RecoverySession> session) {
  socket.id = session->sid;
  for (const auto& [room, since] : session->rooms()) rooms(socket.nsp).join(socket, room);
  session->recovered = true;
  socket.recovery = std::move(session);
}

bool Core::acceptable(SocketId id) {
  Socket* socket = get(id);
  return socket != nullptr && socket->state == SocketState::connecting &&
         State::can_emit(*socket) && socket->session->open();
}

void Core::supersede(Socket& socket, base::Time now) {
  if (socket.state != SocketState::connected || socket.session == nullptr) return;
  socket.session->discard(eio::CloseReason::transport_close, "its client has come back", now);
}

// Before CONNECT, as the reference does: the client keeps them until then.
void Core::State::send_missed(Socket& socket) {
  for (const LogEntryPtr& entry : std::exchange(socket.recovery->missed, {})) {
    socket.session->send(entry->packet.text, entry->compress);
    for (const eio::Message& attachment : entry->packet.attachments)
      socket.session->send(attachment, entry->compress);
  }
}

}  // namespace socketio::sio
