// The end of a server, step by step: each is done on the shards' threads, and the last shard to do
// it begins the next. Nothing here allocates, because a step that is lost would never end.
//
// First the connections of all shards, then the shards: as long as there are connections, one shard
// may have asked for what another answers. The last handlers of all are run by the closing itself:
// what they ask is heard out. The first shard, whose thread run() has borrowed, is the last to end.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace socketio::detail {
struct Hub;
}

namespace socketio::server {

class Shard;

// Outlives the shards.
class Closing {
 public:
  explicit Closing(detail::Hub& hub) : hub_(hub) {}
  // Any thread, once.
  void begin() { ask(Step::close, 0); }
  // What is to be done now, on the shard's thread: Hub::post_step().
  void step(Shard& shard);

 private:
  enum class Step : std::uint8_t { close, hear_out, end, end_first };
  void ask(Step step, std::size_t from);
  void done();
  void next();
  void close_adapters();

  detail::Hub& hub_;
  // Changed only while no shard has anything to do.
  Step step_ = Step::close;
  int rounds_ = 0;
  std::atomic<std::size_t> left_{0};  // shards that have not done it yet
};

}  // namespace socketio::server
