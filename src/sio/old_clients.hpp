// Where Socket.IO 2 (protocol 4 of its parser) differs from 5: a CONNECT has a query in its
// namespace instead of a payload, and a refusal is a bare value.
#pragma once

#include <memory>
#include <string>

#include "value/json_write.hpp"

namespace socketio::sio {

// "/chat?token=1": the namespace, and the query, which takes the place of the auth payload.
struct ConnectV3 {
  base::Bytes nsp{};
  base::Bytes query{};
  // An object of strings, as JSON; empty without a query. Of a repeated key the last value counts.
  std::string auth() const;
};
ConnectV3 split_connect_v3(base::Bytes nsp);

// What the client computes, too.
std::string public_id_v3(base::Bytes sid, base::Bytes nsp);

// `data` (JSON text) unless JavaScript takes it for nothing, else the message.
void write_error_v3(Writer& writer, base::Bytes message, base::Bytes data);

}  // namespace socketio::sio
