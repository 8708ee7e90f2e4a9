// Listeners of the io_uring backend: polled in the ring, accepted from as on epoll
// (net/accept.hpp).
#include <algorithm>
#include <cerrno>

#include "net/room.hpp"
#include "net/uring_backend.hpp"

namespace socketio::net {

void UringBackend::accept_start(int listen_fd, std::uint32_t listener) {
  acceptor_.start(listen_fd, listener);
}

void UringBackend::accept_stop(std::uint32_t listener) {
  acceptor_.stop(listener);
  std::erase(unaccepted_, listener);
}

bool UringBackend::watch(int fd, std::uint32_t listener) {
  try {
    make_room(unaccepted_, watches_.size() + 1);
    watches_.push_back({next_token_++, listener, fd, false});
  } catch (const std::bad_alloc&) {
    errno = ENOMEM;
    return false;
  }
  ring_bell();
  return true;
}

void UringBackend::unwatch(int fd, std::uint32_t listener) {
  const auto found = std::find_if(watches_.begin(), watches_.end(), [&](const Watch& watch) {
    return watch.fd == fd && watch.listener == listener;
  });
  if (found == watches_.end()) return;
  // At once: who stops a listener closes it next, and may want to listen there again.
  if (found->armed) ring_.cancel_now(UringRing::tag(UringOp::listener, found->token));
  watches_.erase(found);
}

void UringBackend::complete_listener(std::uint32_t token, bool more, Sink& sink) {
  for (Watch& watch : watches_) {
    if (watch.token != token) continue;
    watch.armed = more;
    const std::uint32_t listener = watch.listener;
    // The poll speaks once for each newcomer, not for those that we leave waiting.
    if (!acceptor_.accept(listener, sink) &&
        std::find(unaccepted_.begin(), unaccepted_.end(), listener) == unaccepted_.end())
      unaccepted_.push_back(listener);
    return;
  }
}

}  // namespace socketio::net
