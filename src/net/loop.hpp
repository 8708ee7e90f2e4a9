// One thread's loop: backend, timers, mailbox and the turn. A turn is
//
//   wait (facts go to the driver) -> expired timers -> mailbox jobs -> driver.flush()
//
// so everything that happened in a turn leaves in one send per connection. The loop owns no thread:
// run() borrows the caller's, process() runs what is due and returns (for somebody else's loop,
// with poll_fd()).
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "base/log.hpp"
#include "net/backend.hpp"
#include "net/mailbox.hpp"
#include "net/timer_wheel.hpp"

namespace socketio::net {

class Driver : public Sink {
 public:
  virtual void on_timer(Timer& timer) = 0;
  // End of a turn: send what is queued, arm deadlines.
  virtual void flush() = 0;

 protected:
  ~Driver() = default;
};

// The thread that a loop is on: there for those who ask from other threads, even after the loop.
class LoopThread {
 public:
  bool is_this() const { return id_.load(std::memory_order_relaxed) == current(); }
  void move_here();
  void leave() { id_.store(kNobody, std::memory_order_relaxed); }

 private:
  static constexpr std::uint64_t kNobody = ~std::uint64_t{0};
  static std::uint64_t current();
  std::atomic<std::uint64_t> id_{kNobody};
};

class Loop {
 public:
  // Takes the backend; clock is the monotonic clock unless the backend is the simulator, whose
  // world has one of its own.
  using Clock = std::function<base::Time()>;
  explicit Loop(std::unique_ptr<Backend> backend, Clock clock = nullptr);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Backend& backend() { return *backend_; }
  TimerWheel& timers() { return timers_; }
  Mailbox& mailbox() { return mailbox_; }
  const Mailbox& mailbox() const { return mailbox_; }
  // The time of this turn: read once per wake-up, when first asked for. Between turns (a program
  // that embeds the loop calls in) the time of the call. Not for has_work(), which runs before the
  // loop sleeps.
  base::Time now() const { return in_turn_ && !stale_ ? now_ : read_clock(); }

  // How long this turn has lasted since it woke up: reads the clock.
  base::Duration in_turn() const { return clock_() - now(); }

  // Turns until stop(). Must be called on one thread only.
  void run(Driver& driver);
  // Any thread; also ends a run() that has not begun. A later run() begins afresh.
  void stop();
  // One turn that does not block longer than `max_wait`. Nothing from inside of a turn, which goes
  // on anyway.
  void process(Driver& driver, base::Duration max_wait = base::Duration::zero());
  // Readable when process() has something to do: facts, posted jobs, a timer (a timerfd behind it
  // holds the deadline). Timers armed outside process() count from the next process(): nudge() or
  // post a job.
  int poll_fd() const;
  // Work was made between two turns, on the loop's own thread: poll_fd() becomes readable.
  void nudge();
  // The one that last called run() or process(), and before that the one that made the loop.
  std::shared_ptr<const LoopThread> thread() const { return thread_; }
  // Another thread will call run(): from now on the loop is on no thread until it has.
  void hand_over();

 private:
  void turn(Driver& driver, base::Time until);
  [[gnu::noinline]] base::Time read_clock() const;
  void arm_poll_timer(base::Time deadline) const;

  std::unique_ptr<Backend> backend_;
  Clock clock_;
  mutable base::Time now_;
  mutable bool stale_ = false;
  bool in_turn_ = false;
  bool nudged_ = false;
  TimerWheel timers_;
  Mailbox mailbox_;
  std::atomic<bool> stopping_{false};
  std::shared_ptr<LoopThread> thread_ = std::make_shared<LoopThread>();
  mutable int poll_fd_ = -1;  // made when first asked for: most loops never need it
  mutable int timer_fd_ = -1;
  mutable base::Time armed_ = base::Time::min();  // what timer_fd_ is set to
};

}  // namespace socketio::net
