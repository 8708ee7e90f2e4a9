#include "ws/long_messages.hpp"

#include <algorithm>

#include "ws/deflate.hpp"
#include "ws/frame.hpp"

namespace socketio::ws {
namespace {

using base::Bytes;

Bytes payload_of(const base::Chunk& frame) {
  const auto length = static_cast<std::uint8_t>(frame.data()[1]);
  const std::size_t head = length < 126 ? 2 : length == 126 ? 4 : 10;
  return {frame.data() + head, frame.capacity() - head};
}

Opcode opcode_of(const base::Chunk& frame) {
  return static_cast<Opcode>(frame.data()[0] & 0x0F);
}

}  // namespace

LongMessages::~LongMessages() {
  if (!begun_) return;
  charge(0);
  if (const auto& shared = messages_.front().shared; shared != nullptr) pool_.let_go(*shared);
}

void LongMessages::push(base::Chunk frame, std::shared_ptr<SharedFrame> shared) {
  const std::size_t before = bytes();
  const std::size_t size = frame.capacity();
  messages_.push_back({std::move(frame), std::move(shared), {}});
  bytes_ = before + size;
}

std::size_t LongMessages::go_on(base::OutQueue& out) {
  const std::size_t piece = pool_.options().sent_piece;
  std::size_t left = piece;
  while (!messages_.empty()) {
    Message& first = messages_.front();
    const std::size_t size = first.frame.capacity();
    const base::Chunk frame = compress(first, left);
    if (!frame) break;
    out.push(frame);
    bytes_ -= size + (messages_.size() > 1 ? first.behind.bytes() : 0);
    out.take(first.behind);
    messages_.pop_front();
  }
  return piece - left;
}

base::Chunk LongMessages::compress(Message& message, std::size_t& left) {
  if (message.shared != nullptr) {
    if (const base::Chunk* made = message.shared->made()) {
      if (begun_) end(message);
      return *made;
    }
  }
  if (left == 0 || (!begun_ && !begin(message))) return {};
  const Bytes payload = payload_of(message.frame);
  Deflater& stream = own_ != nullptr ? *own_ : *lent_;
  const std::size_t n = std::min(left, payload.size() - at_);
  const bool last = at_ + n == payload.size();
  if (payload.empty()) {
    stream.compress({&payload, 1}, packed_);
  } else {
    stream.add(payload.substr(at_, n), last, packed_);
  }
  charge(packed_.capacity() + (lent_ ? deflater_bytes(lent_bits_, pool_.options().mem_level) : 0));
  at_ += n;
  left -= n;
  if (!last) return {};
  // What refers to earlier messages is sent even when it is no shorter: later ones refer to it.
  const bool worth_it = own_ != nullptr || packed_.size() < payload.size();
  base::Chunk frame = worth_it
                          ? make_frame(opcode_of(message.frame), packed_.view(), &ledger_, true)
                          : message.frame;
  if (message.shared != nullptr) frame = message.shared->publish(std::move(frame));
  end(message);
  return frame;
}

// False: somebody else of the pool is at it.
bool LongMessages::begin(const Message& message) {
  if (message.shared != nullptr && !pool_.claim(*message.shared)) return false;
  begun_ = true;
  if (own_ != nullptr) return true;
  lent_bits_ = message.shared != nullptr ? pool_.shared_window_bits() : window_bits_;
  lent_ = pool_.lend_deflater(lent_bits_);
  return true;
}

void LongMessages::end(const Message& message) {
  if (message.shared != nullptr) pool_.let_go(*message.shared);
  if (lent_ != nullptr) pool_.take_back(lent_bits_, std::move(lent_));
  packed_.clear(0);
  charge(0);
  at_ = 0;
  begun_ = false;
}

void LongMessages::charge(std::size_t bytes) {
  ledger_.charge_output(bytes);
  ledger_.credit_output(std::exchange(charged_, bytes));
}

}  // namespace socketio::ws
