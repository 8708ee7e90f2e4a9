// The io_uring backend inside somebody else's loop.
#include <unistd.h>

#include "base/check.hpp"
#include "net/socket_calls.hpp"
#include "net/uring_backend.hpp"

namespace socketio::net {

// With deferred task work the ring's own descriptor never wakes a poller, but an eventfd does. The
// ring speaks to it only between two wait()s, else every wake-up would come twice.
int UringBackend::poll_fd() const {
  if (notify_.load() < 0) notify_.store(make_eventfd());
  return notify_.load();
}

// False when somebody has called wake().
bool UringBackend::begin_nested() {
  const int notify = notify_.load();
  if (notify < 0) return true;
  inside_wait_ = true;
  if (notifying_) ring_.notify(false);
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t n = ::read(notify, &count, sizeof count);
  return !woken_.exchange(false);
}

bool UringBackend::enter(bool blocks, base::Time deadline) {
  if (notify_.load() < 0 || !blocks) return ring_.enter(blocks, deadline);
  blocking_.store(true);  // before looking: who comes later rings wake_
  const bool all = ring_.enter(!woken_.load(), deadline);
  blocking_.store(false);
  return all;
}

void UringBackend::end_nested() {
  const int notify = notify_.load();
  if (notify < 0) return;
  inside_wait_ = false;
  if (!notifying_) {
    notifying_ = ring_.notify_with(notify);
    SIO_CHECK(notifying_);
  }
  ring_.notify(true);
  blocking_.exchange(false);  // a full barrier
  // What came before the ring was told to ring.
  if (ring_.busy() || !may_block() || !leaving_.empty() || woken_.load()) ring_eventfd(notify);
}

void UringBackend::ring_bell() {
  const int notify = notify_.load();
  if (notify >= 0 && !inside_wait_) ring_eventfd(notify);
}

}  // namespace socketio::net
