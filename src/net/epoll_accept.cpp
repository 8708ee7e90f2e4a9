// The listening half of the epoll backend. When descriptors or memory run out, accept() fails while
// the listener stays readable, which would spin; the listener is taken out of epoll for a while.
#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "base/check.hpp"
#include "net/epoll_backend.hpp"
#include "net/sys.hpp"

namespace socketio::net {
namespace {

constexpr base::Duration kFirstPause = std::chrono::milliseconds(100);
constexpr base::Duration kLongestPause = std::chrono::seconds(1);
constexpr std::uint64_t kListenerTag = std::uint64_t{2} << 32;  // see EpollBackend::wait

// What befell this one connection before we got it (accept(2)); the next may be fine.
bool concerns_only_the_peer(int error) {
  switch (error) {
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

}  // namespace

void EpollBackend::accept_start(int listen_fd, std::uint32_t listener) {
  accept_stop(listener);
  const int flags = ::fcntl(listen_fd, F_GETFL);
  ::fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK);
  // Accepted sockets inherit it, which saves a call for each. Fails on Unix sockets, harmlessly.
  const int on = 1;
  ::setsockopt(listen_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  EpollListener entry;
  entry.id = listener;
  entry.fd = listen_fd;
  // What fails for want of memory or watches is tried again like a failed accept.
  if (!watch(listeners_.emplace_back(entry))) pause(listeners_.back());
}

void EpollBackend::accept_stop(std::uint32_t listener) {
  EpollListener* entry = find_listener(listener);
  if (entry == nullptr) return;
  if (!entry->paused) unwatch(*entry);
  listeners_.erase(listeners_.begin() + (entry - listeners_.data()));
}

EpollListener* EpollBackend::find_listener(std::uint32_t id) {
  const auto found = std::find_if(listeners_.begin(), listeners_.end(),
                                  [id](const EpollListener& entry) { return entry.id == id; });
  return found == listeners_.end() ? nullptr : &*found;
}

bool EpollBackend::watch(EpollListener& listener) {
  epoll_event event{};
  // Exclusive: a connection wakes one of the loops that share the descriptor, not all.
  event.events = EPOLLIN | EPOLLEXCLUSIVE;
  event.data.u64 = kListenerTag | listener.id;
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener.fd, &event) == 0;
}

void EpollBackend::unwatch(EpollListener& listener) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, listener.fd, nullptr);
}

void EpollBackend::accept(std::uint32_t id, Sink& sink) {
  for (int i = 0; i < kAccepts; ++i) {
    EpollListener* listener = find_listener(id);  // each fact may stop it
    if (listener == nullptr || listener->paused) return;
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    const int fd = ::accept4(listener->fd, reinterpret_cast<sockaddr*>(&storage), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      listener->delay = base::Duration::zero();
      sink.on_accepted(id, fd, Address::from_sockaddr(&storage, length));
      continue;
    }
    const int error = errno;
    if (error == EAGAIN) return;
    if (concerns_only_the_peer(error)) continue;
    unwatch(*listener);
    pause(*listener);
    sink.on_accept_paused(id, {error, std::system_category()});
    return;
  }
}

void EpollBackend::pause(EpollListener& listener) {
  listener.paused = true;
  listener.delay = std::clamp(listener.delay * 2, kFirstPause, kLongestPause);
  listener.resume = base::after(system_now(), listener.delay);
  set_resume_timer();
}

void EpollBackend::resume_listeners(Sink& sink) {
  const base::Time now = system_now();
  for (std::size_t i = 0; i < listeners_.size(); ++i) {  // a fact may change the list
    EpollListener& listener = listeners_[i];
    if (!listener.paused || listener.resume > now) continue;
    if (watch(listener)) {
      listener.paused = false;
      continue;
    }
    const int error = errno;
    pause(listener);
    sink.on_accept_paused(listener.id, {error, std::system_category()});
  }
  set_resume_timer();
}

void EpollBackend::set_resume_timer() {
  base::Time first = base::kNever;
  for (const EpollListener& listener : listeners_) {
    if (listener.paused) first = std::min(first, listener.resume);
  }
  if (first == base::kNever) return;
  const auto since_boot = first.time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_boot);
  itimerspec spec{};
  spec.it_value.tv_sec = seconds.count();
  spec.it_value.tv_nsec = (since_boot - seconds).count();
  SIO_CHECK(::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &spec, nullptr) == 0);
}

}  // namespace socketio::net
