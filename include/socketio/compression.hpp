// How messages and answers are compressed: ServerOptions::per_message_deflate and
// ServerOptions::http_compression.
#pragma once

#include <cstddef>
#include <optional>

namespace socketio {

// permessage-deflate of WebSockets (RFC 7692). Compression is done on the loop's thread, for
// messages of `threshold` bytes and more that were not emitted with compress(false).
//
// Without context takeover, the default, messages are compressed each for itself: a connection
// costs no memory for it, and what is emitted to many is compressed once. With context takeover
// (both *_no_context_takeover false, as JS does) similar messages get smaller, and every connection
// keeps up to 300 KiB and has its own compression of everything.
struct PerMessageDeflate {
  // Bytes. Shorter messages are sent as they are.
  std::size_t threshold = 1024;
  // Whether the server forgets earlier messages when it compresses. A client may ask for it anyway.
  bool server_no_context_takeover = true;
  // Whether clients have to. They may decide so themselves.
  bool client_no_context_takeover = true;
  // Size of the windows, 2^bits bytes, 8 to 15. Not set: what the client asks for, else 15. Set:
  // exactly that; offers that do not allow it are refused (400), as `ws` does.
  std::optional<int> server_max_window_bits{};
  std::optional<int> client_max_window_bits{};
  // zlib's: 0 (none) to 9 (best), and memory for it, 1 to 9.
  int level = 6;
  int mem_level = 8;
  // Bytes that the contexts of all connections may cost together. Who comes when it is used up gets
  // a connection without context takeover.
  std::size_t max_context_bytes = std::size_t{64} * 1024 * 1024;
  // Bytes a second, after inflation, that one connection may send; four tenths of it at once, a
  // message of the default size. Then reading from it pauses, since a few bytes may stand for many.
  // What is not compressed does not count.
  std::size_t max_inflate_rate = 2'500'000;
};

// gzip and deflate of answers to polls, for clients that accept it. The answer is compressed when
// one of its packets may be (compress(false) was not asked for all of them).
struct HttpCompression {
  // Bytes. Shorter answers are sent as they are.
  std::size_t threshold = 1024;
  // zlib's: 0 (none) to 9 (best).
  int level = 6;
};

}  // namespace socketio
