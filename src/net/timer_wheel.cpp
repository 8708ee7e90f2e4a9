// The timer wheel. Ticks are milliseconds since the start, `cursor` is the tick up to which all has
// expired. Because a timer's level is the highest differing digit, every occupied slot lies ahead
// of the cursor in its level, and whatever is in a lower level comes before whatever is in a higher
// one:
//
//   cursor = 1|02|63      level 0: ticks 1|02|x > 63 (none left)
//                         level 1: ticks 1|x|..  x > 02   <- the first set bit here is next
//                         level 2: ticks x|..|.. x > 1
//
// Cancelled and destroyed timers only leave their list; the bit of an emptied slot is cleared when
// somebody next looks at it.
#include "net/timer_wheel.hpp"

#include <array>
#include <bit>

namespace socketio::net {
namespace {

constexpr unsigned kDigitBits = 6;
constexpr unsigned kSlots = 1U << kDigitBits;
constexpr unsigned kLevels = 8;  // 48 bits of milliseconds: more than the 44 that Time can say
constexpr std::uint64_t kNanosPerTick = 1'000'000;

static_assert(sizeof(Timer) <= 40, "every connection has some of these");

}  // namespace

struct TimerWheel::Wheel {
  explicit Wheel(base::Time from) : start(from) {}

  base::Time start;
  std::uint64_t cursor = 0;
  std::array<std::uint64_t, kLevels> bits{};
  std::array<std::array<base::List<Timer>, kSlots>, kLevels> slots;
  base::List<Timer> due;

  // Differences as unsigned: `start` may be negative and the deadline huge.
  std::uint64_t nanos_since_start(base::Time time) const {
    if (time <= start) return 0;
    return static_cast<std::uint64_t>(time.time_since_epoch().count()) -
           static_cast<std::uint64_t>(start.time_since_epoch().count());
  }
  std::uint64_t tick_of_deadline(base::Time time) const {
    const std::uint64_t nanos = nanos_since_start(time);
    return nanos / kNanosPerTick + (nanos % kNanosPerTick != 0 ? 1 : 0);
  }
  base::Time time_of(std::uint64_t tick) const {
    const std::uint64_t limit = nanos_since_start(base::kNever);
    if (tick > limit / kNanosPerTick) return base::kNever;
    return base::Time(base::Duration(static_cast<std::int64_t>(
        static_cast<std::uint64_t>(start.time_since_epoch().count()) + tick * kNanosPerTick)));
  }

  // `tick` lies ahead of the cursor.
  void place(Timer& timer, std::uint64_t tick) {
    const auto level = static_cast<unsigned>(std::bit_width(tick ^ cursor) - 1) / kDigitBits;
    const unsigned slot = static_cast<unsigned>(tick >> (level * kDigitBits)) % kSlots;
    slots[level][slot].push_back(timer);
    bits[level] |= std::uint64_t{1} << slot;
  }

  // The next occupied slot; false when there is none. `tick` is where the slot begins.
  bool first(unsigned& level, unsigned& slot, std::uint64_t& tick) {
    for (level = 0; level < kLevels; ++level) {
      while (bits[level] != 0) {
        slot = static_cast<unsigned>(std::countr_zero(bits[level]));
        if (!slots[level][slot].empty()) {
          const unsigned shift = level * kDigitBits;
          tick = (cursor >> (shift + kDigitBits) << kDigitBits | slot) << shift;
          return true;
        }
        bits[level] &= bits[level] - 1;
      }
    }
    return false;
  }

  // Moves everything that expires up to `target` into `due`, slot by slot in order of time; the
  // cost is one step per occupied slot, however far the clock has jumped.
  void advance(std::uint64_t target) {
    unsigned level = 0;
    unsigned slot = 0;
    std::uint64_t tick = 0;
    while (first(level, slot, tick) && tick <= target) {
      cursor = tick;
      bits[level] &= ~(std::uint64_t{1} << slot);
      while (Timer* timer = slots[level][slot].pop_front()) {
        const std::uint64_t at = tick_of_deadline(timer->deadline());
        if (at <= cursor) {
          due.push_back(*timer);
        } else {
          place(*timer, at);
        }
      }
    }
    cursor = target;
  }
};

TimerWheel::TimerWheel(base::Time start) : wheel_(std::make_unique<Wheel>(start)) {}

TimerWheel::~TimerWheel() = default;

void TimerWheel::arm(Timer& timer, base::Time deadline) {
  timer.unlink();
  timer.deadline_ = deadline;
  if (deadline == base::kNever) return;
  wheel_->place(timer, std::max(wheel_->tick_of_deadline(deadline), wheel_->cursor + 1));
}

void TimerWheel::cancel(Timer& timer) {
  timer.unlink();
  timer.deadline_ = base::kNever;
}

base::Time TimerWheel::next() const {
  if (!wheel_->due.empty()) return wheel_->time_of(wheel_->cursor);
  unsigned level = 0;
  unsigned slot = 0;
  std::uint64_t tick = 0;
  return wheel_->first(level, slot, tick) ? wheel_->time_of(tick) : base::kNever;
}

Timer* TimerWheel::expire(base::Time now) {
  const std::uint64_t target = wheel_->nanos_since_start(now) / kNanosPerTick;
  if (target > wheel_->cursor) wheel_->advance(target);
  Timer* timer = wheel_->due.pop_front();
  if (timer != nullptr) timer->deadline_ = base::kNever;
  return timer;
}

std::size_t TimerWheel::size() const {
  std::size_t count = 0;
  const auto walk = [&count](base::List<Timer>& list) {
    base::List<Timer> seen;
    for (; Timer* timer = list.pop_front(); ++count) seen.push_back(*timer);
    while (Timer* timer = seen.pop_front()) list.push_back(*timer);
  };
  for (auto& level : wheel_->slots) {
    for (auto& slot : level) walk(slot);
  }
  walk(wheel_->due);
  return count;
}

}  // namespace socketio::net
