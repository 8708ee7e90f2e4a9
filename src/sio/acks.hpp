// Acknowledgements we wait for. A waiter is ended exactly once: by the reply, the timeout, the
// disconnection or the shutdown.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <socketio/value.hpp>

#include "base/time.hpp"

namespace socketio::sio {

enum class AckEnd : std::uint8_t { replied, timeout, disconnected, shutting_down };

// Implemented above (callbacks, coroutines); called from the shard's dispatch only, never from
// inside the core.
class AckWaiter {
 public:
  virtual ~AckWaiter() = default;
  // The one end. `args` are valid when end == replied (for one socket); empty for broadcasts.
  virtual void finish(AckEnd end, const Element& args) = 0;
  // Broadcasts: one client's reply (the whole args array), before finish().
  virtual void reply(const Element& args) { static_cast<void>(args); }
};

}  // namespace socketio::sio
