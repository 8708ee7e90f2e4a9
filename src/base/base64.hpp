// Base64 as Engine.IO polling uses it: standard alphabet with padding going out; coming in also
// unpadded, URL-safe (RFC 4648 §4, §5) and in lines (RFC 2045 §6.8: the official Java client sends
// it so), as Node's decoder accepts.
#pragma once

#include <string>

#include "base/bytes.hpp"

namespace socketio::base {

constexpr std::size_t base64_size(std::size_t n) {
  return (n + 2) / 3 * 4;
}
// Writes base64_size(in.size()) bytes.
void base64_encode(Bytes in, char* out);
std::string base64_encode(Bytes in);

// Decodes into `out`, which has room for in.size() / 4 * 3 + 3 bytes and may be `in` itself.
// Returns the decoded size, or -1 when a character, the length or the padding is wrong.
std::ptrdiff_t base64_decode(Bytes in, char* out);

}  // namespace socketio::base
