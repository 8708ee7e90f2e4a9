// What others call a socket: 20 random characters. For clients of Engine.IO 3 it is what the client
// computes: its session's id, in other namespaces with "/nsp#" in front. Those that are longer are
// kept on the heap, so that all the others stay as small as they are.
#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "base/bytes.hpp"
#include "eio/sid.hpp"

namespace socketio::sio {

class PublicId {
 public:
  using Shared = std::shared_ptr<const std::string>;

  PublicId() = default;
  PublicId(const PublicId&) = delete;
  PublicId& operator=(const PublicId&) = delete;
  ~PublicId() { forget(); }
  PublicId& operator=(const std::array<char, eio::kSidSize>& chars) {
    forget();
    chars_ = chars;
    return *this;
  }

  base::Bytes view() const {
    if (is_long_) [[unlikely]]
      return **stored();
    return {chars_.data(), chars_.size()};
  }
  // Of the usual length: the characters (else they mean nothing).
  const std::array<char, eio::kSidSize>& chars() const { return chars_; }
  // Of another length: the text, else null.
  const Shared* shared() const { return is_long_ ? stored() : nullptr; }
  void assign(base::Bytes text) {
    forget();
    if (text.size() == chars_.size()) {
      std::memcpy(chars_.data(), text.data(), text.size());
      return;
    }
    auto copy = std::make_unique<Shared>(std::make_shared<const std::string>(text));
    const Shared* const kept = copy.release();
    std::memcpy(chars_.data(), &kept, sizeof kept);
    is_long_ = true;
  }

 private:
  const Shared* stored() const {
    const Shared* kept = nullptr;
    std::memcpy(&kept, chars_.data(), sizeof kept);
    return kept;
  }
  void forget() {
    if (std::exchange(is_long_, false)) std::default_delete<const Shared>{}(stored());
  }

  std::array<char, eio::kSidSize> chars_{};  // or a pointer to a Shared
  bool is_long_ = false;
};

}  // namespace socketio::sio
