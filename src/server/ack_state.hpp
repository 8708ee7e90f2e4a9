// One acknowledgement that may be sent, now or later: what the copies of an Ack share.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include <socketio/value.hpp>

#include "server/hub.hpp"

namespace socketio::detail {

struct AckState : AckHolder::Shared {
  std::shared_ptr<Hub> hub;
  std::uint32_t shard = 0;
  std::uint64_t socket = 0;
  std::uint64_t id = 0;
  std::function<void(const Args&)> answer{};  // of an event from another server: instead of those
  std::atomic<bool> open{true};
};

inline AckState& AckHolder::state() const {
  return static_cast<AckState&>(*shared_);
}

}  // namespace socketio::detail
