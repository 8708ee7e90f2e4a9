// So many of something for each network in a span of time: a bucket of tokens for each, which fills
// as time goes by. The time is an argument. Thread-safe.
#pragma once

#include <list>
#include <map>
#include <mutex>
#include <string>

#include "base/time.hpp"

namespace socketio::server {

class RateByAddress {
 public:
  // `most` at once, and as many again in each `span`. Of `max_peers` it remembers; the one that has
  // been quiet for longest goes first.
  RateByAddress(std::size_t most, base::Duration span, std::size_t max_peers)
      : most_(static_cast<double>(most)),
        span_(std::chrono::duration<double>(span).count()),
        max_peers_(max_peers) {}
  // Takes one for this network (network_of); false: there is none. O(log n).
  bool take(const std::string& network, base::Time now);
  // It did not count after all.
  void give_back(const std::string& network);
  std::size_t peers() const;

 private:
  struct Bucket {
    std::string network;
    double tokens;
    base::Time last;
  };
  using Buckets = std::list<Bucket>;
  mutable std::mutex mutex_;
  double most_;
  double span_;
  std::size_t max_peers_;
  Buckets buckets_;  // the quietest first
  std::map<std::string, Buckets::iterator> by_network_;
};

}  // namespace socketio::server
