// WebSocket frames as a load generator needs them: that one came, of which kind, and how it begins.
// It is not the library's machine, for the generator must cost less than the server and should not
// share its mistakes; payloads are neither collected nor checked. What is compressed is not read
// at all: it is a message, whatever it says.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace load {

class FrameReader {
 public:
  static constexpr std::uint8_t kText = 1;
  static constexpr std::uint8_t kBinary = 2;
  static constexpr std::uint8_t kClose = 8;
  static constexpr std::uint8_t kPing = 9;
  // Payloads up to this size come whole, of longer ones the beginning (at least kFront bytes).
  static constexpr std::size_t kWhole = 125;
  static constexpr std::size_t kFront = 4;

  // `compressed`: permessage-deflate was agreed on.
  explicit FrameReader(bool compressed = false) : reserved_(compressed ? 0x30U : 0x70U) {}

  // on_message(opcode, beginning of the payload) for each complete message and control frame. False
  // when what came is no frame of a server.
  template <class OnMessage>
  bool feed(std::string_view bytes, OnMessage&& on_message) {
    if (left_ > 0) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
      bytes.remove_prefix(n);
      left_ -= n;
      if (left_ > 0) return true;
      report(std::string_view(front_.data(), front_.size()), on_message);
    }
    std::string joined;  // `held_` may be needed again for the rest
    if (!held_.empty()) {
      joined.swap(held_);
      joined += bytes;
      bytes = joined;
    }
    while (!bytes.empty()) {
      const Step step = read_header(bytes);
      if (step == Step::bad) return false;
      if (step == Step::more) {
        held_.assign(bytes);
        return true;
      }
      const std::string_view payload = bytes.substr(header_);
      if (payload.size() < length_) {
        std::copy_n(payload.data(), kFront, front_.data());
        left_ = length_ - payload.size();
        return true;
      }
      report(payload.substr(0, static_cast<std::size_t>(length_)), on_message);
      bytes.remove_prefix(header_ + static_cast<std::size_t>(length_));
    }
    return true;
  }

 private:
  enum class Step : std::uint8_t { frame, more, bad };

  // more: neither a whole frame nor enough of a long one.
  Step read_header(std::string_view bytes) {
    if (bytes.size() < 2) return Step::more;
    const auto first = static_cast<std::uint8_t>(bytes[0]);
    const auto second = static_cast<std::uint8_t>(bytes[1]);
    if ((first & reserved_) != 0 || (second & 0x80U) != 0) return Step::bad;
    const std::size_t extra = second == 127 ? 8 : second == 126 ? 2 : 0;
    header_ = 2 + extra;
    if (bytes.size() < header_) return Step::more;
    length_ = extra == 0 ? second : 0;
    for (std::size_t i = 0; i < extra; ++i)
      length_ = (length_ << 8U) | static_cast<std::uint8_t>(bytes[2 + i]);
    const std::size_t there = bytes.size() - header_;
    if (there < length_ && (length_ <= kWhole || there < kFront)) return Step::more;
    first_ = first;
    return Step::frame;
  }

  template <class OnMessage>
  void report(std::string_view front, OnMessage& on_message) {
    const bool last = (first_ & 0x80U) != 0;
    const auto opcode = static_cast<std::uint8_t>(first_ & 0x0FU);
    if (opcode >= kClose) return on_message(opcode, front);
    if ((first_ & 0x40U) != 0) return on_message(kBinary, front);
    // A message in fragments counts with its last one; its beginning was in the first.
    if (opcode != 0) {
      kind_ = opcode;
      if (!last) begins_.assign(front.substr(0, kFront));
    }
    if (!last) return;
    if (opcode != 0) return on_message(kind_, front);
    on_message(kind_, std::string_view(begins_));
  }

  std::uint32_t reserved_;    // bits of the first byte
  std::uint64_t left_ = 0;    // of the payload of the current frame
  std::uint64_t length_ = 0;  // of the current frame
  std::size_t header_ = 0;
  std::string held_;    // less than a frame
  std::string begins_;  // of a message in fragments
  std::array<char, kFront> front_{};
  std::uint8_t first_ = 0;
  std::uint8_t kind_ = 0;
};

}  // namespace load
