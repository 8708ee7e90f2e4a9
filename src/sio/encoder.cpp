#include "sio/encoder.hpp"

#include <charconv>

namespace socketio::sio {

namespace {

// A longer packet's buffer is given back when the next one begins.
constexpr std::size_t kKept = std::size_t{64} * 1024;

void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

}  // namespace

base::Bytes SharedPacket::body() const {
  const base::Bytes whole = text.payload();
  Header header;
  parse_header(whole, ~std::uint32_t{0}, header);
  return whole.substr(header.size);
}

Writer& Encoder::begin_event(base::Bytes name) {
  Writer& writer = begin_ack();
  writer.string(name);
  return writer;
}

Writer& Encoder::begin_ack() {
  Writer& writer = begin_value();
  writer.begin_array();
  array_ = true;
  return writer;
}

Writer& Encoder::begin_value() {
  body_.clear();
  if (body_.capacity() > kKept) std::string().swap(body_);  // assigning would keep the buffer
  attachments_.clear();
  array_ = false;
  return writer_.emplace(body_, attachments_);
}

Encoded Encoder::finish(PacketType type, base::Bytes nsp, std::optional<std::uint64_t> id,
                        std::uint32_t max_attachments) {
  if (array_) writer_->end_array();
  array_ = false;
  if (attachments_.size() > max_attachments) return {};
  const bool binary = !attachments_.empty();
  if (binary && type == PacketType::event) type = PacketType::binary_event;
  if (binary && type == PacketType::ack) type = PacketType::binary_ack;
  head_.assign(1, static_cast<char>('0' + static_cast<int>(type)));
  if (binary) {
    append_number(head_, attachments_.size());
    head_ += '-';
  }
  if (nsp != "/") {
    head_ += nsp;
    head_ += ',';
  }
  if (id) append_number(head_, *id);
  return {head_, body_, attachments_};
}

SharedPacket Encoder::share(const Encoded& encoded, base::Ledger* ledger) {
  SharedPacket packet;
  if (encoded.head.empty()) return packet;
  packet.text = eio::Message::text(encoded.head, encoded.body, ledger);
  packet.attachments.reserve(encoded.attachments.size());
  for (const base::Bytes bytes : encoded.attachments)
    packet.attachments.push_back(eio::Message::binary(bytes, ledger));
  return packet;
}

}  // namespace socketio::sio
