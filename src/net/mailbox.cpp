// The mailbox. Sleeping and posting meet like this: the owner sets the waker, then looks at
// `pending_`; the poster sets `pending_`, then looks at the waker. Both are sequentially
// consistent, so at least one sees the other, and no wake-up is lost.
#include "net/mailbox.hpp"

#include <limits>

#include "net/backend.hpp"

namespace socketio::net {

Mailbox::Mailbox() : Mailbox(Limits{}) {}

Mailbox::Mailbox(Limits limits) : limits_(limits) {}

bool Mailbox::post(Job&& job, bool is_volatile) {
  return push(std::move(job), is_volatile ? std::min(limits_.soft, limits_.hard) : limits_.hard);
}

bool Mailbox::post_always(Job&& job) {
  return push(std::move(job), std::numeric_limits<std::size_t>::max());
}

bool Mailbox::push(Job&& job, std::size_t limit) {
  {
    // A refused job is not touched: its destructor is foreign code, which no lock may be held for.
    const std::lock_guard lock(mutex_);
    if (closed_ || queue_.size() >= limit) return false;
    queue_.push_back(std::move(job));
    pending_.store(true);
  }
  ring();
  return true;
}

bool Mailbox::post_reserved(Job&& job) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    reserved_ = std::move(job);
    pending_.store(true);
  }
  ring();
  return true;
}

void Mailbox::ring() {
  if (waker_.load() == nullptr) return;
  if (waiting_.load(std::memory_order_relaxed) == std::this_thread::get_id()) return;
  // The first post wakes; the others see that somebody has.
  if (Backend* backend = waker_.exchange(nullptr)) backend->wake();
}

std::size_t Mailbox::run() {
  if (empty()) return 0;
  Job last;
  {
    const std::lock_guard lock(mutex_);
    running_.swap(queue_);
    last.swap(reserved_);
    pending_.store(false);
  }
  std::size_t count = 0;
  for (Job& slot : running_) {
    if (closed_) break;  // by the job before
    const Job job = std::move(slot);
    job();
    ++count;
  }
  running_.clear();
  if (last && !closed_) {
    last();
    ++count;
  }
  if (running_.capacity() > kKeep) std::vector<Job>().swap(running_);
  return count;
}

void Mailbox::set_waker(Backend* backend, bool in_wait) {
  waiting_.store(in_wait ? std::this_thread::get_id() : std::thread::id(),
                 std::memory_order_relaxed);
  waker_.store(backend);
}

void Mailbox::close() {
  std::vector<Job> dropped;
  Job last;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(queue_);
  last.swap(reserved_);
  pending_.store(false);
}

}  // namespace socketio::net
