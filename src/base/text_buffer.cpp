#include "base/text_buffer.hpp"

#include <algorithm>
#include <new>

namespace socketio::base {

void TextBuffer::grow(std::size_t n) {
  const std::size_t most = Chunk::kMaxCapacity - front_;
  const std::size_t used = size();
  // A text that is longer is no message's, nor any other's that could be kept.
  if (n > most || used > most - n) throw std::bad_alloc();
  // A little more than is asked for, or the bracket behind a long value would double it.
  const std::size_t wanted = std::min(most, std::max({least_, used + n + kLeast, used + used / 2}));
  Chunk memory = Chunk::allocate(front_ + wanted);
  char* const begin = memory.data() + front_;
  if (used > 0) std::memcpy(begin, begin_, used);
  memory_ = std::move(memory);
  begin_ = begin;
  at_ = begin + used;
  end_ = begin + wanted;
}

Span TextBuffer::take(std::uint32_t n, Ledger* ledger) {
  SIO_CHECK(n <= front_ && begin_ != nullptr);
  memory_.charge(ledger);
  Span span{std::move(memory_), front_ - n, n + static_cast<std::uint32_t>(size())};
  const std::size_t taken = capacity();
  release();
  least_ = taken;
  return span;
}

void TextBuffer::release() {
  memory_.reset();
  begin_ = at_ = end_ = nullptr;
  least_ = kLeast;
}

}  // namespace socketio::base
