#include "server/turning.hpp"

#include <socketio/task.hpp>

namespace socketio {
namespace server {
namespace {

// Loops that only this thread turns.
const std::shared_ptr<std::atomic<int>>& loops_on_this_thread() {
  thread_local const auto count = std::make_shared<std::atomic<int>>(0);
  return count;
}

}  // namespace

Turning::Turning() : count_(loops_on_this_thread()) {
  ++*count_;
}

bool Turning::here() const {
  return count_ == loops_on_this_thread();
}

}  // namespace server

bool detail::may_block() noexcept {
  return *server::loops_on_this_thread() == 0;
}

}  // namespace socketio
