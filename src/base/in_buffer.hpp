// Input that must be kept: the unfinished rest of a frame, head or body, contiguous and padded. One
// pointer when empty, so an idle connection owns no input memory; what it holds is charged to the
// ledger.
#pragma once

#include <utility>

#include "base/bytes.hpp"
#include "base/ledger.hpp"

namespace socketio::base {

class InBuffer {
 public:
  InBuffer() = default;
  InBuffer(InBuffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  InBuffer& operator=(InBuffer&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~InBuffer() { clear(); }

  bool empty() const { return size() == 0; }
  std::size_t size() const { return block_ == nullptr ? 0 : block_->size; }
  std::size_t capacity() const { return block_ == nullptr ? 0 : block_->capacity; }
  MutBytes view() { return block_ == nullptr ? MutBytes{} : MutBytes{bytes(), block_->size}; }

  // Grows geometrically; `hint` is the total size expected (0: unknown), so that a known length
  // allocates once.
  void append(Bytes more, Ledger& ledger, std::size_t hint = 0);
  // Drops the first `n` bytes.
  void consume(std::size_t n);
  // Keeps the first `n` bytes only; keeping none gives the memory back.
  void truncate(std::size_t n);
  // Gives the memory back.
  void clear();

 private:
  struct Block {
    Ledger* ledger;
    std::size_t size;
    std::size_t capacity;
  };
  char* bytes() const { return reinterpret_cast<char*>(block_ + 1); }
  void grow(std::size_t capacity, Ledger& ledger);
  Block* block_ = nullptr;
};

}  // namespace socketio::base
