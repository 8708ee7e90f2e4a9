// A vector of which there are hundreds of thousands, nearly all with one element or none: the first
// lies inside. For what may be copied as bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>

namespace socketio::base {

template <class T>
class Few {
 public:
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

  Few() = default;
  Few(const Few&) = delete;
  Few& operator=(const Few&) = delete;
  ~Few() { clear(); }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return many() ? heap() : reinterpret_cast<T*>(room_); }
  const T* data() const { return many() ? heap() : reinterpret_cast<const T*>(room_); }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  T& operator[](std::size_t at) { return data()[at]; }
  const T& operator[](std::size_t at) const { return data()[at]; }
  T& back() { return data()[size_ - 1]; }

  void push_back(const T& value) {
    const T copy = value;  // it may be one of ours
    if (size_ == capacity_) move_to(capacity_ * 2);
    new (data() + size_) T(copy);
    ++size_;
  }
  void pop_back() { --size_; }
  void erase(T* at) {
    std::move(at + 1, end(), at);
    --size_;
  }
  // Without elements it owns nothing afterwards.
  void clear() {
    size_ = 0;
    if (many()) std::allocator<T>{}.deallocate(heap(), capacity_);
    capacity_ = 1;
  }

 private:
  bool many() const { return capacity_ > 1; }
  T* heap() const {
    T* at = nullptr;
    std::memcpy(&at, room_, sizeof at);
    return at;
  }
  void move_to(std::uint32_t capacity) {
    T* to = std::allocator<T>{}.allocate(capacity);
    std::uninitialized_copy(begin(), end(), to);
    const std::uint32_t size = size_;
    clear();
    std::memcpy(room_, &to, sizeof to);
    capacity_ = capacity;
    size_ = size;
  }

  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 1;
  alignas(T) alignas(T*) unsigned char room_[std::max(sizeof(T), sizeof(T*))];
};

}  // namespace socketio::base
