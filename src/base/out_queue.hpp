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
  // Copies what would keep others' memory, and what is shorter than its span is worth, into chunks
  // of the queue's own, so that a connection that cannot send does not pin whole turns. Large spans
  // stay shared. Call after a send took less than everything; looks at no span twice.
  void settle(Ledger* ledger);
  // Until the next settle() what is queued now is being read, and stays where it is.
  void hold() {
    if (rest_ != nullptr) rest_->held = rest_->spans.size();
  }
  // settle() for what was queued since then.
  void settle_behind(Ledger* ledger) {
    if (rest_ != nullptr && rest_->settled >= rest_->held) settle_rest(ledger);
  }
  // What it costs beside its bytes, after settle(): its spans, and what has been sent of a chunk
  // that goes only as a whole. The ledger counts it too.
  std::size_t bookkeeping() const;
  void clear();

 private:
  struct Rest {
    ~Rest() { charge(0, ledger); }
    void charge(std::size_t bytes, Ledger* to);
    bool join_own(std::size_t at, Span& span, std::size_t capacity, Ledger* to);
    std::vector<Span> spans;
    std::size_t head = 0;
    std::size_t settled = 0;  // those in front of it have been looked at,
    std::size_t held = 0;     // and those in front of this one are being read
    Chunk own;                // where the last of the settled ones may be continued
    std::uint32_t used = 0;
    Ledger* ledger = nullptr;
    std::size_t charged = 0;
  };
  struct Gap;
  Span* last() {
    if (rest_ != nullptr && !rest_->spans.empty()) return &rest_->spans.back();
    return front_.length > 0 ? &front_ : nullptr;
  }
  std::size_t gather_all(std::span<Bytes> out) const;
  void consume_part(std::size_t n);
  void settle_rest(Ledger* ledger);

  Span front_;
  std::unique_ptr<Rest> rest_;
  std::size_t bytes_ = 0;
};

}  // namespace socketio::base
