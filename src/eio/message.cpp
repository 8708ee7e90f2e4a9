#include "eio/message.hpp"

#include <cstring>

#include "base/base64.hpp"
#include "base/check.hpp"
#include "ws/deflate.hpp"
#include "ws/frame.hpp"

namespace socketio::eio {

Message Message::text(base::Bytes head, base::Bytes tail, base::Ledger* ledger) {
  Message message;
  if (head.size() > kMaxMessage || tail.size() > kMaxMessage - head.size()) return message;
  const std::size_t size = 1 + head.size() + tail.size();
  const std::size_t header = ws::header_size(size, false);
  auto body = std::make_unique<Body>();
  body->header = static_cast<std::uint8_t>(header);
  body->ledger = ledger;
  body->frame = base::Chunk::allocate(header + size, ledger);
  char* out = body->frame.data();
  out += ws::write_header(out, ws::Opcode::text, size);
  *out++ = '4';
  if (!head.empty()) std::memcpy(out, head.data(), head.size());
  if (!tail.empty()) std::memcpy(out + head.size(), tail.data(), tail.size());
  message.body_ = body.release();
  return message;
}

Message Message::binary(base::Bytes payload, base::Ledger* ledger) {
  Message message;
  if (payload.size() > kMaxMessage) return message;
  auto body = std::make_unique<Body>();
  body->binary = true;
  body->header = static_cast<std::uint8_t>(ws::header_size(payload.size(), false));
  body->ledger = ledger;
  body->frame = ws::make_frame(ws::Opcode::binary, payload, ledger);
  message.body_ = body.release();
  return message;
}

Message::Message(const Message& other) noexcept : body_(other.body_) {
  if (body_ != nullptr) body_->refs.fetch_add(1, std::memory_order_relaxed);
}

Message::~Message() {
  if (body_ != nullptr && body_->refs.fetch_sub(1, std::memory_order_acq_rel) == 1)
    std::default_delete<Body>{}(body_);
}

base::Bytes Message::payload() const {
  const std::size_t skip = body_->header + (body_->binary ? 0U : 1U);
  return {body_->frame.data() + skip, body_->frame.capacity() - skip};
}

base::Bytes Message::record() const {
  Body& body = *body_;
  if (!body.binary) return {body.frame.data() + body.header, body.frame.capacity() - body.header};
  std::call_once(body.record_made, [&] {
    base::Chunk record = base::Chunk::allocate(record_size(), body.ledger);
    record.data()[0] = 'b';
    base::base64_encode(payload(), record.data() + 1);
    body.record = std::move(record);
  });
  return {body.record.data(), body.record.capacity()};
}

const base::Chunk& Message::deflated(ws::DeflatePool& pool) const {
  Body& body = *body_;
  std::call_once(body.deflated_made, [&] {
    const base::Bytes parts[] = {wire_payload()};
    const auto packed = pool.compress(parts, pool.shared_window_bits());
    const ws::Opcode opcode = body.binary ? ws::Opcode::binary : ws::Opcode::text;
    body.deflated = packed ? ws::make_frame(opcode, *packed, body.ledger, true) : body.frame;
  });
  return body.deflated;
}

std::shared_ptr<ws::SharedFrame> Message::deflated_in_pieces() const {
  Body& body = *body_;
  std::call_once(body.deflated_made, [&] { body.shared = std::make_shared<ws::SharedFrame>(); });
  return body.shared;
}

std::size_t Message::record_size() const {
  const std::size_t size = payload().size();
  return 1 + (body_->binary ? base::base64_size(size) : size);
}

}  // namespace socketio::eio
