// Plain WebSocket routes: what is told before the handshake, and the handle. Messages, limits and
// ends are shown to real peers in tests/e2e/websocket_routes.test.mjs.
#include "server/plain_websocket.hpp"

#include <gtest/gtest.h>

#include "support/folder.hpp"
#include "support/sio_client.hpp"
#include "support/upgrade_request.hpp"

namespace socketio {
namespace {

using test::Folder;
using test::http_get;
using test::HttpAnswer;
using test::HttpPeer;
using test::kUpgradeLines;
using test::World;

std::string refusal(const std::function<void(WebSocketRoute&)>& change) {
  WebSocketRoute route;
  change(route);
  Server io;
  try {
    io.http().websocket("/x", route);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

TEST(PlainRoute, AWrongMemberIsNamed) {
  using R = WebSocketRoute;
  using std::chrono::milliseconds;
  const std::pair<const char*, std::function<void(R&)>> wrong[] = {
      {"max_message must be between 1 and 2^31-1 bytes", [](R& r) { r.max_message = 0; }},
      {"max_message must be between 1 and 2^31-1 bytes", [](R& r) { r.max_message = 0x80000000; }},
      {"send_queue_hard must be positive", [](R& r) { r.send_queue_soft = r.send_queue_hard = 0; }},
      {"send_queue_soft must not exceed send_queue_hard",
       [](R& r) { r.send_queue_soft = r.send_queue_hard + 1; }},
      {"ping_interval must be positive", [](R& r) { r.ping_interval = milliseconds(0); }},
      {"ping_timeout must be positive", [](R& r) { r.ping_timeout = milliseconds(0); }},
      {"ping_interval must be at most 2^31-1 milliseconds",
       [](R& r) { r.ping_interval = milliseconds::max(); }},
      {"ping_timeout must be at most 2^31-1 milliseconds",
       [](R& r) { r.ping_timeout = milliseconds::max(); }},
      {"protocols must be tokens",
       [](R& r) {
         r.protocols = {"a", "b c"};
       }},
      {"protocols must be tokens", [](R& r) { r.protocols = {""}; }},
  };
  for (const auto& [text, change] : wrong)
    EXPECT_EQ(refusal(change), std::string("socketio::WebSocketRoute::") + text);
  EXPECT_EQ(refusal([](R&) {}), "");
  Server io;
  EXPECT_THROW(io.http().websocket("x", {}), std::invalid_argument);
}

TEST(PlainRoute, OurFirstProtocolThatIsOfferedIsAgreedUpon) {
  using server::agreed_protocol;
  EXPECT_EQ(agreed_protocol({"a", "b"}, "b, a"), "a");
  EXPECT_EQ(agreed_protocol({"a", "b"}, " c ,\tb "), "b");
  EXPECT_EQ(agreed_protocol({"a"}, "A, aa, b"), "");
  EXPECT_EQ(agreed_protocol({"a"}, ""), "");
  EXPECT_EQ(agreed_protocol({"a"}, ",,,"), "");
  EXPECT_EQ(agreed_protocol({}, "a"), "");
}

TEST(PlainRoute, TheHandshakeIsAnsweredOrRefused) {
  World world;
  world.io.http()
      .websocket("/feed/:room", {.protocols = {"v2"}})
      .websocket("/private", {.upgrade = [](const HttpRequest& r) -> std::optional<HttpReply> {
                   if (r.header("authorization") == "right") return std::nullopt;
                   return HttpReply::text("no", 401);
                 }})
      .websocket("/bad", {.upgrade = [](const HttpRequest&) -> std::optional<HttpReply> {
                   throw std::runtime_error("oops");
                 }})
      .websocket("/ours", {.allowed_origins = {"https://us.example"}});
  const auto ask = [&world](const char* path, const std::string& more = "") {
    return http_get(world, path, kUpgradeLines + more);
  };
  const HttpAnswer good = ask("/feed/a", "Sec-WebSocket-Protocol: v1, v2\r\n");
  EXPECT_EQ(good.status, 101);
  EXPECT_EQ(good.header("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(good.header("Sec-WebSocket-Protocol"), "v2");
  EXPECT_EQ(ask("/feed/a").header("Sec-WebSocket-Protocol"), "");
  EXPECT_EQ(ask("/private").status, 401);
  EXPECT_EQ(ask("/private").body, "no");
  EXPECT_EQ(ask("/private", "Authorization: right\r\n").status, 101);
  EXPECT_EQ(ask("/bad").status, 500);
  ASSERT_EQ(world.errors.size(), 1U);
  EXPECT_EQ(world.errors[0].message, "oops");
  EXPECT_EQ(ask("/ours", "Origin: https://them.example\r\n").status, 403);
  EXPECT_EQ(ask("/ours", "Origin: https://us.example\r\n").status, 101);
  EXPECT_EQ(ask("/ours").status, 101);
  EXPECT_EQ(ask("/feed").status, 404);
  EXPECT_EQ(ask("/feed/a/b").status, 404);
  // Not a WebSocket, or not a good one.
  EXPECT_EQ(http_get(world, "/feed/a").status, 426);
  EXPECT_EQ(http_get(world, "/feed/a").header("Upgrade"), "websocket");
  const HttpAnswer old = http_get(world, "/feed/a",
                                  "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Version: 12\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
  EXPECT_EQ(old.status, 400);
  EXPECT_EQ(old.header("Sec-WebSocket-Version"), "13, 8");
}

TEST(PlainRoute, AFallbackDoesNotAnswerForIt) {
  World world;
  world.io.http().websocket("/feed", {}).fallback([](const HttpRequest&) {
    return HttpReply::text("nf", 404);
  });
  EXPECT_EQ(http_get(world, "/feed", kUpgradeLines).status, 101);
  EXPECT_EQ(http_get(world, "/feed").status, 426);
  EXPECT_EQ(http_get(world, "/elsewhere").body, "nf");
}

// The page and the WebSocket that it opens may have one path.
TEST(PlainRoute, OrdinaryRequestsForItMayBeForAFile) {
  const Folder folder;
  folder.write("index.html", "page");
  for (const bool with_fallback : {false, true}) {
    World world;
    world.io.http().serve("/", folder.path()).websocket("/", {}).websocket("/feed", {});
    if (with_fallback)
      world.io.http().fallback([](const HttpRequest&) { return HttpReply::text("nf", 404); });
    EXPECT_EQ(http_get(world, "/", kUpgradeLines).status, 101);
    EXPECT_EQ(http_get(world, "/").body, "page");
    EXPECT_EQ(http_get(world, "/feed", kUpgradeLines).status, 101);
    const HttpAnswer none = http_get(world, "/feed");
    EXPECT_EQ(none.status, 426);
    EXPECT_EQ(none.header("Upgrade"), "websocket");
    EXPECT_EQ(http_get(world, "/elsewhere").body, with_fallback ? "nf" : "");
  }
}

TEST(PlainRoute, OriginsOfTheEngineHoldWhereTheRouteHasNone) {
  ServerOptions options;
  options.engine.allowed_origins = {"https://us.example"};
  World world(options);
  world.io.http().websocket("/x", {}).websocket("/y", {.allowed_origins = {"https://y.example"}});
  const auto ask = [&world](const char* path, const char* origin) {
    return http_get(world, path, std::string(kUpgradeLines) + "Origin: " + origin + "\r\n").status;
  };
  EXPECT_EQ(ask("/x", "https://us.example"), 101);
  EXPECT_EQ(ask("/x", "https://y.example"), 403);
  EXPECT_EQ(ask("/y", "https://y.example"), 101);
  EXPECT_EQ(ask("/y", "https://us.example"), 403);
}

TEST(WebSocketHandle, OfNoConnectionDoesNothing) {
  const WebSocket none;
  EXPECT_FALSE(none);
  EXPECT_FALSE(none.open());
  EXPECT_FALSE(none.send("x"));
  EXPECT_FALSE(none.close());
  EXPECT_FALSE(none.congested());
  EXPECT_EQ(none.buffered_amount(), 0U);
  EXPECT_EQ(none.protocol(), "");
  EXPECT_EQ(none.request().path(), "");
  none.terminate();
  none.data() = 1;
  EXPECT_FALSE(none.data().has_value());
  EXPECT_EQ(none, WebSocket());
}

TEST(WebSocketHandle, OutlivesItsConnectionAndItsServer) {
  WebSocket kept;
  std::vector<std::string> seen;
  {
    World world;
    world.io.http().websocket(
        "/x", {.open =
                   [&](const WebSocket& peer) {
                     kept = peer;
                     peer.data() = std::string("mine");
                   },
               .close =
                   [&](const WebSocket& peer, std::uint16_t code, std::string_view, bool clean) {
                     EXPECT_EQ(peer, kept);
                     seen.push_back(std::to_string(code) + (clean ? " clean" : ""));
                   }});
    {
      HttpPeer peer(world);
      EXPECT_EQ(peer.request("GET", "/x", kUpgradeLines).status, 101);
      EXPECT_TRUE(kept.open());
      EXPECT_EQ(world.io.stats().plain_websockets, 1U);
      EXPECT_FALSE(kept.send("no UTF-8: \xff"));
      EXPECT_FALSE(kept.close(1005));
      EXPECT_FALSE(kept.close(999));
      EXPECT_TRUE(kept.send("yes"));
      EXPECT_EQ(kept.buffered_amount(), 5U);  // with its frame's head
      world.settle();
      EXPECT_EQ(kept.buffered_amount(), 0U);
    }
    ASSERT_TRUE(world.until([&] { return !seen.empty(); }));
    EXPECT_FALSE(kept.open());
    EXPECT_FALSE(kept.send("late"));
    EXPECT_EQ(world.io.stats().plain_websockets, 0U);
  }
  EXPECT_EQ(seen, std::vector<std::string>{"1006"});
  EXPECT_FALSE(kept.send("later"));
  EXPECT_EQ(std::any_cast<std::string>(kept.data()), "mine");
  EXPECT_EQ(kept.request().path(), "/x");
  // One whose server goes without a close().
  std::optional<World> world(std::in_place);
  world->io.http().websocket("/x", {.open = [&](const WebSocket& peer) { kept = peer; }});
  HttpPeer peer(*world);
  EXPECT_EQ(peer.request("GET", "/x", kUpgradeLines).status, 101);
  EXPECT_TRUE(kept.open());
}

}  // namespace
}  // namespace socketio
