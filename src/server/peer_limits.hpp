// What the peers of one address may do together: limits that are off by default, because behind a
// proxy all clients have one address. One for the whole server. Thread-safe.
#pragma once

#include <optional>
#include <string>

#include <socketio/limits.hpp>

#include "base/time.hpp"
#include "http/message.hpp"
#include "net/address.hpp"
#include "server/network.hpp"
#include "server/peer_counts.hpp"
#include "server/rate_by_address.hpp"

namespace socketio::server {

class PeerLimits {
 public:
  // Networks whose handshakes are remembered.
  static constexpr std::size_t kMaxPeers = 16'384;

  // Some limit is on.
  static bool wanted(const LimitOptions& options);
  // `options` have been checked.
  explicit PeerLimits(const LimitOptions& options);

  // What a connection of this peer is counted under; empty: it is not.
  std::string counted_as(const net::Address& peer) const;
  // One more under this name; false: there are as many as there may be.
  bool connect(const std::string& name);
  void disconnect(const std::string& name);
  // Names with connections.
  std::size_t connected() const { return connections_ ? connections_->size() : 0; }

  // A handshake of whoever has sent this request; false: one too many.
  bool shake_hands(const net::Address& peer, const http::Request& request, base::Time now);

 private:
  Networks proxies_;
  std::optional<PeerCounts> connections_;
  std::optional<RateByAddress> handshakes_;
};

}  // namespace socketio::server
