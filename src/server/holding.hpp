// Input of a client that is with user code until that has answered (middlewares of its events,
// whoever decides about its namespace): counted as input, and as this client's for as long as it is
// there. User code may take longer, and let go on any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <socketio/value.hpp>

namespace socketio::detail {
struct Hub;
}

namespace socketio::server {

class Dispatcher;

// With all that it owns.
std::size_t memory_of(const Value& value);

class Holding {
 public:
  // On the shard's thread. as_handler: it also counts as a handler that runs, which the caller has
  // said.
  Holding(Dispatcher& dispatcher, std::uint64_t session, std::size_t bytes,
          bool as_handler = false);
  ~Holding();
  Holding(const Holding&) = delete;
  Holding& operator=(const Holding&) = delete;

  const std::shared_ptr<detail::Hub>& hub() const { return hub_; }
  std::size_t shard() const { return shard_; }

 private:
  std::shared_ptr<detail::Hub> hub_;
  std::size_t shard_;
  std::uint64_t session_;
  std::size_t bytes_;
  bool as_handler_;
};

}  // namespace socketio::server
