// One payload on its way to any number of clients, over any transport: refcounted, immutable, with
// its wire forms made once. A server's WebSocket frame is unmasked, so the frame bytes are the
// message:
//
//   text    [ws header]['4'][payload]      polling record = everything behind the header
//   binary  [ws header][payload]           polling record = 'b' + base64, made on first use
//   both    [ws header][compressed]        for those with permessage-deflate and no context, as
//                                          soon as the first of them gets it
//
// Thread-safe: handles may be copied and used on any shard.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include "base/chunk.hpp"

namespace socketio::ws {
class DeflatePool;
class SharedFrame;
}  // namespace socketio::ws

namespace socketio::eio {

// The largest payload there can be: its frame and its base64 form are still one chunk.
inline constexpr std::size_t kMaxMessage = std::size_t{1} << 30;

// A text as long as this has memory of its own on its way out, be it that which it was written in:
// if there is so much room in front of it, for the frame's header, the '4' and the packet's head.
inline constexpr std::size_t kLongText = base::Arena::kChunkSize / 2;
inline constexpr std::uint32_t kFrameFront = 64;

class Message {
 public:
  Message() = default;
  // The payload of a text message is head + tail (without the '4'). Null when it is larger than
  // kMaxMessage.
  static Message text(base::Bytes head, base::Bytes tail, base::Ledger* ledger);
  static Message binary(base::Bytes payload, base::Ledger* ledger);

  Message(const Message& other) noexcept;
  Message(Message&& other) noexcept : body_(std::exchange(other.body_, nullptr)) {}
  Message& operator=(Message other) noexcept {
    std::swap(body_, other.body_);
    return *this;
  }
  ~Message();

  explicit operator bool() const { return body_ != nullptr; }
  bool is_binary() const { return body_->binary; }
  base::Bytes payload() const;
  const base::Chunk& frame() const { return body_->frame; }  // one whole WebSocket frame
  // The frame compressed without context (for DeflatePool::shared_window_bits()), or frame() when
  // that is no shorter. Valid while the message lives.
  const base::Chunk& deflated(ws::DeflatePool& pool) const;
  // The same for a long message: whoever gets it first compresses it in pieces.
  std::shared_ptr<ws::SharedFrame> deflated_in_pieces() const;
  base::Bytes wire_payload() const { return {body_->frame.data() + body_->header, wire_size()}; }
  // Of the frame's payload: a text message's with the '4'.
  std::size_t wire_size() const { return body_->frame.capacity() - body_->header; }
  base::Bytes record() const;  // its record in a polling payload; valid while the message lives
  std::size_t record_size() const;  // without making it

 private:
  struct Body {
    std::atomic<std::uint32_t> refs{1};
    bool binary = false;
    std::uint8_t header = 0;  // size of the frame's header
    std::once_flag record_made;
    std::once_flag deflated_made;
    base::Chunk frame;
    base::Chunk record;    // binary only, made on first use
    base::Chunk deflated;  // made on first use; or, of a long one:
    std::shared_ptr<ws::SharedFrame> shared;
    base::Ledger* ledger = nullptr;
  };
  Body* body_ = nullptr;
};

}  // namespace socketio::eio
