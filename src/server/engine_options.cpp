#include "server/engine_options.hpp"

#include <algorithm>
#include <stdexcept>

#include "eio/gateway.hpp"
#include "http/chars.hpp"
#include "http/message.hpp"
#include "http/static_file.hpp"

namespace socketio::server {
namespace {

std::string joined(const std::vector<std::string>& list) {
  std::string text;
  for (const std::string& item : list) {
    if (!text.empty()) text += ',';
    text += item;
  }
  return text;
}

void check_tokens(const std::vector<std::string>& list, const char* option) {
  if (!std::ranges::all_of(list, [](const std::string& item) { return http::is_token(item); }))
    refuse_option(option, "must hold names of methods or headers");
}

// As browsers write it (RFC 6454 §6.1): "null", or scheme://host[:port] in lower case.
bool is_origin(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (text == "null") return true;
  if (scheme == 0 || scheme == std::string_view::npos || scheme + 3 == text.size()) return false;
  return std::ranges::none_of(text,
                              [](char c) {
                                return http::is_control(c) || c == ' ' || c == ',' || c == '?' ||
                                       c == '#' || (c >= 'A' && c <= 'Z');
                              }) &&
         text.find('/', scheme + 3) == std::string_view::npos;
}

void check_origins(const std::vector<std::string>& origins, const char* option) {
  if (!std::ranges::all_of(origins, is_origin))
    refuse_option(option, "must be origins: scheme://host, scheme://host:port or null");
}

const char* text(SameSite same_site) {
  switch (same_site) {
    case SameSite::lax:
      return "Lax";
    case SameSite::strict:
      return "Strict";
    case SameSite::none:
      return "None";
    case SameSite::unset:
      break;
  }
  return "";
}

}  // namespace

void refuse_option(const std::string& option, const char* why) {
  throw std::invalid_argument("socketio::ServerOptions::" + option + " " + why);
}

void require_positive(std::chrono::milliseconds value, const std::string& option) {
  check_duration(value, "socketio::ServerOptions::" + option);
}

void check_duration(std::chrono::milliseconds value, const std::string& option) {
  if (value.count() <= 0) throw std::invalid_argument(option + " must be positive");
  if (value > kLongestDuration)
    throw std::invalid_argument(option + " must be at most 2^31-1 milliseconds");
}

void check_engine(const EngineOptions& options) {
  require_positive(options.decision_timeout, "engine.decision_timeout");
  require_positive(options.destroy_upgrade_timeout, "engine.destroy_upgrade_timeout");
  if (options.cookie && options.cookie->same_site > SameSite::unset)
    refuse_option("engine.cookie", "has a same_site that is none of the enumerators");
  if (const Value& packet = options.initial_packet; !packet.is_null() &&
                                                    packet.get_if<std::string>() == nullptr &&
                                                    packet.get_if<Binary>() == nullptr)
    refuse_option("engine.initial_packet", "must be a string or Binary");
  check_origins(options.allowed_origins.exact(), "engine.allowed_origins");
  if (options.cookie && !session_cookie(*options.cookie, "sid"))
    refuse_option("engine.cookie", "holds what would break out of its header");
}

void check_cors(const CorsOptions& options) {
  if (options.origin.kind() == CorsOrigin::Kind::fixed)
    check_origins({options.origin.text()}, "cors.origin");
  check_origins(options.origin.origins().exact(), "cors.origin");
  check_tokens(options.methods, "cors.methods");
  check_tokens(options.allowed_headers, "cors.allowed_headers");
  check_tokens(options.exposed_headers, "cors.exposed_headers");
  if (options.max_age && options.max_age->count() < 0)
    refuse_option("cors.max_age", "must not be negative");
  if (options.options_success_status < 200 || options.options_success_status > 299)
    refuse_option("cors.options_success_status", "must be between 200 and 299");
}

std::optional<http::CorsRules> cors_rules(const CorsOptions& options) {
  http::CorsRules rules;
  switch (options.origin.kind()) {
    case CorsOrigin::Kind::none:
      return std::nullopt;
    case CorsOrigin::Kind::any:
      break;
    case CorsOrigin::Kind::fixed:
      rules.kind = http::CorsRules::Origin::fixed;
      rules.origin = options.origin.text();
      break;
    case CorsOrigin::Kind::reflect:
    case CorsOrigin::Kind::match:
      rules.kind = http::CorsRules::Origin::match;
      break;
  }
  rules.methods = joined(options.methods);
  rules.allowed_headers = joined(options.allowed_headers);
  rules.exposed_headers = joined(options.exposed_headers);
  if (options.max_age) rules.max_age = std::to_string(options.max_age->count());
  rules.credentials = options.credentials;
  rules.preflight_continue = options.preflight_continue;
  rules.success_status = options.options_success_status;
  return rules;
}

std::optional<std::string> session_cookie(const CookieOptions& options, std::string_view sid) {
  http::Cookie cookie;
  cookie.name = options.name;
  cookie.value = sid;
  if (options.max_age) cookie.max_age_seconds = options.max_age->count();
  cookie.domain = options.domain;
  cookie.path = options.path;
  if (options.expires) {
    cookie.expires = http::http_date(
        std::chrono::duration_cast<std::chrono::seconds>(options.expires->time_since_epoch())
            .count());
  }
  cookie.http_only = options.http_only;
  cookie.secure = options.secure;
  cookie.partitioned = options.partitioned;
  cookie.priority = options.priority;
  cookie.same_site = text(options.same_site);
  return http::serialise(cookie);
}

bool valid_custom_id(std::string_view id) {
  return !id.empty() && id.size() <= eio::kMaxSid && std::ranges::all_of(id, [](char c) {
    return http::is_digit(c) || http::is_alpha(c) || c == '.' || c == '_' || c == '~' || c == '-';
  });
}

}  // namespace socketio::server
