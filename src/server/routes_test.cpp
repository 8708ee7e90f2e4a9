// The user's HTTP: routes, folders and the browser client's files, over real connections.
#include <array>
#include <deque>
#include <filesystem>

#include <gtest/gtest.h>

#include "support/folder.hpp"
#include "support/shards_fixture.hpp"

namespace socketio {
namespace {

using test::Folder;
using test::http_get;
using test::HttpAnswer;
using test::HttpPeer;
using test::strong;
using test::World;

TEST(Routes, MatchMethodsSegmentsAndRests) {
  World world;
  world.io.http()
      .get("/", [](const HttpRequest&) { return HttpReply::html("root"); })
      .get("/hello/:name",
           [](const HttpRequest& r) {
             return HttpReply::text("hello " + std::string(r.param("name")));
           })
      .get("/hello/world", [](const HttpRequest&) { return HttpReply::text("too late"); })
      .get("/files/*",
           [](const HttpRequest& r) { return HttpReply::text(std::string(r.param("*"))); })
      .post("/echo",
            [](const HttpRequest& r) { return HttpReply::text(std::string(r.body()), 201); })
      .put("/thing", [](const HttpRequest&) { return HttpReply::text("put"); })
      .del("/thing", [](const HttpRequest&) { return HttpReply::text("gone"); })
      .any("/any", [](const HttpRequest& r) { return HttpReply::text(std::string(r.method())); });
  EXPECT_EQ(http_get(world, "/").body, "root");
  EXPECT_EQ(http_get(world, "/").header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(http_get(world, "/hello/w%C3%B6rld").body, "hello wörld");
  EXPECT_EQ(http_get(world, "/hello/world").body, "hello world");
  EXPECT_EQ(http_get(world, "/hello/").status, 404);
  EXPECT_EQ(http_get(world, "/hello/a/b").status, 404);
  EXPECT_EQ(http_get(world, "/files/a/b/c").body, "a/b/c");
  EXPECT_EQ(http_get(world, "/files/a/../b").body, "b");
  HttpPeer peer(world);
  const HttpAnswer echo = peer.request("POST", "/echo", "", "body");
  EXPECT_EQ(echo.status, 201);
  EXPECT_EQ(echo.body, "body");
  EXPECT_EQ(peer.request("PUT", "/thing").body, "put");
  EXPECT_EQ(peer.request("DELETE", "/thing").body, "gone");
  EXPECT_EQ(peer.request("PATCH", "/any").body, "PATCH");
  EXPECT_EQ(peer.request("GET", "/any").body, "GET");
  const HttpAnswer wrong = peer.request("GET", "/thing");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("Allow"), "PUT, DELETE");
  EXPECT_EQ(peer.request("POST", "/").header("Allow"), "GET, HEAD");
  EXPECT_EQ(peer.request("GET", "/unknown").status, 404);
  EXPECT_EQ(peer.request("GET", "/unknown").body, "");
}

TEST(Routes, HeadIsAnsweredWithoutABody) {
  World world;
  world.io.http().get("/x", [](const HttpRequest& r) {
    EXPECT_EQ(r.method(), "HEAD");
    return HttpReply::text("12345");
  });
  HttpPeer peer(world);
  const HttpAnswer answer = peer.request("HEAD", "/x");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Length"), "5");
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(peer.request("HEAD", "/unknown").status, 404);
}

TEST(Routes, TheRequestIsReadable) {
  World world;
  world.io.http().get("/r", [](const HttpRequest& r) {
    EXPECT_EQ(r.url(), "/r?a=1&b=x%20y&a=2");
    EXPECT_EQ(r.path(), "/r");
    EXPECT_EQ(r.query("a"), "2");  // the last, as in JS
    EXPECT_EQ(r.query("b"), "x y");
    EXPECT_EQ(r.query("c"), "");
    EXPECT_EQ(r.param("none"), "");
    EXPECT_EQ(r.header("x-token"), "abc");
    EXPECT_EQ(r.header("X-TOKEN"), "abc");
    EXPECT_EQ(r.header("absent"), "");
    EXPECT_EQ(r.address(), "127.0.0.1");
    EXPECT_EQ(r.body(), "");
    return HttpReply::json(Value::object({{"ok", true}}));
  });
  const HttpAnswer answer = http_get(world, "/r?a=1&b=x%20y&a=2", "X-Token: abc\r\n");
  EXPECT_EQ(answer.body, R"({"ok":true})");
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
}

TEST(Routes, RepliesKeepTheirHeadersAndSplitNoHead) {
  World world;
  world.io.http()
      .get("/away", [](const HttpRequest&) { return HttpReply::redirect("/there", 301); })
      .get("/none", [](const HttpRequest&) { return HttpReply::not_found(); })
      .get("/set",
           [](const HttpRequest&) {
             return HttpReply::text("x").set("content-type", "text/css").set("X-A", "b");
           })
      .get("/split", [](const HttpRequest&) {
        HttpReply reply = HttpReply::text("x");
        EXPECT_THROW(reply.set("X", "a\r\nSet-Cookie: evil"), std::invalid_argument);
        EXPECT_THROW(reply.set("X:", "a"), std::invalid_argument);
        reply.headers.emplace_back("X-Bad", "a\r\nSet-Cookie: evil");
        return reply;
      });
  EXPECT_EQ(http_get(world, "/away").status, 301);
  EXPECT_EQ(http_get(world, "/away").header("Location"), "/there");
  EXPECT_EQ(http_get(world, "/none").status, 404);
  EXPECT_EQ(http_get(world, "/set").header("content-type"), "text/css");
  EXPECT_EQ(http_get(world, "/set").header("X-A"), "b");
  EXPECT_EQ(http_get(world, "/split").header("Set-Cookie"), "");
}

TEST(Routes, AFallbackAnswersTheRest) {
  World world;
  world.io.http().get("/known", [](const HttpRequest&) { return HttpReply::text("known"); });
  world.io.http().fallback(
      [](const HttpRequest& r) { return HttpReply::text("no " + std::string(r.path()), 404); });
  EXPECT_EQ(http_get(world, "/other").body, "no /other");
  EXPECT_EQ(http_get(world, "/known").body, "known");
  // A path that is known is not the rest.
  HttpPeer peer(world);
  const HttpAnswer wrong = peer.request("PUT", "/known");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("Allow"), "GET, HEAD");
}

TEST(Routes, AHandlerThatThrowsIsAnswered500) {
  World world;
  world.io.http()
      .get("/bad", [](const HttpRequest&) -> HttpReply { throw std::runtime_error("oops"); })
      .get("/task",
           [](HttpRequest) -> Task<HttpReply> {
             throw std::runtime_error("task");
             co_return HttpReply{};
           })
      .get("/plain", [](const HttpRequest&) -> Task<HttpReply> {
        throw std::runtime_error("before the task");
      });
  HttpPeer peer(world);
  EXPECT_EQ(peer.request("GET", "/bad").status, 500);
  EXPECT_EQ(peer.request("GET", "/task").status, 500);
  EXPECT_EQ(peer.request("GET", "/plain").status, 500);
  ASSERT_EQ(world.errors.size(), 3U);
  EXPECT_EQ(world.errors[0].message, "oops");
  EXPECT_EQ(world.errors[0].event, "/bad");
  EXPECT_EQ(world.errors[2].message, "before the task");
}

TEST(Routes, ACoroutineMayAnswerLaterAndInOrder) {
  World world;
  const Pending<std::string> gate;
  world.io.http()
      .get("/slow",
           [gate](HttpRequest r) -> Task<HttpReply> {
             const Result<std::string> text = co_await gate;
             co_return HttpReply::text(*text + std::string(r.query("q")));
           })
      .get("/quick", [](const HttpRequest&) { return HttpReply::text("quick"); });
  HttpPeer peer(world);
  peer.send("GET", "/slow?q=1");
  peer.send("GET", "/quick");
  world.settle();
  EXPECT_FALSE(peer.answered());
  gate.state()->finish(std::string("slow"));
  EXPECT_EQ(peer.answer().body, "slow1");
  EXPECT_EQ(peer.answer().body, "quick");
}

// What it captured lives as long as it runs, whatever becomes of its route.
TEST(Routes, ACoroutineOutlivesItsRoute) {
  const std::string word = "kept";
  const std::array<Pending<int>, 2> gates;
  const auto behind = [&word](const Pending<int>& gate) {
    return [&word, &gate](HttpRequest) -> Task<HttpReply> {
      static_cast<void>(co_await gate);
      co_return HttpReply::text(word);
    };
  };
  World world;
  HttpRoutes& http = world.io.http();
  http.get("/slow", behind(gates[0])).fallback(behind(gates[1]));
  HttpPeer route(world);
  HttpPeer fallback(world);
  route.send("GET", "/slow");
  fallback.send("GET", "/nowhere");
  world.settle();
  for (int i = 0; i < 10; ++i)
    http.get("/" + std::to_string(i), [](const HttpRequest&) { return HttpReply::text("new"); });
  http.fallback([](const HttpRequest&) { return HttpReply::text("new"); });
  for (const Pending<int>& gate : gates) gate.state()->finish(1);
  EXPECT_EQ(route.answer().body, "kept");
  EXPECT_EQ(fallback.answer().body, "kept");
}

// So does its request, of which it may take a reference as any other handler.
TEST(Routes, ACoroutineMayTakeAReference) {
  const Pending<int> gate;
  World world;
  world.io.http().get("/:name", [gate](const HttpRequest& r) -> Task<HttpReply> {
    static_cast<void>(co_await gate);
    co_return HttpReply::text(std::string(r.path()));
  });
  HttpPeer peer(world);
  peer.send("GET", "/waits");
  world.settle();
  gate.state()->finish(1);
  EXPECT_EQ(peer.answer().body, "/waits");
}

// What coroutines work on is held, whether anybody waits for it or not.
TEST(Routes, WhatCoroutinesWorkOnIsCountedAndBounded) {
  ServerOptions options;
  options.max_input_bytes = 4'000'000;
  World world(std::move(options));
  std::vector<Pending<int>> gates;
  world.io.http().post("/slow", [&gates](const HttpRequest& r) -> Task<HttpReply> {
    const Pending<int> mine;
    gates.push_back(mine);
    static_cast<void>(co_await mine);
    co_return HttpReply::text(std::to_string(r.body().size()));
  });
  const std::string body(900'000, 'x');
  for (std::size_t i = 0; i < 2; ++i) {
    HttpPeer peer(world);
    peer.send("POST", "/slow", "", body);
    ASSERT_TRUE(world.until([&] { return gates.size() > i; }));
    peer.cut(true);
  }
  EXPECT_TRUE(world.until([&] { return world.io.stats().connections == 0; }));
  EXPECT_GE(world.io.stats().input_bytes, 2 * body.size());
  HttpPeer peer(world);
  const HttpAnswer refused = peer.request("POST", "/slow", "", body);
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  peer.send("POST", "/slow", "", "small");
  ASSERT_TRUE(world.until([&] { return gates.size() > 2; }));
  for (const Pending<int>& gate : gates) gate.state()->finish(1);
  EXPECT_EQ(peer.answer().body, "5");
  EXPECT_LT(world.io.stats().input_bytes, body.size());
}

// Only what waits holds something: others are answered however much that is.
TEST(Routes, WhatDoesNotWaitIsAnsweredWhileCoroutinesHoldAllTheyMay) {
  ServerOptions options;
  options.max_input_bytes = 4'000'000;
  World world(std::move(options));
  std::vector<Pending<int>> gates;
  world.io.http()
      .post("/slow",
            [&gates](HttpRequest) -> Task<HttpReply> {
              const Pending<int> mine;
              gates.push_back(mine);
              static_cast<void>(co_await mine);
              co_return HttpReply::text("slow");
            })
      .get("/quick", [](const HttpRequest&) { return HttpReply::text("quick"); })
      .health();
  std::deque<HttpPeer> peers;
  const auto accepted = [&](std::size_t size) {
    HttpPeer& peer = peers.emplace_back(world);
    const std::size_t before = gates.size();
    peer.send("POST", "/slow", "", std::string(size, 'x'));
    EXPECT_TRUE(world.until([&] { return gates.size() > before || peer.answered(); }));
    return gates.size() > before;
  };
  for (const std::size_t size : {900'000U, 100'000U, 10'000U, 1'000U, 0U}) {
    while (accepted(size)) {
    }
    EXPECT_EQ(peers.back().answer().status, 503);
  }
  EXPECT_EQ(http_get(world, "/quick").body, "quick");
  EXPECT_EQ(http_get(world, "/healthz").status, 200);
  for (const Pending<int>& gate : gates) gate.state()->finish(1);
  EXPECT_EQ(peers.front().answer().body, "slow");
}

TEST(Routes, AnAnswerForAClientThatLeftGoesNowhere) {
  World world;
  const Pending<std::string> gate;
  world.io.http().get("/slow", [gate](HttpRequest) -> Task<HttpReply> {
    co_return HttpReply::text(*(co_await gate));
  });
  {
    HttpPeer peer(world);
    peer.send("GET", "/slow");
    world.settle();
    peer.cut(true);  // a half-closed one would still get its answer
  }
  EXPECT_TRUE(world.until([&] { return world.io.stats().connections == 0; }));
  gate.state()->finish(std::string("late"));
  world.settle();
  EXPECT_TRUE(world.errors.empty());
}

TEST(Routes, BadPatternsAndFoldersThrow) {
  Server io;
  const auto reply = [](const HttpRequest&) { return HttpReply{}; };
  EXPECT_THROW(io.http().get("x", reply), std::invalid_argument);
  EXPECT_THROW(io.http().get("", reply), std::invalid_argument);
  EXPECT_THROW(io.http().serve("/", "/nowhere/at/all"), std::invalid_argument);
  EXPECT_THROW(io.http().serve("x", "/"), std::invalid_argument);
}

// covers sio/server-attachment: should serve client
// covers sio/server-attachment: should handle 304
// covers sio/server-attachment: should not serve static files
// covers sio/server-attachment: should not serve unknown files from the Socket.IO path
// covers sio/server-attachment: should return 404 for mismatching path
TEST(ClientFiles, AreAClosedList) {
  const Folder folder;
  const char* const names[] = {"socket.io.js", "socket.io.min.js", "socket.io.esm.min.js",
                               "socket.io.msgpack.min.js"};
  for (const char* name : names) {
    folder.write(name, std::string("// ") + name);
    folder.write(name + std::string(".map"), "{}");
  }
  folder.write("other.js", "// not listed");
  World world({.client_dist = folder.path()});
  for (const char* name : names) {
    const std::string target = std::string("/socket.io/") + name;
    const HttpAnswer script = http_get(world, target);
    EXPECT_EQ(script.status, 200) << name;
    EXPECT_EQ(script.body, std::string("// ") + name);
    EXPECT_EQ(script.header("Content-Type"), "application/javascript; charset=utf-8");
    EXPECT_EQ(script.header("Cache-Control"), "public, max-age=0");
    EXPECT_EQ(script.header("X-SourceMap"), "");
    const std::string tag = strong(script.header("ETag"));
    EXPECT_EQ(http_get(world, target, "If-None-Match: " + tag + "\r\n").status, 304);
    EXPECT_EQ(http_get(world, target, "If-None-Match: W/" + tag + "\r\n").status, 304);
    const HttpAnswer map = http_get(world, target + ".map?buster=123");
    EXPECT_EQ(map.status, 200);
    EXPECT_EQ(map.header("Content-Type"), "application/json; charset=utf-8");
  }
  for (const char* unknown : {"/socket.io/other.js", "/socket.io/foo.js", "/socket.io/"}) {
    const HttpAnswer answer = http_get(world, unknown);
    EXPECT_EQ(answer.status, 400) << unknown;
    EXPECT_EQ(answer.body, R"({"code":0,"message":"Transport unknown"})") << unknown;
  }
  EXPECT_EQ(http_get(world, "/socket.io.js").status, 404);
  EXPECT_EQ(http_get(world, "/other/socket.io.js").status, 404);
}

// The version in the banner is the tag, in every coding, and of the map.
TEST(ClientFiles, TheTagIsTheVersion) {
  const Folder folder;
  folder.write("socket.io.js", "/*!\n * Socket.IO v4.8.4\n */\n" + std::string(5000, 'x'));
  folder.write("socket.io.js.map", "{}");
  World world({.client_dist = folder.path()});
  const HttpAnswer plain = http_get(world, "/socket.io/socket.io.js");
  EXPECT_EQ(plain.header("ETag"), "\"4.8.4\"");
  EXPECT_EQ(plain.header("Vary"), "Accept-Encoding");
  EXPECT_EQ(http_get(world, "/socket.io/socket.io.js.map").header("ETag"), "\"4.8.4\"");
  const HttpAnswer same =
      http_get(world, "/socket.io/socket.io.js", "If-None-Match: W/\"4.8.4\"\r\n");
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.header("ETag") + same.header("Cache-Control"), "");
  for (int again = 0; again < 2; ++again) {  // made, then kept
    const HttpAnswer packed =
        http_get(world, "/socket.io/socket.io.js", "Accept-Encoding: deflate, gzip\r\n");
    EXPECT_EQ(packed.header("Content-Encoding"), "deflate") << "the client's order";
    EXPECT_EQ(packed.header("ETag"), "\"4.8.4\"");
    EXPECT_LT(packed.body.size(), 200U);
  }
  EXPECT_EQ(http_get(world, "/socket.io/socket.io.min.js").status, 404) << "not in the folder";
}

TEST(ClientFiles, MoreThan16MiBAreNone) {
  const Folder folder;
  for (const char* name : {"socket.io.js", "socket.io.min.js"}) folder.write(name, "// client");
  std::filesystem::resize_file(folder.path() + "/socket.io.js", 16 * 1024 * 1024);
  std::filesystem::resize_file(folder.path() + "/socket.io.min.js", 16 * 1024 * 1024 + 1);
  World world({.client_dist = folder.path()});
  EXPECT_EQ(http_get(world, "/socket.io/socket.io.js").status, 200);
  EXPECT_EQ(http_get(world, "/socket.io/socket.io.min.js").status, 404);
}

TEST(ClientFiles, MayBeOffOrNotInstalled) {
  World off({.serve_client = false});
  EXPECT_EQ(http_get(off, "/socket.io/socket.io.js").status, 400);
  World missing;
  const HttpAnswer answer = http_get(missing, "/socket.io/socket.io.js");
  EXPECT_EQ(answer.status, 404);
  EXPECT_NE(answer.body.find("client_dist"), std::string::npos);
}

// Whatever answers: a route in the turn, a file from the worker.
TEST(Routes, AClientThatDoesNotReadIsAnsweredNoFurther) {
  constexpr std::size_t kRequests = 200;
  constexpr std::size_t kAnswer = 100'000;
  const Folder folder;
  folder.write("big.txt", std::string(kAnswer, 'f'));
  World world;
  world.io.http().serve("/files", folder.path()).get("/route", [](const HttpRequest&) {
    return HttpReply::text(std::string(kAnswer, 'r'));
  });
  const auto play = [&](const char* target, bool ends) {
    SCOPED_TRACE(target);
    HttpPeer client(world);
    client.reading = false;
    for (std::size_t i = 0; i < kRequests; ++i) client.send("GET", target);
    if (ends) client.end_writing();
    const std::uint64_t enough = ServerOptions().send_queue_soft;
    ASSERT_TRUE(world.until([&] { return world.io.stats().output_bytes > enough; }));
    for (int i = 0; i < 100; ++i) world.settle();
    EXPECT_LE(world.io.stats().output_bytes, enough + 2 * kAnswer);
    client.reading = true;
    for (std::size_t i = 0; i < kRequests; ++i) ASSERT_EQ(client.answer().body.size(), kAnswer);
  };
  play("/route", false);
  play("/route", true);
  play("/files/big.txt", false);
}

class RouteAnswers : public ::testing::TestWithParam<Backend> {};
INSTANTIATE_TEST_SUITE_P(Backends, RouteAnswers, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

// Some of the large answers leave just so much room that io_uring takes the small one behind them,
// and only then sees that it does not fit. (A Unix socket takes a fixed number of bytes.)
TEST_P(RouteAnswers, TheLastOneArrivesWhenTheClientHasSaidAll) {
  const Folder folder;
  const std::string path = folder.path() + "/socket";
  ServerOptions options;
  options.backend = GetParam();
  World world(options, World::Mode::own_thread);
  world.io.listen_unix(path);
  world.io.http()
      .get("/large/:size",
           [](const HttpRequest& r) {
             return HttpReply::text(std::string(std::stoul(std::string(r.param("size"))), 'x'));
           })
      .get("/small", [](const HttpRequest&) { return HttpReply::text(std::string(500, 'y')); });
  world.start();
  const auto a_turn = [&world] {
    const Pending<void> done;
    world.io.post([done] { done.state()->finish(Result<void>()); });
    static_cast<void>(done.get());
  };
  for (std::size_t size = 100'000; size < 350'000; size += 4'000) {
    HttpPeer peer(world, path);
    peer.reading = false;
    const std::uint64_t before = world.io.stats().bytes_out;
    peer.send("GET", "/large/" + std::to_string(size));
    ASSERT_TRUE(world.until([&] { return world.io.stats().bytes_out > before; }));
    peer.send("GET", "/small");
    peer.end_writing();
    for (int i = 0; i < 3; ++i) a_turn();  // it has answered, and heard the end
    peer.reading = true;
    EXPECT_EQ(peer.answer().body.size(), size);
    EXPECT_EQ(peer.answer().body, std::string(500, 'y')) << size;
    EXPECT_TRUE(peer.wait_closed());
  }
}

}  // namespace
}  // namespace socketio
