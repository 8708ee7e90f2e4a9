// Asking the memory for what is needed soon. With a thousand receivers it, not the work, decides
// what a delivery costs: each of their records has gone cold since the last one.
#pragma once

#include <cstddef>

namespace socketio::base {

// Of the first `kBytes` of an object; no more than a hint. A null or stale pointer does no harm.
template <std::size_t kBytes>
void prefetch(const void* object) {
  constexpr std::size_t kLine = 64;
  const char* const at = static_cast<const char*>(object);
  for (std::size_t offset = 0; offset < kBytes; offset += kLine) __builtin_prefetch(at + offset, 1);
  if constexpr (kBytes > 1) __builtin_prefetch(at + kBytes - 1, 1);
}

}  // namespace socketio::base
