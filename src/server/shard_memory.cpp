// What is held no longer than it is needed: sends under way must not pin the arena, and what a
// burst has left in our buffers and with the allocator goes back to the system.
#include <algorithm>

#include "base/shrink.hpp"
#include "server/shard.hpp"

// glibc's; other C libraries have none, and give memory back by themselves or not at all.
extern "C" int malloc_trim(std::size_t keep) __attribute__((weak));

namespace socketio::server {
namespace {

// About what one costs beside what it holds.
constexpr std::size_t kPerConnection = 4096;
constexpr std::size_t kPerSession = 1024;
constexpr std::size_t kBurst = std::size_t{512} * 1024;  // worth giving back
constexpr base::Duration kTrimAfter = std::chrono::seconds(1);
// As much leaves holes that matter beside the limits when clients of all sizes come and go.
constexpr std::size_t kFlood = std::size_t{4} * 1024 * 1024;
constexpr base::Duration kTrimSoon = std::chrono::milliseconds(200);

}  // namespace

// Sends that did not end in the wait() after them may take long: they must not pin the arena. Not
// before that, because until then the backend reads from it: what has been sent since this turn's
// wait() (something long, which does not wait for the end of the turn) has its time in the next.
void Shard::settle() {
  const auto recent = unsettled_.begin() + static_cast<std::ptrdiff_t>(due_);
  for (auto id = unsettled_.begin(); id != recent; ++id) {
    Connection* c = connections_.get(*id);
    // One that has sent anew since then waits with the others.
    if (c != nullptr && c->in_flight &&
        std::find(recent, unsettled_.end(), *id) == unsettled_.end())
      spare(c->self, [&] { settle(*c); });
  }
  unsettled_.erase(unsettled_.begin(), recent);
  due_ = 0;
}

void Shard::settle(Connection& c) {
  c.wire().settle(&ledger_);
  if (c.tls) c.out.settle(&ledger_);
}

// A send is under way, however long: what is queued meanwhile must not pin the arena either.
void Shard::settle_behind(Connection& c) {
  c.wire().settle_behind(&ledger_);
  if (c.tls) c.out.settle(&ledger_);  // nobody reads from the plaintext
}

void Shard::note_peak() {
  const std::size_t held = static_cast<std::size_t>(ledger_.input() + ledger_.output()) +
                           connections_.size() * kPerConnection + sessions_.size() * kPerSession;
  if (held > peak_) {
    peak_ = held;
  } else if (peak_ - held > kBurst && !closed_) [[unlikely]] {
    const base::Time when = base::after(now(), peak_ - held > kFlood ? kTrimSoon : kTrimAfter);
    if (!trim_timer_.armed() || when < trim_timer_.deadline())
      loop_.timers().arm(trim_timer_, when);
  }
}

void Shard::trim() {
  peak_ = 0;
  dispatcher_.release_buffers();
  std::string().swap(scratch_);
  arena_.release();
  connections_.shrink();
  sessions_.shrink();
  dispatcher_.shrink();
  base::shrink_list(unsettled_);
  loop_.backend().shrink();
  if (malloc_trim != nullptr) malloc_trim(0);
}

}  // namespace socketio::server
