// What came with a CONNECT, kept as text for as long as the socket is there, or whoever else has a
// share in it, and counted in the ledger once: JSON, or MessagePack when there is binary in it,
// which JSON has no word for. As a Value it takes twenty times as much, so that is made when it is
// asked for and goes again.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <socketio/value.hpp>

#include "base/bytes.hpp"
#include "base/ledger.hpp"

namespace socketio::sio {

class Auth;
struct LetGo {
  void operator()(const Auth* auth) const;
};
// One share in it; null when nothing came. (A shared_ptr would make each socket longer.)
using AuthPtr = std::unique_ptr<const Auth, LetGo>;

// Never changed. Shares are made and let go of on any thread, while the ledger lives.
class Auth {
 public:
  struct Text {
    std::string bytes;
    bool packed = false;  // MessagePack
  };
  // Copies a payload.
  static Text read(const Element& from);

  static AuthPtr keep(Text text, base::Ledger& ledger) {
    return AuthPtr(std::make_unique<const Auth>(std::move(text), ledger).release());
  }
  Auth(Text text, base::Ledger& ledger)
      : bytes_(std::move(text.bytes)), packed_(text.packed), ledger_(ledger) {
    bytes_.shrink_to_fit();
    ledger_.charge_input(memory());
  }
  ~Auth() { ledger_.credit_input(memory()); }
  Auth(const Auth&) = delete;
  Auth& operator=(const Auth&) = delete;

  AuthPtr share() const {
    shares_.fetch_add(1, std::memory_order_relaxed);
    return AuthPtr(this);
  }
  std::size_t size() const { return bytes_.size(); }
  // O(size).
  Value value() const;

 private:
  friend struct LetGo;
  std::size_t memory() const { return sizeof *this + bytes_.capacity(); }

  std::string bytes_;
  bool packed_;
  mutable std::atomic<std::uint32_t> shares_{1};
  base::Ledger& ledger_;
};

inline void LetGo::operator()(const Auth* auth) const {
  if (auth->shares_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  const std::unique_ptr<const Auth> last(auth);
}

}  // namespace socketio::sio
