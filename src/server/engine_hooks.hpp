// What the user has registered with Server::engine(), and the ids that he has made himself. Shared
// by the shards, as part of the hub.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <socketio/engine.hpp>

namespace socketio {

struct EngineRequest::Answer {
  std::mutex mutex;
  bool over = false;
  AnswerHeaders headers;
};

}  // namespace socketio

namespace socketio::server {

// visit(hook) for each that there is: one of them may register more, which hear of the next. Those
// of a deque stay where they are then; its iterators do not.
template <class List, class Visit>
void each_hook(const List& hooks, Visit visit) {
  for (std::size_t i = 0, count = hooks.size(); i < count; ++i) visit(hooks[i]);
}

// Set before the loops run. Deques: a coroutine may still be inside an element when more are added.
struct EngineHooks {
  std::deque<EngineMiddleware> middlewares;
  std::deque<Engine::HeadersHook> initial_headers;
  std::deque<Engine::HeadersHook> headers;
  std::deque<std::function<void(const ConnectionError&)>> connection_error;
  std::deque<std::function<void(EngineSocket)>> connection;
  // Requests have to be asked about, or their answers get headers: everything else about them
  // costs nothing unless somebody wants it.
  bool gated = false;
};

// Which shard has the session of an id that was not made by us, which therefore does not tell.
// Thread-safe.
class IdDirectory {
 public:
  struct Place {
    std::size_t shard = 0;
    std::uint64_t session = 0;
  };
  // False when it is in use.
  bool add(std::string_view id, Place place) {
    const std::lock_guard lock(mutex_);
    return places_.emplace(id, place).second;
  }
  // Moves one that is there.
  void place(std::string_view id, Place place) {
    const std::lock_guard lock(mutex_);
    if (const auto it = places_.find(id); it != places_.end()) it->second = place;
  }
  std::optional<Place> find(std::string_view id) const {
    const std::lock_guard lock(mutex_);
    const auto it = places_.find(id);
    return it == places_.end() ? std::nullopt : std::optional(it->second);
  }
  void remove(std::string_view id) {
    const std::lock_guard lock(mutex_);
    if (const auto it = places_.find(id); it != places_.end()) places_.erase(it);
  }
  // Of a shard whose session has not come about: what is placed stays.
  void give_up(std::string_view id, std::size_t shard) {
    const std::lock_guard lock(mutex_);
    const auto it = places_.find(id);
    if (it != places_.end() && it->second.shard == shard && it->second.session == 0)
      places_.erase(it);
  }
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return places_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Place, std::less<>> places_;
};

}  // namespace socketio::server
