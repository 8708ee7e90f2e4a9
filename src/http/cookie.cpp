#include "http/cookie.hpp"

#include <algorithm>

#include "http/chars.hpp"
#include "http/url.hpp"

namespace socketio::http {
namespace {

using base::Bytes;

// RFC 6265 §4.1.1: an attribute value ends at ';' and holds no controls.
bool valid_attribute(Bytes value) {
  return std::ranges::none_of(value, [](char c) {
    return c == ';' || is_control(c) || static_cast<unsigned char>(c) > 0x7e;
  });
}

bool one_of(Bytes value, std::initializer_list<Bytes> allowed) {
  return value.empty() || std::ranges::find(allowed, value) != allowed.end();
}

}  // namespace

std::optional<std::string> serialise(const Cookie& cookie) {
  if (!is_token(cookie.name) || !valid_attribute(cookie.domain) || !valid_attribute(cookie.path) ||
      !valid_attribute(cookie.expires) || !one_of(cookie.priority, {"Low", "Medium", "High"}) ||
      !one_of(cookie.same_site, {"Strict", "Lax", "None"}))
    return std::nullopt;
  std::string out = cookie.name + "=" + percent_encode(cookie.value);
  const auto attribute = [&out](Bytes name, Bytes value) {
    if (!value.empty()) out.append("; ").append(name).append("=").append(value);
  };
  if (cookie.max_age_seconds) attribute("Max-Age", std::to_string(*cookie.max_age_seconds));
  attribute("Domain", cookie.domain);
  attribute("Path", cookie.path);
  attribute("Expires", cookie.expires);
  if (cookie.http_only) out += "; HttpOnly";
  if (cookie.secure) out += "; Secure";
  if (cookie.partitioned) out += "; Partitioned";
  attribute("Priority", cookie.priority);
  attribute("SameSite", cookie.same_site);
  return out;
}

}  // namespace socketio::http
