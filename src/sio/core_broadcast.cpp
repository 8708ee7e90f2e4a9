// Packets for many sockets, and what is expected back.
#include "sio/core_state.hpp"
#include "sio/recovery_log.hpp"

namespace socketio::sio {

namespace {

bool send(eio::Session& session, const SharedPacket& packet, bool compress) {
  if (!packet.text || !session.send(packet.text, compress)) return false;
  for (const eio::Message& attachment : packet.attachments) {
    if (!session.send(attachment, compress)) return false;
  }
  return true;
}

bool deliver(Socket& socket, const SharedPacket& packet, Flags flags) {
  if (flags.is_volatile && !socket.session->writable()) return false;
  return send(*socket.session, packet, flags.compress);
}

bool reachable(const Socket& socket) {
  return socket.state == SocketState::connected && socket.session != nullptr;
}

// What a broadcast mostly is for each receiver: no call, so no registers saved.
[[gnu::flatten]] std::size_t send_whole(Rooms::Group group, const eio::Message& message,
                                        bool compress) {
  std::size_t count = 0;
  for (const Socket* socket : group) {
    if (reachable(*socket) && socket->session->send(message, compress)) ++count;
  }
  return count;
}

void mark_sent(Socket& socket, std::uint64_t number) {
  if (socket.recovery != nullptr) socket.recovery->sent = number;
}

}  // namespace

bool Core::emit(Socket& socket, const SharedPacket& packet, Flags flags) {
  return State::can_emit(socket) && deliver(socket, packet, flags);
}

std::size_t Core::send_to(NamespaceIndex nsp, const Selected& selection, const SharedPacket& packet,
                          Flags flags, Outgoing* each) {
  std::size_t count = 0;
  // One message, and everybody gets it: most broadcasts.
  const bool whole = packet.text && packet.attachments.empty() && !flags.is_volatile;
  if (each == nullptr) {
    state_->at(nsp).rooms.select_in_groups(selection, [&](Rooms::Group group) {
      for (const Socket* socket : group) {
        if (socket->session != nullptr) socket->session->expect_send();
      }
      if (whole) return static_cast<void>(count += send_whole(group, packet.text, flags.compress));
      for (Socket* socket : group) {
        if (reachable(*socket) && deliver(*socket, packet, flags)) ++count;
      }
    });
    return count;
  }
  // `each` may run the user's code, which may change rooms and end sockets.
  for (const SocketId id : ids_of(nsp, selection)) {
    Socket* socket = get(id);
    if (socket == nullptr || !reachable(*socket)) continue;
    each->outgoing(*socket);
    socket = get(id);
    if (socket != nullptr && reachable(*socket) && deliver(*socket, packet, flags)) ++count;
  }
  return count;
}

std::size_t Core::deliver_logged(const LogEntry& entry, Flags flags, Outgoing* each) {
  // First: rooms that listeners join or leave meanwhile are not this packet's any more.
  set_position(entry.number);
  if (!has_namespace(entry.nsp)) return 0;
  Rooms& in = rooms(entry.nsp);
  if (each == nullptr && !flags.is_volatile) {
    std::size_t count = 0;
    in.select(entry.selection, [&](Socket& socket) {
      if (!reachable(socket)) return;
      mark_sent(socket, entry.number);
      if (deliver(socket, entry.packet, flags)) ++count;
    });
    return count;
  }
  if (!flags.is_volatile) {
    in.select(entry.selection, [&](Socket& socket) {
      if (reachable(socket)) mark_sent(socket, entry.number);
    });
  }
  return broadcast(entry.nsp, entry.selection, entry.packet, flags, each);
}

std::uint64_t Core::next_ack_id(NamespaceIndex nsp) {
  return state_->acks.next_id(nsp);
}

std::size_t Core::broadcast_with_ack(NamespaceIndex nsp, const Selection& selection,
                                     const SharedPacket& packet, Flags flags, std::uint64_t id,
                                     std::unique_ptr<AckWaiter> waiter, base::Time deadline,
                                     base::Time, Outgoing* each) {
  State& s = *state_;
  std::vector<SocketId> receivers = select(nsp, selection);
  std::erase_if(receivers, [&](SocketId receiver) {
    Socket* socket = get(receiver);
    if (socket == nullptr || !reachable(*socket)) return true;
    if (each != nullptr) each->outgoing(*socket);
    socket = get(receiver);
    return socket == nullptr || !reachable(*socket) || !deliver(*socket, packet, flags);
  });
  const std::size_t count = receivers.size();
  if (count == 0) {
    s.push_end(std::move(waiter), AckEnd::replied);
  } else {
    s.acks.expect_all(nsp, id, std::move(receivers), std::move(waiter), deadline);
  }
  return count;
}

void Core::await_deadline(std::unique_ptr<AckWaiter> waiter, base::Time deadline) {
  State& s = *state_;
  if (s.stopped) return s.push_end(std::move(waiter), AckEnd::shutting_down);
  s.acks.expect_nobody(std::move(waiter), deadline);
}

std::vector<SocketId> Core::ids_of(NamespaceIndex nsp, const Selected& selection) {
  std::vector<SocketId> ids;
  state_->at(nsp).rooms.select(selection, [&](Socket& socket) { ids.push_back(socket.self); });
  return ids;
}

std::optional<std::uint64_t> Core::expect_ack(Socket& socket, std::unique_ptr<AckWaiter>& waiter,
                                              base::Time deadline) {
  if (!State::can_emit(socket)) return std::nullopt;
  if (socket.acks != nullptr && socket.acks->count >= state_->options.max_pending_acks)
    return std::nullopt;
  return state_->acks.expect(socket, std::move(waiter), deadline);
}

}  // namespace socketio::sio
