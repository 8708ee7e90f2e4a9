// Opening and closing of listening sockets.
#include "net/listener.hpp"

#include <cerrno>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace socketio::net {
namespace {

using Storage = sockaddr_storage;

sockaddr* as_sockaddr(Storage& storage) {
  return reinterpret_cast<sockaddr*>(&storage);
}

std::error_code last_error() {
  return {errno, std::system_category()};
}

void set_option(int fd, int level, int option, int value) {
  ::setsockopt(fd, level, option, &value, sizeof value);
}

int open_socket(const Address& address) {
  const bool tcp = address.family() != Address::Family::unix_path;
  const int domain = !tcp ? AF_UNIX : address.family() == Address::Family::v6 ? AF_INET6 : AF_INET;
  return ::socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

// A socket file that refuses connections was left behind by a server that died. Anything else under
// that name (a live server, a plain file) is not ours to remove.
bool is_stale_socket(const std::string& path, Storage& storage, unsigned length) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) return false;
  const bool refused = ::connect(probe, as_sockaddr(storage), length) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  return refused;
}

bool bind_to(int fd, const Address& address) {
  Storage storage{};
  const unsigned length = address.to_sockaddr(&storage);
  if (length == 0) {
    errno = ENAMETOOLONG;
    return false;
  }
  if (::bind(fd, as_sockaddr(storage), length) == 0) return true;
  if (errno != EADDRINUSE || address.family() != Address::Family::unix_path) return false;
  const std::string path = address.host();
  if (is_stale_socket(path, storage, length) && ::unlink(path.c_str()) == 0) {
    return ::bind(fd, as_sockaddr(storage), length) == 0;
  }
  errno = EADDRINUSE;
  return false;
}

Address name_of(int fd) {
  Storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, as_sockaddr(storage), &length) != 0) return {};
  return Address::from_sockaddr(&storage, length);
}

}  // namespace

Listener Listener::open(const Address& address, int backlog, std::error_code& error) {
  error.clear();
  if (address.family() == Address::Family::none) {
    error = std::make_error_code(std::errc::invalid_argument);
    return {};
  }
  Listener listener;
  listener.fd_ = open_socket(address);
  if (listener.fd_ < 0) {
    error = last_error();
    return {};
  }
  const bool tcp = address.family() != Address::Family::unix_path;
  if (tcp) {
    set_option(listener.fd_, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(listener.fd_, IPPROTO_TCP, TCP_NODELAY, 1);
  }
  if (address.family() == Address::Family::v6)
    set_option(listener.fd_, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (!bind_to(listener.fd_, address)) {
    error = last_error();
    return {};
  }
  listener.address_ = name_of(listener.fd_);
  struct stat info {};
  if (!tcp && ::lstat(address.host().c_str(), &info) == 0) {
    listener.device_ = info.st_dev;
    listener.inode_ = info.st_ino;
  }
  if (::listen(listener.fd_, backlog) != 0) {
    error = last_error();
    return {};
  }
  return listener;
}

void Listener::set_user_timeout(std::chrono::milliseconds timeout) {
  // Linux copies the listening socket's option to what it accepts.
  if (address_.family() != Address::Family::unix_path)
    set_option(fd_, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(timeout.count()));
}

Listener Listener::adopt(int fd) {
  Listener listener;
  listener.fd_ = fd;
  listener.address_ = name_of(fd);
  return listener;
}

Listener::Listener(Listener&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      device_(std::exchange(other.device_, 0)),
      inode_(std::exchange(other.inode_, 0)),
      address_(std::move(other.address_)) {}

Listener& Listener::operator=(Listener&& other) noexcept {
  if (this == &other) return *this;
  reset();
  fd_ = std::exchange(other.fd_, -1);
  device_ = std::exchange(other.device_, 0);
  inode_ = std::exchange(other.inode_, 0);
  address_ = std::move(other.address_);
  return *this;
}

Listener::~Listener() {
  reset();
}

void Listener::reset() {
  if (inode_ != 0) {
    const std::string path = address_.host();
    struct stat info {};
    if (::lstat(path.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_) {
      ::unlink(path.c_str());
    }
    inode_ = 0;
  }
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace socketio::net
