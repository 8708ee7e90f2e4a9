#include "sio/core.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "sio/core_state.hpp"

namespace socketio::sio {

Core::State::State(eio::Shared& the_shared, base::Random& the_random, const Options& the_options)
    : shared(the_shared),
      random(the_random),
      options(the_options),
      by_name(0, NamespaceHash{KeyedHash(the_random)}),
      reader(make_reader(the_options.parser, the_shared.ledger)) {}

Core::Core(eio::Shared& shared, base::Random& random, const Options& options)
    : state_(std::make_unique<State>(shared, random, options)) {
  create_namespace("/");
}

Core::~Core() = default;

Namespace* Core::State::find_namespace(base::Bytes name) {
  if (is_root(name)) return namespaces[kRoot].get();
  const auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : *found;
}

NamespaceIndex Core::create_namespace(base::Bytes name) {
  if (const auto existing = find_namespace(name)) return *existing;
  const auto index = static_cast<NamespaceIndex>(state_->namespaces.size());
  create_namespace(name, index);
  return index;
}

void Core::create_namespace(base::Bytes name, NamespaceIndex index, Made made) {
  if (has_namespace(index)) return;
  const std::uint32_t slot = slot_of(index);
  if (state_->namespaces.size() <= slot) state_->namespaces.resize(slot + 1);
  SIO_CHECK(state_->namespaces[slot] == nullptr);
  auto made_now = std::make_unique<Namespace>(name, index, made, state_->random, state_->rooms);
  // A predecessor of the name may be about to be dropped.
  if (const auto old = state_->by_name.find(name); old != state_->by_name.end())
    state_->by_name.erase(old);
  state_->by_name.insert(made_now.get());
  state_->namespaces[slot] = std::move(made_now);
}

bool Core::State::has_namespace(NamespaceIndex nsp) const {
  const std::uint32_t slot = slot_of(nsp);
  return slot < namespaces.size() && namespaces[slot] != nullptr && namespaces[slot]->index == nsp;
}

bool Core::has_namespace(NamespaceIndex nsp) const {
  return state_->has_namespace(nsp);
}

void Core::drop_namespace(NamespaceIndex nsp) {
  if (!has_namespace(nsp)) return;
  std::unique_ptr<Namespace>& dropped = state_->namespaces[slot_of(nsp)];
  SIO_CHECK(dropped->rooms.sockets() == 0);
  const auto named = state_->by_name.find(base::Bytes(dropped->name));
  if (named != state_->by_name.end() && *named == dropped.get()) state_->by_name.erase(named);
  dropped.reset();
}

std::optional<NamespaceIndex> Core::find_namespace(base::Bytes name) const {
  const auto found = state_->by_name.find(name);
  if (found == state_->by_name.end()) return std::nullopt;
  return (*found)->index;
}

base::Bytes Core::namespace_name(NamespaceIndex nsp) const {
  return state_->at(nsp).name;
}

Rooms& Core::rooms(NamespaceIndex nsp) {
  return state_->at(nsp).rooms;
}

Socket* Core::get(SocketId id) {
  return state_->sockets.get(id);
}

std::uint64_t Core::room_count() const {
  return state_->rooms.get();
}

std::size_t Core::clients() const {
  return state_->clients.size();
}

std::uint64_t Core::owner(ClientId client) const {
  const Client* found = state_->clients.get(client);
  return found == nullptr ? 0 : found->owner;
}

void Core::State::push(EventKind kind, const Socket& socket, base::Bytes text) {
  Queued& item = queue.add();
  item.event = kind;
  item.socket = socket.self;
  item.client = socket.client;
  item.text = text;
}

void Core::State::push_end(std::unique_ptr<AckWaiter> waiter, AckEnd end) {
  Queued item;
  item.event = EventKind::ack;
  item.end = end;
  item.waiter = std::move(waiter);
  queue.push(std::move(item));
}

// The record goes; whoever waits for its answers is told next.
void Core::State::free_socket(SocketId id) {
  Socket* socket = sockets.get(id);
  if (socket == nullptr) return;
  if (socket->acks != nullptr) ending.reserve(ending.size() + socket->acks->count);
  while (auto waiter = acks.take_of(*socket)) ending.push_back(std::move(waiter));
  std::reverse(ending.begin(), ending.end());
  credit(at(socket->nsp));
  sockets.erase(id);
}

// What the last event showed is no longer needed.
void Core::State::settle() {
  if (reported) {
    if (Socket* socket = sockets.get(reported)) leave(*socket, reported_reason);
    free_socket(reported);
    reported = {};
  }
  if (!dispatched) return;
  if (Client* client = clients.get(std::exchange(dispatched, {})); client != nullptr)
    client->release();
}

Event Core::next(base::Time) {
  State& s = *state_;
  if (s.reported || s.dispatched) s.settle();
  Event event;
  if (!s.queue.empty() || !s.ending.empty()) s.next_queued(event);
  return event;
}

bool Core::quiet() const {
  return state_->quiet();
}

void Core::State::next_queued(Event& event) {
  for (;;) {
    if (!ending.empty()) {
      event.kind = EventKind::ack;
      event.end = ending_with;
      event.waiter = std::move(ending.back());
      ending.pop_back();
      return;
    }
    if (queue.empty()) return;
    Queued& item = queue.front();
    if (item.kind == Queued::Kind::event) {
      const bool reported_it = report(item, event);
      queue.pop();
      if (reported_it) return;
      event = {};
      continue;
    }
    if (item.kind == Queued::Kind::erase_client) {
      read_by = nullptr;  // it may have been the client's
      clients.erase(item.client);
      queue.pop();
      continue;
    }
    Socket* socket = sockets.get(item.socket);
    if (socket != nullptr && socket->announced) {
      event.kind = EventKind::vanished;
      event.socket = item.socket;
      event.client = item.client;
      event.nsp = socket->nsp;
      event.reason = item.reason;
      reported_reason = item.reason;
      reported = item.socket;
      queue.pop();
      return;
    }
    if (socket != nullptr) {
      leave(*socket, item.reason);
      free_socket(item.socket);  // may fail: then the item is still there
    }
    queue.pop();
  }
}

// False: overtaken by another event.
bool Core::State::report(Queued& item, Event& event) {
  event.kind = item.event;
  event.socket = item.socket;
  event.client = item.client;
  event.end = item.end;
  event.reason = item.reason;
  event.name = item.text;
  event.group = item.group;
  event.waiter = std::move(item.waiter);
  Socket* socket = sockets.get(item.socket);
  if (socket != nullptr) event.nsp = socket->nsp;
  switch (item.event) {
    case EventKind::none:
      return false;
    case EventKind::connecting:
      if (socket == nullptr || socket->state != SocketState::connecting) return false;
      event.name = at(socket->nsp).name;
      socket->announced = true;
      return true;
    case EventKind::unknown_namespace: {
      const WaitingConnect* waiting = find_waiting(item.client, item.text);
      if (waiting == nullptr) return false;
      event.auth = waiting->auth.get();
      return true;
    }
    case EventKind::error:
    case EventKind::vanished:
      return true;
    case EventKind::ack:
    case EventKind::ack_reply:
      if (!item.client) return true;  // not a reply
      hold_packet(item.client);
      event.args = root();
      return true;
    case EventKind::event:
      return report_packet(event);
    case EventKind::disconnecting:
      std::swap(event.detail, event.name);
      return true;
    case EventKind::disconnected:
      SIO_CHECK(socket != nullptr);
      std::swap(event.detail, event.name);
      leave(*socket, item.reason);
      reported_reason = item.reason;
      reported = item.socket;
      return true;
  }
  return true;
}

// The attachments the event shows live until the next call.
void Core::State::hold_packet(ClientId client) {
  if (decoded.attachments > 0) dispatched = client;
}

// False: its socket has been disconnected meanwhile.
bool Core::State::report_packet(Arrival& event) {
  hold_packet(event.client);
  Socket* socket = sockets.get(event.socket);
  if (socket == nullptr || socket->state != SocketState::connected) return false;
  event.record = socket;
  event.nsp = socket->nsp;
  event.args = root();
  event.ack_id = decoded.id;
  event.name = decoded.event;
  if (event.name.data() == nullptr) {
    event.args.at(0).as_raw(numeric_name);
    event.name = numeric_name;
  }
  event.rest = decoded.attachments == 0 ? document.rest_of_array() : base::Bytes();
  return true;
}

base::Time Core::deadline() const {
  base::Time earliest = state_->acks.deadline();
  for (base::List<Client>* list : {&state_->idle, &state_->receiving}) {
    if (const Client* first = list->front()) earliest = std::min(earliest, first->deadline);
  }
  return earliest;
}

void Core::on_deadline(base::Time now) {
  State& s = *state_;
  for (Client* client = s.idle.front(); client != nullptr && client->deadline <= now;
       client = s.idle.front())
    s.violation(*client, "no namespace joined in time", now);
  for (Client* client = s.receiving.front(); client != nullptr && client->deadline <= now;
       client = s.receiving.front())
    s.fail(*client, "attachments missing", now);
  for (;;) {
    s.queue.reserve(1);  // a waiter must not be lost between the table and the queue
    auto waiter = s.acks.take_due(now);
    if (waiter == nullptr) return;
    s.push_end(std::move(waiter), AckEnd::timeout);
  }
}

void Core::shut_down(base::Time now) {
  State& s = *state_;
  if (s.stopped) return;
  // All that will be said, so that nothing fails half way.
  s.queue.reserve(s.clients.size() + 2 * s.sockets.size() + s.acks.size());
  auto waiters = s.acks.take_all();
  s.stopped = true;
  s.ending_with = AckEnd::shutting_down;
  s.clients.each([&](ClientId id, Client& client) {
    s.stop_reading(client);
    s.disconnect_all(client, DisconnectReason::server_shutting_down);
    for (const Entry& entry : client.entries) {
      if (Socket* socket = s.sockets.get(entry.socket)) socket->session = nullptr;
    }
    eio::Session* session = std::exchange(client.session, nullptr);
    if (session != nullptr) session->discard(eio::CloseReason::forced_close, {}, now);
    Queued item;
    item.kind = Queued::Kind::erase_client;
    item.client = id;
    s.queue.push(std::move(item));
  });
  for (auto& waiter : waiters) s.push_end(std::move(waiter), AckEnd::shutting_down);
}

}  // namespace socketio::sio
