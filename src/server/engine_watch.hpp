// Who listens to one Engine.IO session, and who waits for what it sends. Kept beside the sessions:
// nearly none has any.
#pragma once

#include <deque>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include <socketio/engine_socket.hpp>

namespace socketio::server {

// Lists are walked by index: a listener may add one.
struct EngineWatch {
  template <class... Args>
  using List = std::deque<std::function<void(Args...)>>;
  List<const EnginePacket&> packet;
  List<const EnginePacket&> created;
  List<std::size_t> flush;
  List<> drain;
  List<> upgrading;
  List<> upgrade;
  List<std::string_view, std::string_view> close;
  // By the count of packets that have to have left.
  std::deque<std::pair<std::uint64_t, std::function<void()>>> sent;
};

}  // namespace socketio::server
