// Opening listening sockets: TCP over v4/v6 (port 0 picks one), Unix sockets (a stale socket file
// is replaced, a live one is not), or a descriptor somebody else opened (systemd). Owns the
// descriptor; accepting is the backend's job.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <system_error>

#include "net/address.hpp"

namespace socketio::net {

class Listener {
 public:
  Listener() = default;
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;
  ~Listener();  // closes; removes the Unix socket file it made

  // backlog is capped by the kernel (SOMAXCONN). TCP_NODELAY and SO_REUSEADDR are set, IPV6_V6ONLY
  // is off for "::".
  static Listener open(const Address& address, int backlog, std::error_code& error);
  static Listener adopt(int fd);

  // TCP_USER_TIMEOUT (RFC 5482) of what is accepted from now on: a peer that acknowledges nothing,
  // or takes nothing, for so long is given up by the kernel (ETIMEDOUT). 0 leaves it to the
  // kernel's retries, a quarter of an hour. Not for Unix sockets.
  void set_user_timeout(std::chrono::milliseconds timeout);

  explicit operator bool() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  // With the port the kernel chose.
  const Address& address() const { return address_; }

 private:
  void reset();

  int fd_ = -1;
  // The file we made, so that another server's socket under the same name is never removed.
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  Address address_;
};

}  // namespace socketio::net
