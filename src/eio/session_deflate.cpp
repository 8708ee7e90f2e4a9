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
  if (deflate.compressing() || deflate.is_long(size)) {
    deflate.put_off(ws::make_frame(opcode, parts, &shared_.ledger), shared_.ledger);
    return true;
  }
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
  if (!deflate.worth_it(payload.size())) return websocket_->tail().push(message.frame());
  const bool shares = deflate.takes_shared();
  if (deflate.is_long(payload.size()) || (deflate.compressing() && !shares)) {
    return deflate.put_off(message.frame(), shared_.ledger,
                           shares ? message.deflated_in_pieces() : nullptr);
  }
  if (shares) return websocket_->tail().push(message.deflated(deflate.pool()));
  const ws::Opcode opcode = message.is_binary() ? ws::Opcode::binary : ws::Opcode::text;
  if (!push_deflated(opcode, {&payload, 1})) websocket_->tail().push(message.frame());
}

}  // namespace socketio::eio
