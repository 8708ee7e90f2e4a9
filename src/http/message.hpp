// HTTP/1.1 messages as values: views into the head they were parsed from.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace socketio::http {

struct Header {
  base::Bytes name;
  base::Bytes value;  // without surrounding white space
};

// ASCII case-insensitive.
bool iequals(base::Bytes a, base::Bytes b);
// The first element of a comma-separated list, without white space around it; it is taken off.
base::Bytes next_listed(base::Bytes& list);
// True when a comma-separated list (Connection, Upgrade, …) holds `token`, case-insensitively.
bool list_contains(base::Bytes list, base::Bytes token);

// The start line and headers of a request; views into one contiguous head.
struct Request {
  base::Bytes head;    // all of it, up to and including the empty line
  base::Bytes method;  // "GET"
  base::Bytes target;  // as sent
  base::Bytes path;  // of the target (absolute form included), still percent-encoded, without query
  base::Bytes query;  // behind '?', without it
  int minor = 1;      // HTTP/1.<minor>
  std::span<const Header> headers;
  bool keep_alive = true;
  bool upgrade = false;  // Connection has "upgrade" and there is an Upgrade header
  bool chunked = false;
  bool expects_continue = false;
  std::optional<std::uint64_t> content_length;

  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
  // First value, or empty; find() tells absence apart.
  base::Bytes header(base::Bytes name) const;
  std::optional<base::Bytes> find(base::Bytes name) const;
  std::size_t count(base::Bytes name) const;
};

// Headers of which several lines are one list: ours and the user's stand side by side.
bool adds_up(base::Bytes name);

// A response to be written. Values are checked by the writer: CR, LF, NUL and other controls are
// refused.
struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  Response& set(std::string_view name, std::string_view value);
};

base::Bytes reason_phrase(int status);
// No CR, LF, NUL or other control characters except TAB; name is an RFC 9110 token.
bool valid_header(base::Bytes name, base::Bytes value);

}  // namespace socketio::http
