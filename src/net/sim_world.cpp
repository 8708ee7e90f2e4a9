#include "net/sim_world.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <initializer_list>

#include "base/check.hpp"

namespace socketio::net {
namespace {

int fault(std::uint64_t one_in, SeededRandom& random, std::initializer_list<int> errors) {
  return random.one_in(one_in) ? errors.begin()[random.below(errors.size())] : 0;
}

}  // namespace

// -- Time.

void SimWorld::at(base::Time time, std::function<void()> action) {
  actions_.emplace(std::pair(std::max(time, now_), ++numbers_), std::move(action));
}

base::Time SimWorld::next() const {
  return actions_.empty() ? base::kNever : actions_.begin()->first.first;
}

void SimWorld::step() {
  auto action = actions_.extract(actions_.begin());
  now_ = action.key().first;
  action.mapped()();
}

void SimWorld::advance(base::Time time) {
  SIO_CHECK(time <= next());
  now_ = std::max(now_, time);
}

// -- Sockets.

SimWorld::Socket* SimWorld::find(int fd) {
  const auto found = sockets_.find(fd);
  return found == sockets_.end() ? nullptr : &found->second;
}

const SimWorld::Socket* SimWorld::find(int fd) const {
  const auto found = sockets_.find(fd);
  return found == sockets_.end() ? nullptr : &found->second;
}

int SimWorld::add(State state, const SimLink& link) {
  const int fd = last_++;  // never used again in this world: a stale number finds nothing
  Socket& socket = sockets_[fd];
  socket.state = state;
  socket.link = link;
  socket.local = *Address::parse("10.0.0.1", ++last_port_);
  return fd;
}

void SimWorld::erase(int fd) {
  const Socket* socket = find(fd);
  if (socket->state != State::listening && socket->state != State::vanished && socket->accepted)
    --open_;
  sockets_.erase(fd);
}

int SimWorld::listen(const Address& address) {
  const int fd = add(State::listening, {});
  find(fd)->local = address;
  return fd;
}

int SimWorld::accept(int listener, Address& peer) {
  Socket* socket = find(listener);
  if (socket == nullptr) return -EBADF;
  if (socket->backlog.empty()) return -EAGAIN;
  if (accept_error_ != 0 && now_ < accept_until_) return -accept_error_;
  const int error =
      fault(faults_.accept, fault_random_, {EMFILE, ENFILE, ENOMEM, ENOBUFS, EPERM, EPROTO});
  const bool of_the_peer = error == EPERM || error == EPROTO;
  if (error != 0 && !of_the_peer) return -error;
  const int fd = socket->backlog.front();
  socket->backlog.pop_front();
  if (of_the_peer) {
    reset(fd);
    return -error;
  }
  Socket& accepted = *find(fd);
  accepted.accepted = true;
  ++open_;
  peer = accepted.remote;
  return fd;
}

int SimWorld::connect(const Address& to, const SimLink& link) {
  const int fd = add(State::connecting, link);
  ++open_;
  in(link.latency, [this, fd, to] { fill_backlog(fd, to); });
  return fd;
}

bool SimWorld::connecting(int fd) const {
  const Socket* socket = find(fd);
  return socket != nullptr && socket->state == State::connecting;
}

void SimWorld::fill_backlog(int client, const Address& to) {
  Socket* socket = find(client);
  if (socket == nullptr || socket->state != State::connecting) return;
  int listener = -1;
  for (const auto& [fd, other] : sockets_) {
    if (other.state == State::listening && other.local == to) listener = fd;
  }
  if (listener < 0) {
    socket->error = ECONNREFUSED;
    return notify(client);
  }
  const int server = add(State::open, socket->link);
  Socket& accepted = *find(server);
  accepted.accepted = false;
  accepted.peer = client;
  accepted.local = to;
  accepted.remote = socket->local;
  socket->peer = server;
  socket->remote = to;
  find(listener)->backlog.push_back(server);
  // What the server sends before the client knows arrives after it.
  accepted.last_arrival = now_ + socket->link.latency;
  at(accepted.last_arrival, [this, client] {
    Socket* connected = find(client);
    if (connected == nullptr || connected->state != State::connecting) return;
    connected->state = State::open;
    notify(client);
  });
  notify(listener);
}

std::pair<int, int> SimWorld::pair(const SimLink& link) {
  const int one = add(State::open, link);
  const int two = add(State::open, link);
  find(one)->peer = two;
  find(two)->peer = one;
  find(one)->remote = find(two)->local;
  find(two)->remote = find(one)->local;
  open_ += 2;
  return {one, two};
}

std::size_t SimWorld::room(int fd) const {
  const Socket* socket = find(fd);
  if (socket == nullptr || socket->state != State::open || socket->tx_end) return 0;
  return socket->link.window - std::min(socket->link.window, socket->outstanding);
}

std::size_t SimWorld::unread(int fd) const {
  const Socket* socket = find(fd);
  return socket == nullptr ? 0 : socket->rx.size() - socket->rx_at;
}

int SimWorld::error(int fd) const {
  const Socket* socket = find(fd);
  return socket == nullptr ? 0 : socket->error;
}

bool SimWorld::ended(int fd) const {
  const Socket* socket = find(fd);
  return socket != nullptr && socket->rx_end && unread(fd) == 0;
}

const SimLink* SimWorld::link(int fd) const {
  const Socket* socket = find(fd);
  return socket == nullptr ? nullptr : &socket->link;
}

Address SimWorld::address(int fd) const {
  const Socket* socket = find(fd);
  return socket == nullptr ? Address() : socket->local;
}

void SimWorld::watch(int fd, Watcher watcher) {
  if (Socket* socket = find(fd); socket != nullptr) socket->watcher = std::move(watcher);
}

// -- Bytes.

std::int64_t SimWorld::send(int fd, base::Bytes bytes) {
  Socket* socket = find(fd);
  if (socket == nullptr) return -EBADF;
  if (socket->state == State::vanished) return static_cast<std::int64_t>(bytes.size());
  if (socket->error != 0) return -socket->error;
  if (socket->tx_end) return -EPIPE;
  std::size_t n = std::min(room(fd), bytes.size());
  if (n == 0) return bytes.empty() ? 0 : -EAGAIN;
  if (random_.one_in(socket->link.short_write)) n = 1 + random_.below(n);
  socket->outstanding += n;
  transmit(fd, bytes.substr(0, n));
  return static_cast<std::int64_t>(n);
}

base::Time SimWorld::arrival(Socket& from) {
  const auto jitter = static_cast<std::uint64_t>(from.link.jitter.count());
  const base::Duration extra(static_cast<std::int64_t>(random_.below(jitter)));
  from.last_arrival = std::max(from.last_arrival, now_ + from.link.latency + extra);
  return from.last_arrival;
}

void SimWorld::transmit(int from, base::Bytes bytes) {
  Socket& socket = *find(from);
  while (!bytes.empty()) {
    std::size_t n = std::min(bytes.size(), socket.link.segment);
    if (random_.one_in(socket.link.short_read)) n = 1 + random_.below(n);
    at(arrival(socket), [this, from, to = socket.peer, piece = std::string(bytes.substr(0, n))] {
      arrive(from, to, piece);
    });
    bytes.remove_prefix(n);
  }
}

void SimWorld::arrive(int from, int to, const std::string& bytes) {
  Socket* socket = find(to);
  Socket* sender = find(from);
  if (socket == nullptr) {  // closed: what comes now is answered with a reset
    if (sender != nullptr) in(sender->link.latency, [this, from] { arrive_reset(from); });
    return;
  }
  if (socket->state == State::vanished) {
    if (sender == nullptr || sender->giving_up) return;
    sender->giving_up = true;
    in(kGiveUp, [this, from] {
      if (Socket* waiting = find(from); waiting != nullptr && waiting->error == 0) {
        waiting->error = ETIMEDOUT;
        notify(from);
      }
    });
    return;
  }
  if (socket->error != 0) return;
  record(static_cast<std::uint64_t>(to), bytes);
  socket->rx += bytes;
  notify(to);
}

void SimWorld::arrive_end(int from, int to) {
  Socket* socket = find(to);
  if (socket == nullptr || socket->state == State::vanished || socket->error != 0) return;
  record(static_cast<std::uint64_t>(from), "end");
  socket->rx_end = true;
  notify(to);
}

void SimWorld::arrive_reset(int to) {
  Socket* socket = find(to);
  if (socket == nullptr || socket->state == State::vanished || socket->error != 0) return;
  record(static_cast<std::uint64_t>(to), "reset");
  socket->error = ECONNRESET;
  notify(to);
}

std::int64_t SimWorld::recv(int fd, base::MutBytes out) {
  Socket* socket = find(fd);
  if (socket == nullptr || socket->state == State::vanished) return -EBADF;
  std::size_t n = std::min(unread(fd), out.size());
  if (n == 0) return socket->error != 0 ? -socket->error : socket->rx_end ? 0 : -EAGAIN;
  if (random_.one_in(socket->link.short_read)) n = 1 + random_.below(n);
  socket->rx.copy(out.data(), n, socket->rx_at);
  socket->rx_at += n;
  if (socket->rx_at == socket->rx.size()) {
    socket->rx.clear();
    socket->rx_at = 0;
  }
  in(socket->link.latency, [this, sender = socket->peer, n] {
    Socket* waiting = find(sender);
    if (waiting == nullptr) return;
    waiting->outstanding -= n;
    notify(sender);
  });
  return static_cast<std::int64_t>(n);
}

void SimWorld::shutdown_write(int fd) {
  Socket* socket = find(fd);
  if (socket == nullptr || socket->tx_end || socket->state != State::open) return;
  socket->tx_end = true;
  if (socket->error != 0) return;
  at(arrival(*socket), [this, fd, to = socket->peer] { arrive_end(fd, to); });
}

void SimWorld::close(int fd) {
  Socket* socket = find(fd);
  if (socket == nullptr) return;
  if (socket->state == State::listening) {
    for (const int waiting : socket->backlog) reset(waiting);
  } else if (unread(fd) > 0 || socket->state == State::connecting) {
    return reset(fd);
  } else {
    shutdown_write(fd);
  }
  erase(fd);
}

void SimWorld::reset(int fd) {
  Socket* socket = find(fd);
  if (socket == nullptr) return;
  if (socket->peer >= 0 && socket->state != State::vanished && socket->error == 0)
    at(arrival(*socket), [this, to = socket->peer] { arrive_reset(to); });
  erase(fd);
}

// -- Faults.

void SimWorld::vanish(int fd) {
  Socket* socket = find(fd);
  if (socket == nullptr || socket->state == State::vanished) return;
  socket->state = State::vanished;
  socket->watcher = nullptr;
  --open_;
}

void SimWorld::fail_accepts(int error, base::Time until) {
  accept_error_ = error;
  accept_until_ = until;
}

void SimWorld::fail_calls(const SimFaults& faults) {
  faults_ = faults;
  fault_random_ = SeededRandom(faults.seed);
}

int SimWorld::send_fault() {
  return fault(faults_.send, fault_random_,
               {ENOBUFS, ENOMEM, ENOBUFS, ENOMEM, EIO, EPIPE, ETIMEDOUT, ECONNRESET});
}

int SimWorld::receive_fault() {
  return fault(faults_.receive, fault_random_, {ENOMEM, EIO, ETIMEDOUT, ECONNRESET});
}

void SimWorld::notify(int fd) {
  Socket* socket = find(fd);
  if (socket == nullptr || !socket->watcher) return;
  const Watcher watcher = socket->watcher;  // it may close the socket, or watch anew
  watcher();
}

void SimWorld::record(std::uint64_t what, base::Bytes bytes) {
  const auto mix = [this](std::uint64_t value) {
    history_ = (history_ ^ value) * 0x9E3779B97F4A7C15ULL;
    history_ ^= history_ >> 32;
  };
  mix(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
  mix(what);
  mix(bytes.size());
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t n = std::min(bytes.size(), sizeof word);
    std::memcpy(&word, bytes.data(), n);
    mix(word);
    bytes.remove_prefix(n);
  }
}

}  // namespace socketio::net
