// One worker thread for what blocks (files, password hashes, name look-up), started with its first
// job, with a bounded queue. A job runs on the worker; its completion runs on the loop through the
// mailbox.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "net/mailbox.hpp"

namespace socketio::net {

class Offload {
 public:
  static constexpr std::size_t kMaxJobs = 1024;
  explicit Offload(Mailbox& completions);
  Offload(const Offload&) = delete;
  Offload& operator=(const Offload&) = delete;
  ~Offload();  // waits for the job that runs; drops the others without running them

  // False when the queue is full or no thread can be had; neither is run then. `work` runs on the
  // worker, then `done` on the loop's thread. Neither may throw: failures travel in what they
  // share.
  bool run(std::function<void()> work, std::function<void()> done);
  // Jobs that have not begun. Any thread.
  std::size_t size() const;

 private:
  void start();
  void loop();
  struct Job {
    std::function<void()> work;
    std::function<void()> done;
  };
  Mailbox& completions_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  std::thread thread_;
  bool stopping_ = false;
};

}  // namespace socketio::net
