// ServerOptions::engine and ::cors, checked and brought into the form that the protocol layers
// take.
#pragma once

#include <optional>
#include <string_view>

#include <socketio/server.hpp>

#include "http/cookie.hpp"
#include "http/cors.hpp"

namespace socketio::server {

// Of all options: the timers of clients take no more (about 24 days), and a clock must not
// overflow.
constexpr std::chrono::milliseconds kLongestDuration{0x7fffffff};

// Throw std::invalid_argument naming the option; of a duration it is given whole.
void check_duration(std::chrono::milliseconds value, const std::string& option);
// Of a member of ServerOptions, given without its name.
[[noreturn]] void refuse_option(const std::string& option, const char* why);
void require_positive(std::chrono::milliseconds value, const std::string& option);
void check_engine(const EngineOptions& options);
void check_cors(const CorsOptions& options);

// None for CorsOrigin(false).
std::optional<http::CorsRules> cors_rules(const CorsOptions& options);
// Set-Cookie for a session.
std::optional<std::string> session_cookie(const CookieOptions& options, std::string_view sid);

// Ids of the user's making: at most eio::kMaxSid of what needs no escaping anywhere.
bool valid_custom_id(std::string_view id);

}  // namespace socketio::server
