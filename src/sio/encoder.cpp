#include "sio/encoder.hpp"

#include <charconv>
#include <utility>

namespace socketio::sio {

namespace {

// A longer packet's buffer is given back when the next one begins. Texts of 64 KiB fit.
constexpr std::size_t kKept = std::size_t{128} * 1024;

constexpr std::size_t kMaxDigits = 20;

char* write_number(char* to, std::uint64_t number) {
  return std::to_chars(to, to + kMaxDigits, number).ptr;
}

SharedPacket share_messages(std::span<const MessageBytes> messages, base::Ledger* ledger) {
  const auto shared = [ledger](const MessageBytes& message) {
    return message.binary ? eio::Message::binary(message.bytes, ledger)
                          : eio::Message::text(message.bytes, {}, ledger);
  };
  SharedPacket packet;
  packet.text = shared(messages.front());
  for (const MessageBytes& message : messages.subspan(1)) {
    packet.attachments.push_back(shared(message));
    if (!packet.attachments.back()) return {};
  }
  return packet;
}

}  // namespace

base::Bytes SharedPacket::body() const {
  const base::Bytes whole = text.payload();
  Header header;
  parse_header(whole, ~std::uint32_t{0}, header);
  return whole.substr(header.size);
}

Writer& Encoder::begin_event(base::Bytes name) {
  if (other_ != nullptr) [[unlikely]] {
    Writer& writer = other_->begin(true);
    writer.string(name);
    return writer;
  }
  body_.clear(kKept);
  forget_attachments();
  array_ = true;
  writer_.begin_event(name);
  return writer_;
}

Writer& Encoder::begin_ack() {
  if (other_ != nullptr) [[unlikely]]
    return other_->begin(true);
  start_array();
  return writer_;
}

Writer& Encoder::begin_value() {
  if (other_ != nullptr) [[unlikely]]
    return other_->begin(false);
  start();
  return writer_;
}

void Encoder::write_part(Writer& to, const Value& value) const {
  other_ == nullptr ? to.raw(value.to_json()) : value.write(to);
}

void Encoder::release() {
  head_.clear(0);
  body_.clear(0);
  attachments_ = {};
  writer_.release_given();
  writer_.restart();
}

void Encoder::forget_all_attachments() {
  attachments_.clear();
  writer_.release_given();
}

void Encoder::start() {
  body_.clear(kKept);
  forget_attachments();
  array_ = false;
  writer_.restart();
}

void Encoder::start_array() {
  start();
  writer_.begin_array();
  array_ = true;
}

Encoded Encoder::finish_long(PacketType type, base::Bytes nsp, std::optional<std::uint64_t> id,
                             std::uint32_t max_attachments) {
  if (other_ != nullptr) return {{}, {}, {}, other_->finish(type, nsp, id)};
  if (std::exchange(array_, false)) writer_.end_array();
  if (attachments_.size() > max_attachments) return {};
  const bool binary = !attachments_.empty();
  if (binary && type == PacketType::event) type = PacketType::binary_event;
  if (binary && type == PacketType::ack) type = PacketType::binary_ack;
  head_.clear(kKept);
  char* at = head_.room(1 + kMaxDigits + 1 + nsp.size() + 1 + kMaxDigits);
  *at++ = static_cast<char>('0' + static_cast<int>(type));
  if (binary) {
    at = write_number(at, attachments_.size());
    *at++ = '-';
  }
  if (nsp.size() != 1 || nsp.front() != '/') {
    at += nsp.copy(at, nsp.size());
    *at++ = ',';
  }
  if (id) at = write_number(at, *id);
  head_.to(at);
  return {head_.view(), body_.view(), attachments_, {}, &body_};
}

SharedPacket Encoder::share(const Encoded& encoded, base::Ledger* ledger) {
  SharedPacket packet;
  if (!encoded.messages.empty()) return share_messages(encoded.messages, ledger);
  if (encoded.head.empty()) return packet;
  packet.text = eio::Message::text(encoded.head, encoded.body, ledger);
  packet.attachments.reserve(encoded.attachments.size());
  for (const base::Bytes bytes : encoded.attachments)
    packet.attachments.push_back(eio::Message::binary(bytes, ledger));
  return packet;
}

}  // namespace socketio::sio
