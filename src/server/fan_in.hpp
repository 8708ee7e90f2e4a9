// Answers of several shards, put together on the shard that asked, so that callbacks and coroutines
// go on where they were. Asked from a thread that is no shard, the last answer's thread is used.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include <socketio/broadcast.hpp>

#include "server/hub.hpp"

namespace socketio::server {

class Home {
 public:
  explicit Home(std::shared_ptr<detail::Hub> hub);
  // At once where we are at home (or have none); else posted. False when home is gone.
  bool run(std::function<void()> job) const;
  bool here() const;

 private:
  std::shared_ptr<detail::Hub> hub_;
  std::size_t shard_;  // kMaxShards: none
};

// One public receiver for acknowledgements that end on other shards. Each part is finished once;
// the receiver is with the last, by the first error there was.
std::vector<std::unique_ptr<detail::AckReceiver>> fan_in(
    std::shared_ptr<detail::Hub> hub, std::size_t parts,
    std::unique_ptr<detail::AckReceiver> receiver);

// Lists of several shards, joined.
template <class T>
class Gather {
 public:
  Gather(std::shared_ptr<detail::Hub> hub, std::size_t parts,
         std::function<void(std::vector<T>)> done)
      : home_(std::move(hub)), waiting_(parts), done_(std::move(done)) {}

  void add(std::vector<T> part) {
    {
      const std::lock_guard lock(mutex_);
      for (T& item : part) all_.push_back(std::move(item));
      if (--waiting_ > 0) return;
    }
    auto all = std::make_shared<std::vector<T>>(std::move(all_));
    home_.run([done = std::move(done_), all] { done(std::move(*all)); });
  }

 private:
  Home home_;
  std::mutex mutex_;
  std::size_t waiting_;
  std::vector<T> all_;
  std::function<void(std::vector<T>)> done_;
};

}  // namespace socketio::server
