// Interest is changed lazily: recv_stop(), an end of stream and a finished send leave the kernel's
// registration as it is, because most often the stream is closed or wants it again before anything
// happens. Only when an event arrives that nobody wants is it taken out (ready()), so that nothing
// can spin and the usual stream costs one epoll_ctl in its life, and one when it ends.
#include "net/epoll_backend.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.hpp"
#include "net/room.hpp"
#include "net/socket_calls.hpp"
#include "net/sys.hpp"

namespace socketio::net {
namespace {

// What epoll hands back. The upper half is the generation of a stream, which is odd, or says what
// else it is: 0 and the two tags below, 2 and the listener.
constexpr std::uint64_t kWakeTag = 0;
constexpr std::uint64_t kTimerTag = 1;
constexpr std::uint64_t kListenerTag = std::uint64_t{2} << 32;

void watch_edge(int epoll, int fd, std::uint64_t tag) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = tag;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
    throw std::system_error(errno, std::system_category(), "epoll_ctl");
  }
}

}  // namespace

EpollBackend::EpollBackend(std::size_t max_receive)
    : max_receive_(max_receive), buffer_(std::make_unique<char[]>(max_receive + base::kPadding)) {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  try {
    if (epoll_ < 0 || wake_ < 0) {
      throw std::system_error(errno, std::system_category(), "epoll backend");
    }
    watch_edge(epoll_, wake_, kWakeTag);
    watch_edge(epoll_, timer_.fd(), kTimerTag);
  } catch (...) {
    for (const int fd : {epoll_, wake_}) {
      if (fd >= 0) ::close(fd);
    }
    throw;
  }
}

EpollBackend::~EpollBackend() {
  streams_.each([](auto, EpollStream& stream) {
    if (stream.fd >= 0) ::close(stream.fd);
  });
  acceptor_.stop_all();
  for (const int fd : {epoll_, wake_}) ::close(fd);
}

// --- verbs

EpollStream* EpollBackend::find_open(StreamId id) {
  EpollStream* stream = find(id);
  if (stream == nullptr) return nullptr;
  const bool alive = stream->state == State::open || stream->state == State::connecting;
  return alive ? stream : nullptr;
}

StreamId EpollBackend::add(int fd, Owner owner, State state) {
  return add_or_close(fd, [&]() -> StreamId {
    const std::size_t all = streams_.size() + 1;
    for (auto* list : {&queued_, &delivering_, &retrying_}) make_room(*list, all);
    make_room(starved_, starved_.size() + all);
    const auto [handle, stream] = streams_.emplace(fd, owner);
    stream->state = state;
    return {handle.index, handle.generation};
  });
}

void EpollBackend::shrink() {
  const std::size_t all = streams_.size();
  for (auto* list : {&queued_, &delivering_, &retrying_}) give_room_back(*list, all);
  give_room_back(starved_, starved_.size() + all);
  streams_.shrink();
}

StreamId EpollBackend::connect(const Address& to, Owner owner) {
  int error = 0;
  const int fd = start_connect(to, error);
  const StreamId id = add(fd, owner, State::connecting);
  if (!id) return id;
  EpollStream& stream = *find(id);
  if (error != 0) {
    stream.error = static_cast<std::uint16_t>(error);
    leave_later(stream, id, State::refused);
  } else {
    arm(stream, id, true, true);
  }
  return id;
}

StreamId EpollBackend::adopt(int fd, Owner owner) {
  make_nonblocking(fd);
  const StreamId id = add(fd, owner, State::open);
  if (id) arm(*find(id), id, true, false);  // recv_start() is sure to follow
  return id;
}

void EpollBackend::set_owner(StreamId id, Owner owner) {
  if (EpollStream* stream = find(id)) stream->owner = owner;
}

void EpollBackend::recv_start(StreamId id) {
  EpollStream* stream = find_open(id);
  if (stream == nullptr || stream->eof) return;
  stream->receiving = true;
  arm(*stream, id, true, stream->armed_out);
}

void EpollBackend::recv_stop(StreamId id) {
  if (EpollStream* stream = find_open(id)) stream->receiving = false;
}

// One part, taken whole, is what most sends are.
std::size_t EpollBackend::send(StreamId id, std::span<const base::Bytes> parts) {
  const EpollStream* stream = find(id);
  if (stream == nullptr || parts.size() != 1 || !stream->may_send()) return send_unusual(id, parts);
  const std::size_t size = parts[0].size();
  const ssize_t n = send_once(stream->fd, parts[0]);
  if (static_cast<std::size_t>(n) == size) [[likely]]
    return size;
  return sent_part(id, n, size);
}

std::size_t EpollBackend::send_unusual(StreamId id, std::span<const base::Bytes> parts) {
  EpollStream* stream = find_open(id);
  if (stream == nullptr) return 0;
  SIO_CHECK(!stream->sending && parts.size() <= kMaxParts);
  const std::size_t total = total_of(parts);
  if (total == 0) return 0;
  const ssize_t n = stream->state == State::open ? send_now(stream->fd, parts) : 0;
  if (n >= 0 && static_cast<std::size_t>(n) == total) return total;
  return sent_part(id, n, total);
}

std::size_t EpollBackend::sent_part(StreamId id, ssize_t n, std::size_t total) {
  EpollStream& stream = *find(id);
  if (n < 0 && wants_memory(errno)) {
    starve(stream, id);
    return 0;
  }
  if (n < 0 && !wants_room(errno)) {
    fail_later(stream, id, errno);
    return 0;
  }
  const auto taken = static_cast<std::size_t>(std::max<ssize_t>(n, 0));
  if (taken < total) {
    stream.sending = true;
    arm(stream, id, stream.armed_in, true);
  }
  return taken;
}

// The socket is writable: waiting for that would spin.
void EpollBackend::starve(EpollStream& stream, StreamId id) {
  stream.sending = stream.starved = true;
  if (starved_.empty()) timer_.ring_by(base::after(system_now(), kStarvedPause));
  starved_.push_back(id);
}

void EpollBackend::shutdown_write(StreamId id) {
  EpollStream* stream = find_open(id);
  if (stream == nullptr || stream->write_shut) return;
  stream->write_shut = true;
  ::shutdown(stream->fd, SHUT_WR);  // when it fails the connection is broken, and epoll says so
}

void EpollBackend::detach(StreamId id) {
  EpollStream* stream = find_open(id);
  if (stream == nullptr) return;
  disarm(*stream);
  leave_later(*stream, id, State::detaching);
}

void EpollBackend::close(StreamId id) {
  EpollStream* stream = find(id);
  if (stream == nullptr) return;
  if (stream->state == State::detaching || stream->state == State::refused) {
    close_fd(*stream);  // its fact is queued already, and becomes on_closed
    stream->state = State::closing;
    stream->error = 0;
  } else if (stream->state == State::open || stream->state == State::connecting) {
    fail_later(*stream, id, 0);
  }
}

void EpollBackend::wake() {
  if (woken_.exchange(true)) return;  // somebody has, and nobody has looked yet
  const std::uint64_t one = 1;
  SIO_CHECK(::write(wake_, &one, sizeof one) == sizeof one);
}

int EpollBackend::poll_fd() const {
  nested_ = true;
  return epoll_;
}

// --- descriptors

bool EpollBackend::arm(EpollStream& stream, StreamId id, bool in, bool out) {
  if (stream.registered && stream.armed_in == in && stream.armed_out == out) return true;
  epoll_event event{};
  event.events = (in ? EPOLLIN : 0U) | (out ? EPOLLOUT : 0U);
  event.data.u64 = id.packed();
  const int operation = stream.registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (::epoll_ctl(epoll_, operation, stream.fd, &event) != 0) {
    fail_later(stream, id, errno);
    return false;
  }
  stream.registered = true;
  stream.armed_in = in;
  stream.armed_out = out;
  return true;
}

void EpollBackend::disarm(EpollStream& stream) {
  if (stream.registered) ::epoll_ctl(epoll_, EPOLL_CTL_DEL, stream.fd, nullptr);
  stream.registered = stream.armed_in = stream.armed_out = false;
}

void EpollBackend::close_fd(EpollStream& stream) {
  if (stream.fd < 0) return;
  // close() alone would leave the registration to a forked child that still holds the socket, and
  // its events could then never be turned off.
  disarm(stream);
  ::close(stream.fd);
  stream.fd = -1;
}

void EpollBackend::fail_later(EpollStream& stream, StreamId id, int error) {
  close_fd(stream);
  stream.error = static_cast<std::uint16_t>(error);
  leave_later(stream, id, State::closing);
}

void EpollBackend::leave_later(EpollStream& stream, StreamId id, State state) {
  stream.state = state;
  queued_.push_back(id);
  if (nested_) wake();
}

// --- listeners

bool EpollBackend::watch(int fd, std::uint32_t listener) {
  epoll_event event{};
  // Exclusive: a connection wakes one of the loops that share the descriptor, not all.
  event.events = EPOLLIN | EPOLLEXCLUSIVE;
  event.data.u64 = kListenerTag | listener;
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void EpollBackend::unwatch(int fd, std::uint32_t) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
}

// --- facts

void EpollBackend::wait(base::Time deadline, Sink& sink) {
  const bool delivered = deliver_queued(sink);
  const bool may_block = !delivered && queued_.empty() && !sink.has_work();
  const int count = poll(deadline, may_block);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    const std::uint64_t tag = event.data.u64;
    const auto id = StreamId::unpack(tag);
    if ((id.generation & 1) != 0) {
      ready(id, event.events, sink);
    } else if (tag == kWakeTag) {
      woken_.exchange(false);  // reads what the last waker wrote, so its work is seen after this
    } else if (tag == kTimerTag) {
      timer_.rang();
      acceptor_.resume(sink);
      retry_sends(sink);
    } else {
      acceptor_.accept(id.index, sink);  // level-triggered: what is left comes again
    }
  }
  // What a fact has queued may have been rung for before the bell was taken off.
  if (nested_ && !queued_.empty()) wake();
}

int EpollBackend::poll(base::Time deadline, bool may_block) {
  constexpr int kMax = kEvents;
  base::Duration left{};
  if (may_block && deadline != base::kNever) {
    left = std::max(base::Duration::zero(),
                    deadline == base::Time::min() ? left : deadline - system_now());
  }
  const bool forever = may_block && deadline == base::kNever;
  if (forever || left == base::Duration::zero()) {
    return ::epoll_wait(epoll_, events_.data(), kMax, forever ? -1 : 0);
  }
  if (has_pwait2_) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec timeout{seconds.count(), (left - seconds).count()};
    const int count = ::epoll_pwait2(epoll_, events_.data(), kMax, &timeout, nullptr);
    if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
    has_pwait2_ = false;  // Linux before 5.11, or a container's filter
  }
  const auto millis = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return ::epoll_wait(epoll_, events_.data(), kMax,
                      static_cast<int>(std::min<std::int64_t>(millis, 1'000'000)));
}

bool EpollBackend::deliver_queued(Sink& sink) {
  if (queued_.empty()) return false;
  delivering_.swap(queued_);  // what a fact queues is for the next wait()
  // By number: a fact may add a stream, and with it room.
  for (std::size_t i = 0; i < delivering_.size(); ++i) deliver(delivering_[i], sink);
  delivering_.clear();
  return true;
}

void EpollBackend::deliver(StreamId id, Sink& sink) {
  EpollStream* stream = find(id);
  if (stream == nullptr) return;
  if (stream->state == State::refused) {
    const int error = stream->error;
    close_fd(*stream);
    stream->state = State::closing;
    sink.on_connected(id, stream->owner, errno_code(error));
    return end(id, error, sink);
  }
  if (stream->state == State::detaching && stream->sending) {
    stream->sending = false;
    sink.on_sent(id, stream->owner, 0);
  }
  if (stream->state == State::detaching) {
    const int fd = std::exchange(stream->fd, -1);
    const Owner owner = stream->owner;
    streams_.erase({id.index, id.generation});
    return sink.on_detached(id, owner, fd);
  }
  end(id, stream->error, sink);
}

void EpollBackend::ready(StreamId id, std::uint32_t events, Sink& sink) {
  EpollStream* stream = find_open(id);  // a fact before this one may have closed it
  if (stream == nullptr) return;
  if (stream->state == State::connecting) return finish_connect(*stream, id, sink);
  if ((events & EPOLLOUT) != 0 && stream->sending && !stream->starved) {
    stream->sending = false;
    sink.on_sent(id, stream->owner, 0);
    stream = find_open(id);
    if (stream == nullptr) return;
  } else if ((events & EPOLLOUT) != 0) {
    if (!arm(*stream, id, stream->armed_in, false)) return;
  }
  constexpr std::uint32_t kBroken = EPOLLERR | EPOLLHUP;
  if ((events & (EPOLLIN | kBroken)) == 0) return;
  if (stream->receiving) return receive(*stream, id, sink);
  // Nobody reads, so nobody would see the error from recv(): without this a reset after the end of
  // the stream would be reported by epoll for ever.
  if ((events & kBroken) != 0) return hung_up(*stream, id, events, sink);
  arm(*stream, id, false, stream->armed_out);
}

void EpollBackend::finish_connect(EpollStream& stream, StreamId id, Sink& sink) {
  const int error = take_socket_error(stream.fd);
  if (error != 0) {
    close_fd(stream);
    stream.state = State::closing;
    sink.on_connected(id, stream.owner, errno_code(error));
    return end(id, error, sink);
  }
  stream.state = State::open;
  if (!arm(stream, id, true, stream.sending)) return;
  sink.on_connected(id, stream.owner, {});
}

void EpollBackend::receive(EpollStream& stream, StreamId id, Sink& sink) {
  const ssize_t n = receive_now(stream.fd, {buffer_.get(), max_receive_});
  if (n > 0) {
    sink.on_received(id, stream.owner, {buffer_.get(), static_cast<std::size_t>(n)});
  } else if (n == 0) {
    stream.eof = true;
    stream.receiving = false;
    sink.on_eof(id, stream.owner);
  } else if (errno != EAGAIN && errno != EINTR) {
    end(id, errno, sink);
  }
}

// EPOLLHUP or EPOLLERR, which epoll reports whether asked for or not.
void EpollBackend::hung_up(EpollStream& stream, StreamId id, std::uint32_t events, Sink& sink) {
  if ((events & EPOLLERR) != 0) {
    const int error = take_socket_error(stream.fd);
    return end(id, error != 0 ? error : ECONNRESET, sink);
  }
  // Both directions are over. If we did not end ours the peer is gone altogether (Unix sockets).
  if (stream.eof && !stream.write_shut) return end(id, ECONNRESET, sink);
  // Else we ended ours: the owner knows, and will close; or bytes wait to be read, by a
  // recv_start() that registers again.
  disarm(stream);
}

void EpollBackend::retry_sends(Sink& sink) {
  retrying_.clear();
  retrying_.swap(starved_);
  for (std::size_t i = 0; i < retrying_.size(); ++i) {  // by number, as above
    const StreamId id = retrying_[i];
    EpollStream* stream = find_open(id);
    if (stream == nullptr || !stream->starved) continue;
    stream->sending = stream->starved = false;
    sink.on_sent(id, stream->owner, 0);
  }
}

void EpollBackend::end(StreamId id, int error, Sink& sink) {
  EpollStream& stream = *find(id);
  close_fd(stream);
  const Owner owner = stream.owner;
  streams_.erase({id.index, id.generation});
  sink.on_closed(id, owner, errno_code(error));
}

std::unique_ptr<Backend> make_epoll_backend(std::size_t max_receive) {
  return std::make_unique<EpollBackend>(max_receive);
}

}  // namespace socketio::net
