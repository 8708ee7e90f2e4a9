#include "server/network.hpp"

#include <charconv>

namespace socketio::server {
namespace {

constexpr std::size_t kV4 = 4;
constexpr std::size_t kV6 = 16;
constexpr std::size_t kV6Network = 8;
constexpr std::string_view kMapped("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);  // RFC 4291 §2.5.5.2

// 4 or 16 bytes; none of a Unix socket.
std::string_view bytes_of(const net::Address& address) {
  const std::string_view bytes = address.ip();
  return bytes.starts_with(kMapped) ? bytes.substr(kMapped.size()) : bytes;
}

std::string_view trim(std::string_view text) {
  const std::size_t from = text.find_first_not_of(" \t");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

// With a port behind it, too: "192.0.2.7:4711", "[::1]:4711".
std::optional<net::Address> parse_entry(std::string_view text) {
  const std::size_t bracket = text.find(']');
  if (bracket != std::string_view::npos) return net::Address::parse(text.substr(0, bracket + 1), 0);
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos)
    text = text.substr(0, colon);
  return net::Address::parse(text, 0);
}

bool same_prefix(std::string_view a, std::string_view b, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (a.size() != b.size() || a.substr(0, whole) != b.substr(0, whole)) return false;
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  const auto differing = static_cast<unsigned char>(a[whole] ^ b[whole]);
  return differing >> (8 - rest) == 0;
}

}  // namespace

std::string network_of(const net::Address& address) {
  const std::string_view bytes = bytes_of(address);
  return std::string(bytes.substr(0, bytes.size() == kV6 ? kV6Network : kV4));
}

std::string network_of(std::string_view address) {
  const auto parsed = net::Address::parse(address, 0);
  return parsed ? network_of(*parsed) : std::string(address);
}

std::optional<Networks> Networks::parse(const std::vector<std::string>& list) {
  Networks all;
  for (const std::string_view text : list) {
    if (text == "unix") {
      all.unix_ = true;
      continue;
    }
    const std::size_t slash = text.find('/');
    const auto address = net::Address::parse(text.substr(0, slash), 0);
    if (!address) return std::nullopt;
    const std::string_view bytes = bytes_of(*address);
    const auto most = static_cast<unsigned>(bytes.size() == kV4 ? 8 * kV4 : 8 * kV6);
    unsigned bits = most;
    if (slash != std::string_view::npos) {
      const std::string_view digits = text.substr(slash + 1);
      const auto [end, error] = std::from_chars(digits.begin(), digits.end(), bits);
      if (error != std::errc() || end != digits.end() || bits > most) return std::nullopt;
    }
    all.list_.push_back({std::string(bytes), bits});
  }
  return all;
}

bool Networks::contains(const net::Address& address) const {
  if (address.family() == net::Address::Family::unix_path) return unix_;
  const std::string_view bytes = bytes_of(address);
  for (const Network& network : list_) {
    if (same_prefix(bytes, network.bytes, network.bits)) return true;
  }
  return false;
}

std::optional<net::Address> forwarded_for(std::string_view header, const Networks& proxies) {
  while (!header.empty()) {
    const std::size_t comma = header.rfind(',');
    const std::size_t from = comma == std::string_view::npos ? 0 : comma + 1;
    const auto address = parse_entry(trim(header.substr(from)));
    if (!address || !proxies.contains(*address)) return address;
    header = header.substr(0, from == 0 ? 0 : comma);
  }
  return std::nullopt;
}

}  // namespace socketio::server
