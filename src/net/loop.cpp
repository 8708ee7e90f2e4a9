// The turn, and the same turn inside somebody else's loop.
#include "net/loop.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/check.hpp"
#include "base/raised.hpp"
#include "net/sys.hpp"

namespace socketio::net {

namespace {

// Never given twice, so that no thread is taken for one that has ended, as would be by its address
// or its id. 0: no loop has been on this thread.
thread_local std::uint64_t thread_number = 0;

}  // namespace

std::uint64_t LoopThread::current() {
  return thread_number;
}

void LoopThread::move_here() {
  static std::atomic<std::uint64_t> given{0};
  if (thread_number == 0) thread_number = given.fetch_add(1, std::memory_order_relaxed) + 1;
  id_.store(thread_number, std::memory_order_relaxed);
}

Loop::Loop(std::unique_ptr<Backend> backend, Clock clock)
    : backend_(std::move(backend)),
      clock_(clock ? std::move(clock) : &system_now),
      now_(clock_()),
      timers_(now_) {
  thread_->move_here();
  mailbox_.set_waker(backend_.get());
}

Loop::~Loop() {
  mailbox_.close();
  if (poll_fd_ >= 0) ::close(poll_fd_);
  if (timer_fd_ >= 0) ::close(timer_fd_);
}

void Loop::run(Driver& driver) {
  thread_->move_here();
  while (!stopping_.load()) turn(driver, base::kNever);
  stopping_.store(false);
  mailbox_.set_waker(backend_.get());
}

void Loop::hand_over() {
  thread_->leave();
}

void Loop::stop() {
  stopping_.store(true);
  backend_->wake();
}

void Loop::process(Driver& driver, base::Duration max_wait) {
  if (in_turn_) return;
  thread_->move_here();
  const bool polls = max_wait <= base::Duration::zero();
  turn(driver, polls ? base::Time::min() : base::after(clock_(), max_wait));
  // Between two calls everybody has to ring, this thread's own posts included.
  mailbox_.set_waker(backend_.get());
  if (poll_fd_ < 0) return;
  const bool busy = !mailbox_.empty() || driver.has_work();
  arm_poll_timer(busy ? base::Time::min() : timers_.next());
}

void Loop::turn(Driver& driver, base::Time until) {
  base::Time deadline = std::min(until, timers_.next());
  nudged_ = false;
  mailbox_.set_waker(backend_.get(), true);
  if (!mailbox_.empty()) deadline = base::Time::min();
  const base::Raised in_turn(in_turn_);  // process() does nothing meanwhile
  stale_ = true;
  backend_->wait(deadline, driver);
  mailbox_.set_waker(nullptr);
  while (Timer* timer = timers_.expire(now())) driver.on_timer(*timer);
  mailbox_.run();
  driver.flush();
}

base::Time Loop::read_clock() const {
  const base::Time time = clock_();
  if (in_turn_) {
    now_ = time;
    stale_ = false;
  }
  return time;
}

void Loop::nudge() {
  if (in_turn_ || nudged_ || poll_fd_ < 0) return;
  nudged_ = true;
  backend_->wake();
}

int Loop::poll_fd() const {
  if (poll_fd_ >= 0) return poll_fd_;
  const int timer = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  if (timer < 0 || poll < 0 || ::epoll_ctl(poll, EPOLL_CTL_ADD, timer, &event) != 0 ||
      ::epoll_ctl(poll, EPOLL_CTL_ADD, backend_->poll_fd(), &event) != 0) {
    const std::error_code error(errno, std::system_category());
    if (timer >= 0) ::close(timer);
    if (poll >= 0) ::close(poll);
    throw std::system_error(error, "poll_fd");
  }
  timer_fd_ = timer;
  poll_fd_ = poll;
  // What has been armed or queued so far is found by a first process().
  arm_poll_timer(base::Time::min());
  return poll_fd_;
}

// Setting the timer also takes back that it has expired, so the descriptor needs no reading. The
// duration, not the time, because the clock may be another than the kernel's.
void Loop::arm_poll_timer(base::Time deadline) const {
  const base::Time now = clock_();
  if (deadline == armed_ && armed_ > now) return;
  armed_ = deadline;
  itimerspec spec{};
  if (deadline != base::kNever) {
    const base::Duration left =
        deadline <= now ? base::Duration(1) : std::max(deadline - now, base::Duration(1));
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    spec.it_value.tv_sec = seconds.count();
    spec.it_value.tv_nsec = (left - seconds).count();
  }
  SIO_CHECK(::timerfd_settime(timer_fd_, 0, &spec, nullptr) == 0);
}

}  // namespace socketio::net
