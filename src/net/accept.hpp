// The listening half of a backend on Linux, shared by epoll and io_uring: accept() until nobody is
// left, and what to do when descriptors or memory run out. Then accept() fails while the listener
// stays readable, which would spin, so the listener is not watched for a while.
//
// io_uring accepts in this way too: its multishot accept does not say who came (that would be a
// system call for each connection again), and what it has accepted when somebody stops the listener
// could only be thrown away.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.hpp"
#include "net/backend.hpp"
#include "net/retry_timer.hpp"

namespace socketio::net {

class Acceptor {
 public:
  // Between two attempts when descriptors or memory have run out: twice the last one.
  static constexpr base::Duration kFirstPause = std::chrono::milliseconds(100);
  static constexpr base::Duration kLongestPause = std::chrono::seconds(1);

  // How a backend hears that a listener is readable.
  class Watcher {
   public:
    // False with errno set when that fails.
    virtual bool watch(int fd, std::uint32_t listener) = 0;
    virtual void unwatch(int fd, std::uint32_t listener) = 0;

   protected:
    ~Watcher() = default;
  };

  // `watcher` may be used from start() on.
  Acceptor(Watcher& watcher, RetryTimer& timer) : watcher_(watcher), timer_(timer) {}
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  void start(int listen_fd, std::uint32_t listener);
  void stop(std::uint32_t listener);
  // No listener is watched any more.
  void stop_all();

  // The listener is readable. False when it may still be: call again, after the others.
  bool accept(std::uint32_t listener, Sink& sink);
  // The timer has rung: a pause may be over.
  void resume(Sink& sink);

 private:
  struct Listener {
    std::uint32_t id = 0;
    int fd = -1;
    bool paused = false;
    base::Duration delay{};  // of the last pause; zero after a success
    base::Time resume{};
  };
  static constexpr int kAccepts = 64;  // per listener and wait()

  Listener* find(std::uint32_t id);
  void pause(Listener& listener);
  void set_timer();

  Watcher& watcher_;
  RetryTimer& timer_;
  std::vector<Listener> listeners_;
};

}  // namespace socketio::net
