// What user handles (Socket, Namespace, Ack) hold instead of the shard: it outlives the server,
// knows whether the caller is on the shard's thread, and carries jobs there. No handle can dangle.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>

namespace socketio::server {
class Shard;
}

namespace socketio::detail {

struct ShardLink {
  // The shard when called on its thread (or before any thread runs it); null elsewhere and after
  // the server's end.
  server::Shard* here() const;
  // The same for calls that may leave something to send: outside a turn they wake somebody else's
  // loop.
  server::Shard* command() const;
  // Queues a job for the shard's thread. False when the server is gone or its mailbox is full.
  bool post(std::function<void(server::Shard&)> job, bool is_volatile = false) const;
  // here() runs it now, otherwise it is posted; false when it can do neither.
  bool run_or_post(std::function<void(server::Shard&)> job) const;
  void close();

  explicit ShardLink(server::Shard& shard) : shard_(&shard) {}

 private:
  mutable std::mutex mutex_;  // held while posting, so that close() waits for posters
  std::atomic<server::Shard*> shard_;
};

}  // namespace socketio::detail
