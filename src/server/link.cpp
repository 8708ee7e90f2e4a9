#include "server/link.hpp"

#include "server/shard.hpp"

namespace socketio::detail {

server::Shard* ShardLink::here() const {
  server::Shard* shard = shard_.load(std::memory_order_acquire);
  return shard != nullptr && shard->loop().on_loop_thread() ? shard : nullptr;
}

server::Shard* ShardLink::command() const {
  server::Shard* shard = here();
  if (shard != nullptr) shard->loop().nudge();
  return shard;
}

bool ShardLink::post(std::function<void(server::Shard&)> job, bool is_volatile) const {
  const std::lock_guard lock(mutex_);
  server::Shard* shard = shard_.load(std::memory_order_relaxed);
  if (shard == nullptr) return false;
  // Guarded, because callbacks of the user may be in it; a posted job is a dispatch of its own.
  return shard->loop().mailbox().post(
      [shard, job = std::move(job)] { shard->dispatcher().guarded("post", [&] { job(*shard); }); },
      is_volatile);
}

bool ShardLink::run_or_post(std::function<void(server::Shard&)> job) const {
  if (server::Shard* shard = command(); shard != nullptr) {
    job(*shard);
    return true;
  }
  return post(std::move(job));
}

void ShardLink::close() {
  const std::lock_guard lock(mutex_);
  shard_.store(nullptr, std::memory_order_release);
}

}  // namespace socketio::detail
