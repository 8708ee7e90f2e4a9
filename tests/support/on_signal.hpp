// Ends a program gracefully: `stop` runs on a thread of its own when SIGINT or SIGTERM comes, so
// that nothing happens inside a signal handler. Make it before any other thread; its destructor
// waits for the signal, so let the loop end through `stop` only.
#pragma once

#include <csignal>
#include <functional>
#include <thread>

class OnSignal {
 public:
  explicit OnSignal(std::function<void()> stop) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    thread_ = std::jthread([set, stop = std::move(stop)] {
      int signal = 0;
      sigwait(&set, &signal);
      stop();
    });
  }

 private:
  std::jthread thread_;
};
