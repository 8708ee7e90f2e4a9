// What is asked about every request below the path, and what its answer carries: middlewares, the
// header hooks, connection_error; and the path itself.
#include <future>

#include <gtest/gtest.h>

#include "support/folder.hpp"
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

// -- Middlewares

TEST(EngineMiddleware, SeesEveryRequestAndSetsHeaders) {
  World world;
  std::vector<std::string> seen;
  world.io.engine()
      .use([&seen](const EngineRequest& request, const EngineNext& next) {
        seen.push_back("1 " + std::string(request.method()));
        request.set_header("X-One", "1").add_header("Set-Cookie", "a=1");
        next();
        request.set_header("X-Late", "1");  // does nothing
      })
      .use([&seen](const EngineRequest& request) {
        seen.push_back("2 " + std::string(request.path()));
        request.add_header("Set-Cookie", "b=2");
        request.set_header("Cache-Control", "private");
      });
  HttpPeer peer(world);
  const HttpAnswer open = peer.request("GET", kOpen);
  EXPECT_EQ(open.status, 200);
  EXPECT_EQ(open.header("X-One"), "1");
  EXPECT_EQ(open.header("X-Late"), "");
  EXPECT_EQ(open.header("Cache-Control"), "private");
  EXPECT_EQ(open.header("Content-Type"), "text/plain; charset=UTF-8");
  EXPECT_NE(open.head.find("Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"), std::string::npos);
  const std::string target =
      std::string(kOpen) + "&sid=" + open.body.substr(open.body.find("sid") + 6, 20);
  const HttpAnswer post = peer.request("POST", target, "", "40");
  EXPECT_EQ(post.body, "ok");
  EXPECT_EQ(post.header("X-One"), "1");
  EXPECT_EQ(peer.request("GET", "/socket.io/?EIO=4").header("X-One"), "1");  // an error's answer
  HttpPeer upgrade(world);
  EXPECT_EQ(upgrade.request("GET", "/socket.io/?EIO=4&transport=websocket", kUpgradeLines)
                .header("X-One"),
            "1");
  EXPECT_EQ(seen, (std::vector<std::string>{"1 GET", "2 /socket.io/", "1 POST", "2 /socket.io/",
                                            "1 GET", "2 /socket.io/", "1 GET", "2 /socket.io/"}));
  EXPECT_EQ(http_get(world, "/elsewhere").header("X-One"), "");
}

TEST(EngineMiddleware, MayEndTheRequest) {
  World world;
  world.io.engine().use([](const EngineRequest& request) -> std::optional<HttpReply> {
    request.set_header("X-One", "1");
    return HttpReply::text("busy", 503);
  });
  world.io.engine().use([](const EngineRequest&) { FAIL() << "must not be asked"; });
  HttpPeer peer(world);
  const HttpAnswer answer = peer.request("GET", kOpen);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "busy");
  EXPECT_EQ(answer.header("X-One"), "1");
  EXPECT_EQ(peer.request("POST", kOpen, "", "body").status, 503);
  EXPECT_EQ(peer.request("GET", "/socket.io/?EIO=4&transport=websocket", kUpgradeLines).status,
            503);
  EXPECT_TRUE(peer.wait_closed());
  EXPECT_TRUE(world.errors.empty());
}

TEST(EngineMiddleware, FailuresAreBadRequests) {
  World world;
  world.io.engine().use([](const EngineRequest& request, const EngineNext& next) {
    if (request.query("how") == "throw") throw std::runtime_error("thrown");
    if (request.query("how") == "fail") return next.fail();
    if (request.query("how") != "forget") next();
  });
  for (const char* how : {"throw", "fail", "forget"}) {
    EXPECT_EQ(http_get(world, std::string(kOpen) + "&how=" + how).body,
              R"({"code":3,"message":"Bad request"})")
        << how;
    EXPECT_EQ(world.errors.back().name, "MIDDLEWARE_FAILURE");
  }
  EXPECT_EQ(world.io.stats().handler_errors, 1U);
  EXPECT_EQ(http_get(world, kOpen).status, 200);
}

TEST(EngineMiddleware, RefusalsCarryItsHeaders) {
  World world;
  world.io.engine().use([](const EngineRequest& request, const EngineNext& next) {
    request.set_header("Retry-After", "5");
    if (request.query("how") == "throw") throw std::runtime_error("thrown");
    if (request.query("how") == "fail") next.fail();
  });
  for (const char* how : {"throw", "fail", "forget"}) {
    const HttpAnswer answer = http_get(world, std::string(kOpen) + "&how=" + how);
    EXPECT_EQ(answer.status, 400) << how;
    EXPECT_EQ(answer.header("Retry-After"), "5") << how;
  }
}

// A POST is asked about with its head; its body may come before the answer, or after it.
TEST(EngineMiddleware, MayAnswerAnUploadLater) {
  World world;
  std::vector<EngineNext> kept;
  world.io.engine().use([&kept](const EngineRequest& request, EngineNext next) {
    if (request.method() != "POST") return next();
    kept.push_back(std::move(next));
  });
  std::vector<std::string> events;
  world.io.sockets().on_any([&events](EventView event) { events.emplace_back(event.name()); });
  PollingClient client(world);
  ASSERT_FALSE(client.sid.empty());
  const std::string target = std::string(kOpen) + "&sid=" + client.sid;
  HttpPeer peer(world);
  const auto asked = [&](std::size_t n) { return world.until([&] { return kept.size() == n; }); };

  peer.send("POST", target, "",
            "40\x1e"
            "42[\"one\"]");
  ASSERT_TRUE(asked(1));
  world.settle();
  EXPECT_FALSE(peer.answered());
  EXPECT_TRUE(events.empty());
  std::jthread([next = kept[0]] { next(); }).join();
  EXPECT_EQ(peer.answer().body, "ok");
  EXPECT_EQ(events, std::vector<std::string>{"one"});

  const std::uint64_t kept_input = world.io.stats().input_bytes;  // the handshake's head
  peer.write("POST " + target + " HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n42[");
  ASSERT_TRUE(asked(2));
  kept[1]();
  world.settle();
  peer.write("\"two\"]x");
  peer.write("");
  EXPECT_EQ(peer.answer().status, 200);
  EXPECT_EQ(world.io.stats().input_bytes, kept_input);

  // Refused before its body has come.
  HttpPeer refused(world);
  refused.write("POST " + target + " HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n");
  ASSERT_TRUE(asked(3));
  kept[2](HttpReply::text("no", 429));
  EXPECT_EQ(refused.answer().status, 429);
}

TEST(EngineMiddleware, AnUploadTooLargeIsStillTooLarge) {
  ServerOptions options;
  options.max_http_buffer_size = 1000;
  World world(std::move(options));
  std::vector<EngineNext> kept;
  world.io.engine().use([&kept](const EngineRequest& request, EngineNext next) {
    request.query("wait") == "1" ? kept.push_back(std::move(next)) : next();
  });
  PollingClient client(world);
  const std::string target = std::string(kOpen) + "&sid=" + client.sid;
  HttpPeer peer(world);
  EXPECT_EQ(peer.request("POST", target, "", std::string(1001, '4')).status, 413);
  HttpPeer waiting(world);
  waiting.send("POST", target + "&wait=1", "", std::string(1001, '4'));
  EXPECT_EQ(waiting.answer().status, 413);
  ASSERT_EQ(kept.size(), 1U);
  kept[0]();
  world.settle();
  EXPECT_TRUE(client.join());  // the session has not minded
}

TEST(EngineMiddleware, TooLateIsAFailure) {
  ServerOptions options;
  options.engine.decision_timeout = std::chrono::milliseconds(20);
  World world(std::move(options));
  std::vector<std::pair<EngineRequest, EngineNext>> kept;
  world.io.engine().use([&kept](EngineRequest request, EngineNext next) {
    request.set_header("X-One", "1");
    kept.emplace_back(std::move(request), std::move(next));
  });
  const HttpAnswer answer = http_get(world, kOpen);
  EXPECT_EQ(answer.body, R"({"code":3,"message":"Bad request"})");
  EXPECT_EQ(answer.header("X-One"), "1");
  ASSERT_EQ(kept.size(), 1U);
  kept[0].first.set_header("X-One", "2");
  kept[0].second();
}

// Its body and the decision are late together: the request is gone, and nobody is asked or told.
TEST(EngineMiddleware, AnUploadMayBeLateWithItsDecision) {
  ServerOptions options;
  options.engine.decision_timeout = options.limits.body_timeout = std::chrono::milliseconds(20);
  World world(options);
  std::vector<EngineNext> kept;
  world.io.engine().use([&kept](const EngineRequest& request, EngineNext next) {
    if (request.method() != "POST") return next();
    kept.push_back(std::move(next));
  });
  std::vector<std::string> told;
  world.io.engine().on_connection_error(
      [&told](const ConnectionError& error) { told.emplace_back(error.request.url()); });
  const std::string open = http_get(world, kOpen).body;
  HttpPeer peer(world);
  peer.write("POST " + std::string(kOpen) + "&sid=" + open.substr(open.find("sid") + 6, 20) +
             " HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(peer.answer().status, 408);
  EXPECT_TRUE(peer.wait_closed());
  ASSERT_EQ(kept.size(), 1U);
  kept[0]();
  world.settle();
  EXPECT_TRUE(told.empty());
  EXPECT_TRUE(world.errors.empty());
}

TEST(EngineMiddleware, CoroutinesWaitForTheirAnswers) {
  World world;
  world.io.engine().use([](EngineRequest request) -> Task<std::optional<HttpReply>> {
    if (request.query("t") == "") co_return HttpReply::text("who are you", 401);
    request.set_header("X-User", request.query("t"));
    co_return std::nullopt;
  });
  EXPECT_EQ(http_get(world, kOpen).status, 401);
  EXPECT_EQ(http_get(world, std::string(kOpen) + "&t=ann").header("X-User"), "ann");
}

TEST(AnswerHeaders, RefuseWhatIsNotTheirs) {
  AnswerHeaders headers;
  EXPECT_THROW(headers.set("Content-Length", "5"), std::invalid_argument);
  EXPECT_THROW(headers.set("connection", "close"), std::invalid_argument);
  EXPECT_THROW(headers.set("Transfer-Encoding", "chunked"), std::invalid_argument);
  EXPECT_THROW(headers.set("Content-Type", "text/html"), std::invalid_argument);
  EXPECT_THROW(headers.set("Sec-WebSocket-Accept", "x"), std::invalid_argument);
  EXPECT_THROW(headers.set("X", "a\r\nY: b"), std::invalid_argument);
  EXPECT_THROW(headers.add("X Y", "a"), std::invalid_argument);
  EXPECT_EQ(headers.set("X", "a").add("x", "b").get("X"), "a");
  EXPECT_EQ(headers.list().size(), 2U);
  EXPECT_EQ(headers.set("x", "c").list().size(), 1U);
}

// -- Hooks

TEST(HeaderHooks, InitialOncePerSessionOthersEveryTime) {
  World world;
  int initial = 0;
  int all = 0;
  world.io.engine()
      .on_initial_headers([&initial](AnswerHeaders& headers, const HttpRequest& request) {
        headers.set("X-Initial", std::to_string(++initial)).set("X-Query", request.query("t"));
      })
      .on_headers([&all](AnswerHeaders& headers, const HttpRequest&) {
        headers.set("X-All", std::to_string(++all));
      });
  HttpPeer peer(world);
  const HttpAnswer open = peer.request("GET", std::string(kOpen) + "&t=q");
  EXPECT_EQ(open.header("X-Initial"), "1");
  EXPECT_EQ(open.header("X-Query"), "q");
  EXPECT_EQ(open.header("X-All"), "1");
  const std::string target =
      std::string(kOpen) + "&sid=" + open.body.substr(open.body.find("sid") + 6, 20);
  EXPECT_EQ(peer.request("POST", target, "", "40").header("X-All"), "2");
  const HttpAnswer poll = peer.request("GET", target);
  EXPECT_EQ(poll.header("X-All"), "3");
  EXPECT_EQ(poll.header("X-Initial"), "");
  HttpPeer upgrade(world);
  const HttpAnswer switched =
      upgrade.request("GET", "/socket.io/?EIO=4&transport=websocket", kUpgradeLines);
  EXPECT_EQ(switched.status, 101);
  EXPECT_EQ(switched.header("X-Initial"), "2");
  EXPECT_EQ(switched.header("X-All"), "4");
  // Not for refusals.
  EXPECT_EQ(peer.request("GET", "/socket.io/?EIO=4").header("X-All"), "");
}

// They are the user's code, and may do what that may.
TEST(HeaderHooks, MayEndTheSession) {
  World world;
  Socket last;
  world.io.on_connection([&last](Socket socket) { last = std::move(socket); });
  world.io.engine().on_headers([&last](AnswerHeaders&, const HttpRequest& request) {
    if (request.query("bye") == "1") last.disconnect(true);
  });
  PollingClient client(world);
  ASSERT_TRUE(client.join());
  HttpPeer peer(world);
  const std::string target = std::string(kOpen) + "&sid=" + client.sid;
  EXPECT_EQ(peer.request("POST", target + "&bye=1", "", "42[\"x\"]").status, 200);
  EXPECT_EQ(peer.request("GET", target).body, "41");
  EXPECT_EQ(peer.request("GET", target).body,
            "6\x1e"
            "1");
  EXPECT_EQ(peer.request("GET", target).status, 400);
}

TEST(ConnectionErrors, TellCodeMessageAndContext) {
  ServerOptions options;
  options.engine.allow_request = [](const HttpRequest& r) {
    return r.query("no").empty() ? Verdict(true) : Verdict::refuse("go away");
  };
  World world(std::move(options));
  std::vector<std::string> seen;
  world.io.engine().on_connection_error([&seen](const ConnectionError& error) {
    seen.push_back(std::to_string(error.code) + " " + error.message + " " +
                   error.context.to_json() + " " + std::string(error.request.method()));
  });
  PollingClient client(world);
  Client websocket(world);
  const std::string sid = websocket.open_packet.substr(websocket.open_packet.find("sid") + 6, 20);
  HttpPeer peer(world);
  peer.request("GET", "/socket.io/?EIO=4&transport=tobi");
  peer.request("GET", std::string(kOpen) + "&sid=none");
  peer.request("OPTIONS", kOpen);
  peer.request("GET", "/socket.io/?EIO=4&transport=websocket");
  peer.request("GET", std::string(kOpen) + "&sid=" + sid);
  peer.request("GET", "/socket.io/?EIO=3&transport=polling&sid=" + client.sid);
  peer.request("GET", std::string(kOpen) + "&no=1");
  peer.request("GET", "/socket.io/?EIO=3&transport=polling");
  EXPECT_EQ(
      seen,
      (std::vector<std::string>{
          R"(0 Transport unknown {"transport":"tobi"} GET)",
          R"(1 Session ID unknown {"sid":"none"} GET)",
          R"(2 Bad handshake method {"method":"OPTIONS"} OPTIONS)",
          R"(3 Bad request {"name":"TRANSPORT_HANDSHAKE_ERROR"} GET)",
          R"(3 Bad request {"name":"TRANSPORT_MISMATCH","transport":"polling","previousTransport":"websocket"} GET)",
          R"(3 Bad request {"name":"PROTOCOL_MISMATCH","protocol":3,"previousProtocol":4} GET)",
          R"(4 Forbidden {"message":"go away"} GET)",
          R"(5 Unsupported protocol version {"protocol":3} GET)"}));
  EXPECT_EQ(world.io.stats().rejected_requests, 8U);
}

// -- The path

TEST(Path, IsAPrefixThatEndsWithASegment) {
  World world;
  EXPECT_EQ(http_get(world, "/socket.io/more/?EIO=4&transport=polling").status, 200);
  EXPECT_EQ(http_get(world, "/x/../socket.io/?EIO=4&transport=polling").status, 200);
  EXPECT_EQ(http_get(world, "/socket.io?EIO=4&transport=polling").status, 404);
  ServerOptions options;
  options.path = "/live/";
  options.engine.add_trailing_slash = false;
  World bare(std::move(options));
  EXPECT_EQ(http_get(bare, "/live?EIO=4&transport=polling").status, 200);
  EXPECT_EQ(http_get(bare, "/live/?EIO=4&transport=polling").status, 200);
  EXPECT_EQ(http_get(bare, "/live/more?EIO=4&transport=polling").status, 200);
  EXPECT_EQ(http_get(bare, "/lively?EIO=4&transport=polling").status, 404);
  EXPECT_NE(http_get(bare, "/live/socket.io.js").body.find("client_dist"), std::string::npos);
}

TEST(DestroyUpgrade, WhatNobodyTakesIsClosed) {
  World world;
  HttpPeer peer(world);
  EXPECT_EQ(peer.request("GET", "/foreign", kUpgradeLines).status, 404);
  EXPECT_TRUE(peer.wait_closed());
  // Nor is the answer of a fallback to it followed by another (W26).
  World answering;
  answering.io.http().fallback([](const HttpRequest&) { return HttpReply::text("nf", 404); });
  HttpPeer fallen(answering);
  EXPECT_EQ(fallen.request("GET", "/foreign").body, "nf");
  EXPECT_EQ(fallen.request("GET", "/foreign", kUpgradeLines).body, "nf");
  EXPECT_TRUE(fallen.wait_closed());
  // Nor that of a folder, or of routes for other methods.
  const test::Folder folder;
  folder.write("page.html", "page");
  World serving;
  serving.io.http().serve("/", folder.path()).post("/posts", [](const HttpRequest&) {
    return HttpReply::text("posted");
  });
  for (const auto& [target, status] :
       {std::pair("/foreign", 404), {"/page.html", 200}, {"/posts", 405}}) {
    HttpPeer served(serving);
    EXPECT_EQ(served.request("GET", target).status, status);
    EXPECT_EQ(served.request("GET", target, kUpgradeLines).status, status);
    EXPECT_TRUE(served.wait_closed()) << target;
  }
  // An offer of another protocol is an ordinary request (curl --http2).
  HttpPeer h2c(world);
  EXPECT_EQ(h2c.request("GET", "/foreign", "Connection: Upgrade\r\nUpgrade: h2c\r\n").status, 404);
  EXPECT_EQ(h2c.request("GET", "/foreign").status, 404);
  ServerOptions options;
  options.engine.destroy_upgrade = false;
  World kind(std::move(options));
  HttpPeer stays(kind);
  EXPECT_EQ(stays.request("GET", "/foreign", kUpgradeLines).status, 404);
  EXPECT_EQ(stays.request("GET", "/foreign").status, 404);
}

TEST(DestroyUpgrade, ARouteHasALimitedTimeForIt) {
  ServerOptions options;
  options.engine.destroy_upgrade_timeout = std::chrono::milliseconds(30);
  World world(std::move(options));
  std::vector<Pending<void>> never;
  world.io.http()
      .get("/slow",
           [&never](HttpRequest) -> Task<HttpReply> {
             never.emplace_back();
             static_cast<void>(co_await never.back());
             co_return HttpReply::text("slow");
           })
      .get("/taken", [](const HttpRequest&) { return HttpReply::text("mine", 426); });
  HttpPeer slow(world);
  slow.send("GET", "/slow", kUpgradeLines);
  EXPECT_TRUE(slow.wait_closed());
  EXPECT_FALSE(slow.answered());
  HttpPeer taken(world);
  EXPECT_EQ(taken.request("GET", "/taken", kUpgradeLines).status, 426);
  EXPECT_EQ(taken.request("GET", "/taken").status, 426);
  for (const Pending<void>& pending : never) pending.state()->finish(Result<void>());
}

// -- Old clients

class RawPeer final : public test::Peer {
 public:
  using Peer::Peer;
  std::string in;

 private:
  void on_bytes(char* bytes, std::size_t size) override { in.append(bytes, size); }
};

TEST(OldClients, TheHandshakeIsNotInTheAnswersSegment) {
  ServerOptions options;
  options.allow_eio3 = true;
  World world(options);
  RawPeer peer(world);
  peer.write("GET /socket.io/?EIO=3&transport=websocket HTTP/1.1\r\nHost: test\r\n" +
             std::string(kUpgradeLines) + "\r\n");
  ASSERT_TRUE(world.until([&peer] { return peer.in.ends_with("\r\n\r\n"); }));
  ASSERT_TRUE(
      world.until([&peer] { return peer.in.find(R"("pingTimeout")") != std::string::npos; }));
  EXPECT_NE(peer.in.find("40"), std::string::npos);  // the CONNECT of "/", behind it
}

TEST(OldClients, WhatIsHeldBackDoesNotOutliveItsConnection) {
  ServerOptions options;
  options.allow_eio3 = true;
  World world(options);
  world.io.on_connection([](const Socket& socket) { socket.disconnect(true); });
  RawPeer peer(world);
  peer.write("GET /socket.io/?EIO=3&transport=websocket HTTP/1.1\r\nHost: test\r\n" +
             std::string(kUpgradeLines) + "\r\n");
  // All of it, the farewell too, though the end came while it was held back.
  EXPECT_TRUE(world.until([&peer] { return peer.in.ends_with(std::string("\x88\0", 2)); }));
  EXPECT_NE(peer.in.find("pingTimeout"), std::string::npos);
  EXPECT_TRUE(world.until([&world] { return world.io.stats().clients == 0; }));
}

}  // namespace
}  // namespace socketio
