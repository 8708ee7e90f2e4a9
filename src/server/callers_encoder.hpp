// The encoder for what a call sends: on a shard's thread the shard's, elsewhere one of the caller's
// thread, or, for another parser than the default, one of its own.
#pragma once

#include <optional>

#include "server/shard.hpp"

namespace socketio::server {

class CallersEncoder {
 public:
  CallersEncoder(const detail::Hub& hub, Shard* here) {
    if (here != nullptr) {
      encoder_ = &here->dispatcher().encoder();
    } else if (hub.settings.sio.parser.kind() != Parser::Kind::json) {
      encoder_ = &other_.emplace(hub.settings.sio.parser);
    } else {
      // Not on a shard's thread, which memory that runs out must not end: the C library ends the
      // process when it cannot note the destructor.
      thread_local sio::Encoder of_thread;
      encoder_ = &of_thread;
    }
  }
  sio::Encoder& operator*() { return *encoder_; }
  sio::Encoder* operator->() { return encoder_; }

 private:
  std::optional<sio::Encoder> other_;
  sio::Encoder* encoder_ = nullptr;
};

}  // namespace socketio::server
