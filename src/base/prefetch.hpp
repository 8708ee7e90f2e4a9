// Asking the memory for what is needed soon. With a thousand receivers it, not the work, decides
// what a delivery costs: each of their records has gone cold since the last one.
#pragma once

#include <cstddef>

namespace socketio::base {

// Of the first `kBytes` of an object that holds pointers; no more than a hint. A null or stale
// pointer does no harm.
template <std::size_t kBytes>
void prefetch(const void* object) {
  constexpr std::size_t kLine = 64;
  const char* const at = static_cast<const char*>(object);
  // The last byte's line is asked for by itself: where the object's lines begin is not known.
  __builtin_prefetch(at + kBytes - 1, 1);
  for (std::size_t offset = 0; offset + sizeof(void*) < kBytes; offset += kLine)
    __builtin_prefetch(at + offset, 1);
}

}  // namespace socketio::base
