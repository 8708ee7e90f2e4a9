// Opening listening sockets: TCP over v4/v6 (port 0 picks one), Unix sockets (a stale socket file
// is replaced, a live one is not), or a descriptor somebody else opened (systemd). Owns the
// descriptor; accepting is the backend's job.
#pragma once

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
