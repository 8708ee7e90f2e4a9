// Pages of other origins: what CORS tells their browsers, and whom allowed_origins refuses.
#include <gtest/gtest.h>

#include "support/sio_client.hpp"
#include "support/upgrade_request.hpp"

namespace socketio {
namespace {

using test::Client;
using test::http_get;
using test::HttpAnswer;
using test::HttpPeer;
using test::kOpen;
using test::kUpgradeLines;
using test::PollingClient;
using test::World;

constexpr std::string_view kPage = "Origin: https://page.example\r\n";

ServerOptions with_cors(CorsOptions cors) {
  ServerOptions options;
  options.cors = std::move(cors);
  return options;
}

std::string allowed(World& world, std::string_view headers = kPage) {
  return http_get(world, kOpen, headers).header("Access-Control-Allow-Origin");
}

// -- CORS

TEST(Cors, IsOffUnlessAskedFor) {
  World world;
  EXPECT_EQ(allowed(world), "");
  HttpPeer peer(world);
  EXPECT_EQ(peer.request("OPTIONS", kOpen, kPage).body,
            R"({"code":2,"message":"Bad handshake method"})");
}

TEST(Cors, TheOriginInEveryForm) {
  const auto with = [](CorsOrigin origin) {
    World world(with_cors({.origin = std::move(origin)}));
    return allowed(world);
  };
  EXPECT_EQ(with("*"), "*");
  EXPECT_EQ(with({}), "*");
  EXPECT_EQ(with("https://one.example"), "https://one.example");
  EXPECT_EQ(with(true), "https://page.example");
  EXPECT_EQ(with(false), "");
  EXPECT_EQ(with({"https://one.example", "https://page.example"}), "https://page.example");
  EXPECT_EQ(with({"https://one.example", "https://page.example.org"}), "");
  EXPECT_EQ(with([](std::string_view o) { return o.ends_with(".example"); }),
            "https://page.example");
  EXPECT_EQ(with([](std::string_view o) { return o.ends_with(".org"); }), "");
  EXPECT_EQ(with([](std::string_view) -> bool { throw std::runtime_error("x"); }), "");
}

TEST(Cors, PreflightsAreAnswered) {
  using namespace std::chrono_literals;
  World world(with_cors({.origin = true,
                         .methods = {"GET", "POST"},
                         .allowed_headers = {"x-one", "x-two"},
                         .exposed_headers = {"x-three"},
                         .credentials = true,
                         .max_age = 10min,
                         .options_success_status = 200}));
  HttpPeer peer(world);
  const HttpAnswer answer = peer.request("OPTIONS", kOpen, kPage);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(answer.header("Content-Length"), "0");
  EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "https://page.example");
  EXPECT_EQ(answer.header("Vary"), "Origin");
  EXPECT_EQ(answer.header("Access-Control-Allow-Credentials"), "true");
  EXPECT_EQ(answer.header("Access-Control-Allow-Methods"), "GET,POST");
  EXPECT_EQ(answer.header("Access-Control-Allow-Headers"), "x-one,x-two");
  EXPECT_EQ(answer.header("Access-Control-Expose-Headers"), "x-three");
  EXPECT_EQ(answer.header("Access-Control-Max-Age"), "600");
  // The connection lives on.
  EXPECT_EQ(peer.request("GET", kOpen, kPage).status, 200);
}

TEST(Cors, APreflightThatGoesOnMeetsEngineIo) {
  World world(with_cors({.preflight_continue = true}));
  HttpPeer peer(world);
  const HttpAnswer answer = peer.request("OPTIONS", kOpen, kPage);
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(answer.header("Access-Control-Allow-Methods"), "GET,HEAD,PUT,PATCH,POST,DELETE");
}

TEST(Cors, EveryAnswerBelowThePathHasThem) {
  ServerOptions options = with_cors({.origin = true, .credentials = true});
  options.client_dist = "";
  World world(std::move(options));
  HttpPeer peer(world);
  const std::string origin(kPage);
  const auto check = [](const HttpAnswer& answer, int status) {
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "https://page.example");
    EXPECT_EQ(answer.header("Access-Control-Allow-Credentials"), "true");
    EXPECT_EQ(answer.header("Vary"), "Origin");
  };
  const HttpAnswer handshake = peer.request("GET", kOpen, kPage);
  check(handshake, 200);
  const std::string target =
      std::string(kOpen) + "&sid=" + handshake.body.substr(handshake.body.find("sid") + 6, 20);
  check(peer.request("POST", target, kPage, "40"), 200);
  check(peer.request("GET", target, kPage), 200);
  check(peer.request("PUT", target, kPage), 500);
  check(peer.request("GET", "/socket.io/?transport=none", kPage), 400);
  check(peer.request("GET", "/socket.io/socket.io.js", kPage), 404);  // no client_dist
  HttpPeer upgrade(world);
  check(upgrade.request("GET", "/socket.io/?EIO=4&transport=websocket",
                        std::string(kPage) + std::string(kUpgradeLines)),
        101);
  // Yours are yours.
  EXPECT_EQ(peer.request("GET", "/", kPage).header("Access-Control-Allow-Origin"), "");
}

TEST(Cors, MayDependOnTheRequest) {
  World world(with_cors({.for_request = [](const HttpRequest& request, CorsOptions& cors) {
    if (request.query("who") == "a") cors.origin = "https://a.example";
    if (request.query("who") == "off") cors.origin = false;
    if (request.query("who") == "bad") cors.origin = "b\r\nX-Evil: 1";
  }}));
  const auto who = [&world](const std::string& name) {
    return http_get(world, std::string(kOpen) + "&who=" + name)
        .header("Access-Control-Allow-Origin");
  };
  EXPECT_EQ(who(""), "*");
  EXPECT_EQ(who("a"), "https://a.example");
  EXPECT_EQ(who("off"), "");
  EXPECT_TRUE(world.errors.empty());
  EXPECT_EQ(who("bad"), "");
  EXPECT_EQ(world.errors.size(), 1U);
}

// -- Origins

TEST(AllowedOrigins, RefuseForeignPages) {
  ServerOptions options;
  options.engine.allowed_origins = {"https://page.example", "null"};
  World world(std::move(options));
  const auto ask = [&world](std::string_view origin) {
    return http_get(world, kOpen, "Origin: " + std::string(origin) + "\r\n");
  };
  EXPECT_EQ(http_get(world, kOpen).status, 200);
  EXPECT_EQ(ask("https://page.example").status, 200);
  EXPECT_EQ(ask("null").status, 200);
  EXPECT_EQ(ask("https://page.example.org").status, 403);
  EXPECT_EQ(ask("https://evil.example").body, R"({"code":4,"message":"Forbidden"})");
  EXPECT_EQ(world.errors.back().code, 4);
  // Where CORS is no help: browsers do not apply it to WebSockets.
  HttpPeer peer(world);
  const HttpAnswer answer =
      peer.request("GET", "/socket.io/?EIO=4&transport=websocket",
                   "Origin: https://evil.example\r\n" + std::string(kUpgradeLines));
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.body, "Forbidden");
  EXPECT_FALSE(Client(world, {.headers = std::string(kPage)}).open_packet.empty());
}

TEST(AllowedOrigins, HoldForRequestsOfASessionToo) {
  ServerOptions options;
  options.engine.allowed_origins = [](std::string_view o) { return o == "https://page.example"; };
  World world(std::move(options));
  PollingClient client(world);
  HttpPeer thief(world);
  const std::string target = std::string(kOpen) + "&sid=" + client.sid;
  EXPECT_EQ(thief.request("POST", target, "Origin: https://evil.example\r\n", "41").status, 403);
  EXPECT_TRUE(client.join());
}

}  // namespace
}  // namespace socketio
