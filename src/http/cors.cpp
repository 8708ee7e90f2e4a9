#include "http/cors.hpp"

namespace socketio::http {
namespace {

class Answer {
 public:
  explicit Answer(CorsAnswer& to) : to_(to) {}
  void set(const char* name, base::Bytes value) {
    if (!value.empty()) to_.headers.emplace_back(name, value);
  }
  // One header, however many reasons: it stands where the first of them put it.
  void vary(base::Bytes name) {
    for (auto& [key, value] : to_.headers) {
      if (key == "Vary") {
        value.append(", ").append(name);
        return;
      }
    }
    set("Vary", name);
  }

 private:
  CorsAnswer& to_;
};

}  // namespace

CorsAnswer cors_answer(const CorsRules& rules, const Request& request, bool allowed) {
  CorsAnswer result;
  Answer answer(result);
  switch (rules.kind) {
    case CorsRules::Origin::any:
      answer.set("Access-Control-Allow-Origin", "*");
      break;
    case CorsRules::Origin::fixed:
      answer.set("Access-Control-Allow-Origin", rules.origin);
      answer.vary("Origin");
      break;
    case CorsRules::Origin::match:
      if (allowed) answer.set("Access-Control-Allow-Origin", request.header("origin"));
      answer.vary("Origin");
      break;
  }
  if (rules.credentials) answer.set("Access-Control-Allow-Credentials", "true");
  if (request.method == "OPTIONS") {
    answer.set("Access-Control-Allow-Methods", rules.methods);
    if (rules.allowed_headers.empty()) {
      answer.vary("Access-Control-Request-Headers");
      answer.set("Access-Control-Allow-Headers", request.header("access-control-request-headers"));
    } else {
      answer.set("Access-Control-Allow-Headers", rules.allowed_headers);
    }
    answer.set("Access-Control-Max-Age", rules.max_age);
    result.over = !rules.preflight_continue;
  }
  answer.set("Access-Control-Expose-Headers", rules.exposed_headers);
  return result;
}

}  // namespace socketio::http
