#include "net/retry_timer.hpp"

#include <cerrno>
#include <system_error>

#include <sys/timerfd.h>
#include <unistd.h>

#include "base/check.hpp"

namespace socketio::net {

RetryTimer::RetryTimer() : fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  if (fd_ < 0) throw std::system_error(errno, std::system_category(), "timerfd");
}

RetryTimer::~RetryTimer() {
  ::close(fd_);
}

void RetryTimer::ring_by(base::Time time) {
  if (time >= next_) return;
  next_ = time;
  const auto since_boot = time.time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_boot);
  itimerspec spec{};
  spec.it_value.tv_sec = seconds.count();
  spec.it_value.tv_nsec = (since_boot - seconds).count();
  SIO_CHECK(::timerfd_settime(fd_, TFD_TIMER_ABSTIME, &spec, nullptr) == 0);
}

}  // namespace socketio::net
