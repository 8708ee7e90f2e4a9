// What a client came with, packed as its session keeps it, to be read when somebody asks, on any
// thread and after the client has gone. As a Handshake it is many times as long, and lists of
// sockets (fetch_sockets) hold one for each.
#pragma once

#include <memory>
#include <optional>

#include <socketio/socket.hpp>

#include "http/stored_head.hpp"
#include "sio/core.hpp"

namespace socketio::server {

struct SessionRecord;

class KeptHandshake {
 public:
  // record: of the client; null when it has gone.
  KeptHandshake(std::shared_ptr<const detail::Hub> hub, const sio::Socket& socket,
                const SessionRecord* record);
  Handshake read() const;

 private:
  std::shared_ptr<const detail::Hub> hub_;  // has the ledger that `auth_` is counted in
  sio::AuthPtr auth_;
  http::StoredHead head_;
  std::optional<ClientCertificate> certificate_;
  std::int64_t issued_ms_ = 0;
  bool secure_ = false;
};

}  // namespace socketio::server
