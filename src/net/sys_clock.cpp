// The monotonic clock. Wall time is never used for deadlines: it jumps.
#include <ctime>

#include "net/sys.hpp"

namespace socketio::net {

base::Time system_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return base::Time(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace socketio::net
