// Output memory. A Chunk is a refcounted block of bytes, written once and then shared by any number
// of queues and threads. A Span is a part of one. An Arena packs the small writes of a loop turn
// into one chunk, so that what goes to one connection lies together and leaves in one plain send.
//
//   Chunk  [refs | ledger | capacity | bytes ..................................]
//   Spans            |--- to A ---||-- to B --|      (A and B each hold a reference)
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "base/ledger.hpp"

namespace socketio::base {

class Chunk {
 public:
  Chunk() = default;
  // Uninitialised bytes, charged to `ledger` (may be null) until the last reference goes. Writable
  // while unique().
  static Chunk allocate(std::size_t capacity, Ledger* ledger = nullptr);
  static Chunk copy(Bytes bytes, Ledger* ledger = nullptr);
  static constexpr std::size_t kMaxCapacity = 0xFFFF'FF00;  // of 32 bits, with room for the block

  Chunk(const Chunk& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) block_->refs.fetch_add(1, std::memory_order_relaxed);
  }
  Chunk(Chunk&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Chunk& operator=(Chunk other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Chunk() { reset(); }

  // Like an assignment, for one that is null.
  void share(const Chunk& other) {
    SIO_CHECK(block_ == nullptr);
    block_ = other.block_;
    if (block_ != nullptr) block_->refs.fetch_add(1, std::memory_order_relaxed);
  }

  void reset() {
    Block* const block = std::exchange(block_, nullptr);
    if (block != nullptr && block->refs.fetch_sub(1, std::memory_order_acq_rel) == 1)
      destroy(block);
  }

  explicit operator bool() const { return block_ != nullptr; }
  bool operator==(const Chunk& other) const { return block_ == other.block_; }
  bool unique() const {
    return block_ != nullptr && block_->refs.load(std::memory_order_acquire) == 1;
  }
  // Of its capacity, if all who refer to it bear the same.
  std::size_t fair_share() const {
    return block_ == nullptr ? 0 : block_->capacity / block_->refs.load(std::memory_order_relaxed);
  }
  // Of one that nobody else has and that was charged to nobody.
  void charge(Ledger* ledger);
  std::size_t capacity() const { return block_ == nullptr ? 0 : block_->capacity; }
  char* data() const { return reinterpret_cast<char*>(block_ + 1); }

 private:
  struct Block {
    std::atomic<std::uint32_t> refs;
    std::uint32_t capacity;
    Ledger* ledger;
  };
  [[gnu::noinline]] static void destroy(Block* block);
  Block* block_ = nullptr;
};

struct Span {
  Chunk chunk;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;

  Bytes bytes() const { return {chunk.data() + offset, length}; }
};

class Arena {
 public:
  static constexpr std::size_t kChunkSize = 64 * 1024;

  explicit Arena(Ledger* ledger = nullptr) : ledger_(ledger) {}

  // At least `n` contiguous writable bytes, valid until the next reserve(). commit() turns the
  // first `n` of them into a span; what is not committed is given back.
  char* reserve(std::size_t n) {
    if (n > kChunkSize / 2 || n > left() || big_) return reserve_apart(n);
    return chunk_.data() + used_;
  }
  Span commit(std::size_t n) {
    if (big_) return commit_big(n);
    SIO_CHECK(n <= left());
    const std::uint32_t offset = used_;
    used_ += static_cast<std::uint32_t>(n);
    return {chunk_, offset, static_cast<std::uint32_t>(n)};
  }
  // The same into a span that was empty.
  void commit_to(Span& span, std::size_t n) {
    if (big_) [[unlikely]] {
      span = commit_big(n);
      return;
    }
    SIO_CHECK(n <= left());
    span.chunk.share(chunk_);
    span.offset = used_;
    span.length = static_cast<std::uint32_t>(n);
    used_ += static_cast<std::uint32_t>(n);
  }
  Span write(Bytes bytes);

  // commit() for a queue whose last span is `last`: when what is committed touches it, it only
  // becomes longer. False: it does not, and nothing is committed.
  bool extend(Span& last, std::size_t n) {
    if (big_ || !(last.chunk == chunk_) || last.offset + last.length != used_) return false;
    SIO_CHECK(n <= left());
    used_ += static_cast<std::uint32_t>(n);
    last.length += static_cast<std::uint32_t>(n);
    return true;
  }

  // For a queue that ends with `last` and is to go on with `next`, short both of them: `last`
  // becomes a copy that they lie in together, the same for all queues that ask with the same two
  // one after the other. False: they stay apart.
  bool join(Span& last, const Chunk& next) {
    if (joined_.length == last.length + next.capacity() && next == join_next_ &&
        last.chunk == join_last_.chunk && last.offset == join_last_.offset) {
      if (!(last.chunk == joined_.chunk)) last.chunk = joined_.chunk;
      last.offset = joined_.offset;
      last.length = joined_.length;
      return true;
    }
    return join_anew(last, next);
  }

  // Called once per turn: starts the chunk over when nobody refers to it any more.
  void recycle() {
    if (join_left_ != kJoined) forget_joined();
    if (chunk_.unique()) used_ = 0;
  }
  // Gives the memory back (an idle loop owns none).
  void release() {
    recycle();
    if (used_ == 0) chunk_.reset();
  }
  Ledger* ledger() const { return ledger_; }

 private:
  std::size_t left() const { return chunk_.capacity() - used_; }
  static constexpr std::uint32_t kJoined = kChunkSize;  // bytes that join() copies in a turn
  static constexpr std::size_t kLongestJoined = 4096;

  char* reserve_apart(std::size_t n);
  Span commit_big(std::size_t n);
  [[gnu::noinline]] bool join_anew(Span& last, const Chunk& next);
  void forget_joined();

  Chunk chunk_;
  std::uint32_t used_ = 0;
  Chunk big_;  // a reservation larger than a chunk's rest gets its own
  Ledger* ledger_;
  // What join() was asked last, and its answer.
  Span join_last_;
  Chunk join_next_;
  Span joined_;
  std::uint32_t join_left_ = kJoined;
};

}  // namespace socketio::base
