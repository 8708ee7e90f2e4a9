// Response heads and bodies as bytes: one contiguous span per response, so that it leaves in one
// send.
#pragma once

#include <optional>

#include "http/server_machine.hpp"

namespace socketio::http {

struct ResponseHead {
  int status = 200;
  base::Bytes header_lines{};  // each ending in CRLF
  std::uint64_t length = 0;
  base::Bytes connection{};  // value of the Connection header; empty: omitted
};

// 1xx, 204, 304: no body, and no Content-Length either.
bool has_no_body(int status);

// `body` follows the head in the same span.
void write_response(const ResponseHead& head, base::Bytes body, Env env);

// The header lines of a Response, without those that are the machine's business; `length` is set
// from its Content-Length (a HEAD response). nullopt when a header or
// the status is invalid.
std::optional<std::string> header_lines_of(const Response& response,
                                           std::optional<std::uint64_t>& length);

}  // namespace socketio::http
