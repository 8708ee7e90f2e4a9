// The only door into a shard from another thread: a bounded queue of jobs. Past the soft limit
// posts marked volatile are refused, past the hard limit all are. The poster wakes the owner only
// when the owner sleeps.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
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

  // Any thread. False when full or closed; the job is then destroyed unrun.
  bool post(Job job, bool is_volatile = false);
  // Owner's thread: runs what was queued when the call began, in order; returns how many.
  std::size_t run();
  bool empty() const;
  // Owner's thread, around blocking: while asleep, posts call wake().
  void set_waker(Backend* backend);
  // Owner's thread: jobs still queued are destroyed, later posts fail.
  void close();

 private:
  mutable std::mutex mutex_;
  std::vector<Job> queue_;
  std::vector<Job> running_;
  Limits limits_;
  Backend* waker_ = nullptr;
  bool closed_ = false;
};

}  // namespace socketio::net
