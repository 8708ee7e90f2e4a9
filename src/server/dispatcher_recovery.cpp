// Connection state recovery between the core and the whole server's part of it: sockets that take
// up a session, and those that leave one.
#include "server/recovery.hpp"
#include "server/shard.hpp"

namespace socketio::server {

bool recoverable(DisconnectReason reason) {
  switch (reason) {
    case DisconnectReason::transport_error:
    case DisconnectReason::transport_close:
    case DisconnectReason::forced_close:
    case DisconnectReason::ping_timeout:
    case DisconnectReason::forced_server_close:
      return true;
    // JS keeps these for adapters that outlive the process; ours ends with it.
    case DisconnectReason::server_shutting_down:
    case DisconnectReason::parse_error:
    case DisconnectReason::client_namespace_disconnect:
    case DisconnectReason::server_namespace_disconnect:
      break;
  }
  return false;
}

// False: it has no session to go on with. True: it connects with one, now or later.
bool Dispatcher::recover(sio::SocketId id) {
  sio::Socket* socket = core_.get(id);
  if (socket == nullptr || socket->auth == nullptr) return false;
  const auto request = sio::read_recovery_request(*socket->auth);
  if (!request) return false;
  Recovery::Claim claim = hub_->recovery->claim(shard_, *socket, *request);
  if (claim.session == nullptr) return claim.wait;
  socket->attachment = std::move(claim.session->kept);
  core_.adopt(*socket, std::move(claim.session));
  tell_rooms(*socket);
  if (hub_->settings.options.connection_state_recovery->skip_middlewares) {
    connected(id);
  } else {
    run_middlewares(id, socket->nsp);
  }
  return true;
}

void Dispatcher::reconnect(sio::SocketId id) {
  const sio::Socket* socket = core_.get(id);
  if (socket == nullptr || socket->state != sio::SocketState::connecting) return;
  const sio::NamespaceIndex nsp = socket->nsp;
  if (!recover(id)) run_middlewares(id, nsp);
}

// True: accept() is next.
bool Dispatcher::accept_recoverable(sio::SocketId id) {
  if (!core_.acceptable(id)) return false;
  // Inside a delivery (a listener of outgoing events has called a middleware's next()): packets are
  // half way out, so not now.
  if (hub_->recovery->pulling(shard_)) {
    hub_->post_always(shard_.index(), [id](Shard& shard) { shard.dispatcher().connected(id); });
    return false;
  }
  sio::Socket* socket = core_.get(id);
  if (hub_->recovery->admit(shard_, *socket)) return true;
  // What it has missed was dropped while the middlewares ran, which know it as recovered: its
  // client has to come once more.
  end_session(id, false);
  socket->session->discard(eio::CloseReason::transport_close, "missed packets are gone",
                           shard_.now());
  return false;
}

void Dispatcher::supersede(sio::SocketId id) {
  if (sio::Socket* socket = core_.get(id); socket != nullptr)
    core_.supersede(*socket, shard_.now());
}

void Dispatcher::end_session(sio::SocketId id, bool keep) {
  sio::Socket* socket = core_.get(id);
  if (socket == nullptr || socket->recovery == nullptr) return;
  std::unique_ptr<sio::RecoverySession> session = std::move(socket->recovery);
  auto* own = static_cast<SocketExtras*>(socket->attachment.get());
  if (keep && own != nullptr && !own->data.empty()) {
    auto kept = std::make_shared<SocketExtras>();
    kept->data = std::exchange(own->data, {});
    session->kept = std::move(kept);
  }
  hub_->recovery->leave(shard_, std::move(session), keep);
}

}  // namespace socketio::server
