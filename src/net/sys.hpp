// The real clock and the real randomness, injected into everything above by the drivers.
#pragma once

#include "base/random.hpp"
#include "base/time.hpp"

namespace socketio::net {

base::Time system_now();  // CLOCK_MONOTONIC

// getrandom(2), buffered; not thread-safe: one per shard.
class SystemRandom final : public base::Random {
 public:
  void fill(base::MutBytes out) override;

 private:
  char buffer_[256];
  std::size_t left_ = 0;
};

}  // namespace socketio::net
