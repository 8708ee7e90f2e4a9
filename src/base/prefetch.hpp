// Asking the memory for what is needed soon. With a thousand receivers it, not the work, decides
// what a delivery costs: each of their records has gone cold since the last one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace socketio::base {

// Of the first `kBytes` of an object that holds pointers; no more than a hint. A null or stale
// pointer does no harm.
template <std::size_t kBytes>
void prefetch(const void* object) {
  constexpr std::size_t kLine = 64;
  // As a number: past a null pointer, or past the end of what an object became, there is no address
  // to form.
  const auto begin = reinterpret_cast<std::uintptr_t>(object);
  const auto ask = [begin](std::size_t offset) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    __builtin_prefetch(reinterpret_cast<const void*>(begin + offset), 1);
  };
  // The last byte's line is asked for by itself: where the object's lines begin is not known.
  ask(kBytes - 1);
  for (std::size_t offset = 0; offset + sizeof(void*) < kBytes; offset += kLine) ask(offset);
}

}  // namespace socketio::base
