// What came with a CONNECT, kept for as long as the socket is there and counted in the ledger:
// JSON, or MessagePack when there is binary in it, which JSON has no word for.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <socketio/value.hpp>

#include "base/bytes.hpp"
#include "base/ledger.hpp"

namespace socketio::sio {

class Auth {
 public:
  struct Text {
    std::string bytes;
    bool packed = false;  // MessagePack
  };
  // Copies a payload.
  static Text read(const Element& from);

  Auth(Text text, base::Ledger& ledger) : text_(std::move(text)), ledger_(ledger) {
    text_.bytes.shrink_to_fit();
    ledger_.charge_input(memory());
  }
  ~Auth() { ledger_.credit_input(memory()); }
  Auth(const Auth&) = delete;
  Auth& operator=(const Auth&) = delete;

  std::size_t size() const { return text_.bytes.size(); }
  // O(size).
  Value value() const;

 private:
  std::size_t memory() const { return sizeof *this + text_.bytes.capacity(); }

  Text text_;
  base::Ledger& ledger_;
};

// Null when nothing came.
using AuthPtr = std::unique_ptr<const Auth>;

}  // namespace socketio::sio
