// How many connections each network (network_of) has open, when that is limited: one table for the
// whole server, because connections move between its threads. An ordered one: strangers choose the
// keys. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace socketio::server {

class PeerCounts {
 public:
  explicit PeerCounts(std::uint32_t most) : most_(most) {}
  // One more; false: it has as many as it may.
  bool take(const std::string& network);
  void give_back(const std::string& network);
  // Networks with connections.
  std::size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::uint32_t most_;
  std::map<std::string, std::uint32_t> counts_;
};

}  // namespace socketio::server
