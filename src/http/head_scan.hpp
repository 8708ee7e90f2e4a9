// Finds the end of a request head, in any split, and refuses at the earliest byte what no head may
// hold (control characters, line ends other than CRLF) or what is too large. So a TLS hello or a
// head with bare LF is answered at once instead of waiting for an empty line that never comes.
//
//   GET / HTTP/1.1 CRLF  Host: a CRLF  CRLF
//   ^line 0              ^line 1       ^found
#pragma once

#include <cstdint>

#include "http/server_machine.hpp"

namespace socketio::http {

struct HeadVerdict {
  int status = 0;  // 0: fine; else what to answer
  base::Bytes detail{};
  // Of a head that is fine: GET or POST, spaces only where everybody puts them, no transfer coding.
  // llhttp accepts all of these.
  bool plain = false;
};

class HeadScan {
 public:
  enum class State : std::uint8_t { more, found, failed };
  struct Result {
    State state = State::more;
    std::size_t size = 0;  // found: of the head, including the empty line
    HeadVerdict verdict{};
  };

  // `in` starts at the request line and holds at least what it held last time; each byte is looked
  // at once.
  Result scan(base::Bytes in, const Limits& limits);
  std::size_t header_lines() const { return lines_ - 1; }
  void reset() { *this = HeadScan(); }

 private:
  std::uint32_t position_ = 0;
  std::uint32_t line_ = 0;  // where the current line starts
  std::uint32_t lines_ = 0;
};

}  // namespace socketio::http
