#include "torture/allocations.hpp"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "support/own_new.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SOCKETIO_OWN_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SOCKETIO_OWN_MALLOC 0
#endif
#endif
#ifndef SOCKETIO_OWN_MALLOC
#define SOCKETIO_OWN_MALLOC 1
#endif

namespace socketio::torture {
namespace {

// Plain data: it is used before the constructors of other objects have run.
thread_local bool armed = false;
std::uint64_t count = 0;
std::uint64_t victim = kNever;
std::atomic<std::int64_t> live{0};

bool fails() {
  return armed && count++ == victim;
}

}  // namespace

Armed::Armed() : before_(armed) {
  armed = true;
}
Armed::~Armed() {
  armed = before_;
}
void arm_thread(bool on) {
  armed = on;
}
Exempt::Exempt() : before_(armed) {
  armed = false;
}
Exempt::~Exempt() {
  armed = before_;
}

void fail_allocation(std::uint64_t number) {
  count = 0;
  victim = number;
}
std::uint64_t allocations() {
  return count;
}
bool allocation_failed() {
  return count > victim;
}
std::int64_t live_pieces() {
  return live.load(std::memory_order_relaxed);
}

#if SOCKETIO_OWN_MALLOC

extern "C" {
using Memory = void*;
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* memory);
}

namespace {
void* counted(void* memory) {
  if (memory != nullptr) live.fetch_add(1, std::memory_order_relaxed);
  return memory;
}
void* refused() {
  errno = ENOMEM;
  return nullptr;
}
}  // namespace

}  // namespace socketio::torture

// The C library allows it (malloc(3), "Replacing malloc"). Debug builds break here with gdb.
extern "C" {
using Memory = void*;
#define SOCKETIO_SEEN __attribute__((visibility("default")))
SOCKETIO_SEEN Memory malloc(std::size_t size) {
  using namespace socketio::torture;
  return fails() ? refused() : counted(__libc_malloc(size));
}
SOCKETIO_SEEN Memory calloc(std::size_t pieces, std::size_t size) {
  using namespace socketio::torture;
  return fails() ? refused() : counted(__libc_calloc(pieces, size));
}
SOCKETIO_SEEN Memory realloc(void* memory, std::size_t size) {
  using namespace socketio::torture;
  if (fails()) return refused();
  if (memory == nullptr) return counted(__libc_realloc(memory, size));
  return __libc_realloc(memory, size);
}
SOCKETIO_SEEN void* memalign(std::size_t alignment, std::size_t size) {
  using namespace socketio::torture;
  return fails() ? refused() : counted(__libc_memalign(alignment, size));
}
SOCKETIO_SEEN void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return memalign(alignment, size);
}
SOCKETIO_SEEN int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  *memory = memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
SOCKETIO_SEEN void free(void* memory) {
  if (memory != nullptr) socketio::torture::live.fetch_sub(1, std::memory_order_relaxed);
  socketio::torture::__libc_free(memory);
}
}

#else

}  // namespace socketio::torture

#endif

void* socketio::test::allocate(std::size_t size, std::size_t alignment) {
  // Ours counts by itself.
  if (!SOCKETIO_OWN_MALLOC && torture::fails()) throw std::bad_alloc();
  void* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void socketio::test::release(void* memory) noexcept {
  std::free(memory);
}
