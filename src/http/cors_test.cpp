#include "http/cors.hpp"

#include <gtest/gtest.h>

namespace socketio::http {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;
using Origin = CorsRules::Origin;

constexpr base::Bytes kPage = "https://page.example";

struct Ask {
  base::Bytes method = "GET";
  base::Bytes origin = kPage;
  base::Bytes wants = {};  // Access-Control-Request-Headers
};

CorsAnswer answer(const CorsRules& rules, const Ask& ask = {}, bool allowed = true) {
  std::vector<Header> headers;
  if (!ask.origin.empty()) headers.push_back({"Origin", ask.origin});
  if (!ask.wants.empty()) headers.push_back({"access-control-request-headers", ask.wants});
  Request request;
  request.method = ask.method;
  request.headers = headers;
  return cors_answer(rules, request, allowed);
}

CorsRules rules_for(Origin kind, std::string origin = {}) {
  CorsRules rules;
  rules.kind = kind;
  rules.origin = std::move(origin);
  return rules;
}

TEST(Cors, OriginAsTheTableSays) {
  EXPECT_EQ(answer(rules_for(Origin::any)).headers, (Pairs{{"Access-Control-Allow-Origin", "*"}}));
  // Also when another page asks, or none.
  const Pairs fixed{{"Access-Control-Allow-Origin", "https://one.example"}, {"Vary", "Origin"}};
  EXPECT_EQ(answer(rules_for(Origin::fixed, "https://one.example")).headers, fixed);
  EXPECT_EQ(answer(rules_for(Origin::fixed, "https://one.example"), {.origin = ""}).headers, fixed);
  EXPECT_EQ(answer(rules_for(Origin::match)).headers,
            (Pairs{{"Access-Control-Allow-Origin", std::string(kPage)}, {"Vary", "Origin"}}));
  EXPECT_EQ(answer(rules_for(Origin::match), {}, false).headers, (Pairs{{"Vary", "Origin"}}));
  EXPECT_EQ(answer(rules_for(Origin::match), {.origin = ""}).headers, (Pairs{{"Vary", "Origin"}}));
}

TEST(Cors, ActualRequestsGetCredentialsAndExposedHeaders) {
  CorsRules rules = rules_for(Origin::match);
  rules.credentials = true;
  rules.methods = "GET";
  rules.allowed_headers = "a";
  rules.exposed_headers = "b,c";
  rules.max_age = "5";
  const CorsAnswer got = answer(rules);
  EXPECT_FALSE(got.over);
  EXPECT_EQ(got.headers, (Pairs{{"Access-Control-Allow-Origin", std::string(kPage)},
                                {"Vary", "Origin"},
                                {"Access-Control-Allow-Credentials", "true"},
                                {"Access-Control-Expose-Headers", "b,c"}}));
}

TEST(Cors, APreflightIsAnswered) {
  CorsRules rules = rules_for(Origin::match);
  rules.credentials = true;
  rules.methods = "GET,POST";
  rules.max_age = "0";
  rules.exposed_headers = "e";
  const CorsAnswer got = answer(rules, {.method = "OPTIONS", .wants = "x-one, x-two"});
  EXPECT_TRUE(got.over);
  EXPECT_EQ(got.headers, (Pairs{{"Access-Control-Allow-Origin", std::string(kPage)},
                                {"Vary", "Origin, Access-Control-Request-Headers"},
                                {"Access-Control-Allow-Credentials", "true"},
                                {"Access-Control-Allow-Methods", "GET,POST"},
                                {"Access-Control-Allow-Headers", "x-one, x-two"},
                                {"Access-Control-Max-Age", "0"},
                                {"Access-Control-Expose-Headers", "e"}}));
}

TEST(Cors, HeadersOfAPreflight) {
  CorsRules rules = rules_for(Origin::any);
  // Nothing asked for: nothing allowed, but a cache must still tell requests apart.
  EXPECT_EQ(
      answer(rules, {.method = "OPTIONS"}).headers,
      (Pairs{{"Access-Control-Allow-Origin", "*"}, {"Vary", "Access-Control-Request-Headers"}}));
  rules.allowed_headers = "x-three";
  EXPECT_EQ(
      answer(rules, {.method = "OPTIONS", .wants = "x-one"}).headers,
      (Pairs{{"Access-Control-Allow-Origin", "*"}, {"Access-Control-Allow-Headers", "x-three"}}));
}

TEST(Cors, APreflightMayGoOn) {
  CorsRules rules = rules_for(Origin::any);
  rules.methods = "GET";
  rules.preflight_continue = true;
  const CorsAnswer got = answer(rules, {.method = "OPTIONS"});
  EXPECT_FALSE(got.over);
  EXPECT_EQ(got.headers[1], (Pairs::value_type{"Access-Control-Allow-Methods", "GET"}));
}

// A refused origin is told nothing, but its preflight is answered all the same.
TEST(Cors, AForeignPreflightIsAnsweredWithoutAnOrigin) {
  const CorsAnswer got = answer(rules_for(Origin::match), {.method = "OPTIONS"}, false);
  EXPECT_TRUE(got.over);
  EXPECT_EQ(got.headers, (Pairs{{"Vary", "Origin, Access-Control-Request-Headers"}}));
}

}  // namespace
}  // namespace socketio::http
