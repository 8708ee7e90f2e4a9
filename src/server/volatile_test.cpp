// Volatile packets: delivered when the client can take them now, else dropped whole. The names in
// quotes are the titles of socket.io's own tests.
#include <gtest/gtest.h>

#include "support/sio_client.hpp"
#include "support/upgrade_request.hpp"

namespace socketio {
namespace {

using test::Client;
using test::HttpPeer;
using test::PollingClient;
using test::World;
using Strings = std::vector<std::string>;

// Runs `act` in one dispatch when the client sends "go".
void on_go(World& world, std::function<void(const Socket&)> act) {
  world.io.on_event("go", [act = std::move(act)](const Socket& socket) { act(socket); });
}

Strings over_websocket(World& world) {
  Client client(world);
  client.join();
  client.send(R"(2["go"])");
  return client.rest();
}

// What the polls after "go" say, until nothing more comes.
Strings over_polling(World& world) {
  PollingClient client(world);
  EXPECT_TRUE(client.join());
  client.start_poll();
  world.settle();
  client.post(R"(42["go"])");
  world.settle();
  Strings all;
  while (client.polled()) {
    all.push_back(client.poll());
    client.start_poll();
    world.settle();
  }
  return all;
}

// covers sio/socket: should not emit volatile event after regular event (polling)
// covers sio/socket: should not emit volatile event after regular event (ws)
// covers sio/namespaces: should not emit volatile event after regular event
TEST(Volatile, IsDroppedBehindARegularEvent) {
  World world;
  on_go(world, [](const Socket& socket) {
    socket.emit("ev", 1);
    EXPECT_FALSE(socket.volatile_().emit("ev", 2));
  });
  EXPECT_EQ(over_websocket(world), Strings{R"(2["ev",1])"});
  EXPECT_EQ(over_polling(world), Strings{R"(42["ev",1])"});
}

TEST(Volatile, BroadcastsAreDroppedBehindARegularOne) {
  World world;
  on_go(world, [&world](const Socket&) {
    world.io.emit("ev", 1);
    world.io.volatile_().emit("ev", 2);
  });
  EXPECT_EQ(over_websocket(world), Strings{R"(2["ev",1])"});
}

// covers sio/socket: should emit volatile event (polling)
// covers sio/socket: should emit volatile event (ws)
// covers sio/namespaces: should emit volatile event
TEST(Volatile, IsDeliveredWhenNothingIsInTheWay) {
  World world;
  on_go(world, [](const Socket& socket) { EXPECT_TRUE(socket.volatile_().emit("ev", 1)); });
  EXPECT_EQ(over_websocket(world), Strings{R"(2["ev",1])"});
  EXPECT_EQ(over_polling(world), Strings{R"(42["ev",1])"});
}

// covers sio/socket: should emit only one consecutive volatile event (polling)
// covers sio/socket: should emit only one consecutive volatile event (ws)
TEST(Volatile, OnlyTheFirstOfTwoIsDelivered) {
  World world;
  on_go(world, [](const Socket& socket) {
    EXPECT_TRUE(socket.volatile_().emit("ev", 1));
    EXPECT_FALSE(socket.volatile_().emit("ev", 2));
  });
  EXPECT_EQ(over_websocket(world), Strings{R"(2["ev",1])"});
  EXPECT_EQ(over_polling(world), Strings{R"(42["ev",1])"});
}

// covers sio/socket: should emit only one consecutive volatile event with binary (ws)
// covers sio/socket: should broadcast only one consecutive volatile event with binary (ws)
// covers sio/uws: should broadcast volatile packet with binary content
TEST(Volatile, BinaryIsDeliveredWholeOrNotAtAll) {
  World world;
  const Strings expected{R"(51-["ev",{"_placeholder":true,"num":0}])", "<first>"};
  on_go(world, [](const Socket& socket) {
    socket.volatile_().emit("ev", Binary("first"));
    socket.volatile_().emit("ev", Binary("second"));
  });
  EXPECT_EQ(over_websocket(world), expected);
  world.io.sockets().off("go");
  on_go(world, [&world](const Socket&) {
    world.io.volatile_().emit("ev", Binary("first"));
    world.io.volatile_().emit("ev", Binary("second"));
  });
  EXPECT_EQ(over_websocket(world), expected);
}

// covers sio/socket: should emit regular events after trying a failed volatile event (polling)
// covers sio/socket: should emit regular events after trying a failed volatile event (ws)
TEST(Volatile, RegularEventsGoOnAfterADroppedOne) {
  World world;
  on_go(world, [](const Socket& socket) {
    socket.emit("ev", 1);
    socket.volatile_().emit("ev", 2);
    socket.emit("ev", 3);
  });
  EXPECT_EQ(over_websocket(world), (Strings{R"(2["ev",1])", R"(2["ev",3])"}));
  EXPECT_EQ(over_polling(world), (Strings{"42[\"ev\",1]\x1e"
                                          "42[\"ev\",3]"}));
}

TEST(Volatile, APollingClientWithoutAPollMissesIt) {
  World world;
  PollingClient client(world);
  client.join();
  const Socket socket = world.io.sockets().sockets().at(0);
  EXPECT_FALSE(socket.volatile_().emit("ev"));
  client.start_poll();
  world.settle();
  EXPECT_FALSE(client.polled());
  EXPECT_TRUE(socket.volatile_().emit("ev"));
  EXPECT_EQ(client.poll(), R"(42["ev"])");
}

// Each event of the same turn is a dispatch of its own: a game's moves are all passed on.
TEST(Volatile, EventsThatArriveTogetherAreEachPassedOn) {
  World world;
  world.io.on_event("move", [&world](int n) { world.io.volatile_().emit("moved", n); });
  Client client(world);
  client.join();
  Strings expected;
  for (int i = 0; i < 50; ++i) {
    client.send("2[\"move\"," + std::to_string(i) + "]");
    expected.push_back("2[\"moved\"," + std::to_string(i) + "]");
  }
  EXPECT_EQ(client.rest(), expected);
}

// What is emitted outside handlers (a game's tick in the program's own loop) is not one endless
// dispatch.
TEST(Volatile, TurnsAreDispatchesOfTheirOwn) {
  World world;
  Client client(world);
  client.join();
  const Socket socket = world.io.sockets().sockets().at(0);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(socket.volatile_().emit("tick", i));
    EXPECT_FALSE(socket.volatile_().emit("tick", i));
    EXPECT_EQ(client.next(), "2[\"tick\"," + std::to_string(i) + "]");
  }
}

TEST(Volatile, PostedFromAnotherThreadItIsDeliveredEachTime) {
  World world({}, World::Mode::own_thread);
  world.start();
  Client client(world);
  client.join();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(world.io.volatile_().emit("tick", i));
    EXPECT_EQ(client.next(), "2[\"tick\"," + std::to_string(i) + "]");
  }
}

TEST(Volatile, AClientThatDoesNotReadMissesThem) {
  World world({.send_queue_soft = 64 * 1024});
  Client slow(world, {.small_buffer = true});
  slow.join();
  slow.reading = false;
  const Socket socket = world.io.sockets().sockets().at(0);
  const Binary big(std::string(500'000, 'x'));
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(socket.emit("big", big));
  world.settle();
  EXPECT_FALSE(socket.volatile_().emit("tick"));
  slow.reading = true;
  EXPECT_EQ(slow.rest().size(), 40U);
  EXPECT_TRUE(socket.volatile_().emit("tick"));
  EXPECT_EQ(slow.next(), R"(2["tick"])");
}

// However much may be queued, and whoever waits to hear that it has left.
TEST(Volatile, AWatchedClientThatDoesNotReadMissesThemToo) {
  World world({.send_queue_soft = 16 * 1024 * 1024});
  int drains = 0;
  world.io.engine().on_connection(
      [&drains](const EngineSocket& engine) { engine.on_drain([&drains] { ++drains; }); });
  Client slow(world, {.small_buffer = true});
  slow.join();
  world.settle();
  slow.reading = false;
  const int before = drains;
  const Socket socket = world.io.sockets().sockets().at(0);
  const Binary big(std::string(500'000, 'x'));
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(socket.emit("big", big));
  world.settle();
  EXPECT_FALSE(socket.volatile_().emit("tick"));
  EXPECT_EQ(drains, before);
  slow.reading = true;
  EXPECT_EQ(slow.rest().size(), 40U);
  ASSERT_TRUE(world.until([&] { return drains > before; }));
  EXPECT_EQ(drains, before + 1);
  EXPECT_TRUE(socket.volatile_().emit("tick"));
  EXPECT_EQ(slow.next(), R"(2["tick"])");
}

// An answer to a plain request has not left yet when the connection becomes a WebSocket.
TEST(Volatile, AreDroppedBehindAnAnswerThatHasNotLeft) {
  World world({.send_queue_soft = 16 * 1024 * 1024});
  world.io.http().get(
      "/big", [](const HttpRequest&) { return HttpReply::text(std::string(10'000'000, 'x')); });
  HttpPeer slow(world);
  slow.shrink_receive_buffer();
  slow.reading = false;
  slow.send("GET", "/big");
  ASSERT_TRUE(world.until([&world] { return world.io.stats().bytes_out > 0; }));
  world.settle();
  slow.send("GET", test::kEngineSocket, test::kUpgradeLines);
  slow.write(std::string("\x81\x82\0\0\0\0", 6) + "40");
  ASSERT_TRUE(world.until([&world] { return !world.io.sockets().sockets().empty(); }));
  world.settle();
  const Socket socket = world.io.sockets().sockets().at(0);
  EXPECT_FALSE(socket.volatile_().emit("tick"));
  slow.reading = true;
  EXPECT_EQ(slow.answer().status, 200);
  EXPECT_EQ(slow.answer().status, 101);
  world.settle();
  EXPECT_TRUE(socket.volatile_().emit("tick"));
}

}  // namespace
}  // namespace socketio
