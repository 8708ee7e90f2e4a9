// What lists and tables keep of a crowd that is gone, given back: when there is time, and when less
// than a quarter is still in use, so that nothing shrinks only to grow again. It cannot fail:
// without memory for the smaller one, the larger one stays.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace socketio::base {

// So many elements are not worth the trouble.
inline constexpr std::size_t kKept = 64;
// min_load_factor() of a robin_map that is to shrink of its own accord.
inline constexpr float kLeastLoad = 0.1F;

template <class T>
void shrink_list(std::vector<T>& list) {
  if (list.capacity() > kKept && list.size() <= list.capacity() / 4) list.shrink_to_fit();
}

// A robin_map or robin_set.
template <class Table>
void shrink_table(Table& table) {
  if (table.bucket_count() <= kKept || table.size() > table.bucket_count() / 8) return;
  try {
    table.rehash(0);
  } catch (const std::bad_alloc&) {
  }
}

}  // namespace socketio::base
