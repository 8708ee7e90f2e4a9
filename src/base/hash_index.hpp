// Finds numbers by a hash: the places of records that hold their own keys. Eight bytes each and no
// key, so that a hundred thousand sessions cost a megabyte to find. Open addressing; part of the
// hash is kept, so that records are looked at only when it is theirs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <vector>

#include "base/check.hpp"

namespace socketio::base {

class HashIndex {
 public:
  std::size_t size() const { return size_; }

  // `same` is asked about each place whose hash is this one.
  template <class Same>
  std::optional<std::uint32_t> find(std::uint32_t hash, const Same& same) const {
    if (size_ == 0) return std::nullopt;
    for (std::size_t at = hash & mask(); entries_[at].place != kFree; at = (at + 1) & mask()) {
      if (entries_[at].hash == hash && same(entries_[at].place)) return entries_[at].place;
    }
    return std::nullopt;
  }

  // It is not there yet.
  void insert(std::uint32_t hash, std::uint32_t place) {
    SIO_CHECK(place != kFree);
    if (full(size_ + 1)) resize(entries_.empty() ? kLeast : 2 * entries_.size());
    put({hash, place});
    ++size_;
  }

  // The record has another place now.
  void move(std::uint32_t hash, std::uint32_t from, std::uint32_t to) {
    std::size_t at = hash & mask();
    while (entries_[at].place != from || entries_[at].hash != hash) {
      SIO_CHECK(entries_[at].place != kFree);
      at = (at + 1) & mask();
    }
    entries_[at].place = to;
  }

  // No-op when it is not there.
  void erase(std::uint32_t hash, std::uint32_t place) {
    if (size_ == 0) return;
    std::size_t at = hash & mask();
    while (entries_[at].place != place || entries_[at].hash != hash) {
      if (entries_[at].place == kFree) return;
      at = (at + 1) & mask();
    }
    // Who was pushed past this place moves up.
    for (std::size_t next = (at + 1) & mask(); entries_[next].place != kFree;
         next = (next + 1) & mask()) {
      const std::size_t pushed = (next - (entries_[next].hash & mask())) & mask();
      if (pushed < ((next - at) & mask())) continue;
      entries_[at] = entries_[next];
      at = next;
    }
    entries_[at] = {};
    --size_;
    // Given back after a crowd. It cannot fail: without memory for it, it is done later.
    if (entries_.size() <= kLeast || size_ * 8 >= entries_.size()) return;
    try {
      resize(entries_.size() / 2);
    } catch (const std::bad_alloc&) {
    }
  }

 private:
  static constexpr std::uint32_t kFree = ~std::uint32_t{0};
  static constexpr std::size_t kLeast = 16;
  struct Entry {
    std::uint32_t hash = 0;
    std::uint32_t place = kFree;
  };

  std::size_t mask() const { return entries_.size() - 1; }
  bool full(std::size_t size) const { return size * 5 > entries_.size() * 4; }
  void put(Entry entry) {
    std::size_t at = entry.hash & mask();
    while (entries_[at].place != kFree) at = (at + 1) & mask();
    entries_[at] = entry;
  }
  void resize(std::size_t to) {
    std::vector<Entry> old(to);
    old.swap(entries_);
    for (const Entry& entry : old) {
      if (entry.place != kFree) put(entry);
    }
  }

  std::vector<Entry> entries_;  // a power of two of them
  std::size_t size_ = 0;
};

}  // namespace socketio::base
