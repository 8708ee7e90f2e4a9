// Connection state recovery between the core and the whole server's part of it: sockets that take
// up a session, and those that leave one.
#include <algorithm>

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
    // Adapters keep these, which may outlive the process; ours ends with it.
    case DisconnectReason::server_shutting_down:
    case DisconnectReason::parse_error:
    case DisconnectReason::client_namespace_disconnect:
    case DisconnectReason::server_namespace_disconnect:
      break;
  }
  return false;
}

// False: it has no session to go on with. True: it connects with one, now or later.
bool Dispatcher::recover(sio::SocketId id, bool again) {
  sio::Socket* socket = core_.get(id);
  if (socket == nullptr || socket->auth == nullptr) return false;
  const auto request = sio::read_recovery_request(socket->auth->value());
  if (!request) return false;
  if (const auto keeper = hub_->session_keeper(socket->nsp)) {
    restore(keeper, id, *request);
    return true;
  }
  Recovery::Claim claim = hub_->recovery->claim(shard_, *socket, *request, again);
  if (claim.session == nullptr) return claim.wait;
  socket->attachment = std::move(claim.session->kept);
  core_.adopt(*socket, std::move(claim.session));
  recovered(id);
  return true;
}

void Dispatcher::recovered(sio::SocketId id) {
  const sio::Socket& socket = *core_.get(id);
  tell_rooms(socket);
  if (hub_->settings.options.connection_state_recovery->skip_middlewares) {
    connected(id);
  } else {
    run_middlewares(id, socket.nsp);
  }
}

// -- Sessions that the namespace's adapter keeps.

void Dispatcher::restore(const std::shared_ptr<Adapter>& keeper, sio::SocketId id,
                         sio::RecoveryRequest request) {
  kept_packets_.wait(id);
  std::optional<RestoredSession> at_once;
  bool answered = true;
  guarded("adapter", [&] {
    const Pending<std::optional<RestoredSession>> pending =
        keeper->restore_session(std::move(request.pid), std::move(request.offset));
    if (pending.ready())
      return pending.then([&at_once](Result<std::optional<RestoredSession>> found) {
        if (found) at_once = std::move(*found);
      });
    // From who knows where, and maybe from inside of a delivery.
    pending.then([hub = hub_, keeper, id,
                  shard = shard_.index()](Result<std::optional<RestoredSession>> found) {
      auto session = std::make_shared<std::optional<RestoredSession>>();
      if (found) *session = std::move(*found);
      hub->post(shard, detail::Mail::always, [keeper, id, session](Shard& on) {
        on.dispatcher().restored(keeper, id, std::move(*session));
      });
    });
    answered = false;
  });
  if (answered) restored(keeper, id, std::move(at_once));
}

// Of what is sent to many.
void Dispatcher::keep_for_restored(const detail::Target& target, const sio::SharedPacket& packet) {
  sio::LogEntry kept;
  kept.nsp = target.nsp;
  kept.selection = selection_of(target);
  kept.packet = packet;
  kept.compress = target.compress;
  kept_packets_.add(std::move(kept));
}

// Null: it cannot be gone on with.
std::unique_ptr<sio::RecoverySession> Dispatcher::session_of(const RestoredSession& restored,
                                                             sio::NamespaceIndex nsp) {
  sio::IdText pid;
  sio::IdText sid;
  if (restored.private_id.size() != pid.size() || restored.id.size() != sid.size()) return nullptr;
  std::copy(restored.private_id.begin(), restored.private_id.end(), pid.begin());
  std::copy(restored.id.begin(), restored.id.end(), sid.begin());
  auto session = std::make_unique<sio::RecoverySession>(pid, sid, nsp, core_.position());
  for (const std::string& room : restored.rooms) {
    if (room != restored.id) session->join(room, core_.position());
  }
  std::size_t bytes = 0;
  for (const Packet& packet : restored.missed) {
    write_values(&packet.args, encoder_.begin_event(packet.name));
    const sio::Encoded encoded = encoder_.finish(sio::PacketType::event, core_.namespace_name(nsp),
                                                 std::nullopt, hub_->settings.sio.max_attachments);
    if (!encoded.can_be_sent()) continue;
    sio::LogEntry entry;
    entry.nsp = nsp;
    entry.packet = sio::Encoder::share(encoded, &hub_->ledger);
    bytes += wire_size(entry.packet);
    session->missed.push_back(std::make_shared<const sio::LogEntry>(std::move(entry)));
  }
  // As for sessions of our own: half of what closes a connection.
  return bytes <= hub_->settings.eio.send_hard / 2 ? std::move(session) : nullptr;
}

void Dispatcher::restored(const std::shared_ptr<Adapter>& keeper, sio::SocketId id,
                          std::optional<RestoredSession> found) {
  sio::Socket* socket = core_.get(id);
  if (socket == nullptr || socket->state != sio::SocketState::connecting) {
    // Its client has gone again: it is kept as it was.
    if (found) guarded("adapter", [&] { keeper->persist_session(std::move(*found)); });
    return;
  }
  auto session = found ? session_of(*found, socket->nsp) : nullptr;
  if (session == nullptr) {
    kept_packets_.forget(id);
    return run_middlewares(id, socket->nsp);
  }
  if (!found->data.is_null())
    extras(id)->data.emplace_back(typeid(Value), std::make_shared<Value>(std::move(found->data)));
  core_.adopt(*socket, std::move(session));
  recovered(id);
}

void Dispatcher::persist(const sio::Socket& socket, const sio::RecoverySession& session,
                         Adapter& keeper) {
  AdapterSession saved{
      std::string(sio::view(session.sid)), std::string(sio::view(session.pid)), {}, {}};
  for (const auto& [room, since] : session.rooms()) saved.rooms.push_back(room);
  if (const auto* own = extras_of(socket)) {
    for (const auto& [type, value] : own->data) {
      if (type == typeid(Value)) saved.data = *static_cast<const Value*>(value.get());
    }
  }
  guarded("adapter", [&] { keeper.persist_session(std::move(saved)); });
}

void Dispatcher::reconnect(sio::SocketId id, bool anew) {
  const sio::Socket* socket = core_.get(id);
  if (socket == nullptr || socket->state != sio::SocketState::connecting) return;
  const sio::NamespaceIndex nsp = socket->nsp;
  if (anew || !recover(id, true)) run_middlewares(id, nsp);
}

// True: accept() is next.
bool Dispatcher::accept_recoverable(sio::SocketId id) {
  if (!core_.acceptable(id)) return false;
  const auto put_off = [&] {
    hub_->post(shard_.index(), detail::Mail::always,
               [id](Shard& shard) { shard.dispatcher().connected(id); });
    return false;
  };
  // Inside a delivery (a listener of outgoing events has called a middleware's next()): packets are
  // half way out, so not now.
  if (hub_->recovery->pulling(shard_)) return put_off();
  sio::Socket* socket = core_.get(id);
  if (hub_->session_keeper(socket->nsp) != nullptr) {
    if (socket->recovery == nullptr && !socket->session->v3()) core_.begin_session(*socket);
    if (socket->recovery == nullptr || kept_packets_.give(id, *socket->recovery)) return true;
  } else {
    const Recovery::Admitted admitted = hub_->recovery->admit(shard_, *socket);
    if (admitted == Recovery::Admitted::later) return put_off();
    if (admitted == Recovery::Admitted::yes) return true;
  }
  // What it has missed was dropped while the middlewares ran, which know it as recovered: its
  // client has to come once more.
  end_session(id, false, false);
  socket->session->discard(eio::CloseReason::transport_close, "missed packets are gone",
                           shard_.now());
  return false;
}

void Dispatcher::supersede(sio::SocketId id) {
  if (sio::Socket* socket = core_.get(id); socket != nullptr)
    core_.supersede(*socket, shard_.now());
}

void Dispatcher::end_session(sio::SocketId id, DisconnectReason reason) {
  const bool keep = recoverable(reason);
  end_session(id, keep, keep || reason == DisconnectReason::server_shutting_down);
}

// Elsewhere: by an adapter, which may outlive the process.
void Dispatcher::end_session(sio::SocketId id, bool keep, bool keep_elsewhere) {
  sio::Socket* socket = core_.get(id);
  if (socket == nullptr || socket->recovery == nullptr) return;
  std::unique_ptr<sio::RecoverySession> session = std::move(socket->recovery);
  if (const auto keeper = hub_->session_keeper(socket->nsp)) {
    if (keep_elsewhere) persist(*socket, *session, *keeper);
    return;
  }
  auto* own = extras_of(*socket);
  if (keep && own != nullptr && !own->data.empty()) {
    auto kept = std::make_shared<SocketExtras>();
    kept->data = std::exchange(own->data, {});
    session->kept = std::move(kept);
  }
  hub_->recovery->leave(shard_, std::move(session), keep);
}

}  // namespace socketio::server
