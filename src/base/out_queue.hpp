// Bytes waiting to be sent on one connection: a list of spans into shared chunks, in order. Empty
// it owns no heap; with one span (the usual case) neither. Spans that touch in the same chunk
// merge, so one turn's small writes become one send. A passive sink: machines append, drivers
// gather and consume.
#pragma once

#include <memory>
#include <vector>

#include "base/chunk.hpp"

namespace socketio::base {

class OutQueue {
 public:
  bool empty() const { return bytes_ == 0; }
  // Logical bytes queued; what send-queue policies look at.
  std::size_t bytes() const { return bytes_; }

  void push(Span span);
  [[gnu::noinline]] void push(const Chunk& chunk, std::uint32_t offset, std::uint32_t length) {
    push(Span{chunk, offset, length});
  }
  void push(const Chunk& chunk) { push(chunk, 0, static_cast<std::uint32_t>(chunk.capacity())); }
  // The same for what other queues are sent as well: short ones are put together, once for all
  // queues that end alike. Not while somebody reads from the queue's memory.
  void push_shared(Arena& arena, const Chunk& chunk) {
    if (Span* tail = last(); tail != nullptr && arena.join(*tail, chunk)) {
      bytes_ += chunk.capacity();
    } else {
      push(chunk);
    }
  }
  // The same where nothing is queued.
  void push_first(const Chunk& chunk) {
    const auto length = static_cast<std::uint32_t>(chunk.capacity());
    front_.chunk.share(chunk);
    front_.offset = 0;
    front_.length = length;
    bytes_ = length;
  }
  void append(Arena& arena, Bytes bytes) { push(arena.write(bytes)); }
  // All of `from`, which is empty then.
  void take(OutQueue& from);
  // What has been written at arena.reserve(): at least one byte.
  void push_written(Arena& arena, std::size_t n) {
    if (bytes_ == 0) {
      arena.commit_to(front_, n);
      bytes_ = n;
    } else if (arena.extend(*last(), n)) {
      bytes_ += n;
    } else {
      push(arena.commit(n));
    }
  }

  // Views of the front of the queue, at most `out.size()` of them; valid until the queue changes.
  std::size_t gather(std::span<Bytes> out) const {
    if (rest_ != nullptr || bytes_ == 0 || out.empty()) return gather_all(out);
    out[0] = front_.bytes();
    return 1;
  }
  // All of it lies together: what most queues hold.
  bool together() const { return rest_ == nullptr && bytes_ != 0; }
  // The first span; not of an empty queue.
  Bytes front() const { return front_.bytes(); }
  // Drops the first `n` bytes (they were sent).
  void consume(std::size_t n) {
    if (n != bytes_ || rest_ != nullptr) return consume_part(n);
    consume_front();
  }
  // All of a queue that lies together.
  void consume_front() {
    front_.offset = front_.length = 0;
    bytes_ = 0;
    front_.chunk.reset();
  }
  // Copies what is left out of arena chunks into one chunk of its own, so that a connection that
  // cannot send does not pin whole turns. Large spans stay shared. Call after a send took less than
  // everything.
  void settle(Ledger* ledger);
  void clear();

 private:
  struct Rest {
    std::vector<Span> spans;
    std::size_t head = 0;
  };
  Span* last() {
    if (rest_ != nullptr && !rest_->spans.empty()) return &rest_->spans.back();
    return front_.length > 0 ? &front_ : nullptr;
  }
  std::size_t gather_all(std::span<Bytes> out) const;
  void consume_part(std::size_t n);

  Span front_;
  std::unique_ptr<Rest> rest_;
  std::size_t bytes_ = 0;
};

}  // namespace socketio::base
