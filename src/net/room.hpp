// The room of lists that a verb may append to. It is reserved when a stream is added, where memory
// that runs out costs only the newcomer; so no verb on a stream that is there can fail, least of
// all close(), which is called because memory has run out. Complexity: amortised O(1) per stream.
#pragma once

#include <algorithm>
#include <cstddef>
#include <new>
#include <vector>

#include <unistd.h>

#include "net/backend.hpp"

namespace socketio::net {

template <class T>
void make_room(std::vector<T>& list, std::size_t size) {
  if (list.capacity() < size) list.reserve(std::max({size, 2 * list.capacity(), std::size_t{64}}));
}

// The other way, when most of the streams are gone: what lists of `size` need, and no more. It
// cannot fail: without memory for it, it is done later.
template <class T>
void give_room_back(std::vector<T>& list, std::size_t size) {
  const std::size_t needed = std::max({size, list.size(), std::size_t{64}});
  if (list.capacity() / 2 <= needed) return;
  try {
    std::vector<T> smaller;
    smaller.reserve(needed);
    smaller.assign(list.begin(), list.end());
    list.swap(smaller);
  } catch (const std::bad_alloc&) {
  }
}

// What `add` gives for the descriptor; null, and the descriptor closed, when memory runs out.
template <class Add>
StreamId add_or_close(int fd, Add&& add) {
  try {
    return add();
  } catch (const std::bad_alloc&) {
    if (fd >= 0) ::close(fd);
    return {};
  }
}

}  // namespace socketio::net
