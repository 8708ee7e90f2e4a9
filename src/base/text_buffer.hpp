// Text being written, in memory that is kept for the next: a string whose room is asked for once
// per write and not once per character. The memory is a chunk, so that a long text can leave in it,
// with what belongs in front of it:
//
//   [..free: front()..|text ..............|room() ....]
#pragma once

#include <cstring>
#include <utility>

#include "base/bytes.hpp"
#include "base/chunk.hpp"

namespace socketio::base {

class TextBuffer {
 public:
  TextBuffer() = default;
  // `front` bytes are kept free in front of the text.
  explicit TextBuffer(std::uint32_t front) : front_(front) {}
  TextBuffer(const TextBuffer&) = delete;
  TextBuffer& operator=(const TextBuffer&) = delete;

  // At least `n` writable bytes behind the text; to() then says how far they were written.
  char* room(std::size_t n) {
    if (static_cast<std::size_t>(end_ - at_) < n) grow(n);
    return at_;
  }
  void to(char* end) { at_ = end; }

  void push_back(char c) {
    *room(1) = c;
    ++at_;
  }
  void append(Bytes text) {
    char* const to = room(text.size());
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    at_ = to + text.size();
  }

  // What has been written, to be changed in place.
  char* data() { return begin_; }
  Bytes view() const { return {begin_, size()}; }
  std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }
  std::size_t capacity() const { return static_cast<std::size_t>(end_ - begin_); }
  bool empty() const { return at_ == begin_; }

  // The `n` bytes in front of the text, of a text that is not empty.
  char* front(std::uint32_t n) {
    SIO_CHECK(n <= front_ && begin_ != nullptr);
    return begin_ - n;
  }
  // The text with the `n` bytes in front of it, and the memory it lies in, from now on charged to
  // `ledger`. The text can be read on as long as somebody has the span; the next one begins in
  // memory of its own, as large.
  Span take(std::uint32_t n, Ledger* ledger);

  // Starts over; memory for more than `kept` bytes is given back.
  void clear(std::size_t kept) {
    if (capacity() > kept) release();
    at_ = begin_;
  }

 private:
  static constexpr std::size_t kLeast = 64;
  void grow(std::size_t n);
  void release();

  Chunk memory_;
  char* begin_ = nullptr;  // of the text
  char* at_ = nullptr;
  char* end_ = nullptr;
  std::size_t least_ = kLeast;  // of the next memory
  std::uint32_t front_ = 0;
};

}  // namespace socketio::base
