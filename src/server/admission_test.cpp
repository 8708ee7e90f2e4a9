// allow_request, generate_id, the first packet and the cookie: who gets a session, and which.
#include <future>

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
using test::World;

ServerOptions with(const std::function<void(EngineOptions&)>& change) {
  ServerOptions options;
  change(options.engine);
  return options;
}

std::string sid_of(const std::string& body) {
  const std::size_t at = body.find("\"sid\":\"");
  return at == std::string::npos ? "" : body.substr(at + 7, body.find('"', at + 7) - at - 7);
}

TEST(AllowRequest, SaysWhoGetsASession) {
  World world(with([](EngineOptions& engine) {
    engine.allow_request = [](const HttpRequest& r) { return r.query("token") == "good"; };
  }));
  EXPECT_EQ(http_get(world, std::string(kOpen) + "&token=good").status, 200);
  const HttpAnswer no = http_get(world, std::string(kOpen) + "&token=bad");
  EXPECT_EQ(no.status, 403);
  EXPECT_EQ(no.body, R"({"code":4,"message":"Forbidden"})");
  ASSERT_EQ(world.errors.size(), 1U);
  EXPECT_EQ(world.errors[0].code, 4);
  EXPECT_EQ(world.io.engine().clients_count(), 1U);
  EXPECT_FALSE(Client(world, {.query = "&token=good"}).open_packet.empty());
  EXPECT_TRUE(Client(world).open_packet.empty());
}

TEST(AllowRequest, ItsReasonIsTold) {
  World world(with([](EngineOptions& engine) {
    engine.allow_request = [](const HttpRequest&) { return Verdict::refuse("Thou \"shan't\""); };
  }));
  EXPECT_EQ(http_get(world, kOpen).body, R"({"code":4,"message":"Thou \"shan't\""})");
  HttpPeer peer(world);
  const HttpAnswer upgrade = peer.request("GET", test::kEngineSocket, test::kUpgradeLines);
  EXPECT_EQ(upgrade.status, 400);
  EXPECT_EQ(upgrade.body, "Thou \"shan't\"");
  EXPECT_TRUE(peer.wait_closed());
}

TEST(AllowRequest, IsAskedAboutHandshakesOnly) {
  int asked = 0;
  World world(with([&asked](EngineOptions& engine) {
    engine.allow_request = [&asked](const HttpRequest&) { return ++asked == 1; };
  }));
  test::PollingClient client(world);
  EXPECT_TRUE(client.join());
  EXPECT_EQ(client.post("3"), 200);
  EXPECT_EQ(asked, 1);
}

// engine.io asks it before it looks at the protocol's version.
TEST(AllowRequest, ComesBeforeTheVersion) {
  World world(with([](EngineOptions& engine) {
    engine.allow_request = [](const HttpRequest& r) { return r.query("ok") == "1"; };
  }));
  EXPECT_EQ(http_get(world, "/socket.io/?EIO=3&transport=polling").status, 403);
  EXPECT_EQ(http_get(world, "/socket.io/?EIO=3&transport=polling&ok=1").body,
            R"({"code":5,"message":"Unsupported protocol version"})");
}

// Who checks a token and who uses it read the same one of several: the last, as in JS.
TEST(AllowRequest, ReadsTheQueryAsTheHandshakeDoes) {
  World world(with([](EngineOptions& engine) {
    engine.allow_request = [](const HttpRequest& r) { return r.query("token") == "good"; };
  }));
  std::string used;
  world.io.on_connection(
      [&used](const Socket& socket) { used = socket.handshake().query["token"]; });
  EXPECT_EQ(http_get(world, std::string(kOpen) + "&token=good&token=bad").status, 403);
  Client client(world, {.query = "&token=bad&token=good"});
  EXPECT_NE(client.join(), "");
  EXPECT_EQ(used, "good");
}

TEST(AllowRequest, MayAnswerLaterFromAnyThread) {
  std::promise<Decide> asked;
  World world(with([&asked](EngineOptions& engine) {
    engine.allow_request = [&asked](const HttpRequest&, Decide decide) {
      asked.set_value(std::move(decide));
    };
  }));
  HttpPeer peer(world);
  peer.send("GET", kOpen);
  std::future<Decide> decide = asked.get_future();
  ASSERT_TRUE(world.until(
      [&] { return decide.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
  world.settle();
  EXPECT_FALSE(peer.answered());
  EXPECT_EQ(world.io.stats().clients, 0U);
  std::jthread([answer = decide.get()] {
    answer(true);
    answer(false);  // too late: once is once
  }).join();
  EXPECT_EQ(peer.answer().status, 200);
}

Task<Verdict> later(Socket helper, HttpRequest request) {
  const auto token = co_await helper.timeout(std::chrono::seconds(30))
                         .emit_with_ack<std::string>("check", request.query("token"));
  if (!token) co_return Verdict::refuse("nobody knows you");
  co_return *token == "yes";
}

TEST(AllowRequest, MayBeACoroutine) {
  Socket helper;
  World world(with([&helper](EngineOptions& engine) {
    engine.allow_request = [&helper](HttpRequest request) -> Task<Verdict> {
      if (request.query("token") == "helper") co_return true;
      co_return co_await later(helper, request);
    };
  }));
  world.io.on_connection([&helper](Socket socket) { helper = std::move(socket); });
  Client asked(world, {.query = "&token=helper"});
  ASSERT_FALSE(asked.join().empty());
  HttpPeer peer(world);
  peer.send("GET", std::string(kOpen) + "&token=x");
  EXPECT_EQ(asked.next(), R"(20["check","x"])");
  asked.send(R"(30["yes"])");
  EXPECT_EQ(peer.answer().status, 200);
  HttpPeer other(world);
  other.send("GET", std::string(kOpen) + "&token=y");
  EXPECT_EQ(asked.next(), R"(21["check","y"])");
  asked.close();
  EXPECT_EQ(other.answer().body, R"({"code":4,"message":"nobody knows you"})");
}

TEST(AllowRequest, AnExceptionIsANo) {
  World world(with([](EngineOptions& engine) {
    engine.allow_request = [](const HttpRequest&) -> bool { throw std::runtime_error("no db"); };
  }));
  EXPECT_EQ(http_get(world, kOpen).status, 403);
  EXPECT_EQ(world.io.stats().handler_errors, 1U);
  ASSERT_FALSE(world.errors.empty());
  EXPECT_EQ(world.errors[0].message, "no db");
}

TEST(AllowRequest, ForgettingToAnswerIsANo) {
  World world(with([](EngineOptions& engine) {
    engine.allow_request = [](const HttpRequest&, const Decide&) {};
  }));
  EXPECT_EQ(http_get(world, kOpen).status, 403);
}

TEST(AllowRequest, TooLateIsANo) {
  std::vector<Decide> kept;
  World world(with([&kept](EngineOptions& engine) {
    engine.allow_request = [&kept](const HttpRequest&, Decide decide) {
      kept.push_back(std::move(decide));
    };
    engine.decision_timeout = std::chrono::milliseconds(20);
  }));
  HttpPeer peer(world);
  EXPECT_EQ(peer.request("GET", kOpen).status, 403);
  // The same connection's next request is another one: an old answer does not reach it.
  peer.send("GET", kOpen);
  ASSERT_TRUE(world.until([&kept] { return kept.size() == 2; }));
  kept[0](true);
  EXPECT_EQ(peer.answer().status, 403);
  EXPECT_EQ(world.io.stats().clients, 0U);
}

TEST(AllowRequest, TheConnectionMayGoMeanwhile) {
  std::optional<Decide> kept;
  World world(with([&kept](EngineOptions& engine) {
    engine.allow_request = [&kept](const HttpRequest&, Decide decide) { kept = std::move(decide); };
  }));
  HttpPeer peer(world);
  peer.send("GET", kOpen);
  ASSERT_TRUE(world.until([&kept] { return kept.has_value(); }));
  peer.cut(true);
  ASSERT_TRUE(world.until([&world] { return world.io.stats().connections == 0; }));
  (*kept)(true);
  world.settle();
  EXPECT_EQ(world.io.stats().clients, 0U);
}

// What waits behind a held request is answered after it.
TEST(AllowRequest, PipelinedRequestsWait) {
  std::optional<Decide> kept;
  World world(with([&kept](EngineOptions& engine) {
    engine.allow_request = [&kept](const HttpRequest&, Decide decide) { kept = std::move(decide); };
  }));
  HttpPeer peer(world);
  peer.send("GET", kOpen);
  peer.send("GET", "/nowhere");
  ASSERT_TRUE(world.until([&kept] { return kept.has_value(); }));
  world.settle();
  EXPECT_FALSE(peer.answered());
  (*kept)(Verdict::refuse("no"));
  EXPECT_EQ(peer.answer().status, 403);
  EXPECT_EQ(peer.answer().status, 404);
}

TEST(AllowRequest, TheEndOfTheServerEndsTheWaiting) {
  std::optional<Decide> kept;
  World world(with([&kept](EngineOptions& engine) {
    engine.allow_request = [&kept](const HttpRequest&, Decide decide) { kept = std::move(decide); };
  }));
  HttpPeer peer(world);
  peer.send("GET", kOpen);
  ASSERT_TRUE(world.until([&kept] { return kept.has_value(); }));
  bool closed = false;
  world.io.close().then([&closed](const Result<void>&) { closed = true; });
  EXPECT_EQ(peer.answer().status, 503);
  EXPECT_TRUE(peer.wait_closed());
  EXPECT_TRUE(world.until([&closed] { return closed; }));
  (*kept)(true);
}

TEST(GenerateId, NamesTheSessions) {
  int n = 0;
  World world(with([&n](EngineOptions& engine) {
    engine.generate_id = [&n](const HttpRequest&) { return "client-" + std::to_string(++n); };
  }));
  HttpPeer peer(world);
  const HttpAnswer first = peer.request("GET", kOpen);
  EXPECT_EQ(sid_of(first.body), "client-1");
  const std::string target = std::string(kOpen) + "&sid=client-1";
  EXPECT_EQ(peer.request("POST", target, "", "40").status, 200);
  EXPECT_TRUE(peer.request("GET", target).body.starts_with("40{"));
  Client websocket(world);
  EXPECT_EQ(sid_of(websocket.open_packet), "client-2");
  EXPECT_FALSE(websocket.join().empty());
  EXPECT_EQ(http_get(world, std::string(kOpen) + "&sid=client-3").body,
            R"({"code":1,"message":"Session ID unknown"})");
}

TEST(GenerateId, MayBeACoroutine) {
  World world(with([](EngineOptions& engine) {
    engine.generate_id = [](HttpRequest request) -> Task<std::string> {
      co_return std::string(request.query("name"));
    };
  }));
  EXPECT_EQ(sid_of(http_get(world, std::string(kOpen) + "&name=abc").body), "abc");
}

TEST(GenerateId, WhatIsNoIdRefuses) {
  World world(with([](EngineOptions& engine) {
    engine.generate_id = [](const HttpRequest& r) {
      if (r.query("name") == "throw") throw std::runtime_error("no id");
      return std::string(r.query("name"));
    };
  }));
  const auto ask = [&world](const std::string& name) {
    return http_get(world, std::string(kOpen) + "&name=" + name).body;
  };
  const std::string refused = R"({"code":3,"message":"Bad request"})";
  EXPECT_EQ(sid_of(ask(std::string(64, 'x'))), std::string(64, 'x'));
  EXPECT_EQ(ask(std::string(65, 'x')), refused);
  EXPECT_EQ(ask(""), refused);
  EXPECT_EQ(ask("a%22b"), refused);
  EXPECT_EQ(ask("throw"), refused);
  EXPECT_EQ(world.errors.back().name, "ID_GENERATION_ERROR");
  EXPECT_EQ(sid_of(ask("twice")), "twice");
  EXPECT_EQ(ask("twice"), refused);
}

// What its head has named is nobody, though there is somebody of that name when it has come.
TEST(GenerateId, APostForASessionThatIsYetToComeIsRefused) {
  int n = 0;
  World world(with([&n](EngineOptions& engine) {
    engine.generate_id = [&n](const HttpRequest&) { return "foo" + std::to_string(n++); };
  }));
  HttpPeer early(world);
  early.write("POST " + std::string(kOpen) +
              "&sid=foo0 HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n4");
  ASSERT_TRUE(world.until([&world] { return world.io.stats().connections == 1; }));
  world.settle();
  EXPECT_EQ(sid_of(http_get(world, kOpen).body), "foo0");
  early.write("0");
  const HttpAnswer answer = early.answer();
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.body, R"({"code":1,"message":"Session ID unknown"})");
  early.end_writing();
  EXPECT_TRUE(world.until([&world] { return world.io.stats().connections == 0; }));
}

// A body that is not whole when its session ends is not the next one's: it ends with its own.
TEST(GenerateId, APostEndsWithItsSession) {
  ServerOptions options = with([](EngineOptions& engine) {
    engine.generate_id = [](const HttpRequest&) { return std::string("only"); };
  });
  options.cors.emplace();
  World world(options);
  const std::string target = std::string(kOpen) + "&sid=only";
  HttpPeer first(world);
  EXPECT_EQ(sid_of(first.request("GET", kOpen).body), "only");
  first.send("GET", target);
  HttpPeer post(world);
  post.write("POST " + target + " HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n4");
  ASSERT_TRUE(world.until([&world] { return world.io.stats().connections == 2; }));
  world.settle();
  first.cut();
  ASSERT_TRUE(world.until([&world] { return world.io.stats().clients == 0; }));
  HttpPeer second(world);
  EXPECT_EQ(sid_of(second.request("GET", kOpen).body), "only");
  post.write("0");
  EXPECT_TRUE(post.wait_closed());
  EXPECT_FALSE(post.answered());
  EXPECT_EQ(second.request("POST", target, "", "40").body, "ok");
  EXPECT_EQ(world.io.stats().clients, 1U);
}

// An id is free again when its session is gone.
TEST(GenerateId, IdsComeBack) {
  World world(with([](EngineOptions& engine) {
    engine.generate_id = [](const HttpRequest&) { return std::string("only"); };
  }));
  for (int i = 0; i < 3; ++i) {
    Client client(world);
    EXPECT_EQ(sid_of(client.open_packet), "only");
    client.close();
    EXPECT_TRUE(world.until([&world] { return world.io.stats().clients == 0; }));
  }
  // A WebSocket handshake that is refused after the id was made does not keep it.
  HttpPeer bad(world);
  EXPECT_EQ(bad.request("GET", "/socket.io/?EIO=4&transport=websocket",
                        "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n")
                .status,
            400);
  EXPECT_EQ(sid_of(http_get(world, kOpen).body), "only");
}

TEST(InitialPacket, ComesWithTheHandshake) {
  World world(with([](EngineOptions& engine) { engine.initial_packet = "faster!"; }));
  const std::string body = http_get(world, kOpen).body;
  EXPECT_TRUE(body.starts_with("0{")) << body;
  EXPECT_TRUE(
      body.ends_with("\x1e"
                     "4faster!"))
      << body;
  Client client(world);
  EXPECT_EQ(client.next(), "faster!");
}

TEST(InitialPacket, MayBeBinary) {
  World world(with([](EngineOptions& engine) { engine.initial_packet = Binary("\x01\x02\x03"); }));
  EXPECT_TRUE(http_get(world, kOpen)
                  .body.ends_with("\x1e"
                                  "bAQID"));
}

TEST(InitialPacket, ComesBeforeAllElse) {
  World world(with([](EngineOptions& engine) { engine.initial_packet = "first"; }));
  world.io.engine().on_connection([](const EngineSocket& engine) { engine.send("second"); });
  const std::string body = http_get(world, kOpen).body;
  EXPECT_TRUE(
      body.ends_with("\x1e"
                     "4first\x1e"
                     "4second"))
      << body;
  Client client(world);
  EXPECT_EQ(client.next(), "first");
  EXPECT_EQ(client.next(), "second");
}

TEST(InitialPacket, IsNoneWhenItIsEmpty) {
  World world(with([](EngineOptions& engine) { engine.initial_packet = ""; }));
  EXPECT_EQ(http_get(world, kOpen).body.find('\x1e'), std::string::npos);
  Client client(world);
  EXPECT_EQ(client.rest(), std::vector<std::string>{});
}

TEST(SessionCookie, IsSetByThePollingHandshake) {
  World world(with([](EngineOptions& engine) { engine.cookie.emplace(); }));
  HttpPeer peer(world);
  const HttpAnswer answer = peer.request("GET", kOpen);
  const std::string sid = sid_of(answer.body);
  EXPECT_EQ(answer.header("Set-Cookie"), "io=" + sid + "; Path=/; HttpOnly; SameSite=Lax");
  EXPECT_EQ(answer.header("Content-Type"), "text/plain; charset=UTF-8");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  // By no other answer.
  const std::string target = std::string(kOpen) + "&sid=" + sid;
  EXPECT_EQ(peer.request("POST", target, "", "40").header("Set-Cookie"), "");
  EXPECT_EQ(peer.request("GET", target).header("Set-Cookie"), "");
}

TEST(SessionCookie, TakesItsOptions) {
  World world(with([](EngineOptions& engine) {
    engine.cookie = CookieOptions{.name = "woot",
                                  .path = "",
                                  .http_only = false,
                                  .same_site = SameSite::strict,
                                  .max_age = std::chrono::hours(1),
                                  .expires = std::chrono::system_clock::from_time_t(0),
                                  .domain = "example.com",
                                  .secure = true,
                                  .partitioned = true,
                                  .priority = "High"};
  }));
  const HttpAnswer answer = http_get(world, kOpen);
  EXPECT_EQ(answer.header("Set-Cookie"),
            "woot=" + sid_of(answer.body) +
                "; Max-Age=3600; Domain=example.com; Expires=Thu, 01 Jan 1970 00:00:00 GMT; "
                "Secure; Partitioned; Priority=High; SameSite=Strict");
}

TEST(EngineHooks, MayRegisterOthers) {
  World world;
  int called = 0;
  int late = 0;
  Engine engine = world.io.engine();
  engine.on_headers([&](AnswerHeaders&, const HttpRequest&) {
    for (int i = 0; i < 400; ++i)
      engine.on_headers([&late](AnswerHeaders&, const HttpRequest&) { ++late; });
  });
  engine.on_connection_error([&](const ConnectionError&) {
    for (int i = 0; i < 400; ++i)
      engine.on_connection_error([&late](const ConnectionError&) { ++late; });
  });
  for (int i = 0; i < 40; ++i) {
    engine.on_headers([&called](AnswerHeaders&, const HttpRequest&) { ++called; });
    engine.on_connection_error([&called](const ConnectionError&) { ++called; });
  }
  EXPECT_EQ(http_get(world, kOpen).status, 200);
  EXPECT_EQ(called, 40);
  EXPECT_EQ(http_get(world, "/socket.io/?EIO=4&transport=none").status, 400);
  EXPECT_EQ(called, 80);
  EXPECT_EQ(late, 0);
}

TEST(EngineOptions, AreChecked) {
  const auto refused = [](const std::function<void(ServerOptions&)>& change) {
    ServerOptions options;
    change(options);
    try {
      const Server server(std::move(options));
    } catch (const std::invalid_argument& e) {
      return std::string(e.what());
    }
    return std::string("(taken)");
  };
  const auto names = [&refused](const char* option,
                                const std::function<void(ServerOptions&)>& change) {
    const std::string text = refused(change);
    EXPECT_NE(text.find(std::string("ServerOptions::") + option + " "), std::string::npos) << text;
  };
  using namespace std::chrono_literals;
  names("engine.decision_timeout", [](ServerOptions& o) { o.engine.decision_timeout = 0ms; });
  names("engine.destroy_upgrade_timeout",
        [](ServerOptions& o) { o.engine.destroy_upgrade_timeout = -1ms; });
  names("engine.initial_packet", [](ServerOptions& o) { o.engine.initial_packet = 5; });
  // P56
  names("engine.cookie", [](ServerOptions& o) { o.engine.cookie = CookieOptions{.name = "a b"}; });
  names("engine.cookie",
        [](ServerOptions& o) { o.engine.cookie = CookieOptions{.path = "/; Secure"}; });
  names("cors.origin", [](ServerOptions& o) { o.cors = CorsOptions{.origin = "a\r\nb"}; });
  names("cors.origin", [](ServerOptions& o) { o.cors = CorsOptions{.origin = ""}; });
  for (const char* no : {"https://a.example/", "a.example", "://a", "https://", "https://A.example",
                         "https://a.example/x", "https://a, https://b", "*"}) {
    names("cors.origin", [no](ServerOptions& o) { o.cors = CorsOptions{.origin = {no}}; });
    names("engine.allowed_origins", [no](ServerOptions& o) { o.engine.allowed_origins = {no}; });
  }
  for (const char* yes : {"https://a.example", "http://localhost:3000", "http://[::1]:80", "null",
                          "capacitor://localhost", "https://xn--bcher-kva.example"}) {
    EXPECT_EQ(refused([yes](ServerOptions& o) { o.engine.allowed_origins = {yes}; }), "(taken)");
  }
  names("cors.methods", [](ServerOptions& o) { o.cors = CorsOptions{.methods = {"GET,PUT"}}; });
  names("cors.allowed_headers",
        [](ServerOptions& o) { o.cors = CorsOptions{.allowed_headers = {"\r\n"}}; });
  names("cors.exposed_headers",
        [](ServerOptions& o) { o.cors = CorsOptions{.exposed_headers = {""}}; });
  names("cors.max_age", [](ServerOptions& o) { o.cors = CorsOptions{.max_age = -1s}; });
  names("cors.options_success_status",
        [](ServerOptions& o) { o.cors = CorsOptions{.options_success_status = 300}; });
}

}  // namespace
}  // namespace socketio
