// Text being written, in memory that is kept for the next: a string whose room is asked for once
// per write and not once per character.
#pragma once

#include <cstring>
#include <memory>

#include "base/bytes.hpp"

namespace socketio::base {

class TextBuffer {
 public:
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
  char* data() { return data_.get(); }
  Bytes view() const { return {data_.get(), size()}; }
  std::size_t size() const { return static_cast<std::size_t>(at_ - data_.get()); }
  std::size_t capacity() const { return static_cast<std::size_t>(end_ - data_.get()); }
  bool empty() const { return at_ == data_.get(); }

  // Starts over; memory for more than `kept` bytes is given back.
  void clear(std::size_t kept) {
    if (capacity() > kept) data_.reset(), end_ = nullptr;
    at_ = data_.get();
  }

 private:
  void grow(std::size_t n);

  std::unique_ptr<char[]> data_;
  char* at_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace socketio::base
