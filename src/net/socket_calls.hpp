// The system calls that the Linux backends share: on stream sockets, and on what wakes them.
#pragma once

#include <cerrno>
#include <span>
#include <system_error>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "net/backend.hpp"

namespace socketio::net {

std::error_code errno_code(int error);
// SO_ERROR, which reading clears.
int take_socket_error(int fd);
void make_nonblocking(int fd);
// A new socket on its way to `to` (writable when it has arrived), or -1 or a socket with `error`
// set.
int start_connect(const Address& to, int& error);
// recv() and send() of the C library are points where a thread may be cancelled, which costs an
// atomic exchange before and after each call; nobody cancels a loop's thread, so these go to the
// kernel directly.
//
// As recv() without flags: -1 with errno set, 0 at the end of the stream.
ssize_t receive_now(int fd, base::MutBytes into);
// Never blocks, never raises SIGPIPE: -1 with errno set when nothing was taken.
ssize_t send_now(int fd, std::span<const base::Bytes> parts);
// One attempt, as it comes from the kernel.
inline ssize_t send_once(int fd, base::Bytes part) {
  return ::syscall(SYS_sendto, fd, part.data(), part.size(), MSG_NOSIGNAL | MSG_DONTWAIT, nullptr,
                   0);
}
// What passes by itself: the socket becomes writable when it has room (or was interrupted) …
inline bool wants_room(int error) {
  return error == EAGAIN || error == EINTR;
}
// … and nothing tells when there is memory again, while it is writable all the time.
inline bool wants_memory(int error) {
  return error == ENOBUFS || error == ENOMEM;
}
inline std::size_t total_of(std::span<const base::Bytes> parts) {
  if (parts.size() == 1) return parts[0].size();  // as most
  std::size_t total = 0;
  for (const base::Bytes& part : parts) total += part.size();
  return total;
}

// Throws std::system_error.
int make_eventfd();
void ring_eventfd(int fd);

}  // namespace socketio::net
