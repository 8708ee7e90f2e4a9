// The only door into a shard from another thread: a bounded queue of jobs. Past the soft limit
// posts marked volatile are refused, past the hard limit all are. The poster wakes the owner only
// when the owner sleeps.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace socketio::net {

class Backend;

class Mailbox {
 public:
  using Job = std::function<void()>;
  struct Limits {
    std::size_t soft = 8192;   // jobs; volatile packets are dropped above
    std::size_t hard = 65536;  // jobs; post() fails above
  };

  Mailbox();
  explicit Mailbox(Limits limits);

  // Any thread. False when full or closed; the job then stays the caller's, unrun. Jobs must not
  // throw.
  bool post(Job&& job, bool is_volatile = false);
  // Like post() but never refused for want of room: for those who bound their jobs themselves and
  // could not recover from losing one (completions).
  bool post_always(Job&& job);
  // Takes no memory but the job's own: this one has a place of its own, which is free again when it
  // runs, behind all that was queued before it. False when closed.
  bool post_reserved(Job&& job);
  // Owner's thread: runs what was queued when the call began, in order; returns how many.
  std::size_t run();
  bool empty() const { return !pending_.load(); }
  // Jobs waiting. Any thread.
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
  }
  // Owner's thread, around blocking: while a waker is set the owner sleeps, and the first post
  // wakes it. Look at empty() after setting it. `in_wait` says that the owner's thread is inside
  // wait(): what it posts itself, from a fact, needs no wake-up, because that wait() does not
  // block.
  void set_waker(Backend* backend, bool in_wait = false);
  // Owner's thread: jobs still queued are destroyed, later posts fail.
  void close();

 private:
  static constexpr std::size_t kKeep = 4096;  // room for jobs that is not given back after a burst
  bool push(Job&& job, std::size_t limit);
  void ring();

  mutable std::mutex mutex_;
  std::vector<Job> queue_;
  std::vector<Job> running_;
  Job reserved_;
  Limits limits_;
  bool closed_ = false;
  std::atomic<bool> pending_{false};  // queue_ is not empty, or reserved_
  std::atomic<Backend*> waker_{nullptr};
  std::atomic<std::thread::id> waiting_{};
};

}  // namespace socketio::net
