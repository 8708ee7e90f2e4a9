// A socket address: TCP over v4 or v6, or a Unix socket path. A value; no name look-up here.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace socketio::net {

class Address {
 public:
  enum class Family : std::uint8_t { none, v4, v6, unix_path };

  Address() = default;
  // "127.0.0.1", "::1", "[::1]", "localhost" (127.0.0.1), "0.0.0.0", "::"; none when it is not an
  // address.
  static std::optional<Address> parse(std::string_view host, std::uint16_t port);
  static Address unix_path(std::string path);

  Family family() const { return family_; }
  std::uint16_t port() const { return port_; }
  // Without port; v4-mapped v6 addresses print as "::ffff:127.0.0.1", as Node does. A Unix socket
  // prints its path.
  std::string host() const;
  std::string to_string() const;
  // The 4 or 16 bytes of an IP address; empty for others.
  std::string_view ip() const;
  // For those who keep many and print few: a byte and 4, 16 or the path's, without the port.
  std::string packed() const;
  static std::string host_of(std::string_view packed);

  // For the OS: writes a sockaddr into `storage` (128 bytes) and returns its length.
  unsigned to_sockaddr(void* storage) const;
  static Address from_sockaddr(const void* storage, unsigned length);

  bool operator==(const Address&) const = default;

 private:
  std::array<std::uint8_t, 16> ip_{};
  std::uint16_t port_ = 0;
  Family family_ = Family::none;
  std::string path_;
};

}  // namespace socketio::net
