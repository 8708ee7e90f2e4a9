// When a backend tries again what has failed for want of something that comes back by itself and
// that no event tells of: descriptors for accept(), memory for a send. A timerfd, because it rings
// in somebody else's loop, too.
#pragma once

#include "base/time.hpp"

namespace socketio::net {

// How long a send waits that failed for want of memory: the socket is writable all the time.
inline constexpr base::Duration kStarvedPause = std::chrono::milliseconds(10);

class RetryTimer {
 public:
  RetryTimer();
  ~RetryTimer();
  RetryTimer(const RetryTimer&) = delete;
  RetryTimer& operator=(const RetryTimer&) = delete;

  // Becomes readable at the first of the times asked for. Never has to be read.
  int fd() const { return fd_; }
  void ring_by(base::Time time);
  // It has rung: who still waits asks again.
  void rang() { next_ = base::kNever; }

 private:
  int fd_;
  base::Time next_ = base::kNever;
};

}  // namespace socketio::net
