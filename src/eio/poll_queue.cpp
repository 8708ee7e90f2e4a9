#include "eio/poll_queue.hpp"

#include <algorithm>
#include <cstring>

#include "base/base64.hpp"
#include "eio/payload.hpp"
#include "ws/frame.hpp"

namespace socketio::eio {

// The frames are our own: unmasked, whole, one per chunk (RFC 6455 §5.2).
bool PollQueue::is_binary(const base::Chunk& frame) {
  return (frame.data()[0] & 0x0F) == static_cast<char>(ws::Opcode::binary);
}

base::Bytes PollQueue::payload(const base::Chunk& frame) {
  const auto length = static_cast<std::uint8_t>(frame.data()[1]);
  const std::size_t header = length < 126 ? 2 : length == 126 ? 4 : 10;
  return {frame.data() + header, frame.capacity() - header};
}

std::size_t PollQueue::record_size(const base::Chunk& frame) {
  const std::size_t size = payload(frame).size();
  return is_binary(frame) ? 1 + base::base64_size(size) : size;
}

void PollQueue::push_text(PacketType type, base::Bytes head, base::Bytes tail, bool compress) {
  const std::size_t size = 1 + head.size() + tail.size();
  base::Chunk frame = base::Chunk::allocate(ws::header_size(size, false) + size, ledger_);
  char* out = frame.data();
  out += ws::write_header(out, ws::Opcode::text, size);
  *out++ = static_cast<char>('0' + static_cast<int>(type));
  if (!head.empty()) std::memcpy(out, head.data(), head.size());
  if (!tail.empty()) std::memcpy(out + head.size(), tail.data(), tail.size());
  push(Entry{std::move(frame), compress});
}

void PollQueue::push_binary(base::Bytes payload, bool compress) {
  push(Entry{ws::make_frame(ws::Opcode::binary, payload, ledger_), compress});
}

void PollQueue::push(const Message& message, bool compress) {
  push(Entry{message.frame(), compress, message.is_binary() ? message : Message{}});
}

void PollQueue::push(Entry entry) {
  // A client that polls slowly: drop what was taken before the vector would grow, so that every
  // entry moves at most once per entry taken.
  if (head_ > 0 && entries_.size() == entries_.capacity() && head_ * 2 >= entries_.size()) {
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  const std::size_t bytes = entry.frame.capacity();
  entries_.push_back(std::move(entry));
  bytes_ += bytes;
  charge(bookkeeping());
}

void PollQueue::charge(std::size_t bookkeeping) {
  if (ledger_ == nullptr) return;
  // One step in the usual case, where it grows.
  if (bookkeeping > charged_) {
    ledger_->charge_output(bookkeeping - charged_);
  } else {
    ledger_->credit_output(charged_ - bookkeeping);
  }
  charged_ = bookkeeping;
}

void PollQueue::append(std::string& body, const Entry& entry) const {
  if (entry.shared) {
    body += entry.shared.record();
    return;
  }
  const base::Bytes data = payload(entry.frame);
  if (!is_binary(entry.frame)) {
    body += data;
    return;
  }
  body += 'b';
  const std::size_t at = body.size();
  body.resize(at + base::base64_size(data.size()));
  base::base64_encode(data, body.data() + at);
}

std::size_t PollQueue::payload_bytes(std::size_t max) const {
  return empty() ? 0 : std::max(record_size(entries_[head_].frame), std::min(bytes_, max));
}

bool PollQueue::take(std::string& body, std::size_t max) {
  std::size_t size = 0;
  std::size_t end = head_;
  for (; end < entries_.size(); ++end) {
    const std::size_t more = record_size(entries_[end].frame) + (end == head_ ? 0U : 1U);
    if (end > head_ && (size > max || more > max - size)) break;
    size += more;
  }
  bool compress = false;
  body.reserve(body.size() + size);
  for (std::size_t i = head_; i < end; ++i) {
    if (i > head_) body += kSeparator;
    append(body, entries_[i]);
    bytes_ -= entries_[i].frame.capacity();
    compress = compress || entries_[i].compress;
    entries_[i] = Entry{};
  }
  head_ = end;
  charge(bookkeeping());
  return compress;
}

void PollQueue::move_to(base::OutQueue& out) {
  for (std::size_t i = head_; i < entries_.size(); ++i) {
    const auto length = static_cast<std::uint32_t>(entries_[i].frame.capacity());
    out.push(entries_[i].frame, 0, length);
  }
  clear();
}

void PollQueue::clear() {
  entries_.clear();
  head_ = 0;
  bytes_ = 0;
  charge(bookkeeping());
}

}  // namespace socketio::eio
