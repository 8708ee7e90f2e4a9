#include "net/accept.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "net/sys.hpp"

namespace socketio::net {
namespace {

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

void Acceptor::start(int listen_fd, std::uint32_t listener) {
  stop(listener);
  const int flags = ::fcntl(listen_fd, F_GETFL);
  ::fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK);
  // Accepted sockets inherit it, which saves a call for each. Fails on Unix sockets, harmlessly.
  const int on = 1;
  ::setsockopt(listen_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  Listener entry;
  entry.id = listener;
  entry.fd = listen_fd;
  listeners_.push_back(entry);
  // What fails for want of memory or watches is tried again like a failed accept.
  if (!watcher_.watch(listen_fd, listener)) pause(listeners_.back());
}

void Acceptor::stop(std::uint32_t listener) {
  Listener* entry = find(listener);
  if (entry == nullptr) return;
  if (!entry->paused) watcher_.unwatch(entry->fd, listener);
  listeners_.erase(listeners_.begin() + (entry - listeners_.data()));
}

void Acceptor::stop_all() {
  while (!listeners_.empty()) stop(listeners_.back().id);
}

Acceptor::Listener* Acceptor::find(std::uint32_t id) {
  const auto found = std::find_if(listeners_.begin(), listeners_.end(),
                                  [id](const Listener& entry) { return entry.id == id; });
  return found == listeners_.end() ? nullptr : &*found;
}

bool Acceptor::accept(std::uint32_t id, Sink& sink) {
  for (int i = 0; i < kAccepts; ++i) {
    Listener* listener = find(id);  // each fact may stop it
    if (listener == nullptr || listener->paused) return true;
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
    if (error == EAGAIN) return true;
    if (concerns_only_the_peer(error)) continue;
    watcher_.unwatch(listener->fd, id);
    pause(*listener);
    sink.on_accept_paused(id, {error, std::system_category()});
    return true;
  }
  return false;
}

void Acceptor::pause(Listener& listener) {
  listener.paused = true;
  listener.delay = std::clamp(listener.delay * 2, kFirstPause, kLongestPause);
  listener.resume = base::after(system_now(), listener.delay);
  set_timer();
}

void Acceptor::resume(Sink& sink) {
  const base::Time now = system_now();
  for (std::size_t i = 0; i < listeners_.size(); ++i) {  // a fact may change the list
    Listener& listener = listeners_[i];
    if (!listener.paused || listener.resume > now) continue;
    if (watcher_.watch(listener.fd, listener.id)) {
      listener.paused = false;
      continue;
    }
    const int error = errno;
    pause(listener);
    sink.on_accept_paused(listener.id, {error, std::system_category()});
  }
  set_timer();
}

void Acceptor::set_timer() {
  base::Time first = base::kNever;
  for (const Listener& listener : listeners_) {
    if (listener.paused) first = std::min(first, listener.resume);
  }
  timer_.ring_by(first);
}

}  // namespace socketio::net
