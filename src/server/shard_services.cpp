// What a shard takes from the real world: its backend, the kernel's randomness, the wall clock.
#include <ctime>

#include "server/shard.hpp"

namespace socketio::server {

ShardServices system_services(std::unique_ptr<net::Backend> backend) {
  return {std::move(backend), nullptr, std::make_unique<net::SystemRandom>(), [] {
            timespec ts{};
            clock_gettime(CLOCK_REALTIME, &ts);
            return std::int64_t{ts.tv_sec} * 1000 + ts.tv_nsec / 1'000'000;
          }};
}

}  // namespace socketio::server
