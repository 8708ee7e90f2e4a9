// Instead of Socket.IO: somebody who wants bare Engine.IO messages. Only tests/conformance does, so
// that suites for Engine.IO can be run against the server; the library itself has none. Calls come
// one at a time with no machine on the stack.
#pragma once

#include "eio/session.hpp"

namespace socketio::server {

class EngineApplication {
 public:
  virtual void opened(eio::Session& session) = 0;
  virtual void message(eio::Session& session, base::MutBytes payload, bool binary) = 0;
  virtual void closed(eio::Session& session, eio::CloseReason reason, base::Bytes detail) = 0;

 protected:
  ~EngineApplication() = default;
};

}  // namespace socketio::server
