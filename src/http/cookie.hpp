// Writing Set-Cookie (RFC 6265).
#pragma once

#include <optional>
#include <string>

#include "base/bytes.hpp"

namespace socketio::http {

struct Cookie {
  std::string name;
  std::string value;  // URL-encoded when written
  std::optional<std::int64_t> max_age_seconds;
  std::string domain;
  std::string path = "/";  // empty: omitted
  std::string expires;     // an HTTP date; empty: omitted
  bool http_only = true;
  bool secure = false;
  bool partitioned = false;
  std::string priority;           // Low, Medium, High; empty: omitted
  std::string same_site = "Lax";  // Strict, Lax, None; empty: omitted
};

// Attribute order as the `cookie` package writes it: Max-Age; Domain; Path; Expires; HttpOnly;
// Secure; Partitioned; Priority; SameSite. nullopt when name or an attribute holds a character that
// would break out of the header.
std::optional<std::string> serialise(const Cookie& cookie);

}  // namespace socketio::http
