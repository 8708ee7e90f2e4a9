#include "server/peer_counts.hpp"

namespace socketio::server {

bool PeerCounts::take(const std::string& network) {
  const std::lock_guard lock(mutex_);
  std::uint32_t& count = counts_[network];
  if (count >= most_) return false;
  ++count;
  return true;
}

void PeerCounts::give_back(const std::string& network) {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(network);
  if (found != counts_.end() && --found->second == 0) counts_.erase(found);
}

std::size_t PeerCounts::size() const {
  const std::lock_guard lock(mutex_);
  return counts_.size();
}

}  // namespace socketio::server
