// The offload worker.
#include "net/offload.hpp"

#include <system_error>
#include <utility>

#include <pthread.h>
#include <signal.h>

namespace socketio::net {

Offload::Offload(Mailbox& completions) : completions_(completions) {}

Offload::~Offload() {
  std::deque<Job> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(jobs_);
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool Offload::run(std::function<void()> work, std::function<void()> done) {
  const std::lock_guard lock(mutex_);
  if (jobs_.size() >= kMaxJobs) return false;
  if (!thread_.joinable()) start();
  if (!thread_.joinable()) return false;
  jobs_.push_back({std::move(work), std::move(done)});
  wake_.notify_one();
  return true;
}

std::size_t Offload::size() const {
  const std::lock_guard lock(mutex_);
  return jobs_.size();
}

void Offload::start() {
  // Signals belong to the application's threads; the worker inherits a mask that blocks them all.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this] { loop(); });
  } catch (const std::system_error&) {
    // No thread to be had: run() says so by what it returns.
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Offload::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (stopping_) return;
    {
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job.work();
      job.work = nullptr;  // what it holds is freed before the completion can run
      completions_.post_always(std::move(job.done));
    }
    lock.lock();
  }
}

}  // namespace socketio::net
