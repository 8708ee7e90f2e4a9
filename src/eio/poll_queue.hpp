// Messages waiting for a poll. They wait as whole WebSocket frames, so that an upgrade hands them
// to the WebSocket without copying; a text record is what lies behind the frame's header anyway,
// and the base64 of a binary one is made when it is taken.
#pragma once

#include <string>
#include <vector>

#include "base/out_queue.hpp"
#include "eio/message.hpp"
#include "eio/payload_v3.hpp"

namespace socketio::eio {

class PollQueue {
 public:
  // Output is charged to `ledger` (may be null), with what the queue costs beside its frames.
  explicit PollQueue(base::Ledger* ledger = nullptr) : ledger_(ledger) {}
  ~PollQueue() { charge(0); }
  PollQueue(const PollQueue&) = delete;
  PollQueue& operator=(const PollQueue&) = delete;
  bool empty() const { return head_ == entries_.size(); }
  std::size_t size() const { return entries_.size() - head_; }
  // Of the frames waiting.
  std::size_t bytes() const { return bytes_; }
  // About what a payload of at most `max` bytes takes of them: one packet at least.
  std::size_t payload_bytes(std::size_t max) const;
  // What the queue costs beside them.
  std::size_t bookkeeping() const {
    return entries_.capacity() * sizeof(Entry) + size() * kFrameCost;
  }

  // `compress`: the answer that brings it may be.
  void push_text(PacketType type, base::Bytes head, base::Bytes tail, bool compress = true);
  void push_binary(base::Bytes payload, bool compress = true);
  void push(const Message& message, bool compress = true);

  // Appends records to `body`, at most `max` bytes of them but at least one packet. Returns whether
  // one of them may be compressed: then all of it may.
  bool take(std::string& body, std::size_t max);
  // Moves everything to a WebSocket. When memory runs out, all of it is still here.
  void move_to(base::OutQueue& out);

  // The same for a client of v3 (poll_queue_v3.cpp). `base64`: it takes no bytes.
  struct Taken {
    FormV3 form = FormV3::text;  // binary (bytes that are no text) for v3 only
    bool compress = false;
  };
  Taken take_v3(std::string& body, std::size_t max, bool base64);
  void move_to_v3(base::OutQueue& out, bool base64);

 private:
  struct Entry {
    base::Chunk frame{};
    bool compress = false;
    Message shared{};  // of a binary message with several receivers: its record is made once
  };
  // A chunk's header, and what the allocator rounds up.
  static constexpr std::size_t kFrameCost = 32;
  // Of an entry's frame.
  static bool is_binary(const base::Chunk& frame);
  static base::Bytes payload(const base::Chunk& frame);
  static std::size_t record_size(const base::Chunk& frame);

  void push(Entry entry);
  void clear();
  void append(std::string& body, const Entry& entry) const;
  void charge(std::size_t bookkeeping);

  base::Ledger* ledger_;
  std::vector<Entry> entries_;
  std::size_t head_ = 0;
  std::size_t bytes_ = 0;
  std::size_t charged_ = 0;
};

}  // namespace socketio::eio
