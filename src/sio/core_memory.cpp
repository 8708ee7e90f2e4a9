// What the clients' side of the core costs: what counts as a client's, and what goes back when a
// crowd has left.
#include "base/shrink.hpp"
#include "sio/core_state.hpp"

namespace socketio::sio {

std::size_t Core::held(ClientId client) const {
  const Client* found = state_->clients.get(client);
  if (found == nullptr) return 0;
  return found->held() + state_->auth_bytes(*found) + state_->child_bytes(*found);
}

// What came with all its CONNECTs. O(its namespaces).
std::size_t Core::State::auth_bytes(const Client& client) {
  std::size_t bytes = 0;
  const auto add = [&bytes](const AuthPtr& auth) {
    if (auth != nullptr) bytes += auth->size();
  };
  for (const Entry& entry : client.entries) {
    if (const Socket* socket = sockets.get(entry.socket)) add(socket->auth);
  }
  if (client.waiting != nullptr) {
    for (const auto& waiting : *client.waiting) add(waiting->auth);
  }
  return bytes;
}

// A socket comes to a namespace, or is about to be freed.
void Core::State::charge(Namespace& nsp) const {
  if (nsp.made != Made::for_clients) return;
  shared.ledger.charge_input(kChildSocketMemory + (nsp.counted++ == 0 ? nsp.memory() : 0));
}

void Core::State::credit(Namespace& nsp) const {
  if (nsp.made != Made::for_clients) return;
  shared.ledger.credit_input(kChildSocketMemory + (--nsp.counted == 0 ? nsp.memory() : 0));
}

// Who are in a namespace together hold it together.
std::size_t Core::State::child_bytes(const Client& client) {
  std::size_t bytes = 0;
  for (const Entry& entry : client.entries) {
    if (sockets.get(entry.socket) == nullptr) continue;  // perhaps the last one of its namespace
    const Namespace& nsp = at(entry.nsp);
    if (nsp.counted > 0) bytes += kChildSocketMemory + nsp.memory() / nsp.counted;
  }
  if (client.waiting != nullptr) {
    for (const auto& waiting : *client.waiting) bytes += waiting->memory.bytes();
  }
  return bytes;
}

void Core::release_buffers() {
  if (!quiet()) return;
  state_->document.release();
  state_->encoder.release();
}

void Core::shrink() {
  state_->clients.shrink();
  state_->sockets.shrink();
  state_->acks.shrink();
  base::shrink_table(state_->by_name);
  while (state_->namespaces.back() == nullptr) state_->namespaces.pop_back();  // never of "/"
  base::shrink_list(state_->namespaces);
  for (const auto& nsp : state_->namespaces) {
    if (nsp != nullptr) nsp->rooms.shrink();
  }
}

}  // namespace socketio::sio
