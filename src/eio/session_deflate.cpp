// What a session sends on a WebSocket that has negotiated permessage-deflate.
#include <cstring>

#include "eio/session.hpp"

namespace socketio::eio {

// False: it is not worth it, and nothing is done.
bool Session::push_deflated(ws::Opcode opcode, std::span<const base::Bytes> parts) {
  std::size_t size = 0;
  for (const base::Bytes part : parts) size += part.size();
  ws::Deflate& deflate = *websocket_->deflate;
  if (!deflate.worth_it(size)) return false;
  const std::optional<base::Bytes> packed = deflate.compress(parts);
  if (!packed) return false;
  const std::size_t frame = ws::header_size(packed->size(), false) + packed->size();
  char* to = shared_.arena.reserve(frame);
  to += ws::write_header(to, opcode, packed->size(), true, true);
  std::memcpy(to, packed->data(), packed->size());
  websocket_->out.push_written(shared_.arena, frame);
  return true;
}

bool Session::push_text_deflated(base::Bytes head, base::Bytes tail) {
  const base::Bytes parts[] = {"4", head, tail};
  return push_deflated(ws::Opcode::text, parts);
}

// One frame for all who have no context; whoever has one needs its own.
void Session::push_deflated(const Message& message) {
  ws::Deflate& deflate = *websocket_->deflate;
  const base::Bytes payload = message.wire_payload();
  if (!deflate.worth_it(payload.size())) return websocket_->out.push(message.frame());
  if (deflate.takes_shared()) return websocket_->out.push(message.deflated(deflate.pool()));
  const ws::Opcode opcode = message.is_binary() ? ws::Opcode::binary : ws::Opcode::text;
  if (!push_deflated(opcode, {&payload, 1})) websocket_->out.push(message.frame());
}

}  // namespace socketio::eio
