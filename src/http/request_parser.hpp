// llhttp behind a door: its type stays out of our headers, its callbacks only note where it
// stopped. It has a veto over the head that check_head accepted, and decodes chunked bodies.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace socketio::http {

class RequestParser {
 public:
  // Where execute() stopped; it stops at each of these, so that the caller sees every boundary.
  enum class Stop : std::uint8_t {
    input_end,
    head_end,
    chunk_header,
    chunk_end,
    message_end,
    refused
  };
  struct Step {
    Stop stop = Stop::input_end;
    std::size_t consumed = 0;
    base::Bytes body{};            // decoded body bytes of this step, a view into its input
    std::uint64_t chunk_size = 0;  // chunk_header
    bool unknown_method = false;   // refused
    base::Bytes detail{};          // refused: llhttp's words
  };

  RequestParser();
  Step execute(base::Bytes in);

 private:
  alignas(8) unsigned char llhttp_[128];
};

}  // namespace socketio::http
