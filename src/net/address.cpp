// Address to and from text and sockaddr.
#include "net/address.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace socketio::net {

std::optional<Address> Address::parse(std::string_view host, std::uint16_t port) {
  if (host == "localhost") host = "127.0.0.1";
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const std::string text(host);
  if (text.find('\0') != std::string::npos) return std::nullopt;
  Address address;
  address.port_ = port;
  if (!bracketed && ::inet_pton(AF_INET, text.c_str(), address.ip_.data()) == 1) {
    address.family_ = Family::v4;
  } else if (::inet_pton(AF_INET6, text.c_str(), address.ip_.data()) == 1) {
    address.family_ = Family::v6;
  } else {
    return std::nullopt;
  }
  return address;
}

Address Address::unix_path(std::string path) {
  Address address;
  address.family_ = Family::unix_path;
  address.path_ = std::move(path);
  return address;
}

std::string Address::host() const {
  if (family_ == Family::unix_path) return path_;
  if (family_ == Family::none) return {};
  char text[INET6_ADDRSTRLEN];
  const int family = family_ == Family::v4 ? AF_INET : AF_INET6;
  return ::inet_ntop(family, ip_.data(), text, sizeof text);
}

std::string_view Address::ip() const {
  const auto* bytes = reinterpret_cast<const char*>(ip_.data());
  if (family_ == Family::v4) return {bytes, sizeof(in_addr)};
  if (family_ == Family::v6) return {bytes, sizeof(in6_addr)};
  return {};
}

std::string Address::packed() const {
  if (family_ == Family::none) return {};
  std::string out(1, static_cast<char>(family_));
  if (family_ == Family::unix_path) return out + path_;
  return out.append(ip());
}

std::string Address::host_of(std::string_view packed) {
  if (packed.empty()) return {};
  Address address;
  address.family_ = static_cast<Family>(packed.front());
  packed.remove_prefix(1);
  if (address.family_ == Family::unix_path) return std::string(packed);
  std::memcpy(address.ip_.data(), packed.data(), std::min(packed.size(), address.ip_.size()));
  return address.host();
}

std::string Address::to_string() const {
  switch (family_) {
    case Family::v4:
      return host() + ':' + std::to_string(port_);
    case Family::v6:
      return '[' + host() + "]:" + std::to_string(port_);
    default:
      return host();
  }
}

unsigned Address::to_sockaddr(void* storage) const {
  if (family_ == Family::v4) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port_);
    std::memcpy(&out.sin_addr, ip_.data(), sizeof out.sin_addr);
    std::memcpy(storage, &out, sizeof out);
    return sizeof out;
  }
  if (family_ == Family::v6) {
    sockaddr_in6 out{};
    out.sin6_family = AF_INET6;
    out.sin6_port = htons(port_);
    std::memcpy(&out.sin6_addr, ip_.data(), sizeof out.sin6_addr);
    std::memcpy(storage, &out, sizeof out);
    return sizeof out;
  }
  sockaddr_un out{};
  if (family_ == Family::none || path_.empty() || path_.size() >= sizeof out.sun_path) return 0;
  out.sun_family = AF_UNIX;
  std::copy(path_.begin(), path_.end(), out.sun_path);
  std::memcpy(storage, &out, sizeof out);
  // A name that begins with NUL is abstract: its length counts, and no terminator does.
  const std::size_t terminator = path_.front() == '\0' ? 0 : 1;
  return static_cast<unsigned>(offsetof(sockaddr_un, sun_path) + path_.size() + terminator);
}

Address Address::from_sockaddr(const void* storage, unsigned length) {
  Address address;
  sa_family_t family = AF_UNSPEC;
  if (length < sizeof family) return address;
  std::memcpy(&family, storage, sizeof family);
  if (family == AF_INET && length >= sizeof(sockaddr_in)) {
    sockaddr_in in{};
    std::memcpy(&in, storage, sizeof in);
    address.family_ = Family::v4;
    address.port_ = ntohs(in.sin_port);
    std::memcpy(address.ip_.data(), &in.sin_addr, sizeof in.sin_addr);
  } else if (family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    sockaddr_in6 in{};
    std::memcpy(&in, storage, sizeof in);
    address.family_ = Family::v6;
    address.port_ = ntohs(in.sin6_port);
    std::memcpy(address.ip_.data(), &in.sin6_addr, sizeof in.sin6_addr);
  } else if (family == AF_UNIX) {
    address.family_ = Family::unix_path;
    constexpr std::size_t kOffset = offsetof(sockaddr_un, sun_path);
    std::string path(static_cast<const char*>(storage) + kOffset,
                     std::max<std::size_t>(length, kOffset) - kOffset);
    // The kernel counts the terminator of a path, but not of an abstract name.
    if (!path.empty() && path.front() != '\0') path.resize(std::strlen(path.c_str()));
    address.path_ = std::move(path);
  }
  return address;
}

}  // namespace socketio::net
