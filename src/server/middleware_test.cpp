// Middlewares of namespaces and of sockets. The names in quotes are the titles of socket.io's own
// tests.
#include <algorithm>
#include <limits>

#include <gtest/gtest.h>

#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Client;
using test::World;
using Strings = std::vector<std::string>;

// covers sio/middleware: should call functions
// covers sio/middleware: should call functions in expected order
// covers sio/middleware: should only call connection after fns
TEST(Middleware, RunsInOrderBeforeTheConnection) {
  World world;
  Strings seen;
  world.io.of("/chat").use([&seen](const Socket&, const Next& next) {
    seen.emplace_back("chat");
    next();
  });
  world.io.of("/chat").on_connection([&seen](const Socket&) { seen.emplace_back("connected"); });
  world.io.use([&seen](const Socket&, const Next& next) {
    seen.emplace_back("first");
    next();
    next();  // ignored
  });
  world.io.use([&seen](const Socket& socket) -> std::optional<ConnectError> {
    seen.emplace_back("second");
    socket.data<std::string>() = "kept";
    return std::nullopt;
  });
  world.io.on_connection(
      [&seen](const Socket& socket) { seen.push_back(socket.data<std::string>()); });
  Client client(world);
  client.join();
  EXPECT_EQ(seen, (Strings{"first", "second", "kept"}));
  client.join("/chat");
  EXPECT_EQ(seen, (Strings{"first", "second", "kept", "chat", "connected"}));
}

// covers siop/parser: encodes an connect error (with object)
// covers sio/middleware: should pass errors
// covers sio/middleware: should pass an object
// covers sio/middleware: should work with a custom namespace
TEST(Middleware, RefusesWithMessageAndData) {
  World world;
  bool connected = false;
  world.io.on_connection([&connected](const Socket&) { connected = true; });
  world.io.use([](const Socket&, const Next& next) { next({"Authentication error"}); });
  world.io.use([](const Socket&, const Next& next) {
    ADD_FAILURE() << "behind a refusal";
    next();
  });
  world.io.of("/chat").use([](const Socket&) {
    return std::optional(ConnectError{"no", Value::object({{"a", "b"}, {"c", 3}})});
  });
  world.io.of("/open");
  Client client(world);
  EXPECT_EQ(client.join(), "");
  EXPECT_EQ(client.refusal, R"(4{"message":"Authentication error"})");
  EXPECT_EQ(client.join("/chat"), "");
  EXPECT_EQ(client.refusal, R"(4/chat,{"message":"no","data":{"a":"b","c":3}})");
  EXPECT_NE(client.join("/open"), "");
  EXPECT_FALSE(connected);
  EXPECT_EQ(world.io.sockets().size(), 0U);
}

// covers sio/middleware: should only call connection after (lengthy) fns
TEST(Middleware, MayTakeItsTime) {
  World world;
  std::optional<Next> waiting;
  world.io.use([&waiting](const Socket&, const Next& next) { waiting = next; });
  Client client(world);
  client.send("0");
  EXPECT_EQ(client.rest(), Strings{});
  ASSERT_TRUE(waiting);
  (*waiting)();
  EXPECT_TRUE(client.next().starts_with("0{\"sid\":"));
}

// covers sio/middleware: should be ignored if socket gets closed
TEST(Middleware, IsForgottenWhenTheClientLeaves) {
  World world;
  std::optional<Next> waiting;
  int connected = 0;
  world.io.use([&waiting](const Socket&, const Next& next) { waiting = next; });
  world.io.on_connection([&connected](const Socket&) { ++connected; });
  {
    Client client(world);
    client.send("0");
    client.rest();
  }
  EXPECT_TRUE(world.until([&] { return world.io.stats().clients == 0; }));
  ASSERT_TRUE(waiting);
  (*waiting)();
  world.settle();
  EXPECT_EQ(connected, 0);
}

// covers sio/middleware: should only set `connected` to true after the middleware execution
// covers sio/socket: should leave all rooms joined after a middleware failure
// covers sio/uws: should work when joining a room in a middleware
TEST(Middleware, TheSocketIsNotConnectedYet) {
  World world;
  bool refuse = true;
  Socket seen;
  world.io.use([&](const Socket& socket) -> std::optional<ConnectError> {
    seen = socket;
    EXPECT_FALSE(socket.connected());
    EXPECT_EQ(socket.rooms(), Strings{});
    EXPECT_TRUE(socket.join("room"));
    EXPECT_EQ(socket.rooms(), Strings{"room"});
    EXPECT_TRUE(socket.in_room("room"));
    EXPECT_FALSE(socket.in_room(socket.id()));
    EXPECT_EQ(world.io.sockets().size(), 0U);
    EXPECT_TRUE(world.io.in("room").fetch_sockets().get().value().empty());
    if (refuse) return ConnectError{"no"};
    return std::nullopt;
  });
  world.io.on_connection([](const Socket& socket) {
    EXPECT_TRUE(socket.connected());
    EXPECT_EQ(socket.rooms(), (Strings{std::string(socket.id()), "room"}));
    EXPECT_TRUE(socket.in_room(socket.id()));
  });
  Client client(world);
  EXPECT_EQ(client.join(), "");
  EXPECT_EQ(seen.rooms(), Strings{});
  world.io.to("room").emit("x");
  EXPECT_EQ(client.rest(), Strings{});
  refuse = false;
  EXPECT_NE(client.join(), "");
  world.io.to("room").emit("x");
  EXPECT_EQ(client.rest(), Strings{R"(2["x"])"});
}

TEST(Middleware, MayEmitBeforeTheConnection) {
  World world;
  world.io.use([](const Socket& socket, const Next& next) {
    socket.emit("early");
    next();
  });
  Client client(world);
  client.send("0");
  EXPECT_EQ(client.next(), R"(2["early"])");
  EXPECT_TRUE(client.next().starts_with("0{\"sid\""));
}

// All of them have returned before the socket is connected or refused, as in JS.
TEST(Middleware, WhatStandsBehindNextComesBeforeTheConnection) {
  World world;
  Strings seen;
  for (const char* name : {"first", "last"}) {
    world.io.use([&seen, name](const Socket& socket, const Next& next) {
      socket.handshake().auth["no"].to_bool() ? next({"no"}) : next();
      EXPECT_FALSE(socket.connected());
      EXPECT_TRUE(socket.emit("early", name));
      EXPECT_TRUE(socket.join(name));
      socket.data<Strings>().emplace_back(name);
    });
  }
  world.io.on_connection([&seen](const Socket& socket) {
    seen = socket.data<Strings>();
    EXPECT_TRUE(socket.in_room("first"));
  });
  Client client(world);
  client.send("0");
  EXPECT_EQ(client.next(), R"(2["early","last"])");
  EXPECT_EQ(client.next(), R"(2["early","first"])");
  EXPECT_TRUE(client.next().starts_with("0{\"sid\""));
  EXPECT_EQ(seen, (Strings{"last", "first"}));
  Client refused(world);
  refused.send(R"(0{"no":true})");
  EXPECT_EQ(refused.next(), R"(2["early","first"])");
  EXPECT_EQ(refused.next(), R"(4{"message":"no"})");
  EXPECT_TRUE(world.errors.empty());
}

// The first of its answers counts.
TEST(Middleware, OneThatThrowsBehindNextIsReported) {
  World world;
  world.io.use([](const Socket&, const Next& next) {
    next();
    throw std::runtime_error("behind");
  });
  Client client(world);
  EXPECT_NE(client.join(), "");
  ASSERT_EQ(world.errors.size(), 1U);
  EXPECT_EQ(world.errors[0].message, "behind");
}

TEST(Middleware, OneThatThrowsRefuses) {
  World world;
  world.io.use(
      [](const Socket&) -> std::optional<ConnectError> { throw std::runtime_error("oops"); });
  world.io.of("/task").use([](Socket) -> Task<std::optional<ConnectError>> {
    throw std::runtime_error("oops");
    co_return std::nullopt;
  });
  Client client(world);
  EXPECT_EQ(client.join(), "");
  EXPECT_EQ(client.refusal, R"(4{"message":"internal error"})");
  EXPECT_EQ(client.join("/task"), "");
  EXPECT_EQ(client.refusal, R"(4/task,{"message":"internal error"})");
  ASSERT_EQ(world.errors.size(), 2U);
  EXPECT_EQ(world.errors[0].message, "oops");
  EXPECT_EQ(world.errors[1].message, "oops");
}

TEST(Middleware, MayBeACoroutine) {
  World world;
  Pending<bool> verdict;
  world.io.use([&verdict](Socket) -> Task<std::optional<ConnectError>> {
    const Result<bool> ok = co_await verdict;
    if (ok.value_or(false)) co_return std::nullopt;
    co_return ConnectError{"refused"};
  });
  Client client(world);
  client.send("0");
  EXPECT_EQ(client.rest(), Strings{});
  verdict.state()->finish(false);
  EXPECT_EQ(client.next(), R"(4{"message":"refused"})");
}

// What a function has captured, and how often it was copied.
struct Counted {
  explicit Counted(int& all) : copies(&all) {}
  Counted(const Counted& other) : copies(other.copies) { ++*copies; }
  Counted(Counted&&) = default;
  Counted& operator=(const Counted&) = delete;
  int* copies;
};

TEST(Middleware, IsNotCopiedForEachClientAndKeepsItsState) {
  World world;
  int copies = 0;
  int most = 0;
  world.io.use([&most, counted = Counted(copies),
                seen = 0](const Socket&) mutable -> std::optional<ConnectError> {
    most = std::max(most, ++seen);
    return std::nullopt;
  });
  const int registered = copies;
  for (int i = 0; i < 3; ++i) EXPECT_NE(Client(world).join(), "");
  EXPECT_EQ(copies, registered);
  EXPECT_EQ(most, 3);
}

TEST(Middleware, MayAnswerFromAnotherThread) {
  World world;
  std::jthread answer;
  world.io.use(
      [&answer](const Socket&, const Next& next) { answer = std::jthread([next] { next(); }); });
  Client client(world);
  EXPECT_NE(client.join(), "");
}

// covers sio/socket-middleware: should call functions
TEST(SocketMiddleware, SeesAndRewritesThePacket) {
  World world;
  Strings seen;
  world.io.on_connection([&seen](const Socket& socket) {
    socket.use([&seen](Packet& packet, const Next& next) {
      seen.push_back(packet.name);
      EXPECT_EQ(packet.args, (Args{1, Value(Binary("x"))}));
      packet.name = "renamed";
      packet.args[0] = 2;
      next();
    });
    socket.use([&seen](Packet& packet, const Next& next) {
      seen.push_back(packet.name);
      packet.args.emplace_back("added");
      next();
    });
    socket.on("renamed", [&seen](const EventView& event, const Ack& ack) {
      EXPECT_TRUE(event.wants_ack());
      int n = 0;
      Binary bytes;
      std::string text;
      EXPECT_TRUE(event.get(0, n) && event.get(1, bytes) && event.get(2, text));
      seen.push_back(std::to_string(n) + std::string(bytes.view()) + text);
      ack("done");
    });
    socket.on("original", [&seen] { seen.emplace_back("original"); });
  });
  Client client(world);
  client.join();
  client.send(R"(51-7["original",1,{"_placeholder":true,"num":0}])");
  client.send_binary("x");
  EXPECT_EQ(client.next(), R"(37["done"])");
  EXPECT_EQ(seen, (Strings{"original", "renamed", "2xadded"}));
}

// As of a namespace's.
TEST(SocketMiddleware, WhatStandsBehindNextComesBeforeTheHandlers) {
  World world;
  Strings seen;
  world.io.on_connection([&seen](const Socket& socket) {
    for (const char* name : {"first", "last"}) {
      socket.use([&seen, name](Packet& packet, const Next& next) {
        packet.name == "no" ? next({"refused"}) : next();
        packet.args.emplace_back(name);
        seen.emplace_back(name);
        if (packet.name == "throw") throw std::runtime_error("behind");
      });
    }
    socket.on("e", [&seen](const EventView& event) { seen.emplace_back(event.raw()); });
    socket.on("throw", [&seen] { seen.emplace_back("handled"); });
    socket.on_error([&seen](std::string_view message) { seen.emplace_back(message); });
  });
  Client client(world);
  client.join();
  client.send(R"(2["e",1])");
  client.rest();
  EXPECT_EQ(seen, (Strings{"last", "first", R"(1,"last","first")"}));
  seen.clear();
  client.send(R"(2["no"])");
  client.rest();
  EXPECT_EQ(seen, (Strings{"first", "refused"}));
  seen.clear();
  client.send(R"(2["throw"])");
  client.rest();
  EXPECT_EQ(seen, (Strings{"last", "first", "handled"}));
  EXPECT_EQ(world.errors.size(), 2U);
}

// What waits in them is bounded and counted like what waits in handlers.
TEST(SocketMiddleware, EventsThatWaitInThemPauseReading) {
  World world({.max_running_handlers = 3});
  std::vector<Next> waiting;
  std::size_t handled = 0;
  world.io.on_connection([&](const Socket& socket) {
    socket.use([&](Packet&, const Next& next) { waiting.push_back(next); });
    socket.on("m", [&handled] { ++handled; });
  });
  Client client(world);
  client.join();
  Client other(world);  // its pongs show that the server has read what there was
  const auto three_wait = [&] {
    EXPECT_TRUE(world.until([&] { return waiting.size() == 3; }));
    EXPECT_EQ(other.rest(), Strings{});
    EXPECT_EQ(waiting.size(), 3U);
  };
  const auto before = world.io.stats().input_bytes;
  for (int i = 0; i < 10; ++i) client.send("2[\"m\",\"" + std::string(1000, 'x') + "\"]");
  three_wait();
  EXPECT_GT(world.io.stats().input_bytes, before + 3 * 1000);
  std::exchange(waiting, {}).at(0)();  // the others are dropped
  three_wait();
  while (!waiting.empty()) {
    for (const Next& next : std::exchange(waiting, {})) next();
    EXPECT_TRUE(world.until([&] { return waiting.size() == 3 || waiting.size() + handled == 8; }));
  }
  EXPECT_EQ(client.rest(), Strings{});
  EXPECT_EQ(handled, 8U);
  EXPECT_EQ(world.io.stats().input_bytes, before);
}

TEST(SocketMiddleware, OneThatRenamesAndThrowsIsReportedByTheNameThatCame) {
  World world;
  world.io.on_connection([](const Socket& socket) {
    socket.use([](Packet& packet, const Next&) {
      packet.name = std::string(100, 'x');
      throw std::runtime_error("no");
    });
  });
  Client client(world);
  client.join();
  client.send(R"(2["a name of more than fifteen bytes"])");
  EXPECT_EQ(client.rest(), Strings{});
  ASSERT_EQ(world.errors.size(), 1U);
  EXPECT_EQ(world.errors[0].event, "a name of more than fifteen bytes");
}

// What a middleware puts in need not be something a client could have sent.
TEST(SocketMiddleware, MayAddWhatJsonHasNot) {
  World world;
  Value deep = 1;
  for (int i = 0; i < 600; ++i) deep = Value::array({deep});
  double number = 0;
  std::string raw;
  Value got;
  world.io.on_connection([&](const Socket& socket) {
    socket.use([&deep](Packet& packet, const Next& next) {
      packet.args = {std::numeric_limits<double>::infinity(), deep};
      next();
    });
    socket.on("e", [&](const EventView& event) {
      EXPECT_TRUE(event.get(0, number) && event.get(1, got));
      raw = event.raw();
      return true;
    });
  });
  Client client(world);
  client.join();
  client.send(R"(21["e"])");
  EXPECT_EQ(client.next(), "31[true]");
  EXPECT_EQ(number, std::numeric_limits<double>::infinity());
  EXPECT_EQ(got, deep);
  EXPECT_EQ(raw, "null," + deep.to_json());
}

TEST(SocketMiddleware, MayAnswerInTheHandlersPlace) {
  World world;
  world.io.on_connection([](const Socket& socket) {
    socket.use([](const Packet& packet, const Next& next) {
      if (packet.name == "cached") packet.ack("from the middleware");
      next();
    });
    socket.on("cached", [] { return "too late"; });
    socket.on("other", [] { return "from the handler"; });
  });
  Client client(world);
  client.join();
  client.send(R"(21["cached"])");
  EXPECT_EQ(client.next(), R"(31["from the middleware"])");
  client.send(R"(22["other"])");
  EXPECT_EQ(client.next(), R"(32["from the handler"])");
  client.send(R"(2["cached"])");
  EXPECT_EQ(client.rest(), Strings{});
}

// covers sio/socket-middleware: should pass errors
TEST(SocketMiddleware, ARefusedPacketRaisesAnError) {
  World world;
  Strings seen;
  world.io.on_connection([&seen](const Socket& socket) {
    socket.use([](const Packet&, const Next& next) { next({"Authentication error"}); });
    socket.use([&seen](const Packet&, const Next& next) {
      seen.emplace_back("second");
      next();
    });
    socket.on("e", [&seen] { seen.emplace_back("handler"); });
    socket.on_error([&seen](std::string_view message) { seen.emplace_back(message); });
  });
  Client client(world);
  client.join();
  client.send(R"(21["e"])");
  EXPECT_EQ(client.rest(), Strings{});
  EXPECT_EQ(seen, Strings{"Authentication error"});
  EXPECT_FALSE(client.closed());
}

}  // namespace
}  // namespace socketio
