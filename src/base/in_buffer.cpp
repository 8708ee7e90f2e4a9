#include "base/in_buffer.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/check.hpp"

namespace socketio::base {

void InBuffer::grow(std::size_t capacity, Ledger& ledger) {
  void* memory = ::operator new(sizeof(Block) + capacity + kPadding);
  auto* block = new (memory) Block{&ledger, size(), capacity};
  char* to = reinterpret_cast<char*>(block + 1);
  if (block_ != nullptr) std::memcpy(to, bytes(), block_->size);
  ledger.charge_input(capacity);
  clear();
  block_ = block;
}

void InBuffer::append(Bytes more, Ledger& ledger, std::size_t hint) {
  if (more.empty()) return;
  const std::size_t needed = size() + more.size();
  if (needed > capacity())
    grow(std::max({needed, hint, capacity() + capacity() / 2, std::size_t{256}}), ledger);
  std::memcpy(bytes() + block_->size, more.data(), more.size());
  block_->size = needed;
  std::memset(bytes() + needed, 0, kPadding);
}

void InBuffer::consume(std::size_t n) {
  SIO_CHECK(n <= size());
  if (n == size()) return clear();
  if (n == 0) return;
  std::memmove(bytes(), bytes() + n, block_->size - n);
  block_->size -= n;
}

void InBuffer::truncate(std::size_t n) {
  SIO_CHECK(n <= size());
  if (n == 0) return clear();
  block_->size = n;
}

void InBuffer::clear() {
  if (block_ == nullptr) return;
  block_->ledger->credit_input(block_->capacity);
  block_->~Block();
  ::operator delete(block_);
  block_ = nullptr;
}

}  // namespace socketio::base
