// Namespaces. The names in quotes are the titles of socket.io's own tests.
#include <memory>

#include <gtest/gtest.h>

#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Client;
using test::World;
using Strings = std::vector<std::string>;

// covers sio/namespaces: should be able to equivalently start with "" or "/" on server
TEST(Namespaces, NamesGetTheirSlash) {
  World world;
  EXPECT_EQ(world.io.sockets().name(), "/");
  EXPECT_EQ(world.io.of("").name(), "/");
  EXPECT_EQ(world.io.of("/").name(), "/");
  EXPECT_EQ(world.io.of("abc").name(), "/abc");
  EXPECT_EQ(world.io.of("/abc").name(), "/abc");
  int runs = 0;
  world.io.of("abc").on_connection([&runs](const Socket& socket) {
    ++runs;
    EXPECT_EQ(socket.nsp().name(), "/abc");
  });
  Client client(world);
  EXPECT_NE(client.join("/abc"), "");
  EXPECT_EQ(runs, 1);
}

// covers sio/namespaces: should fire a `connection` event
// covers sio/namespaces: should fire a `connect` event
// covers sio/namespaces: should automatically connect
// covers sio/namespaces: should work with many sockets
// covers sio/namespaces: should work with `of` and many sockets
// covers sio/namespaces: should work with `of` second param
TEST(Namespaces, EveryHandlerSeesTheConnection) {
  World world;
  Strings seen;
  world.io.on_connection([&seen](const Socket&) { seen.emplace_back("/"); });
  world.io.of("/chat").on_connection([&seen](const Socket&) { seen.emplace_back("chat 1"); });
  const ListenerId id =
      world.io.of("/chat").on_connection([&seen](const Socket&) { seen.emplace_back("removed"); });
  world.io.of("/chat").on_connection([&seen](const Socket&) { seen.emplace_back("chat 2"); });
  EXPECT_TRUE(world.io.of("/chat").off(id));
  EXPECT_FALSE(world.io.of("/chat").off(id));
  Client client(world);
  const std::string a = client.join();
  const std::string b = client.join("/chat");
  EXPECT_NE(a, b);
  EXPECT_EQ(client.open_packet.find(a), std::string::npos);  // the session's id is secret
  EXPECT_EQ(seen, (Strings{"/", "chat 1", "chat 2"}));
  EXPECT_EQ(world.io.of("/chat").size(), 1U);
  EXPECT_EQ(world.io.of("/chat").sockets().at(0).id(), b);
  EXPECT_EQ(world.io.stats().clients, 1U);
}

// covers sio/namespaces: should return error connecting to non-existent namespace
TEST(Namespaces, UnknownOnesAreRefused) {
  World world;
  Client client(world);
  EXPECT_EQ(client.join("/doesnotexist"), "");
  EXPECT_EQ(client.refusal, R"(4/doesnotexist,{"message":"Invalid namespace"})");
  EXPECT_FALSE(client.closed());
  EXPECT_NE(client.join(), "");
}

// covers sio/namespaces: should close a client without namespace
TEST(Namespaces, AClientThatJoinsNothingIsClosed) {
  World world({.connect_timeout = std::chrono::milliseconds(30)});
  // On a busy machine it may come too late itself.
  auto joined = std::make_unique<Client>(world);
  while (joined->join().empty()) joined = std::make_unique<Client>(world);
  Client client(world);
  EXPECT_TRUE(client.wait_closed());
  EXPECT_EQ(joined->rest(), Strings{});
  EXPECT_FALSE(joined->closed());
}

TEST(Namespaces, TheServersAreThoseOfTheMainOne) {
  World world;
  Strings seen;
  world.io.on_any([&seen](const EventView& event) { seen.emplace_back(event.name()); });
  world.io.on_disconnect(
      [&seen](const Socket&, DisconnectReason why) { seen.emplace_back(to_string(why)); });
  const ListenerId connection =
      world.io.on_connection([&seen](const Socket&) { seen.emplace_back("connection"); });
  world.io.on_event("e", [&seen](int n) { seen.push_back(std::to_string(n)); });
  {
    Client client(world);
    client.join();
    client.send(R"(2["e",1])");
    client.send("1");
    client.rest();
  }
  EXPECT_EQ(seen, (Strings{"connection", "e", "1", "client namespace disconnect"}));
  seen.clear();
  EXPECT_TRUE(world.io.off(connection));
  EXPECT_TRUE(world.io.off("e"));
  EXPECT_FALSE(world.io.off("e") || world.io.off(connection));
  Client client(world);
  client.join();
  client.send(R"(2["e",1])");
  client.rest();
  EXPECT_EQ(seen, Strings{"e"});
}

// As the callback that JS hands to onAny: whoever answers first has answered.
TEST(Namespaces, ListenersToAnyEventMayAnswer) {
  World world;
  world.io.on_connection([](const Socket& socket) {
    socket.on_any([](const Socket&, const EventView& event, const Ack& ack) {
      if (event.name() == "any") {
        EXPECT_EQ(static_cast<bool>(ack), event.wants_ack());
        ack("from any");
      }
    });
    socket.on("any", [] { return "too late"; });
    socket.on("own", [] { return "from its handler"; });
  });
  world.io.on_any([](const EventView& event, const Ack& ack) {
    if (event.name() == "unhandled") ack(404);
  });
  Client client(world);
  client.join();
  client.send(R"(21["any"])");
  EXPECT_EQ(client.next(), R"(31["from any"])");
  client.send(R"(22["own"])");
  EXPECT_EQ(client.next(), R"(32["from its handler"])");
  client.send(R"(23["unhandled"])");
  EXPECT_EQ(client.next(), "33[404]");
  client.send(R"(2["any"])");
  EXPECT_EQ(client.rest(), Strings{});
}

TEST(Namespaces, HandlersForAllSocketsAndTheirRemoval) {
  World world;
  Strings seen;
  const Namespace nsp = world.io.of("/n");
  const ListenerId one = nsp.on_event("e", [&seen](const Socket& socket, int n) {
    seen.push_back(std::string(socket.nsp().name()) + std::to_string(n));
  });
  nsp.on_event("e", [&seen] { seen.emplace_back("second"); });
  const ListenerId any =
      nsp.on_any([&seen](const EventView& event) { seen.emplace_back(event.name()); });
  const ListenerId ends = nsp.on_disconnect([&seen](const Socket& socket, DisconnectReason why) {
    EXPECT_FALSE(socket.connected());
    EXPECT_EQ(socket.rooms(), Strings{});
    seen.emplace_back(to_string(why));
  });
  EXPECT_TRUE(one != 0 && any != 0 && ends != 0);
  Client client(world);
  client.join("/n");
  client.send(R"(2/n,["e",1])");
  client.rest();
  EXPECT_EQ(seen, (Strings{"e", "/n1", "second"}));
  seen.clear();
  EXPECT_TRUE(nsp.off(one));
  EXPECT_TRUE(nsp.off(any));
  client.send(R"(2/n,["e",2])");
  client.rest();
  EXPECT_EQ(seen, Strings{"second"});
  EXPECT_TRUE(nsp.off("e"));
  EXPECT_FALSE(nsp.off("e"));
  client.send(R"(2/n,["e",3])");
  client.send("1/n,");
  client.rest();
  EXPECT_EQ(seen, (Strings{"second", "client namespace disconnect"}));
}

// covers sio/close: should close the connection when receiving several CONNECT packets
// covers sio/close: should close the connection when receiving an EVENT packet while not connected
// covers sio/close: should close the connection when receiving an invalid packet
TEST(Namespaces, ListenersToRoomsKeepTheirState) {
  World world;
  int most = 0;
  const ListenerId id = world.io.sockets().on_join_room(
      [&most, seen = 0](std::string_view, std::string_view) mutable { most = ++seen; });
  for (int i = 1; i < 4; ++i) {
    EXPECT_NE(Client(world).join(), "");
    EXPECT_EQ(most, i);
  }
  EXPECT_TRUE(world.io.off(id));
  EXPECT_FALSE(world.io.off(id));
  EXPECT_NE(Client(world).join(), "");
  EXPECT_EQ(most, 3);
}

TEST(Namespaces, ViolationsCloseThePoll) {
  for (const std::string_view bad : {"40", "42/other,[\"x\"]", "4abc"}) {
    World world;
    test::PollingClient client(world);
    ASSERT_TRUE(client.join());
    EXPECT_EQ(client.post(bad), 200) << bad;
    client.start_poll();
    EXPECT_EQ(client.poll(),
              "6\x1e"
              "1")
        << bad;
  }
  World world;
  test::PollingClient client(world);
  client.start_poll();
  world.settle();
  EXPECT_EQ(client.post(R"(42["x"])"), 200);
  EXPECT_EQ(client.poll(), "1");
}

}  // namespace
}  // namespace socketio
