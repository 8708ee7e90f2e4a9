// What many hold and nobody changes, with the number of its holders beside it: a copy is two
// instructions where a std::shared_ptr, which may also be watched and counts elsewhere, takes some
// thirty. Any thread may hold.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace socketio::detail {

template <class T>
class Counted {
 public:
  Counted() = default;
  Counted(std::nullptr_t) {}
  template <class... A>
  static Counted make(A&&... args) {
    Counted first;
    first.block_ = new Block{{1}, T(std::forward<A>(args)...)};
    return first;
  }

  Counted(const Counted& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) block_->holders.fetch_add(1, std::memory_order_relaxed);
  }
  Counted(Counted&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Counted& operator=(Counted other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Counted() {
    if (block_ != nullptr && block_->holders.fetch_sub(1, std::memory_order_acq_rel) == 1)
      destroy(block_);
  }

  explicit operator bool() const { return block_ != nullptr; }
  bool operator==(std::nullptr_t) const { return block_ == nullptr; }
  const T& operator*() const { return block_->value; }
  const T* operator->() const { return &block_->value; }

 private:
  struct Block {
    std::atomic<std::uint32_t> holders;
    const T value;
  };
  [[gnu::noinline]] static void destroy(Block* block) { delete block; }
  Block* block_ = nullptr;
};

}  // namespace socketio::detail
