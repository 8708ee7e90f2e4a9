// Handles that cannot dangle. A slab owns objects at stable addresses; everybody else holds an Id,
// and looking up an id whose object is gone gives null. The slot is reused with another generation.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "base/check.hpp"

namespace socketio::base {

template <class Tag>
struct Id {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;  // odd while alive, so the default id finds nothing

  explicit operator bool() const { return generation != 0; }
  bool operator==(const Id&) const = default;
  std::uint64_t packed() const { return std::uint64_t{generation} << 32 | index; }
  static Id unpack(std::uint64_t value) {
    return {static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(value >> 32)};
  }
};

template <class T>
class Slab {
 public:
  using Handle = Id<T>;

  Slab() = default;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() { clear(); }

  template <class... A>
  std::pair<Handle, T*> emplace(A&&... args) {
    if (free_.empty()) grow();
    const std::uint32_t index = free_.back();
    Page& page = page_of(index);
    T* object = new (page.room(index)) T(std::forward<A>(args)...);
    free_.pop_back();
    ++size_;
    return {Handle{index, ++page.generation(index)}, object};
  }

  T* get(Handle id) {
    if (id.index >= capacity_) return nullptr;
    Page& page = page_of(id.index);
    return page.generation(id.index) == id.generation ? page.object(id.index) : nullptr;
  }

  // The one that has this place now.
  T* at_place(std::uint32_t index) {
    if (index >= capacity_) return nullptr;
    Page& page = page_of(index);
    return page.alive(index) ? page.object(index) : nullptr;
  }

  // False when it was gone already.
  bool erase(Handle id) {
    T* object = get(id);
    if (object == nullptr) return false;
    std::uint32_t& generation = page_of(id.index).generation(id.index);
    if (++generation == 0) generation = kFirst;
    object->~T();
    free_.push_back(id.index);
    --size_;
    return true;
  }

  std::size_t size() const { return size_; }

  // Visits every live object; the visitor may erase it.
  template <class F>
  void each(F&& visit) {
    for (std::uint32_t index = 0; index < capacity_; ++index) {
      Page& page = page_of(index);
      if (page.alive(index)) visit(Handle{index, page.generation(index)}, *page.object(index));
    }
  }

  void clear() {
    each([this](Handle id, T&) { erase(id); });
  }

 private:
  static constexpr std::uint32_t kPage = 64;
  // Of a slot never used; not 0, which the default id has.
  static constexpr std::uint32_t kFirst = 2;
  // The generations apart: beside the objects each would take eight bytes.
  struct Page {
    Page() { generations.fill(kFirst); }
    std::uint32_t& generation(std::uint32_t index) { return generations[index % kPage]; }
    bool alive(std::uint32_t index) { return (generation(index) & 1) != 0; }
    void* room(std::uint32_t index) { return slots[index % kPage].storage; }
    T* object(std::uint32_t index) { return std::launder(static_cast<T*>(room(index))); }

    struct Slot {
      alignas(T) unsigned char storage[sizeof(T)];
    };
    std::array<std::uint32_t, kPage> generations;
    std::array<Slot, kPage> slots;
  };

  Page& page_of(std::uint32_t index) { return *pages_[index / kPage]; }

  void grow() {
    free_.reserve(std::size_t{capacity_} + kPage);  // all of them may be erased: that cannot fail
    pages_.push_back(std::make_unique<Page>());
    for (std::uint32_t i = kPage; i > 0; --i) free_.push_back(capacity_ + i - 1);
    capacity_ += kPage;
  }

  std::vector<std::unique_ptr<Page>> pages_;
  std::vector<std::uint32_t> free_;
  std::size_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace socketio::base

template <class Tag>
struct std::hash<socketio::base::Id<Tag>> {
  std::size_t operator()(const socketio::base::Id<Tag>& id) const noexcept {
    return static_cast<std::size_t>(id.packed() * 0x9E3779B97F4A7C15ULL);
  }
};
