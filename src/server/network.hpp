// Where a peer comes from, as limits per address see it: an IPv4 address, or the /64 that every
// IPv6 peer has to choose from. And lists of such networks, for those who are not counted.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/address.hpp"

namespace socketio::server {

// Equal for two peers that count as one; an IPv4 address is the same in IPv6's clothes. Empty for a
// Unix socket. Short enough that it needs no memory.
std::string network_of(const net::Address& address);
// Of an address as text; what is none stands for itself.
std::string network_of(std::string_view address);

class Networks {
 public:
  // Of addresses and prefixes: "10.0.0.0/8", "192.0.2.7", "::1"; "unix" is every Unix socket. None
  // when one of them is nothing of the kind.
  static std::optional<Networks> parse(const std::vector<std::string>& list);
  bool contains(const net::Address& address) const;

 private:
  struct Network {
    std::string bytes;  // 4 or 16
    unsigned bits;
  };
  std::vector<Network> list_;
  bool unix_ = false;
};

// Who has sent a request that came through proxies: the last entry of X-Forwarded-For (its lines
// joined by commas) that is no proxy of ours, since each adds whom it heard from behind what it was
// told. None: there is no such entry, or it is no address.
std::optional<net::Address> forwarded_for(std::string_view header, const Networks& proxies);

}  // namespace socketio::server
