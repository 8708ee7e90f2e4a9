// The offload worker.
#include "net/offload.hpp"

#include <chrono>
#include <exception>
#include <new>
#include <utility>

#include <pthread.h>
#include <signal.h>

namespace socketio::net {
namespace {

constexpr std::chrono::milliseconds kRetry(10);

// False when there is no memory for it: `done` is as it was.
bool post_to(Mailbox& completions, std::function<void()>& done) {
  try {
    completions.post_always(std::move(done));
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace

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
  } catch (const std::exception&) {
    // No thread to be had, or no memory for one: run() says so by what it returns.
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
      // Somebody waits for it: it is late rather than lost.
      while (!post_to(completions_, job.done)) {
        lock.lock();
        const bool stops = wake_.wait_for(lock, kRetry, [this] { return stopping_; });
        lock.unlock();
        if (stops) return;
      }
    }
    lock.lock();
  }
}

}  // namespace socketio::net
