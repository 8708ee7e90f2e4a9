// Time as an argument. Machines receive `now` and expose deadlines; nobody below the drivers reads
// a clock.
#pragma once

#include <chrono>

namespace socketio::base {

struct MonotonicTime {  // a tag, not a clock: it has no now()
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
};

using Duration = std::chrono::nanoseconds;
using Time = std::chrono::time_point<MonotonicTime, Duration>;

inline constexpr Time kNever = Time::max();

// `now + delay`, or kNever where that would overflow or `delay` is negative ("no limit").
constexpr Time after(Time now, Duration delay) {
  return delay < Duration::zero() || kNever - now < delay ? kNever : now + delay;
}

}  // namespace socketio::base
