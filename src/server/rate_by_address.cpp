#include "server/rate_by_address.hpp"

#include <algorithm>

namespace socketio::server {

bool RateByAddress::take(const std::string& network, base::Time now) {
  const std::lock_guard lock(mutex_);
  auto found = by_network_.find(network);
  if (found == by_network_.end()) {
    if (buckets_.size() >= max_peers_) {
      by_network_.erase(buckets_.front().network);
      buckets_.pop_front();
    }
    Buckets fresh;
    fresh.push_back({network, most_, now});
    found = by_network_.emplace(network, fresh.begin()).first;
    buckets_.splice(buckets_.end(), fresh);
  } else {
    buckets_.splice(buckets_.end(), buckets_, found->second);
  }
  Bucket& bucket = *found->second;
  const double passed = std::chrono::duration<double>(now - bucket.last).count();
  bucket.tokens = std::min(most_, bucket.tokens + passed / span_ * most_);
  bucket.last = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

void RateByAddress::give_back(const std::string& network) {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_network_.find(network); found != by_network_.end())
    found->second->tokens = std::min(most_, found->second->tokens + 1);
}

std::size_t RateByAddress::peers() const {
  const std::lock_guard lock(mutex_);
  return buckets_.size();
}

}  // namespace socketio::server
