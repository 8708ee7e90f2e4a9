#include "net/socket_calls.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.hpp"

namespace socketio::net {
namespace {

int family_of(const Address& address) {
  switch (address.family()) {
    case Address::Family::v4:
      return AF_INET;
    case Address::Family::v6:
      return AF_INET6;
    case Address::Family::unix_path:
      return AF_UNIX;
    default:
      return AF_UNSPEC;
  }
}

// Unix sockets connect at once or not at all; TCP says EINPROGRESS.
int begin_connect(int fd, const Address& to) {
  sockaddr_storage storage{};
  const unsigned length = to.to_sockaddr(&storage);
  if (length == 0) return EINVAL;
  if (to.family() != Address::Family::unix_path) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (::connect(fd, reinterpret_cast<sockaddr*>(&storage), length) == 0) return 0;
  return errno == EINPROGRESS || errno == EINTR ? 0 : errno;
}

ssize_t send_parts(int fd, std::span<const base::Bytes> parts) {
  std::array<iovec, Backend::kMaxParts> vectors;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    vectors[i].iov_base = const_cast<char*>(parts[i].data());  // sendmsg only reads
    vectors[i].iov_len = parts[i].size();
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = parts.size();
  return ::syscall(SYS_sendmsg, fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

std::error_code errno_code(int error) {
  return error == 0 ? std::error_code() : std::error_code(error, std::system_category());
}

int take_socket_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

void make_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if ((flags & O_NONBLOCK) == 0) ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int start_connect(const Address& to, int& error) {
  const int fd = ::socket(family_of(to), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  error = fd < 0 ? errno : begin_connect(fd, to);
  return fd;
}

ssize_t receive_now(int fd, base::MutBytes into) {
  return ::syscall(SYS_recvfrom, fd, into.data(), into.size(), 0, nullptr, nullptr);
}

ssize_t send_now(int fd, std::span<const base::Bytes> parts) {
  ssize_t n = -1;
  do {
    n = parts.size() == 1 ? send_once(fd, parts[0]) : send_parts(fd, parts);
  } while (n < 0 && errno == EINTR);
  return n;
}

int make_eventfd() {
  const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::system_category(), "eventfd");
  return fd;
}

void ring_eventfd(int fd) {
  const std::uint64_t one = 1;
  SIO_CHECK(::write(fd, &one, sizeof one) == sizeof one);
}

}  // namespace socketio::net
