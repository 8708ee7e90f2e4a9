// CORS, server side, as the `cors` package of npm answers it (which Socket.IO uses): a pure
// function of the rules and a request's head. Nothing is refused here; the browser does that.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/message.hpp"

namespace socketio::http {

struct CorsRules {
  enum class Origin : std::uint8_t {
    any,    // "*"
    fixed,  // `origin`, whoever asks
    match,  // the request's own when it is allowed
  };
  Origin kind = Origin::any;
  std::string origin{};
  // Values of headers, lists joined by commas. Empty: no such header.
  std::string methods{};
  std::string allowed_headers{};  // empty: what the preflight asks for
  std::string exposed_headers{};
  std::string max_age{};
  bool credentials = false;
  bool preflight_continue = false;
  int success_status = 204;
};

struct CorsAnswer {
  std::vector<std::pair<std::string, std::string>> headers;
  bool over = false;  // a preflight: answer rules.success_status with these headers and no body
};

// `allowed`: whether the request's Origin is allowed; only asked for with Origin::match.
CorsAnswer cors_answer(const CorsRules& rules, const Request& request, bool allowed);

}  // namespace socketio::http
