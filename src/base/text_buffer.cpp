#include "base/text_buffer.hpp"

#include <algorithm>

namespace socketio::base {

void TextBuffer::grow(std::size_t n) {
  constexpr std::size_t kLeast = 64;
  const std::size_t used = size();
  const std::size_t wanted = std::max({kLeast, used + n, used + used / 2});
  auto data = std::make_unique_for_overwrite<char[]>(wanted);
  if (used > 0) std::memcpy(data.get(), data_.get(), used);
  data_ = std::move(data);
  at_ = data_.get() + used;
  end_ = data_.get() + wanted;
}

}  // namespace socketio::base
