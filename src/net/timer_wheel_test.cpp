#include "net/timer_wheel.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace socketio::net {
namespace {

using base::Duration;
using base::kNever;
using base::Time;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

const Time kStart{hours(5)};

std::size_t drain(TimerWheel& wheel, Time now) {
  std::size_t count = 0;
  while (wheel.expire(now) != nullptr) ++count;
  return count;
}

TEST(TimerWheel, FiresAtTheMillisecondAfterTheDeadlineAndNeverBefore) {
  TimerWheel wheel(kStart);
  Timer timer(7, 3);
  wheel.arm(timer, kStart + milliseconds(10) + nanoseconds(1));
  EXPECT_TRUE(timer.armed());
  EXPECT_EQ(wheel.size(), 1u);
  EXPECT_EQ(wheel.next(), kStart + milliseconds(11));
  EXPECT_EQ(wheel.expire(kStart + milliseconds(11) - nanoseconds(1)), nullptr);
  EXPECT_EQ(wheel.expire(kStart + milliseconds(11)), &timer);
  EXPECT_FALSE(timer.armed());
  EXPECT_EQ(timer.owner, 7u);
  EXPECT_EQ(timer.kind, 3);
  EXPECT_EQ(wheel.next(), kNever);
}

TEST(TimerWheel, ReArmsAndCancels) {
  TimerWheel wheel(kStart);
  Timer timer;
  wheel.arm(timer, kStart + milliseconds(5));
  wheel.arm(timer, kStart + hours(1));
  EXPECT_EQ(wheel.size(), 1u);
  EXPECT_EQ(drain(wheel, kStart + milliseconds(50)), 0u);
  wheel.cancel(timer);
  EXPECT_EQ(wheel.next(), kNever);
  wheel.arm(timer, kStart + milliseconds(60));
  wheel.arm(timer, kNever);
  EXPECT_FALSE(timer.armed());
  EXPECT_EQ(drain(wheel, kStart + hours(2)), 0u);
}

TEST(TimerWheel, DestroyingATimerCancelsIt) {
  TimerWheel wheel(kStart);
  {
    Timer timer;
    wheel.arm(timer, kStart + milliseconds(5));
  }
  EXPECT_EQ(wheel.size(), 0u);
  EXPECT_EQ(wheel.next(), kNever);
  EXPECT_EQ(drain(wheel, kStart + milliseconds(50)), 0u);
}

TEST(TimerWheel, MayGoBeforeItsTimers) {
  Timer timer;
  {
    TimerWheel wheel(kStart);
    wheel.arm(timer, kStart + milliseconds(5));
  }
  EXPECT_FALSE(timer.armed());
}

TEST(TimerWheel, ReArmingForThePastInsideExpiryEnds) {
  TimerWheel wheel(kStart);
  Timer timer;
  wheel.arm(timer, kStart + milliseconds(1));
  const Time now = kStart + hours(1);
  std::size_t count = 0;
  while (Timer* expired = wheel.expire(now)) {
    ++count;
    wheel.arm(*expired, now - milliseconds(500));
  }
  EXPECT_EQ(count, 1u);
  EXPECT_EQ(wheel.next(), now + milliseconds(1));
  EXPECT_EQ(drain(wheel, now + milliseconds(1)), 1u);
}

TEST(TimerWheel, CallersMayCancelAndDestroyWhatExpiresInTheSamePass) {
  TimerWheel wheel(kStart);
  Timer first;
  Timer second;
  auto third = std::make_unique<Timer>();
  for (Timer* timer : {&first, &second, third.get()}) wheel.arm(*timer, kStart + milliseconds(3));
  const Time now = kStart + milliseconds(4);
  EXPECT_EQ(wheel.expire(now), &first);
  EXPECT_LE(wheel.next(), now);
  wheel.cancel(second);
  third.reset();
  EXPECT_EQ(wheel.expire(now), nullptr);
  EXPECT_EQ(wheel.next(), kNever);
}

TEST(TimerWheel, SurvivesClocksThatJump) {
  TimerWheel wheel(kStart);
  Timer near;
  Timer far;
  wheel.arm(near, kStart + milliseconds(5));
  wheel.arm(far, kStart + hours(24 * 365 * 20));
  EXPECT_EQ(drain(wheel, kStart - hours(1)), 0u);
  EXPECT_EQ(drain(wheel, kStart + hours(24 * 365 * 19)), 1u);
  EXPECT_EQ(drain(wheel, kStart), 0u);  // backwards
  EXPECT_EQ(drain(wheel, kStart + hours(24 * 365 * 21)), 1u);
}

TEST(TimerWheel, HoldsTheWholeRangeOfTime) {
  for (const Time start : {Time::min(), Time{}, kStart, kNever - hours(1)}) {
    TimerWheel wheel(start);
    Timer last;
    Timer soon;
    wheel.arm(last, kNever - nanoseconds(1));
    wheel.arm(soon, start + milliseconds(2));
    EXPECT_EQ(wheel.expire(start + milliseconds(1)), nullptr);
    EXPECT_EQ(wheel.expire(start + milliseconds(2)), &soon);
    EXPECT_GT(wheel.next(), start + milliseconds(2));
    EXPECT_LT(wheel.next(), kNever);
    EXPECT_EQ(wheel.expire(kNever - milliseconds(1)), nullptr);
  }
}

TEST(TimerWheel, ExpiresInOrderOfTheMillisecond) {
  std::mt19937 random(1);
  TimerWheel wheel(kStart);
  std::vector<Timer> timers(500);
  std::vector<Time> deadlines;
  for (Timer& timer : timers) {
    deadlines.push_back(kStart + milliseconds(random() % 100'000));
    timer.owner = deadlines.size() - 1;
    wheel.arm(timer, deadlines.back());
  }
  Time before = kStart;
  std::size_t count = 0;
  while (Timer* timer = wheel.expire(kStart + hours(1))) {
    EXPECT_GE(deadlines[timer->owner], before);
    before = deadlines[timer->owner];
    ++count;
  }
  EXPECT_EQ(count, 500u);
}

// The model: deadlines in ticks, sorted.
class Model {
 public:
  Model(std::uint64_t seed, std::size_t timers) : random_(seed), timers_(timers) {
    for (std::size_t i = 0; i < timers; ++i) {
      timers_[i] = std::make_unique<Timer>(i, 0);
      entries_.push_back(due_.end());
    }
  }

  void step() {
    switch (random_() % 8) {
      case 0:
      case 1:
      case 2:
        return arm(random_() % timers_.size());
      case 3:
        return cancel(random_() % timers_.size());
      case 4:
        return replace(random_() % timers_.size());
      case 5:
        return pass_to_next();
      default:
        return pass(static_cast<std::int64_t>(distance()));
    }
  }

 private:
  std::uint64_t distance() {
    const unsigned bits = static_cast<unsigned>(random_() % 50);  // all scales up to 13 days
    return random_() >> (63 - bits);
  }
  std::int64_t tick(Time time) const { return (time - kStart) / milliseconds(1); }

  void arm(std::size_t i) {
    const Time deadline = now_ + nanoseconds(distance()) - milliseconds(2);
    wheel_.arm(*timers_[i], deadline);
    const Time rounded = deadline + (milliseconds(1) - nanoseconds(1));
    forget(i);
    entries_[i] = due_.emplace(std::max(tick(rounded), tick(now_) + 1), i);
    check_next();
  }
  void cancel(std::size_t i) {
    wheel_.cancel(*timers_[i]);
    forget(i);
    check_next();
  }
  void replace(std::size_t i) {
    timers_[i] = std::make_unique<Timer>(i, 0);
    forget(i);
    check_next();
  }
  void pass_to_next() {
    const Time next = wheel_.next();
    if (next == kNever) return;
    // Early is allowed, late is not, and it must lead somewhere.
    EXPECT_GT(next, now_);
    pass((next - now_).count());
  }
  void pass(std::int64_t nanos) {
    now_ += nanoseconds(nanos);
    bool re_arm = random_() % 4 == 0;
    while (Timer* timer = wheel_.expire(now_)) {
      const std::size_t i = timer->owner;
      ASSERT_NE(entries_[i], due_.end());
      EXPECT_LE(entries_[i]->first, tick(now_));
      EXPECT_EQ(entries_[i]->first, due_.begin()->first);
      forget(i);
      if (std::exchange(re_arm, false)) arm(i);
    }
    if (!due_.empty()) {
      EXPECT_GT(due_.begin()->first, tick(now_));
    }
    EXPECT_EQ(wheel_.size(), due_.size());
    check_next();
  }
  void forget(std::size_t i) {
    if (entries_[i] != due_.end()) due_.erase(entries_[i]);
    entries_[i] = due_.end();
  }
  void check_next() {
    const Time next = wheel_.next();
    if (due_.empty()) {
      EXPECT_EQ(next, kNever);
    } else {
      EXPECT_LE(next, std::max(now_, kStart + milliseconds(due_.begin()->first)));
    }
  }

  std::mt19937_64 random_;
  Time now_ = kStart;
  TimerWheel wheel_{kStart};
  std::vector<std::unique_ptr<Timer>> timers_;
  std::multimap<std::int64_t, std::size_t> due_;
  std::vector<std::multimap<std::int64_t, std::size_t>::iterator> entries_;
};

TEST(TimerWheel, AgreesWithASortedMap) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    Model model(seed, 1 + seed * 3);
    for (int i = 0; i < 2000; ++i) model.step();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace socketio::net
