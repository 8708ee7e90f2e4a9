// UTF-8 as RFC 6455 §8.1 demands it of text messages and close reasons: whole, and piece by piece
// for messages that arrive in parts. The piecewise validator fails at the first byte that cannot
// continue a valid text, so that a hopeless message is refused before its rest has arrived.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace socketio::ws {

bool valid_utf8(base::Bytes text);

class Utf8Validator {
 public:
  // False once the text so far is the beginning of no valid text.
  bool feed(base::Bytes piece);
  // Not inside a code point.
  bool complete() const { return state_ == 0; }
  void reset() { state_ = 0; }

 private:
  bool step_all(base::Bytes bytes);
  std::uint8_t state_ = 0;
};

}  // namespace socketio::ws
