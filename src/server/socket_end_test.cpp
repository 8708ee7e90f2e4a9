// How sockets end, what may be done with them then, and their listeners. The names in quotes are
// the titles of socket.io's own tests.
#include <gtest/gtest.h>

#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Client;
using test::only;
using test::World;
using Strings = std::vector<std::string>;

// Notes how every socket of "/" ends.
Strings& note_ends(World& world, Strings& ends) {
  world.io.on_connection([&ends](const Socket& socket) {
    socket.on_disconnect([&ends](DisconnectReason why) { ends.emplace_back(to_string(why)); });
    socket.on_error(
        [&ends](std::string_view text) { ends.push_back("error " + std::string(text)); });
  });
  return ends;
}

struct BadInput {
  std::string packet;
  Strings ends;
};

// covers sio/socket: should handle transport null messages
// covers sio/socket: should error with raw binary and warn
// covers sio/socket: should not crash when receiving an error packet without handler
// covers sio/socket: should not crash with raw binary
// covers sio/socket: should handle empty binary packet
TEST(SocketEnd, WhatCannotBeDecodedEndsTheConnection) {
  const BadInput inputs[] = {
      {"null", {"error unknown packet type NaN", "forced close"}},
      {"5woooot", {"error Illegal attachments", "forced close"}},
      {"5", {"error Illegal attachments", "forced close"}},
      {"511-[\"a\"]", {"error too many attachments", "forced close"}},
      {"2[\"connect\"]", {"error invalid payload", "forced close"}},
      {"4{\"message\":\"x\"}", {"forced close"}},
      {"2/other,[\"x\"]", {"forced close"}},
      {"0", {"forced close"}},
  };
  for (const BadInput& input : inputs) {
    World world;
    Strings ends;
    note_ends(world, ends);
    Client client(world);
    client.join();
    client.send(input.packet);
    EXPECT_TRUE(client.wait_closed()) << input.packet;
    EXPECT_EQ(ends, input.ends) << input.packet;
    EXPECT_TRUE(world.errors.empty()) << input.packet;
  }
}

TEST(SocketEnd, EachWayOfGoingHasItsReason) {
  World world;
  Strings ends;
  note_ends(world, ends);
  Client leaves(world);
  leaves.join();
  leaves.send("1");
  leaves.rest();
  EXPECT_EQ(ends, Strings{"client namespace disconnect"});
  EXPECT_FALSE(leaves.closed());
  {
    Client closes(world);
    closes.join();
    closes.close();
    EXPECT_TRUE(closes.wait_closed());
  }
  EXPECT_EQ(ends.back(), "transport close");
  {
    Client vanishes(world);
    vanishes.join();
  }
  EXPECT_TRUE(world.until([&] { return ends.size() == 3; }));
  EXPECT_EQ(ends.back(), "transport close");
  {
    Client resets(world);
    resets.join();
    resets.cut(true);
    EXPECT_TRUE(world.until([&] { return ends.size() == 4; }));
    EXPECT_EQ(ends.back(), "transport close");
  }
  World hasty({.ping_interval = std::chrono::milliseconds(50),
               .ping_timeout = std::chrono::milliseconds(300)});
  note_ends(hasty, ends);
  Client silent(hasty);
  silent.join();
  silent.answers_pings = false;
  EXPECT_TRUE(hasty.until([&] { return ends.size() == 5; }));
  EXPECT_EQ(ends.back(), "ping timeout");
}

// covers sio/namespaces: should disconnect upon transport disconnection
// covers sio/socket: should disconnect all namespaces when calling disconnect(true)
TEST(SocketEnd, DisconnectEndsOneNamespaceOrAll) {
  World world;
  Strings ends;
  note_ends(world, ends);
  world.io.of("/chat").on_disconnect([&ends](const Socket&, DisconnectReason why) {
    ends.push_back("chat " + std::string(to_string(why)));
  });
  Client client(world);
  client.join("/chat");
  client.join();
  Socket socket = only(world);
  EXPECT_TRUE(socket.disconnect());
  EXPECT_FALSE(socket.disconnect());
  EXPECT_EQ(client.rest(), Strings{"1"});
  EXPECT_EQ(ends, Strings{"server namespace disconnect"});
  EXPECT_FALSE(socket.connected());
  client.join();
  ends.clear();
  socket = only(world);
  EXPECT_TRUE(socket.disconnect(true));
  EXPECT_EQ(client.next(), "1/chat,");
  EXPECT_EQ(client.next(), "1");
  EXPECT_TRUE(client.wait_closed());
  std::sort(ends.begin(), ends.end());
  EXPECT_EQ(ends, (Strings{"chat server namespace disconnect", "server namespace disconnect"}));
}

// covers sio/namespaces: should fire a `disconnecting` event just before leaving all rooms
TEST(SocketEnd, RoomsAreThereWhileDisconnecting) {
  World world;
  Strings before{"unset"};
  Strings after{"unset"};
  world.io.on_connection([&](const Socket& socket) {
    socket.join("a");
    socket.on_disconnecting([&before, socket](DisconnectReason) { before = socket.rooms(); });
    socket.on_disconnect([&after, socket](DisconnectReason, std::string_view) {
      after = socket.rooms();
      EXPECT_FALSE(socket.in_room(socket.id()));
    });
  });
  Client client(world);
  const std::string id = client.join();
  client.send("1");
  client.rest();
  EXPECT_EQ(before, (Strings{id, "a"}));
  EXPECT_EQ(after, Strings{});
}

// JS drops what it has not shown to the handlers when it reads the DISCONNECT behind it, and closes
// the transport for the CONNECT behind that.
TEST(SocketEnd, WhatComesInOneGoIsTakenInOrder) {
  World world;
  Strings seen;
  note_ends(world, seen);
  world.io.on_event("last", [&seen](const Binary& bytes) { seen.emplace_back(bytes.view()); });
  Client client(world);
  const std::string first = client.join();
  client.send(R"(51-["last",{"_placeholder":true,"num":0}])");
  client.send_binary("words");
  client.send("1");
  const std::string second = client.join();
  EXPECT_NE(second, "");
  EXPECT_NE(second, first);
  EXPECT_EQ(seen, (Strings{"words", "client namespace disconnect"}));
}

TEST(SocketEnd, PacketsAfterTheEndAreIgnored) {
  World world;
  int runs = 0;
  world.io.on_event("first", [](const Socket& socket) { socket.disconnect(); });
  world.io.on_event("second", [&runs] { ++runs; });
  Client client(world);
  client.join();
  client.send(R"(2["first"])");
  client.send(R"(2["second"])");
  client.rest();
  EXPECT_EQ(runs, 0);
  EXPECT_FALSE(client.closed());
}

// The end is not told before they are read: they waited for this turn, or lie in the kernel.
TEST(SocketEnd, PacketsBehindAnEndFromOutsideAreIgnored) {
  World world;
  int runs = 0;
  world.io.on_event("n", [&runs](const Socket& socket, int n) {
    ++runs;
    if (n == 100) socket.post([socket] { socket.disconnect(); });
  });
  Client client(world);
  client.join();
  for (int i = 0; i < 300; ++i) client.send("2[\"n\"," + std::to_string(i) + "]");
  EXPECT_EQ(client.rest(), Strings{"1"});
  EXPECT_GE(runs, 100);
  EXPECT_LT(runs, 300);
  EXPECT_FALSE(client.closed());

  for (const bool binary : {false, true}) {
    Client other(world);
    other.join();
    other.send(binary ? R"(51-["n",{"_placeholder":true,"num":0}])" : R"(2["n",1])");
    if (binary) other.send_binary("b");
    world.turn();  // the server, then its peers: it has not read them
    const int before = runs;
    EXPECT_TRUE(only(world).disconnect());
    EXPECT_EQ(other.rest(), Strings{"1"});
    EXPECT_EQ(runs, before);
    EXPECT_FALSE(other.closed());
  }
}

TEST(SocketEnd, AnEndInOnAnyOrInAMiddlewareKeepsTheEventFromItsHandlers) {
  World world;
  int runs = 0;
  world.io.on_connection([&runs](const Socket& socket) {
    socket.on_any([socket](const EventView& event) {
      if (event.name() == "any") socket.disconnect();
    });
    socket.use([socket](const Packet& packet, const Next& next) {
      if (packet.name == "use") socket.disconnect();
      next();
    });
    socket.on("any", [&runs] { ++runs; });
    socket.on("use", [&runs] { ++runs; });
  });
  Client client(world);
  client.join();
  client.send(R"(2["any"])");
  client.rest();
  client.join();
  client.send(R"(2["use"])");
  client.rest();
  EXPECT_EQ(runs, 0);
}

// A handle outlives its socket.
// covers sio/socket: should not join rooms after disconnection
TEST(SocketEnd, HandlesOfSocketsThatAreGoneReturnFalse) {
  World world;
  Client client(world);
  const std::string id = client.join();
  const Socket socket = only(world);
  socket.disconnect();
  EXPECT_FALSE(socket.join("room"));
  client.rest();
  EXPECT_FALSE(socket.connected());
  EXPECT_TRUE(socket);
  EXPECT_EQ(socket.id(), id);
  EXPECT_FALSE(socket.emit("x"));
  EXPECT_FALSE(socket.volatile_().emit("x"));
  EXPECT_FALSE(socket.join("room"));
  EXPECT_FALSE(socket.join({"a", "b"}));
  EXPECT_FALSE(socket.leave("room"));
  EXPECT_FALSE(socket.in_room(id));
  EXPECT_FALSE(socket.disconnect());
  EXPECT_FALSE(socket.disconnect(true));
  EXPECT_FALSE(socket.post([] {}));
  EXPECT_FALSE(socket.use([](Packet&, const Next& next) { next(); }));
  EXPECT_FALSE(socket.off("x"));
  EXPECT_FALSE(socket.off(ListenerId{1}));
  EXPECT_FALSE(socket.off_any());
  EXPECT_EQ(socket.on("x", [] {}), 0U);
  EXPECT_EQ(socket.on_any([](const EventView&) {}), 0U);
  EXPECT_EQ(socket.on_disconnect([](DisconnectReason) {}), 0U);
  EXPECT_EQ(socket.on_error([](std::string_view) {}), 0U);
  EXPECT_EQ(socket.rooms(), Strings{});
  EXPECT_THROW(socket.data<int>(), std::system_error);
  auto pending = socket.emit_with_ack<int>("x");
  ASSERT_TRUE(pending.ready());
  EXPECT_EQ(pending.get().error(), Errc::disconnected);
}

TEST(SocketEnd, ADefaultSocketBelongsToNobody) {
  const Socket nobody;
  EXPECT_FALSE(nobody);
  EXPECT_FALSE(nobody.connected());
  EXPECT_FALSE(nobody.emit("x"));
  EXPECT_FALSE(nobody.join("x"));
  EXPECT_FALSE(nobody.disconnect());
  EXPECT_FALSE(nobody.post([] {}));
  EXPECT_FALSE(nobody.broadcast().emit("x"));
  EXPECT_EQ(nobody.on("x", [] {}), 0U);
  EXPECT_EQ(nobody.handshake().url, "");
  EXPECT_EQ(nobody.nsp().name(), "");
  EXPECT_EQ(nobody.emit_with_ack<int>("x").get().error(), Errc::disconnected);
  EXPECT_EQ(nobody, Socket());
}

TEST(SocketEnd, HandlesOutliveTheServer) {
  std::vector<Socket> sockets;
  std::vector<Namespace> namespaces;
  std::vector<Ack> acks;
  {
    World world;
    world.io.on_event("keep", [&](const Socket& socket, const Ack& ack) {
      sockets.push_back(socket);
      namespaces.push_back(socket.nsp());
      acks.push_back(ack);
    });
    Client client(world);
    client.join();
    client.send(R"(21["keep"])");
    client.rest();
  }
  const Socket socket = sockets.at(0);
  EXPECT_FALSE(socket.emit("x"));
  EXPECT_FALSE(socket.connected());
  EXPECT_FALSE(socket.disconnect(true));
  EXPECT_FALSE(socket.post([] {}));
  EXPECT_FALSE(socket.broadcast().emit("x"));
  EXPECT_FALSE(acks.at(0)("late"));
  EXPECT_FALSE(namespaces.at(0).emit("x"));
  EXPECT_EQ(namespaces.at(0).size(), 0U);
  EXPECT_EQ(namespaces.at(0).name(), "/");
  EXPECT_FALSE(namespaces.at(0).sockets_join("room"));
  EXPECT_EQ(namespaces.at(0).fetch_sockets().get().error(), Errc::shutting_down);
  EXPECT_EQ(socket.emit_with_ack<int>("x").get().error(), Errc::shutting_down);
}

TEST(SocketEnd, APendingAcknowledgementEndsWithItsSocket) {
  World world;
  Client client(world);
  client.join();
  auto pending = only(world).emit_with_ack<int>("x");
  client.cut();
  EXPECT_TRUE(world.until([&] { return pending.ready(); }));
  EXPECT_EQ(pending.get().error(), Errc::disconnected);
}

struct Counter {
  int value = 0;
  std::shared_ptr<int> alive = std::make_shared<int>();
};

TEST(SocketEnd, DataLivesAsLongAsItsSocket) {
  World world;
  std::weak_ptr<int> alive;
  int last = 0;
  world.io.on_event("count", [&](const Socket& socket) {
    ++socket.data<Counter>().value;
    socket.data<std::string>() += "x";
    alive = socket.data<Counter>().alive;
  });
  world.io.sockets().on_disconnect([&last](const Socket& socket, DisconnectReason) {
    last = socket.data<Counter>().value;
    EXPECT_EQ(socket.data<std::string>(), "xx");
  });
  Client client(world);
  client.join();
  client.send(R"(2["count"])");
  client.send(R"(2["count"])");
  client.rest();
  EXPECT_FALSE(alive.expired());
  client.send("1");
  client.rest();
  EXPECT_EQ(last, 2);
  EXPECT_TRUE(alive.expired());
}

TEST(SocketListeners, OnceOffAndIds) {
  World world;
  Strings seen;
  world.io.on_connection([&seen](const Socket& socket) {
    socket.once("e", [&seen] { seen.emplace_back("once"); });
    const ListenerId id = socket.on("e", [&seen] { seen.emplace_back("removed"); });
    socket.on("e", [&seen] { seen.emplace_back("on"); });
    EXPECT_TRUE(socket.off(id));
    EXPECT_FALSE(socket.off(id));
    auto self = std::make_shared<ListenerId>();
    *self = socket.on("e", [&seen, socket, self] {
      seen.emplace_back("self");
      EXPECT_TRUE(socket.off(*self));
      socket.on("e", [&seen] { seen.emplace_back("added"); });
    });
    socket.on("stop", [socket] { EXPECT_TRUE(socket.off("e")); });
    EXPECT_FALSE(socket.off("unknown"));
  });
  Client client(world);
  client.join();
  client.send(R"(2["e"])");
  client.rest();
  EXPECT_EQ(seen, (Strings{"once", "on", "self"}));
  seen.clear();
  client.send(R"(2["e"])");
  client.rest();
  EXPECT_EQ(seen, (Strings{"on", "added"}));
  seen.clear();
  client.send(R"(2["stop"])");
  client.send(R"(2["e"])");
  client.rest();
  EXPECT_EQ(seen, Strings{});
}

TEST(SocketListeners, OnceSeesOneEventOfAPipeline) {
  World world;
  int runs = 0;
  world.io.on_connection([&runs](const Socket& socket) { socket.once("e", [&runs] { ++runs; }); });
  Client client(world);
  client.join();
  for (int i = 0; i < 3; ++i) client.send(R"(2["e"])");
  client.rest();
  EXPECT_EQ(runs, 1);
}

// covers sio/socket: onAny › should call listener
// covers sio/socket: onAny › should remove listener
TEST(SocketListeners, OnAnySeesEveryEventFirst) {
  World world;
  Strings seen;
  world.io.sockets().on_any([&seen](const Socket& socket, const EventView& event) {
    seen.push_back("all " + std::string(event.name()));
    EXPECT_TRUE(socket.connected());
  });
  world.io.on_connection([&seen](const Socket& socket) {
    socket.on("e", [&seen] { seen.emplace_back("handler"); });
    socket.on_any([&seen](const EventView& event) {
      seen.push_back(std::string(event.name()) + " " + std::string(event.raw()) +
                     (event.wants_ack() ? " ack" : ""));
    });
    socket.on("stop", [socket] { EXPECT_TRUE(socket.off_any()); });
  });
  Client client(world);
  client.join();
  client.send(R"(27["e",1,"two"])");
  client.rest();
  EXPECT_EQ(seen, (Strings{"all e", "e 1,\"two\" ack", "handler"}));
  client.send(R"(2["stop"])");
  client.rest();
  seen.clear();
  client.send(R"(2["e"])");
  client.rest();
  EXPECT_EQ(seen, (Strings{"all e", "handler"}));
}

// covers sio/socket: onAnyOutgoing › should call listener
// covers sio/socket: should call listener when broadcasting
// covers sio/socket: should call listener when broadcasting binary data
// covers sio/socket: onAnyOutgoing › should remove listener
TEST(SocketListeners, OnAnyOutgoingSeesEmitsAndBroadcasts) {
  World world;
  Strings seen;
  Client client(world);
  client.join();
  const Socket socket = only(world);
  socket.on_any_outgoing([&seen](const EventView& event) {
    Binary bytes;
    seen.push_back(std::string(event.name()) + " " +
                   (event.get(0, bytes) ? std::string(bytes.view()) : std::string(event.raw())));
  });
  socket.emit("own", 1, "a");
  world.io.emit("all", 2);
  world.io.to(socket.id()).emit("bytes", Binary("raw"));
  socket.emit("asks", 3, [](int) {});
  socket.broadcast().emit("others");
  EXPECT_EQ(seen, (Strings{"own 1,\"a\"", "all 2", "bytes raw", "asks 3"}));
  EXPECT_TRUE(socket.off_any_outgoing());
  EXPECT_FALSE(socket.off_any_outgoing());
  socket.emit("unseen");
  EXPECT_EQ(seen.size(), 4U);
  EXPECT_EQ(client.rest().size(), 6U);  // one of them is an attachment
}

TEST(SocketListeners, AHandlerThatThrowsIsReported) {
  World world;
  int runs = 0;
  world.io.on_connection([&runs](const Socket& socket) {
    socket.on("bad", []() -> int { throw std::runtime_error("oops"); });
    socket.on("bad", [&runs] { ++runs; });
    socket.on("worse", [] { throw 5; });
    socket.on_disconnect([](DisconnectReason) { throw std::runtime_error("at the end"); });
    throw std::runtime_error("on connection");
  });
  Client client(world);
  EXPECT_NE(client.join(), "");
  client.send(R"(21["bad"])");
  client.send(R"(2["worse"])");
  EXPECT_EQ(client.rest(), Strings{});
  EXPECT_EQ(runs, 1);
  client.send("1");
  client.rest();
  ASSERT_EQ(world.errors.size(), 4U);
  EXPECT_EQ(world.errors[0].message, "on connection");
  EXPECT_EQ(world.errors[1].kind, ErrorReport::Kind::handler_exception);
  EXPECT_EQ(world.errors[1].message, "oops");
  EXPECT_EQ(world.errors[1].event, "bad");
  EXPECT_EQ(world.errors[2].message, "unknown exception");
  EXPECT_EQ(world.errors[3].message, "at the end");
  EXPECT_EQ(world.io.stats().handler_errors, 4U);
  EXPECT_FALSE(client.closed());
}

}  // namespace
}  // namespace socketio
