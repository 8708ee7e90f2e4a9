// Coroutines that are told of connections and their ends; and where a coroutine is refused, because
// nobody would run it.
#include <concepts>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Client;
using test::World;
using Strings = std::vector<std::string>;

// What takes no coroutine says so at once.
template <class F>
concept Posted = requires(const Socket& socket, F f) {
  socket.post(f);
};
template <class F>
concept PostedToPeer = requires(const WebSocket& peer, F f) {
  peer.post(f);
};
template <class F>
concept Used = requires(const Socket& socket, F f) {
  socket.use(f);
};
template <class F>
concept ToldOfErrors = requires(const Socket& socket, F f) {
  socket.on_error(f);
};
template <class F>
concept ToldOfRooms = requires(const Namespace& nsp, F f) {
  nsp.on_create_room(f);
};
template <class F>
concept ToldOfJoins = requires(const Namespace& nsp, F f) {
  nsp.on_join_room(f);
  nsp.on_leave_room(f);
};
template <class F>
concept ToldOfSessions = requires(Engine engine, F f) {
  engine.on_connection(f);
};
template <class F>
concept ToldOfPackets = requires(const EngineSocket& engine, F f) {
  engine.on_packet(f);
};
template <class F>
concept PostedToServer = requires(Server& io, F f) {
  io.post(f);
};
template <class F>
concept Offloaded = requires(Server& io, F f) {
  io.offload([] {}, f);
};
template <class F>
concept ToldOfFailures = requires(Server& io, F f) {
  io.on_error(f);
};
template <class F>
concept ToldOfNamespaces = requires(Server& io, F f) {
  io.on_new_namespace(f);
};
// What is assigned to a member.
template <class Member, class R, class... A>
inline constexpr bool kTakesNoTask =
    std::is_assignable_v<Member&, R (*)(A...)> && !std::is_assignable_v<Member&, Task<R> (*)(A...)>;

static_assert(PostedToServer<void (*)()> && !PostedToServer<Task<> (*)()>);
static_assert(Offloaded<void (*)()> && !Offloaded<Task<> (*)()>);
static_assert(ToldOfFailures<void (*)(const ErrorReport&)> &&
              !ToldOfFailures<Task<> (*)(const ErrorReport&)>);
static_assert(ToldOfNamespaces<void (*)(Namespace)> && !ToldOfNamespaces<Task<> (*)(Namespace)>);
static_assert(PostedToPeer<void (*)()> && !PostedToPeer<Task<> (*)()>);
static_assert(Posted<void (*)()> && !Posted<Task<> (*)()>);
static_assert(Used<void (*)(Packet&, Next)> && !Used<Task<> (*)(Packet&, Next)>);
static_assert(ToldOfErrors<void (*)(std::string_view)> &&
              !ToldOfErrors<Task<> (*)(std::string_view)>);
static_assert(ToldOfRooms<void (*)(std::string_view)> &&
              !ToldOfRooms<Task<> (*)(std::string_view)>);
static_assert(ToldOfJoins<void (*)(std::string_view, std::string_view)> &&
              !ToldOfJoins<Task<> (*)(std::string_view, std::string_view)>);
static_assert(ToldOfSessions<void (*)(EngineSocket)> && !ToldOfSessions<Task<> (*)(EngineSocket)>);
static_assert(ToldOfPackets<void (*)(EnginePacket)> && !ToldOfPackets<Task<> (*)(EnginePacket)>);
static_assert(
    kTakesNoTask<decltype(WebSocketRoute::upgrade), std::optional<HttpReply>, HttpRequest>);
static_assert(kTakesNoTask<decltype(WebSocketRoute::open), void, WebSocket>);
static_assert(
    kTakesNoTask<decltype(WebSocketRoute::message), void, WebSocket, std::string_view, bool>);
static_assert(kTakesNoTask<decltype(WebSocketRoute::drained), void, WebSocket>);
static_assert(kTakesNoTask<decltype(WebSocketRoute::error), void, WebSocket, std::string_view>);
static_assert(
    kTakesNoTask<decltype(WebSocketRoute::close), void, WebSocket, int, std::string_view, bool>);
static_assert(kTakesNoTask<decltype(ServerOptions::log), void, const LogLine&>);
static_assert(kTakesNoTask<decltype(ServerOptions::adapter), std::shared_ptr<Adapter>, Namespace>);
static_assert(
    kTakesNoTask<decltype(CorsOptions::for_request), void, const HttpRequest&, CorsOptions&>);
static_assert(kTakesNoTask<CorsOrigin, bool, std::string_view>);
static_assert(kTakesNoTask<Origins, bool, std::string_view>);

TEST(ConnectionCoroutines, AwaitTheClientThatConnects) {
  World world;
  Strings seen;
  world.io.on_connection([&seen, text = std::string("said ")](Socket socket) -> Task<> {
    const Result<std::string> name = co_await socket.emit_with_ack<std::string>("who?");
    seen.push_back(text + name.value_or("nothing"));
  });
  Client client(world);
  client.join();
  EXPECT_EQ(client.next(), R"(20["who?"])");
  client.send(R"(30["Ann"])");
  client.rest();
  EXPECT_EQ(seen, Strings{"said Ann"});
}

TEST(ConnectionCoroutines, AreToldOfTheEnd) {
  World world;
  Strings seen;
  const Pending<int> later;
  const Pending<int> latest;
  world.io.on_disconnect([&](Socket socket, DisconnectReason reason) -> Task<> {
    const std::string id(socket.id());
    const Result<int> saved = co_await later;
    seen.push_back(id + " " + std::string(to_string(reason)) + std::to_string(saved.value_or(-1)));
  });
  world.io.on_connection([&](const Socket& socket) {
    socket.on_disconnecting([&, socket](DisconnectReason) -> Task<> {
      seen.emplace_back(socket.in_room("r") ? "still there" : "gone");
      co_return;
    });
    socket.on_disconnect([&](DisconnectReason, std::string detail) -> Task<> {
      static_cast<void>(co_await latest);
      seen.push_back("own" + detail);
    });
    socket.join("r");
  });
  Client client(world);
  const std::string id = client.join();
  client.send("1");
  client.rest();
  EXPECT_EQ(seen, Strings{"still there"});
  later.state()->finish(7);
  latest.state()->finish(7);
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[1], id + " client namespace disconnect7");
  EXPECT_EQ(seen[2].substr(0, 3), "own");
}

// A generic one may take references, which no assertion sees: what they refer to lives as long.
TEST(ConnectionCoroutines, MayTakeReferences) {
  World world;
  Strings seen;
  const Pending<int> first;
  const Pending<int> second;
  world.io.sockets().use([&](const auto& socket) -> Task<std::optional<ConnectError>> {
    static_cast<void>(co_await first);
    seen.emplace_back(socket.id());
    co_return std::nullopt;
  });
  world.io.on_connection([&](const auto& socket) -> Task<> {
    static_cast<void>(co_await second);
    seen.emplace_back(socket.id());
  });
  world.io.on_connection([](const Socket& socket) {
    socket.on_disconnect([](DisconnectReason, auto detail) { detail.remove_prefix(0); });
  });
  Client client(world);
  client.send("0");
  client.rest();
  first.state()->finish(1);
  client.rest();
  second.state()->finish(1);
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0], seen[1]);
}

TEST(ConnectionCoroutines, WhatTheyThrowIsReported) {
  World world;
  world.io.on_connection([](Socket) -> Task<> {
    throw std::runtime_error("oops");
    co_return;
  });
  Client client(world);
  EXPECT_NE(client.join(), "");
  ASSERT_EQ(world.errors.size(), 1U);
  EXPECT_EQ(world.errors[0].message, "oops");
  EXPECT_EQ(world.errors[0].event, "connection");
}

TEST(ConnectionCoroutines, MayComeWithTheNamesOfNamespaces) {
  World world;
  int seen = 0;
  world.io.of("/chat", [&seen](Socket) -> Task<> {
    ++seen;
    co_return;
  });
  Client client(world);
  client.join("/chat");
  EXPECT_EQ(seen, 1);
}

}  // namespace
}  // namespace socketio
