// Timers for a hundred thousand connections: intrusive, O(1) to arm, re-arm and cancel, no
// allocation. Resolution 1 ms, rounded up: a timer never fires early. Hierarchical: 8 levels of 64
// slots hold every Time there is; a timer sits in the level of the highest base-64 digit in which
// its tick differs from the current one, and moves down when that digit is reached.
#pragma once

#include <cstdint>
#include <memory>

#include "base/list.hpp"
#include "base/time.hpp"

namespace socketio::net {

// Lives inside its owner; destroying it cancels it. `kind` and `owner` tell the driver what
// expired.
class Timer : public base::ListNode<Timer> {
 public:
  Timer() = default;
  Timer(std::uint64_t for_whom, std::uint8_t what) : owner(for_whom), kind(what) {}
  bool armed() const { return linked(); }
  base::Time deadline() const { return deadline_; }

  std::uint64_t owner = 0;
  std::uint8_t kind = 0;

 private:
  friend class TimerWheel;
  base::Time deadline_ = base::kNever;
};

class TimerWheel {
 public:
  explicit TimerWheel(base::Time start);
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  // Re-arms when armed; kNever cancels.
  void arm(Timer& timer, base::Time deadline);
  void cancel(Timer& timer);
  // The next moment anything could expire (exact or early, never late); kNever when empty.
  base::Time next() const;
  // Pulls one expired timer (now unarmed) or null; call until null. The caller may arm and destroy
  // timers in between; one armed for the past expires 1 ms later, so that the drain ends. Expiry
  // goes by the millisecond of the deadline.
  Timer* expire(base::Time now);
  // Walks all of them: for tests and shutdown.
  std::size_t size() const;

 private:
  struct Wheel;
  std::unique_ptr<Wheel> wheel_;
};

}  // namespace socketio::net
