// The room of lists that a verb may append to. It is reserved when a stream is added, where memory
// that runs out costs only the newcomer; so no verb on a stream that is there can fail, least of
// all close(), which is called because memory has run out. Complexity: amortised O(1) per stream.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace socketio::net {

template <class T>
void make_room(std::vector<T>& list, std::size_t size) {
  if (list.capacity() < size) list.reserve(std::max({size, 2 * list.capacity(), std::size_t{64}}));
}

}  // namespace socketio::net
