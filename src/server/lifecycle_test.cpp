// The server's own life: options, listeners, limits, and the end.
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Client;
using test::ClientOptions;
using test::World;
using Strings = std::vector<std::string>;
using std::chrono::milliseconds;

// -- Options

std::string refusal(const std::function<void(ServerOptions&)>& change) {
  ServerOptions options;
  change(options);
  try {
    const Server io(options);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

TEST(Options, AWrongOneIsNamed) {
  using O = ServerOptions;
  const std::pair<const char*, std::function<void(O&)>> wrong[] = {
      {"path must begin with '/'", [](O& o) { o.path = "socket.io"; }},
      {"path must begin with '/'", [](O& o) { o.path = ""; }},
      {"path must be a plain URL path", [](O& o) { o.path = "/a b/"; }},
      {"path must be a plain URL path", [](O& o) { o.path = "/a?b/"; }},
      {"path must be in its normal form, without \"..\", \".\" or a backslash",
       [](O& o) { o.path = "/a/../b/"; }},
      {"path must be in its normal form, without \"..\", \".\" or a backslash",
       [](O& o) { o.path = "/a\\b/"; }},
      {"client_dist must be a folder", [](O& o) { o.client_dist = "/nonexistent"; }},
      {"log_level must be one of the enumerators",
       [](O& o) { o.log_level = static_cast<LogLevel>(99); }},
      {"engine.cookie has a same_site that is none of the enumerators",
       [](O& o) { o.engine.cookie.emplace().same_site = static_cast<SameSite>(99); }},
      {"ping_timeout must be at most 2^31-1 milliseconds",
       [](O& o) { o.ping_timeout = milliseconds::max(); }},
      {"engine.decision_timeout must be at most 2^31-1 milliseconds",
       [](O& o) { o.engine.decision_timeout = milliseconds(0x80000000); }},
      {"connect_timeout must be positive", [](O& o) { o.connect_timeout = milliseconds(0); }},
      {"ping_interval must be positive", [](O& o) { o.ping_interval = milliseconds(0); }},
      {"ping_timeout must be positive", [](O& o) { o.ping_timeout = milliseconds(-1); }},
      {"upgrade_timeout must be positive", [](O& o) { o.upgrade_timeout = milliseconds(0); }},
      {"close_timeout must be positive", [](O& o) { o.close_timeout = milliseconds(0); }},
      {"max_http_buffer_size must be between 1 and 2^31-1 bytes",
       [](O& o) { o.max_http_buffer_size = 0; }},
      {"max_http_buffer_size must be between 1 and 2^31-1 bytes",
       [](O& o) { o.max_http_buffer_size = 0x80000000; }},
      {"websocket and polling cannot both be off", [](O& o) { o.websocket = o.polling = false; }},
      {"threads must be between 1 and 255", [](O& o) { o.threads = 0; }},
      {"threads must be between 1 and 255", [](O& o) { o.threads = 256; }},
      {"max_child_namespaces must be between 1 and 1,000,000",
       [](O& o) { o.max_child_namespaces = 0; }},
      {"max_child_namespaces must be between 1 and 1,000,000",
       [](O& o) { o.max_child_namespaces = 1'000'001; }},
      {"max_output_bytes must hold at least send_queue_hard",
       [](O& o) { o.max_output_bytes = o.send_queue_hard - 1; }},
      {"backend must be one of the enumerators", [](O& o) { o.backend = static_cast<Backend>(7); }},
      {"max_connections must be positive", [](O& o) { o.max_connections = 0; }},
      {"max_clients must be positive", [](O& o) { o.max_clients = 0; }},
      {"send_queue_soft must not exceed send_queue_hard",
       [](O& o) { o.send_queue_soft = o.send_queue_hard + 1; }},
      {"send_queue_hard must hold at least max_http_buffer_size",
       [](O& o) { o.max_http_buffer_size = o.send_queue_hard + 1; }},
      {"per_message_deflate.server_max_window_bits must be between 8 and 15",
       [](O& o) { o.per_message_deflate.emplace().server_max_window_bits = 7; }},
      {"per_message_deflate.client_max_window_bits must be between 8 and 15",
       [](O& o) { o.per_message_deflate.emplace().client_max_window_bits = 16; }},
      {"per_message_deflate has levels from 0 to 9",
       [](O& o) { o.per_message_deflate.emplace().level = 10; }},
      {"per_message_deflate has memory levels from 1 to 9",
       [](O& o) { o.per_message_deflate.emplace().mem_level = 0; }},
      {"http_compression has levels from 0 to 9", [](O& o) { o.http_compression->level = -1; }},
      {"max_running_handlers must be positive", [](O& o) { o.max_running_handlers = 0; }},
      {"connection_state_recovery.max_disconnection_duration must be positive",
       [](O& o) { o.connection_state_recovery.emplace().max_disconnection_duration = {}; }},
      {"connection_state_recovery.max_log_bytes must be positive",
       [](O& o) { o.connection_state_recovery.emplace().max_log_bytes = 0; }},
      {"connection_state_recovery.max_log_packets must be positive",
       [](O& o) { o.connection_state_recovery.emplace().max_log_packets = 0; }},
      {"connection_state_recovery.max_sessions must be positive",
       [](O& o) { o.connection_state_recovery.emplace().max_sessions = 0; }},
      {"backlog must be positive", [](O& o) { o.backlog = 0; }},
      {"tcp_user_timeout must not be negative",
       [](O& o) { o.tcp_user_timeout = std::chrono::milliseconds(-1); }},
  };
  for (const auto& [text, change] : wrong)
    EXPECT_EQ(refusal(change), std::string("socketio::ServerOptions::") + text);
  EXPECT_EQ(refusal([](O&) {}), "");
}

TEST(Options, ThePathMayBeAnother) {
  World world({.path = "/my/chat"});
  Client client(world, {.path = "/my/chat/"});
  EXPECT_NE(client.join(), "");
  EXPECT_EQ(test::http_get(world, "/socket.io/?EIO=4&transport=polling").status, 404);
}

TEST(Options, TransportsMayBeOff) {
  World world({.polling = false});
  EXPECT_EQ(test::http_get(world, "/socket.io/?EIO=4&transport=polling").status, 400);
  ASSERT_EQ(world.errors.size(), 1U);
  EXPECT_EQ(world.errors[0].kind, ErrorReport::Kind::connection_error);
  EXPECT_EQ(world.errors[0].code, 0);
  EXPECT_EQ(world.errors[0].message, "Transport unknown");
  EXPECT_EQ(world.io.stats().rejected_requests, 1U);
  Client client(world);
  EXPECT_NE(client.join(), "");
}

TEST(Options, LogLinesGoToTheSink) {
  Strings lines;
  World world({.log = [&lines](const LogLine& line) { lines.emplace_back(line.text); }});
  world.io.on_event("bad", [] { throw std::runtime_error("oops"); });
  Client client(world);
  client.join();
  client.send(R"(2["bad"])");
  client.rest();
  EXPECT_EQ(lines, Strings{"oops"});
}

// -- Listeners

// covers sio/server-attachment: should be bound
// covers sio/server-attachment: with listen
TEST(Listening, PortZeroTakesAFreeOneAndThereMayBeSeveral) {
  World world;
  EXPECT_NE(world.io.port(), 0);
  const std::uint16_t first = world.io.port();
  const std::string path = "/tmp/socketio-test-" + std::to_string(::getpid());
  world.io.listen(0).listen_unix(path);
  EXPECT_EQ(world.io.port(), first);
  Client tcp(world);
  EXPECT_NE(tcp.join(), "");
  Client local(world, {.unix_path = path});
  EXPECT_NE(local.join(), "");
  EXPECT_EQ(world.io.sockets().size(), 2U);
  ::unlink(path.c_str());
}

TEST(Listening, FailuresNameTheAddress) {
  World world;
  const std::uint16_t taken = world.io.port();
  Server other;
  try {
    other.listen(taken, "127.0.0.1");
    ADD_FAILURE() << "the port was taken";
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code(), std::errc::address_in_use);
    EXPECT_NE(std::string(e.what()).find("127.0.0.1:" + std::to_string(taken)), std::string::npos);
  }
  EXPECT_THROW(other.listen(0, "no address"), std::invalid_argument);
  EXPECT_THROW(other.listen_unix("/nowhere/at/all"), std::system_error);
  EXPECT_EQ(other.port(), 0);
}

// -- Limits

TEST(Limits, MoreConnectionsAreClosed) {
  World world({.max_connections = 2});
  Client first(world);
  Client second(world);
  EXPECT_NE(second.join(), "");
  {
    Client third(world);
    EXPECT_TRUE(third.closed());
  }
  EXPECT_EQ(world.io.stats().connections, 2U);
  first.cut();
  EXPECT_TRUE(world.until([&] { return world.io.stats().connections == 1; }));
  Client fourth(world);
  EXPECT_NE(fourth.join(), "");
}

// A reader slower than send_queue_hard allows is closed, and costs nothing from then on; the others
// go on.
TEST(Limits, ASlowReaderIsClosed) {
  World world({.send_queue_hard = 4 * 1024 * 1024});
  Strings ends;
  world.io.sockets().on_disconnect(
      [&ends](const Socket&, DisconnectReason why) { ends.emplace_back(to_string(why)); });
  Client slow(world, {.small_buffer = true});
  slow.join();
  Client quick(world);
  quick.join();
  slow.reading = false;
  const Binary big(std::string(900'000, 'x'));
  for (int i = 0; i < 30 && ends.empty(); ++i) {
    world.io.emit("big", big);
    EXPECT_EQ(quick.rest().size(), 2U);
  }
  EXPECT_EQ(ends, Strings{"transport error"});
  EXPECT_TRUE(world.until([&] { return world.io.stats().connections == 1; }));
  EXPECT_LT(world.io.stats().output_bytes, 1'000'000U);
  quick.send("2[\"x\"]");
  EXPECT_EQ(quick.rest(), Strings{});
  EXPECT_FALSE(quick.closed());
}

TEST(Limits, TooLargeAMessageClosesItsSender) {
  World world({.max_http_buffer_size = 1000});
  Client client(world);
  client.join();
  client.send("2[\"" + std::string(1000 - 6, 'x') + "\"]");  // 1,000 bytes with Engine.IO's
  EXPECT_EQ(client.rest(), Strings{});
  EXPECT_FALSE(client.closed());
  client.send("2[\"" + std::string(1001 - 6, 'x') + "\"]");
  EXPECT_TRUE(client.wait_closed());
}

// -- The end

// covers sio/close: graceful close › should stop socket and timers
// covers sio/close: should be able to close sio sending a srv
TEST(Closing, DisconnectsEverybodyAndFreesThePort) {
  World world;
  Strings ends;
  world.io.sockets().on_disconnect(
      [&ends](const Socket&, DisconnectReason why) { ends.emplace_back(to_string(why)); });
  Client client(world);
  client.join();
  test::PollingClient polling(world);
  polling.join();
  polling.start_poll();
  world.settle();
  auto closed = world.io.close();
  auto again = world.io.close();
  bool called = false;
  again.then([&called](const Result<void>& r) { called = r.has_value(); });
  EXPECT_TRUE(world.until([&] { return closed.ready() && client.closed(); }));
  EXPECT_TRUE(called);
  EXPECT_EQ(ends, (Strings(2, "server shutting down")));
  EXPECT_EQ(world.io.stats().connections, 0U);
  EXPECT_TRUE(world.io.close().ready());
  EXPECT_FALSE(world.io.post([] {}));
  EXPECT_FALSE(world.io.emit("x"));
  world.io.run();  // ends at once
  Server next;
  EXPECT_NO_THROW(next.listen(world.io.port(), "127.0.0.1"));
}

TEST(Closing, APollIsAnsweredAndItsConnectionEnds) {
  World world({.close_timeout = std::chrono::minutes(1)});
  test::HttpPeer peer(world);
  const std::string target = "/socket.io/?EIO=4&transport=polling";
  const std::string body = peer.request("GET", target).body;
  const std::string sid = body.substr(body.find("\"sid\":\"") + 7, 20);
  peer.send("GET", target + "&sid=" + sid);
  world.settle();
  const auto closed = world.io.close();
  const test::HttpAnswer last = peer.answer();
  EXPECT_EQ(last.body, "1");
  EXPECT_EQ(last.header("Connection"), "close");
  EXPECT_TRUE(world.until([&closed] { return closed.ready(); }));
}

// covers sio/socket: should be able to emit after server close and restart
TEST(Closing, AnotherServerMayFollowOnThePort) {
  auto first = std::make_unique<World>();
  const std::uint16_t port = first->io.port();
  {
    Client client(*first);
    client.join();
    auto closed = first->io.close();
    EXPECT_TRUE(first->until([&] { return closed.ready(); }));
  }
  World second;
  second.io.listen(port, "127.0.0.1");
  first.reset();
  Client client(second);
  EXPECT_NE(client.join(), "");
  second.io.emit("again");
  EXPECT_EQ(client.next(), R"(2["again"])");
}

TEST(Closing, ADestructorWithoutCloseCallsNobody) {
  int calls = 0;
  std::optional<Pending<int>> pending;
  {
    World world;
    world.io.sockets().on_disconnect([&calls](const Socket&, DisconnectReason) { ++calls; });
    Client client(world);
    client.join();
    pending = world.io.sockets().sockets().at(0).emit_with_ack<int>("x");
    pending->then([&calls](const Result<int>&) { ++calls; });
    client.reading = false;
    world.io.emit("last");
  }
  EXPECT_EQ(calls, 0);
}

// Whatever is registered may hold a handle, and with it the hub, which holds what is registered.
TEST(Closing, NothingRegisteredOutlivesTheServer) {
  const auto alive = std::make_shared<int>();
  const auto held = std::make_shared<std::optional<Namespace>>();
  ServerOptions options;
  options.adapter = [alive, held](const Namespace&) { return std::shared_ptr<Adapter>(); };
  options.engine.allow_request = [alive, held](const HttpRequest&) { return Verdict(true); };
  options.engine.generate_id = [alive, held](const HttpRequest&) { return std::string("one"); };
  options.engine.allowed_origins = [alive, held](std::string_view) { return true; };
  options.cors.emplace().for_request = [alive, held](const HttpRequest&, CorsOptions&) {};
  {
    World world(std::move(options));
    Server& io = world.io;
    const Namespace nsp = io.sockets();
    *held = nsp;
    io.on_error([nsp, alive](const ErrorReport&) {});
    io.on_new_namespace([nsp, alive](const Namespace&) {});
    io.on_connection([nsp, alive](const Socket&) {});
    io.use([nsp, alive](const Socket&, const Next& next) { next(); });
    nsp.on_join_room([nsp, alive](std::string_view, std::string_view) {});
    io.engine().use([nsp, alive](const EngineRequest&) {});
    io.engine().on_headers([nsp, alive](AnswerHeaders&, const HttpRequest&) {});
    io.engine().on_initial_headers([nsp, alive](AnswerHeaders&, const HttpRequest&) {});
    io.engine().on_connection([nsp, alive](const EngineSocket&) {});
    io.engine().on_connection_error([nsp, alive](const ConnectionError&) {});
    io.http().get("/", [nsp, alive](const HttpRequest&) { return HttpReply{}; });
    const ParentNamespace children =
        io.of([nsp, alive](std::string_view, const Value&) { return true; });
    children.on_connection([children, alive](const Socket&) {});
    Client client(world);
    client.join("/child");
    EXPECT_EQ(children.children().size(), 1U);
  }
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_FALSE((**held).emit("nobody"));
  EXPECT_EQ(held.use_count(), 1);
}

// covers sio/close: should stop socket and timers
TEST(Closing, RunEndsWithClose) {
  World world;
  int runs = 0;
  world.io.on_event("bye", [&] {
    ++runs;
    world.io.close();
    world.io.close();
  });
  {
    Client client(world);
    client.join();
    client.send(R"(2["bye"])");
    world.settle();
  }
  world.io.run();
  EXPECT_EQ(runs, 1);
}

TEST(Closing, AServerThatNeverRanMayBeClosed) {
  Server io;
  io.listen(0, "127.0.0.1");
  const auto closed = io.close();
  io.run();
  EXPECT_TRUE(closed.ready());
}

// then() is the last that run() and process() do.
TEST(Closing, AServerThatHasClosedMayBeDestroyedByWhoWaitedForIt) {
  for (const std::size_t threads : {1U, 3U}) {
    for (const bool embedded : {false, true}) {
      ServerOptions options;
      options.threads = threads;
      auto io = std::make_unique<Server>(std::move(options));
      io->listen(0, "127.0.0.1");
      int called = 0;
      io->close().then([&](const Result<void>& result) {
        EXPECT_TRUE(result.has_value());
        ++called;
        io.reset();
      });
      io->close().then([&](const Result<void>&) { ++called; });
      Server& running = *io;
      if (embedded) {
        while (io != nullptr) running.process();
      } else {
        running.run();
      }
      EXPECT_EQ(io, nullptr);
      EXPECT_EQ(called, 2);
    }
  }
}

// Whoever asks while the loop is about to end, here or on another thread, waits like the others.
TEST(Closing, IsNotDoneWhileTheLoopStillRuns) {
  for (const std::size_t threads : {1U, 3U}) {
    for (const bool embedded : {false, true}) {
      ServerOptions options;
      options.threads = threads;
      auto io = std::make_unique<Server>(std::move(options));
      bool done = false;
      bool refused = false;
      const std::function<void()> job = [&] {
        if (io->post(job)) return;  // once a turn, until the last
        refused = true;
        io->close().then([&](const Result<void>&) {
          EXPECT_TRUE(done);
          if (done) io.reset();
        });
        Pending<void> other;
        std::jthread([&] { other = io->close(); }).join();
        EXPECT_FALSE(other.ready());
      };
      io->post(job);
      io->close().then([&done](const Result<void>&) { done = true; });
      Server& running = *io;
      if (embedded) {
        while (!done) running.process();
      } else {
        running.run();
      }
      EXPECT_TRUE(refused);
      EXPECT_EQ(io, nullptr);
    }
  }
}

TEST(Closing, WhatThenThrowsComesWhenAllHaveBeenTold) {
  for (const bool embedded : {false, true}) {
    auto io = std::make_unique<Server>();
    int told = 0;
    io->close().then([&](const Result<void>&) {
      ++told;
      throw std::runtime_error("first");
    });
    io->close().then([&](const Result<void>&) {
      ++told;
      io.reset();
      throw std::runtime_error("second");
    });
    io->close().then([&told](const Result<void>&) { ++told; });
    Server& running = *io;
    try {
      if (embedded) {
        while (told == 0) running.process();
      } else {
        running.run();
      }
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "first");
    }
    EXPECT_EQ(told, 3);
  }
}

// A function: what a lambda has captured goes with the server.
Task<void> close_and_destroy(std::unique_ptr<World>& world, std::unique_ptr<Client>& client,
                             Pending<void> go) {
  co_await go;
  co_await world->io.close();
  client.reset();
  world.reset();
}

TEST(Closing, AHandlerThatHasWaitedForItMayDestroyTheServer) {
  auto world = std::make_unique<World>(ServerOptions{.close_timeout = milliseconds(20)});
  std::unique_ptr<Client> client;
  const Pending<void> go;
  int runs = 0;
  world->io.on_event("bye", [&] {
    ++runs;
    return close_and_destroy(world, client, go);
  });
  client = std::make_unique<Client>(*world);
  client->join();
  client->send(R"(2["bye"])");
  ASSERT_TRUE(world->until([&runs] { return runs == 1; }));
  world->io.post([go] { go.state()->finish(Result<void>()); });
  Server& running = world->io;
  running.run();
  EXPECT_EQ(world, nullptr);
}

TEST(Closing, AHandshakeIsAnsweredThoughItsConnectionEndsWithIt) {
  World world;
  test::HttpPeer peer(world);
  EXPECT_EQ(peer.request("GET", "/").status, 404);  // accepted, so that both come in one turn
  peer.send("GET", "/socket.io/?EIO=4&transport=polling");
  peer.end_writing();
  const test::HttpAnswer answer = peer.answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body.substr(0, 7), R"(0{"sid")");
  EXPECT_TRUE(peer.wait_closed());
}

}  // namespace
}  // namespace socketio
