#include "server/peer_limits.hpp"

namespace socketio::server {
namespace {

// All lines as one list (RFC 9110 §5.3).
std::string forwarded_header(const http::Request& request) {
  std::string all;
  for (const http::Header& header : request.headers) {
    if (!http::iequals(header.name, "x-forwarded-for")) continue;
    if (!all.empty()) all += ',';
    all += header.value;
  }
  return all;
}

}  // namespace

bool PeerLimits::wanted(const LimitOptions& options) {
  return options.max_connections_per_address > 0 || options.max_handshakes_per_address > 0;
}

PeerLimits::PeerLimits(const LimitOptions& options)
    : proxies_(Networks::parse(options.trusted_proxies).value()) {
  if (options.max_connections_per_address > 0)
    connections_.emplace(options.max_connections_per_address);
  if (options.max_handshakes_per_address > 0)
    handshakes_.emplace(options.max_handshakes_per_address, std::chrono::minutes(1), kMaxPeers);
}

std::string PeerLimits::counted_as(const net::Address& peer) const {
  return connections_ && !proxies_.contains(peer) ? network_of(peer) : std::string();
}

bool PeerLimits::connect(const std::string& name) {
  return name.empty() || connections_->take(name);
}

void PeerLimits::disconnect(const std::string& name) {
  if (!name.empty()) connections_->give_back(name);
}

bool PeerLimits::shake_hands(const net::Address& peer, const http::Request& request,
                             base::Time now) {
  if (!handshakes_) return true;
  if (!proxies_.contains(peer)) {
    const std::string name = network_of(peer);
    return name.empty() || handshakes_->take(name, now);
  }
  // A proxy that does not say for whom it asks is as good as the one who asks.
  const auto client = forwarded_for(forwarded_header(request), proxies_);
  return handshakes_->take(network_of(client.value_or(peer)), now);
}

}  // namespace socketio::server
