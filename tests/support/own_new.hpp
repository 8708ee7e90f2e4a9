// A test program that is told of its own memory: who links own_new.cpp defines these two, and every
// operator new and delete of the program comes to them.
#pragma once

#include <cstddef>

namespace socketio::test {

// Throws std::bad_alloc. `alignment` is at least that of std::max_align_t.
void* allocate(std::size_t size, std::size_t alignment);
void release(void* memory) noexcept;

}  // namespace socketio::test
