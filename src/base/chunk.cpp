#include "base/chunk.hpp"

#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

#include "base/check.hpp"

namespace socketio::base {

Chunk Chunk::allocate(std::size_t capacity, Ledger* ledger) {
  static_assert(kMaxCapacity <= std::numeric_limits<std::uint32_t>::max() - sizeof(Block));
  SIO_CHECK(capacity <= kMaxCapacity);
  void* memory = ::operator new(sizeof(Block) + capacity);
  Chunk chunk;
  chunk.block_ = new (memory) Block{{1}, static_cast<std::uint32_t>(capacity), ledger};
  if (ledger != nullptr) ledger->charge_output(capacity);
  return chunk;
}

Chunk Chunk::copy(Bytes bytes, Ledger* ledger) {
  Chunk chunk = allocate(bytes.size(), ledger);
  if (!bytes.empty()) std::memcpy(chunk.data(), bytes.data(), bytes.size());
  return chunk;
}

void Chunk::charge(Ledger* ledger) {
  SIO_CHECK(unique() && block_->ledger == nullptr);
  block_->ledger = ledger;
  if (ledger != nullptr) ledger->charge_output(block_->capacity);
}

void Chunk::destroy(Block* block) {
  if (block->ledger != nullptr) block->ledger->credit_output(block->capacity);
  block->~Block();
  ::operator delete(block);
}

char* Arena::reserve_apart(std::size_t n) {
  big_.reset();
  if (n > kChunkSize / 2) {
    big_ = Chunk::allocate(n, ledger_);
    return big_.data();
  }
  if (left() < n) {
    if (chunk_.unique()) used_ = 0;
    if (left() < n) {
      chunk_ = Chunk::allocate(kChunkSize, ledger_);
      used_ = 0;
    }
  }
  return chunk_.data() + used_;
}

Span Arena::commit_big(std::size_t n) {
  SIO_CHECK(n <= big_.capacity());
  return {std::exchange(big_, Chunk{}), 0, static_cast<std::uint32_t>(n)};
}

// What many queues are sent is copied once. Who shares it with nobody pays for a copy: that much a
// turn, and no more.
bool Arena::join_anew(Span& last, const Chunk& next) {
  const std::size_t size = last.length + next.capacity();
  if (size > kLongestJoined || size > join_left_) return false;
  char* to = reserve(size);
  std::memcpy(to, last.chunk.data() + last.offset, last.length);
  std::memcpy(to + last.length, next.data(), next.capacity());
  join_left_ -= static_cast<std::uint32_t>(size);
  join_last_ = std::exchange(last, commit(size));
  join_next_ = next;
  joined_ = last;
  return true;
}

void Arena::forget_joined() {
  join_last_ = joined_ = Span{};
  join_next_.reset();
  join_left_ = kJoined;
}

Span Arena::write(Bytes bytes) {
  char* to = reserve(bytes.size());
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return commit(bytes.size());
}

}  // namespace socketio::base
