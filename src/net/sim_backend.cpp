#include "net/sim_backend.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.hpp"
#include "net/accept.hpp"
#include "net/retry_timer.hpp"

namespace socketio::net {
namespace {

constexpr std::size_t kReceive = 64 * 1024;
constexpr int kAccepts = 16;

std::error_code code(int error) {
  return error == 0 ? std::error_code() : std::error_code(error, std::system_category());
}

std::size_t size_of(std::span<const base::Bytes> parts) {
  std::size_t total = 0;
  for (const base::Bytes& part : parts) total += part.size();
  return total;
}

}  // namespace

SimBackend::~SimBackend() {
  *alive_ = false;
  streams_.each([this](Records::Handle, Record& record) { world_.close(record.fd); });
}

std::unique_ptr<Backend> make_sim_backend(SimWorld& world) {
  return std::make_unique<SimBackend>(world);
}

// -- Verbs.

SimBackend::Record* SimBackend::find_open(StreamId id) {
  Record* record = find(id);
  const bool open =
      record != nullptr && (record->state == State::open || record->state == State::connecting);
  return open ? record : nullptr;
}

StreamId SimBackend::add(int fd, Owner owner, State state) {
  auto [handle, record] = streams_.emplace();
  record->owner = owner;
  record->fd = fd;
  record->state = state;
  const StreamId id{handle.index, handle.generation};
  watch(fd, id);
  return id;
}

void SimBackend::watch(int fd, StreamId id) {
  world_.watch(fd, [this, alive = alive_, id] {
    if (*alive) enqueue(id);
  });
}

void SimBackend::enqueue(StreamId id) {
  Record* record = find(id);
  if (record == nullptr || record->queued) return;
  record->queued = true;
  ready_.push_back(id);
}

void SimBackend::enqueue_in(base::Duration delay, StreamId id) {
  world_.in(delay, [this, alive = alive_, id] {
    if (*alive) enqueue(id);
  });
}

StreamId SimBackend::connect(const Address& to, Owner owner) {
  const StreamId id = add(world_.connect(to, {}), owner, State::connecting);
  return id;
}

StreamId SimBackend::adopt(int fd, Owner owner) {
  return add(fd, owner, State::open);
}

void SimBackend::set_owner(StreamId id, Owner owner) {
  if (Record* record = find(id)) record->owner = owner;
}

void SimBackend::recv_start(StreamId id) {
  Record* record = find_open(id);
  if (record == nullptr || record->eof) return;
  record->receiving = true;
  enqueue(id);
}

void SimBackend::recv_stop(StreamId id) {
  if (Record* record = find_open(id)) record->receiving = false;
}

std::size_t SimBackend::send(StreamId id, std::span<const base::Bytes> parts) {
  Record* record = find_open(id);
  if (record == nullptr) return 0;
  SIO_CHECK(!record->sending && parts.size() <= kMaxParts);
  const std::size_t total = size_of(parts);
  if (total == 0) return 0;
  std::int64_t taken = 0;
  const int fault = record->state == State::open ? world_.send_fault() : 0;
  if (fault == ENOBUFS || fault == ENOMEM) {
    record->sending = true;
    enqueue_in(kStarvedPause, id);
    return 0;
  }
  if (fault != 0) {
    break_off(*record);
    fail_later(*record, id, fault);
    return 0;
  }
  const SimLink* link = world_.link(record->fd);
  const bool hold = link != nullptr && world_.random().one_in(link->held_send);
  if (record->state == State::open && !hold) taken = take(*record, parts);
  if (taken < 0) {
    fail_later(*record, id, static_cast<int>(-taken));
    return 0;
  }
  const auto n = static_cast<std::size_t>(taken);
  if (n == total) return n;
  record->sending = true;
  if (hold) {
    record->held = std::make_unique<Held>();
    record->held->parts.assign(parts.begin(), parts.end());
    held_.push_back(id);
  }
  const std::uint64_t most =
      static_cast<std::uint64_t>(link == nullptr ? 0 : link->latency.count());
  enqueue_in(base::Duration(static_cast<std::int64_t>(world_.random().below(most))), id);
  return n;
}

// Gives the world what it takes; -errno when the connection is broken.
std::int64_t SimBackend::take(Record& record, std::span<const base::Bytes> parts) {
  std::int64_t total = 0;
  for (const base::Bytes& part : parts) {
    if (part.empty()) continue;
    const std::int64_t n = world_.send(record.fd, part);
    if (n == -EAGAIN) break;
    if (n < 0) return total > 0 ? total : n;
    total += n;
    if (static_cast<std::size_t>(n) < part.size()) break;
  }
  return total;
}

void SimBackend::shutdown_write(StreamId id) {
  if (Record* record = find_open(id)) world_.shutdown_write(record->fd);
}

void SimBackend::detach(StreamId id) {
  Record* record = find_open(id);
  if (record == nullptr) return;
  record->state = State::detaching;
  enqueue(id);
}

void SimBackend::close(StreamId id) {
  Record* record = find(id);
  if (record == nullptr || record->state == State::closing) return;
  fail_later(*record, id, 0);
}

void SimBackend::break_off(Record& record) {
  world_.reset(std::exchange(record.fd, -1));
}

void SimBackend::fail_later(Record& record, StreamId id, int error) {
  world_.close(std::exchange(record.fd, -1));
  record.state = State::closing;
  record.error = error;
  record.held = nullptr;
  enqueue(id);
}

// -- Facts.

void SimBackend::wait(base::Time deadline, Sink& sink) {
  submit();
  bool delivered = deliver_all(sink);
  while (!delivered && !woken_ && !sink.has_work() && world_.now() < deadline) {
    if (ready()) {
      delivered = deliver_all(sink);
    } else if (world_.next() <= deadline) {
      SIO_CHECK(world_.next() != base::kNever);  // else this wait would never end
      world_.step();
    } else {
      world_.advance(deadline);
    }
  }
  woken_ = false;
}

void SimBackend::submit() {
  for (const StreamId id : std::exchange(held_, {})) {
    Record* record = find(id);
    if (record == nullptr || record->held == nullptr) continue;
    if (record->state == State::open) record->held->taken = take(*record, record->held->parts);
    record->held->parts.clear();
  }
}

bool SimBackend::deliver_all(Sink& sink) {
  bool delivered = false;
  // What a fact queues is for the next wait(). Any order is one that a kernel may choose.
  std::vector<StreamId> now = std::exchange(ready_, {});
  for (std::size_t i = now.size(); i > 1; --i) std::swap(now[i - 1], now[world_.random().below(i)]);
  for (const StreamId id : now) {
    Record* record = find(id);
    if (record == nullptr) continue;
    record->queued = false;
    delivered |= deliver(id, sink);
  }
  for (const std::uint32_t id : std::exchange(ready_listeners_, {})) delivered |= accept(id, sink);
  return delivered;
}

bool SimBackend::deliver(StreamId id, Sink& sink) {
  Record* record = find(id);
  const Owner owner = record->owner;
  switch (record->state) {
    case State::connecting:
      return finish_connect(id, sink);
    case State::open:
      return deliver_open(id, sink);
    case State::refused:
      end(id, record->error, sink);
      return true;
    case State::closing:
      end(id, record->error, sink);
      return true;
    case State::detaching:
      break;
  }
  if (std::exchange(record->sending, false)) {
    const std::int64_t taken = record->held ? record->held->taken : 0;
    record->held = nullptr;
    sink.on_sent(id, owner, taken > 0 ? static_cast<std::size_t>(taken) : 0);
    record = find(id);
    if (record == nullptr || record->state != State::detaching) return true;
  }
  const int fd = record->fd;
  world_.watch(fd, nullptr);
  streams_.erase({id.index, id.generation});
  sink.on_detached(id, owner, fd);
  return true;
}

bool SimBackend::finish_connect(StreamId id, Sink& sink) {
  Record* record = find(id);
  const int error = world_.error(record->fd);
  if (error == 0 && world_.connecting(record->fd)) return false;
  if (error == 0) {
    record->state = State::open;
    enqueue(id);  // bytes may be there, and a send may wait
    sink.on_connected(id, record->owner, {});
    return true;
  }
  record->state = State::refused;
  sink.on_connected(id, record->owner, code(error));
  end(id, error, sink);
  return true;
}

bool SimBackend::deliver_open(StreamId id, Sink& sink) {
  Record* record = find(id);
  bool delivered = false;
  if (record->sending && finish_send(*record, id, sink)) {
    delivered = true;
    record = find_open(id);
    if (record == nullptr) return true;
  }
  if (record->receiving) return receive(id, sink) || delivered;
  // Nobody reads, so nobody would see it otherwise.
  if (const int error = world_.error(record->fd); error != 0) {
    end(id, error, sink);
    return true;
  }
  return delivered;
}

bool SimBackend::finish_send(Record& record, StreamId id, Sink& sink) {
  if (world_.error(record.fd) != 0) return false;  // the end is reported instead
  std::size_t n = 0;
  if (record.held && record.held->taken < 0) return false;
  if (record.held) n = static_cast<std::size_t>(record.held->taken);
  if (n == 0 && world_.room(record.fd) == 0) return false;
  record.held = nullptr;
  record.sending = false;
  sink.on_sent(id, record.owner, n);
  return true;
}

bool SimBackend::receive(StreamId id, Sink& sink) {
  Record* record = find(id);
  if (const int fault = world_.unread(record->fd) > 0 ? world_.receive_fault() : 0; fault != 0) {
    break_off(*record);
    end(id, fault, sink);
    return true;
  }
  const std::size_t most = std::min(kReceive, std::max<std::size_t>(1, world_.unread(record->fd)));
  // Memory of its own that dies with the fact: who keeps a view is found out.
  const auto memory = std::make_unique<char[]>(most + base::kPadding);
  const std::int64_t n = world_.recv(record->fd, {memory.get(), most});
  if (n == -EAGAIN) return false;
  if (n < 0) {
    end(id, static_cast<int>(-n), sink);
    return true;
  }
  if (n == 0) {
    record->eof = true;
    record->receiving = false;
    sink.on_eof(id, record->owner);
    return true;
  }
  if (world_.unread(record->fd) > 0 || world_.ended(record->fd) || world_.error(record->fd) != 0)
    enqueue(id);
  sink.on_received(id, record->owner, {memory.get(), static_cast<std::size_t>(n)});
  std::memset(memory.get(), 0x5A, most);
  return true;
}

void SimBackend::end(StreamId id, int error, Sink& sink) {
  Record& record = *find(id);
  const Owner owner = record.owner;
  if (record.fd >= 0) world_.close(record.fd);
  streams_.erase({id.index, id.generation});
  sink.on_closed(id, owner, code(error));
}

// -- Accepting.

SimBackend::Listening* SimBackend::find_listener(std::uint32_t id) {
  const auto found = std::find_if(listeners_.begin(), listeners_.end(),
                                  [id](const Listening& entry) { return entry.id == id; });
  return found == listeners_.end() ? nullptr : &*found;
}

void SimBackend::accept_start(int listen_fd, std::uint32_t listener) {
  accept_stop(listener);
  listeners_.push_back({listen_fd, listener, false, false, {}});
  world_.watch(listen_fd, [this, alive = alive_, listener] {
    if (*alive) enqueue_listener(listener);
  });
  enqueue_listener(listener);
}

void SimBackend::accept_stop(std::uint32_t listener) {
  std::erase_if(listeners_, [&](const Listening& entry) { return entry.id == listener; });
}

void SimBackend::enqueue_listener(std::uint32_t id) {
  Listening* listening = find_listener(id);
  if (listening == nullptr || listening->queued || listening->paused) return;
  listening->queued = true;
  ready_listeners_.push_back(id);
}

bool SimBackend::accept(std::uint32_t id, Sink& sink) {
  if (Listening* listening = find_listener(id)) listening->queued = false;
  bool delivered = false;
  for (int i = 0; i < kAccepts; ++i) {
    Listening* listening = find_listener(id);  // each fact may stop it
    if (listening == nullptr || listening->paused) return delivered;
    Address peer;
    const int fd = world_.accept(listening->fd, peer);
    if (fd == -EAGAIN) return delivered;
    delivered = true;
    if (fd >= 0) {
      listening->delay = {};
      sink.on_accepted(id, fd, peer);
      continue;
    }
    if (fd == -EPERM || fd == -EPROTO) continue;
    listening->paused = true;
    listening->delay =
        std::clamp(listening->delay * 2, Acceptor::kFirstPause, Acceptor::kLongestPause);
    world_.in(listening->delay, [this, alive = alive_, id] {
      Listening* paused = *alive ? find_listener(id) : nullptr;
      if (paused == nullptr) return;
      paused->paused = false;
      enqueue_listener(id);
    });
    sink.on_accept_paused(id, code(-fd));
    return true;
  }
  enqueue_listener(id);
  return delivered;
}

}  // namespace socketio::net
