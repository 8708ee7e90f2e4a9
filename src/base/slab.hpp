// Handles that cannot dangle. A slab owns objects at stable addresses; everybody else holds an Id,
// and looking up an id whose object is gone gives null. The slot is reused with another generation.
//
// Objects lie in pages of 64. What a crowd has left is given back by shrink(): a page without
// objects goes, and in its place stands one that all slabs share, on which nobody is alive. So
// looking up an id asks for nothing more than before.
#pragma once

#include <algorithm>
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

// What a page begins with. The generations apart from the objects: beside them each would take
// eight bytes.
struct SlabGenerations {
  static constexpr std::uint32_t kPage = 64;
  // Of a slot never used; not 0, which the default id has.
  static constexpr std::uint32_t kFirst = 2;

  explicit constexpr SlabGenerations(std::uint32_t first) { of.fill(first); }
  std::array<std::uint32_t, kPage> of{};
};
// Stands for every page that is gone. Never written to: none of its slots is ever in a free list.
inline constinit SlabGenerations slab_nobody{SlabGenerations::kFirst};

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
    T* object = new (storage(index)) T(std::forward<A>(args)...);
    free_.pop_back();
    ++size_;
    return {Handle{index, ++generation(index)}, object};
  }

  T* get(Handle id) {
    if (id.index >= capacity_) return nullptr;
    return generation(id.index) == id.generation ? object(id.index) : nullptr;
  }

  // The one that has this place now.
  T* at_place(std::uint32_t index) {
    if (index >= capacity_) return nullptr;
    return alive(index) ? object(index) : nullptr;
  }

  // False when it was gone already.
  bool erase(Handle id) {
    T* object = get(id);
    if (object == nullptr) return false;
    if (std::uint32_t& last = generation(id.index); ++last == 0) last = kFirst;
    object->~T();
    free_.push_back(id.index);
    --size_;
    return true;
  }

  std::size_t size() const { return size_; }
  // How many objects there is memory for.
  std::size_t room() const { return (pages_.size() - gone_.size()) * kPage; }

  // Visits every live object; the visitor may erase it.
  template <class F>
  void each(F&& visit) {
    for (std::uint32_t index = 0; index < capacity_; ++index) {
      if (alive(index)) visit(Handle{index, generation(index)}, *object(index));
    }
  }

  void clear() {
    each([this](Handle id, T&) { erase(id); });
  }

  // Gives back the pages that nobody lives on; ids of who lived there find nothing for ever. From
  // now on the lowest places are taken first, so that the next crowd leaves more such pages. For
  // when there is time: it looks at every place there has been. It cannot fail: without memory for
  // it, it is done later.
  void shrink() {
    if (size_ + kPage > room()) return;
    std::vector<std::uint32_t> free;
    try {
      free.reserve(room());
    } catch (const std::bad_alloc&) {
      return;
    }
    gone_.clear();
    for (std::uint32_t number = capacity_ / kPage; number-- > 0;) {
      if (pages_[number] != &slab_nobody && is_empty(*pages_[number])) release(number);
      if (pages_[number] == &slab_nobody) {
        gone_.push_back(number);
        continue;
      }
      for (std::uint32_t index = (number + 1) * kPage; index-- > number * kPage;) {
        if (!alive(index)) free.push_back(index);
      }
    }
    free_.swap(free);
    if (gone_.size() == pages_.size()) std::vector<std::uint32_t>().swap(free_);
  }

 private:
  static constexpr std::uint32_t kPage = SlabGenerations::kPage;
  static constexpr std::uint32_t kFirst = SlabGenerations::kFirst;
  struct Page : SlabGenerations {
    using SlabGenerations::SlabGenerations;
    struct Slot {
      alignas(T) unsigned char bytes[sizeof(T)];
    };
    std::array<Slot, kPage> slots;
  };

  SlabGenerations& page_of(std::uint32_t index) { return *pages_[index / kPage]; }
  std::uint32_t& generation(std::uint32_t index) { return page_of(index).of[index % kPage]; }
  bool alive(std::uint32_t index) { return (generation(index) & 1) != 0; }
  void* storage(std::uint32_t index) {
    return static_cast<Page&>(page_of(index)).slots[index % kPage].bytes;
  }
  T* object(std::uint32_t index) {
    T* const found = std::launder(static_cast<T*>(storage(index)));
    if (found == nullptr) __builtin_unreachable();  // else whoever asks get() asks twice
    return found;
  }

  void grow() {
    if (gone_.empty()) {
      memory_.resize(pages_.size() + 1);
      gone_.reserve(memory_.capacity());  // all pages may go, which cannot fail
      pages_.push_back(&slab_nobody);
      gone_.push_back(capacity_ / kPage);
      capacity_ += kPage;
    }
    free_.reserve(room() + kPage);  // all of them may be erased: that cannot fail either
    const std::uint32_t number = gone_.back();
    Memory& memory = memory_[number];
    memory.page = std::make_unique<Page>(memory.first);
    pages_[number] = memory.page.get();
    gone_.pop_back();
    for (std::uint32_t i = kPage; i > 0; --i) free_.push_back(number * kPage + i - 1);
  }

  static bool is_empty(const SlabGenerations& page) {
    std::uint32_t alive = 0;
    for (const std::uint32_t generation : page.of) alive |= generation & 1;
    return alive == 0;
  }
  void release(std::uint32_t number) {
    const auto& last = pages_[number]->of;
    memory_[number] = {nullptr, *std::max_element(last.begin(), last.end())};
    pages_[number] = &slab_nobody;
  }

  // Whoever lives on a page that comes back has another generation than anybody before.
  struct Memory {
    std::unique_ptr<Page> page;
    std::uint32_t first = kFirst;  // the generation of its slots when the page is made
  };
  std::vector<SlabGenerations*> pages_;  // of `memory_`, or slab_nobody
  std::vector<Memory> memory_;
  std::vector<std::uint32_t> free_;  // the last one is taken next
  std::vector<std::uint32_t> gone_;  // pages without memory; the last one comes back first
  std::size_t size_ = 0;
  std::uint32_t capacity_ = 0;  // of all pages, those that are gone as well
};

}  // namespace socketio::base

template <class Tag>
struct std::hash<socketio::base::Id<Tag>> {
  std::size_t operator()(const socketio::base::Id<Tag>& id) const noexcept {
    return static_cast<std::size_t>(id.packed() * 0x9E3779B97F4A7C15ULL);
  }
};
