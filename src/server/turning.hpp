// Which threads turn a loop: they must not block for what only that loop can bring.
#pragma once

#include <atomic>
#include <memory>

namespace socketio::server {

// While it lives, the thread it was made on turns a loop, and detail::may_block() is false there.
class Turning {
 public:
  Turning();
  ~Turning() { --*count_; }
  Turning(const Turning&) = delete;
  Turning& operator=(const Turning&) = delete;
  bool here() const;

 private:
  std::shared_ptr<std::atomic<int>>
      count_;  // the loop may end on another thread, or after this one
};

}  // namespace socketio::server
