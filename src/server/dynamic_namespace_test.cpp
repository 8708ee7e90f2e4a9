// Families of namespaces: parents, their children, and how those come and go.
#include <stdexcept>

#include <gtest/gtest.h>

#include "server/hub.hpp"
#include "sio/core.hpp"
#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Client;
using test::World;
using Strings = std::vector<std::string>;

constexpr const char* kDynamic = "^/dynamic-\\d+$";

// covers sio/namespaces: dynamic namespaces › should allow connections to dynamic namespaces with a
// regex
TEST(DynamicNamespaces, APatternHasChildrenWithItsHandlers) {
  World world;
  Strings seen;
  const ParentNamespace parent = world.io.of(NamespacePattern(kDynamic));
  parent.on_connection([&seen](Socket socket) {
    seen.push_back("connection " + socket.nsp().name());
    socket.join("room");
  });
  parent.use([&seen](const Socket& socket) -> std::optional<ConnectError> {
    seen.push_back("middleware " + socket.nsp().name());
    return {};
  });
  parent.on_event("hello", [&seen](const Socket& socket, int n) {
    seen.push_back("hello " + socket.nsp().name() + " " + std::to_string(n));
  });
  parent.on_disconnect([&seen](const Socket&, DisconnectReason) { seen.emplace_back("left"); });
  Client client(world);
  EXPECT_NE(client.join("/dynamic-101"), "");
  EXPECT_EQ(seen, (Strings{"middleware /dynamic-101", "connection /dynamic-101"}));
  client.send(R"(2/dynamic-101,["hello",1])");
  client.rest();
  EXPECT_EQ(seen.back(), "hello /dynamic-101 1");
  EXPECT_TRUE(parent.emit("message", "to all"));
  EXPECT_EQ(client.next(), R"(2/dynamic-101,["message","to all"])");
  client.send("1/dynamic-101,");
  client.rest();
  EXPECT_EQ(seen.back(), "left");
}

// covers sio/namespaces: dynamic namespaces › should allow connections to dynamic namespaces with a
// regex and emit in a room
// covers sio/uws: should broadcast in a dynamic namespace
TEST(DynamicNamespaces, AParentReachesTheRoomsOfItsChildren) {
  World world;
  const ParentNamespace parent = world.io.of(NamespacePattern(kDynamic));
  parent.on_event("join", [](Socket socket) { socket.join("some-room"); });
  Client a(world);
  a.join("/dynamic-1");
  a.join("/dynamic-2");
  Client b(world);
  b.join("/dynamic-2");
  a.send(R"(2/dynamic-2,["join"])");
  a.rest();
  EXPECT_TRUE(parent.to("some-room").emit("hello", 1, "2", Args{3}));
  EXPECT_EQ(a.rest(), Strings{R"(2/dynamic-2,["hello",1,"2",[3]])"});
  EXPECT_EQ(b.rest(), Strings{});
  EXPECT_TRUE(parent.except("some-room").emit("others"));
  EXPECT_EQ(a.rest(), Strings{R"(2/dynamic-1,["others"])"});
  EXPECT_EQ(b.rest(), Strings{R"(2/dynamic-2,["others"])"});
  // Commands reach them too; what has one answer for all does not exist.
  EXPECT_TRUE(parent.to("some-room").sockets_join("second"));
  EXPECT_TRUE(parent.to("second").emit("again"));
  EXPECT_EQ(a.rest(), Strings{R"(2/dynamic-2,["again"])"});
  EXPECT_THROW(parent.to("some-room").fetch_sockets(), std::invalid_argument);
  EXPECT_THROW(parent.timeout(std::chrono::seconds(1)).emit_with_ack<int>("count"),
               std::invalid_argument);
  EXPECT_EQ(parent.children().size(), 2U);
  EXPECT_EQ(parent.children().at(1).name(), "/dynamic-2");
}

// covers sio/namespaces: dynamic namespaces › should allow connections to dynamic namespaces with a
// function covers sio/namespaces: dynamic namespaces › should disallow connections when no dynamic
// namespace matches
TEST(DynamicNamespaces, FunctionsDecideAtOnceLaterOrInACoroutine) {
  World world;
  Strings asked;
  std::vector<Allow> open;
  world.io.of([&asked](std::string_view name, const Value& auth) {
    asked.push_back("now " + std::string(name) + auth.to_json());
    if (name == "/throws") throw std::runtime_error("oops");
    return name == "/now";
  });
  world.io.of([&](std::string_view name, const Value&, const Allow& allow) {
    asked.push_back("later " + std::string(name));
    if (name == "/later") return open.push_back(allow);
    allow(false);
    allow(true);  // comes too late
  });
  world.io.of([&asked](std::string name, Value auth) -> Task<bool> {
    asked.push_back("task " + name);
    if (name == "/fails") throw std::runtime_error("late oops");
    co_return name == "/task" && auth["token"].to_integer() == 7;
  });
  Client client(world);
  EXPECT_NE(client.join("/now", R"({"token":1})"), "");
  EXPECT_EQ(asked, Strings{R"(now /now{"token":1})"});
  client.send("0/later,");
  ASSERT_TRUE(world.until([&open] { return !open.empty(); }));
  EXPECT_EQ(client.rest(), Strings{});
  open.front()(true);
  EXPECT_TRUE(client.next().starts_with(R"(0/later,{"sid":)"));
  EXPECT_NE(client.join("/task", R"({"token":7})"), "");
  EXPECT_EQ(client.join("/none"), "");
  EXPECT_EQ(client.refusal, R"(4/none,{"message":"Invalid namespace"})");
  EXPECT_EQ(asked.back(), "task /none");
  EXPECT_TRUE(world.errors.empty());
  EXPECT_EQ(client.join("/throws"), "");
  EXPECT_EQ(client.join("/fails"), "");
  ASSERT_EQ(world.errors.size(), 2U);
  EXPECT_EQ(world.errors.at(0).message, "oops");
  EXPECT_EQ(world.errors.at(1).message, "late oops");
}

TEST(DynamicNamespaces, ParentsAreAskedInOrder) {
  World world;
  Strings seen;
  const auto say = [&seen](const char* which) {
    return [&seen, which](const Socket&) { seen.emplace_back(which); };
  };
  world.io.of(NamespacePattern("^/a")).on_connection(say("first"));
  world.io.of(NamespacePattern("^/ab")).on_connection(say("second"));
  world.io.of([](std::string_view, const Value&) { return true; }).on_connection(say("any"));
  Client client(world);
  client.join("/abc");
  client.join("/b");
  EXPECT_EQ(seen, (Strings{"first", "any"}));
}

// A child has what the parent had when it was made; each goes its own way then.
TEST(DynamicNamespaces, ChildrenInheritOnce) {
  World world;
  Strings seen;
  const ParentNamespace parent = world.io.of(NamespacePattern(kDynamic));
  const ListenerId one =
      parent.on_event("e", [&seen](const Socket& s) { seen.push_back(s.nsp().name() + " one"); });
  Client client(world);
  client.join("/dynamic-1");
  parent.on_event("e", [&seen](const Socket& s) { seen.push_back(s.nsp().name() + " two"); });
  client.join("/dynamic-2");
  const Namespace second = world.io.of("/dynamic-2");
  EXPECT_TRUE(second.off(one));
  EXPECT_FALSE(second.off(one));
  client.send(R"(2/dynamic-1,["e"])");
  client.send(R"(2/dynamic-2,["e"])");
  client.rest();
  EXPECT_EQ(seen, (Strings{"/dynamic-1 one", "/dynamic-2 two"}));
  EXPECT_TRUE(parent.off(one));
  EXPECT_TRUE(parent.off("e"));
  EXPECT_FALSE(parent.off("e"));
}

// covers sio/namespaces: should emit an 'new_namespace' event
// covers sio/namespaces: dynamic namespaces › should emit an 'new_namespace' event for a dynamic
// namespace
TEST(DynamicNamespaces, NewOnesAreAnnouncedBeforeAnybodyIsIn) {
  World world;
  Strings seen;
  world.io.on_new_namespace([&seen](const Namespace& nsp) {
    seen.push_back(nsp.name() + " " + std::to_string(nsp.size()));
    nsp.on_connection([&seen](const Socket&) { seen.emplace_back("connection"); });
  });
  world.io.of("/nsp");
  world.io.of("nsp");
  world.io.of("/");
  EXPECT_EQ(seen, Strings{"/nsp 0"});
  world.io.of(NamespacePattern(kDynamic));
  Client client(world);
  client.join("/dynamic-101");
  EXPECT_EQ(seen, (Strings{"/nsp 0", "/dynamic-101 0", "connection"}));
}

// As with an EventEmitter: each is told, in their order, whatever the one before it did.
TEST(DynamicNamespaces, AnyNumberOfHooksHearsOfNewOnes) {
  World world;
  Strings seen;
  world.io.on_error([&seen](const ErrorReport& error) { seen.push_back("a " + error.message); });
  world.io.on_error([&seen](const ErrorReport& error) {
    seen.push_back("b " + error.message);
    throw std::runtime_error("nobody hears this");
  });
  world.io.on_error([&seen](const ErrorReport& error) { seen.push_back("c " + error.message); });
  world.io.on_new_namespace([&](const Namespace& nsp) {
    seen.push_back("first " + nsp.name());
    if (nsp.name() == "/x") {
      world.io.on_new_namespace(
          [&seen](const Namespace& later) { seen.push_back("added " + later.name()); });
      throw std::runtime_error("no");
    }
  });
  world.io.on_new_namespace(
      [&seen](const Namespace& nsp) { seen.push_back("second " + nsp.name()); });
  world.io.on_new_namespace({});  // no hook
  world.io.of("/x");
  EXPECT_EQ(seen, (Strings{"first /x", "a no", "b no", "c no", "second /x"}));
  seen.clear();
  world.io.of("/y");
  EXPECT_EQ(seen, (Strings{"first /y", "second /y", "added /y"}));
}

// covers sio/namespaces: dynamic namespaces › should attach a child namespace to its parent upon
// manual creation
TEST(DynamicNamespaces, OneCreatedByHandBelongsToItsPattern) {
  World world;
  int connections = 0;
  const ParentNamespace parent = world.io.of(NamespacePattern(kDynamic));
  parent.on_connection([&connections](const Socket&) { ++connections; });
  int asked = 0;
  world.io.of([&asked](std::string_view, const Value&) { return ++asked, true; });
  world.io.of("/other");
  EXPECT_EQ(asked, 0);  // functions are for clients
  const Namespace child = world.io.of("/dynamic-101");
  ASSERT_EQ(parent.children().size(), 1U);
  EXPECT_EQ(parent.children().front().name(), "/dynamic-101");
  Client client(world);
  EXPECT_NE(client.join("/dynamic-101"), "");
  EXPECT_EQ(connections, 1);
  parent.emit("hi");
  EXPECT_EQ(client.next(), R"(2/dynamic-101,["hi"])");
}

// covers sio/namespaces: dynamic namespaces › should handle race conditions with dynamic namespaces
// (#4136)
TEST(DynamicNamespaces, SeveralAnswersMakeOneNamespace) {
  World world;
  std::vector<Allow> open;
  Strings created;
  world.io.on_new_namespace([&created](const Namespace& nsp) { created.push_back(nsp.name()); });
  world.io.of(
      [&open](std::string_view, const Value&, const Allow& allow) { open.push_back(allow); });
  Client a(world);
  Client b(world);
  Client c(world);
  for (Client* client : {&a, &b, &c}) client->send("0/dynamic-101,");
  ASSERT_TRUE(world.until([&open] { return open.size() == 3; }));
  open[1](true);
  open[0](true);
  open[2](false);  // its own answer is no, but by then the namespace is there
  for (Client* client : {&a, &b, &c})
    EXPECT_TRUE(client->next().starts_with(R"(0/dynamic-101,{"sid":)"));
  EXPECT_EQ(created, Strings{"/dynamic-101"});
  EXPECT_EQ(world.io.of("/dynamic-101").size(), 3U);
}

// Nor does its namespace stay, which nobody would leave: cleaned up or not, it took others' places.
TEST(DynamicNamespaces, AClientThatLeavesBeforeTheAnswerIsForgotten) {
  for (const bool cleanup : {false, true}) {
    ServerOptions options;
    options.cleanup_empty_child_namespaces = cleanup;
    options.max_child_namespaces = 1;
    World world(options);
    std::vector<Allow> open;
    int created = 0;
    const ParentNamespace parent = world.io.of(
        [&open](std::string_view, const Value&, const Allow& allow) { open.push_back(allow); });
    world.io.on_new_namespace([&created](const Namespace&) { ++created; });
    {
      Client client(world);
      client.send("0/dynamic-1,");
      ASSERT_TRUE(world.until([&open] { return open.size() == 1; }));
    }
    ASSERT_TRUE(world.until([&world] { return world.io.stats().clients == 0; }));
    open[0](true);
    world.settle();
    EXPECT_TRUE(parent.children().empty());
    EXPECT_EQ(created, 0);
    Client next(world);
    next.send("0/dynamic-2,");
    ASSERT_TRUE(world.until([&open] { return open.size() == 2; }));
    open[1](true);
    EXPECT_TRUE(next.next().starts_with(R"(0/dynamic-2,{"sid":)"));
    EXPECT_EQ(world.io.of("/dynamic-1").size(), 0U);
  }
}

TEST(DynamicNamespaces, TheirNumberIsLimited) {
  Strings lines;
  ServerOptions options;
  options.max_child_namespaces = 3;
  options.log = [&lines](const LogLine& line) { lines.emplace_back(line.text); };
  World world(options);
  const ParentNamespace parent = world.io.of(NamespacePattern(kDynamic));
  world.io.of("/of-no-parent");
  Client client(world);
  for (const char* name : {"/dynamic-1", "/dynamic-2", "/dynamic-3"})
    EXPECT_NE(client.join(name), "");
  EXPECT_TRUE(lines.empty());
  EXPECT_EQ(client.join("/dynamic-4"), "");
  EXPECT_EQ(client.refusal, R"(4/dynamic-4,{"message":"Too many namespaces"})");
  EXPECT_EQ(lines, Strings{"max_child_namespaces is reached: a client is refused"});
  Client second(world);
  EXPECT_NE(second.join("/dynamic-3"), "");
  world.io.of("/dynamic-5");  // the program itself is not limited
  EXPECT_EQ(parent.children().size(), 4U);
}

TEST(DynamicNamespaces, PatternsAreBounded) {
  EXPECT_THROW(NamespacePattern("("), std::invalid_argument);
  const NamespacePattern anywhere("room");
  EXPECT_TRUE(anywhere.matches("/a-room-b"));
  EXPECT_FALSE(anywhere.matches("/"));
  const std::string longest = "/" + std::string(NamespacePattern::kMaxName - 1, 'a');
  EXPECT_TRUE(NamespacePattern("^/a+$").matches(longest));
  EXPECT_FALSE(NamespacePattern("^/a+$").matches(longest + "a"));
  // Exponential when it is run by backtracking: this test would not end.
  EXPECT_FALSE(NamespacePattern("^/(a+)+$").matches(longest.substr(0, 200) + "!"));
}

class Cleanup : public ::testing::Test {
 protected:
  static ServerOptions cleaning(bool on) {
    ServerOptions options;
    options.cleanup_empty_child_namespaces = on;
    return options;
  }
};

// covers sio/namespaces: dynamic namespaces › should clean up namespace when
// cleanupEmptyChildNamespaces is on and there are no more sockets in a namespace covers
// sio/namespaces: dynamic namespaces › should allow a client to connect to a cleaned up namespace
// covers sio/namespaces: should not clean up a non-dynamic namespace
TEST_F(Cleanup, AnEmptyChildGoesAndComesBack) {
  World world(cleaning(true));
  int created = 0;
  world.io.of("/static");
  const ParentNamespace parent = world.io.of(NamespacePattern(kDynamic));
  world.io.on_new_namespace([&created](const Namespace&) { ++created; });
  int handled = 0;
  parent.on_event("e", [&handled] { ++handled; });
  Client client(world);
  client.join("/static");
  const std::string first = client.join("/dynamic-101");
  const Namespace old = parent.children().at(0);
  EXPECT_EQ(old.name(), "/dynamic-101");
  client.send("1/dynamic-101,");
  client.send("1/static,");
  client.rest();
  EXPECT_TRUE(parent.children().empty());
  EXPECT_EQ(world.io.of("/static").name(), "/static");
  EXPECT_EQ(created, 1);
  // What speaks of the old one reaches nobody, also not its successor.
  const std::string second = client.join("/dynamic-101");
  EXPECT_NE(second, "");
  EXPECT_NE(second, first);
  EXPECT_EQ(created, 2);
  EXPECT_EQ(old.name(), "");
  EXPECT_EQ(old.size(), 0U);
  EXPECT_FALSE(old.emit("lost"));
  EXPECT_EQ(old.on_connection([](const Socket&) {}), 0U);
  EXPECT_FALSE(old.off("e"));
  EXPECT_FALSE(old.off(1));
  EXPECT_TRUE(old.sockets().empty());
  const auto found = old.fetch_sockets().get();
  EXPECT_TRUE(found && found->empty());
  EXPECT_TRUE(old.disconnect_sockets());
  EXPECT_EQ(old.timeout(std::chrono::seconds(1)).emit_with_ack<int>("count").get().error(),
            make_error_code(Errc::disconnected));
  client.send(R"(2/dynamic-101,["e"])");
  EXPECT_EQ(client.rest(), Strings{});
  EXPECT_EQ(handled, 1);
}

// covers sio/namespaces: dynamic namespaces › should not clean up namespace when
// cleanupEmptyChildNamespaces is off and there are no more sockets in a namespace covers
// sio/namespaces: dynamic namespaces › should NOT clean up namespace when
// cleanupEmptyChildNamespaces is OFF and client is rejected in middleware
TEST_F(Cleanup, OffKeepsThem) {
  World world(cleaning(false));
  const ParentNamespace parent = world.io.of(NamespacePattern(kDynamic));
  parent.use([](const Socket& socket) -> std::optional<ConnectError> {
    if (socket.nsp().name() == "/dynamic-2") return ConnectError{"no"};
    return {};
  });
  Client client(world);
  client.join("/dynamic-1");
  client.send("1/dynamic-1,");
  EXPECT_EQ(client.join("/dynamic-2"), "");
  EXPECT_EQ(parent.children().size(), 2U);
}

// covers sio/namespaces: dynamic namespaces › should clean up namespace when
// cleanupEmptyChildNamespaces is ON and client is rejected in middleware
TEST_F(Cleanup, ARejectedClientLeavesNothing) {
  World world(cleaning(true));
  const ParentNamespace parent = world.io.of(NamespacePattern(kDynamic));
  parent.use([](Socket socket) -> std::optional<ConnectError> {
    socket.join("room");
    return ConnectError{"no"};
  });
  Client client(world);
  EXPECT_EQ(client.join("/dynamic-1"), "");
  EXPECT_EQ(client.refusal, R"(4/dynamic-1,{"message":"no"})");
  EXPECT_TRUE(world.until([&parent] { return parent.children().empty(); }));
  EXPECT_EQ(client.join("/dynamic-1"), "");
  EXPECT_TRUE(world.until([&parent] { return parent.children().empty(); }));
}

// covers sio/namespaces: dynamic namespaces › should NOT clean up namespace when
// cleanupEmptyChildNamespaces is ON and client is rejected in middleware but there are other
// clients connected
TEST_F(Cleanup, OthersKeepIt) {
  World world(cleaning(true));
  const ParentNamespace parent = world.io.of(NamespacePattern(kDynamic));
  std::vector<Next> held;
  parent.use([&held](const Socket& socket, const Next& next) {
    const Value auth = socket.handshake().auth;
    if (auth["no"].to_bool()) return next(ConnectError{"no"});
    if (auth["wait"].to_bool()) return held.push_back(next);
    next();
  });
  Client a(world);
  Client b(world);
  a.join("/dynamic-1");
  EXPECT_EQ(b.join("/dynamic-1", R"({"no":true})"), "");
  world.settle();
  EXPECT_EQ(parent.children().size(), 1U);
  // One that is still in a middleware counts as well.
  b.send(R"(0/dynamic-1,{"wait":true})");
  ASSERT_TRUE(world.until([&held] { return !held.empty(); }));
  a.close();
  ASSERT_TRUE(a.wait_closed());
  world.settle();
  EXPECT_EQ(parent.children().size(), 1U);
  held[0]();
  EXPECT_TRUE(b.next().starts_with(R"(0/dynamic-1,{"sid":)"));
  // And is missed when its connection ends there.
  b.send("1/dynamic-1,");
  EXPECT_TRUE(world.until([&parent] { return parent.children().empty(); }));
  held.clear();
  b.send(R"(0/dynamic-1,{"wait":true})");
  ASSERT_TRUE(world.until([&held] { return !held.empty(); }));
  EXPECT_EQ(parent.children().size(), 1U);
  b.cut();
  EXPECT_TRUE(world.until([&parent] { return parent.children().empty(); }));
}

// Whom it is made for is gone before it has come in.
TEST_F(Cleanup, AHookMayEndTheFirstClient) {
  World world(cleaning(true));
  const ParentNamespace parent = world.io.of(NamespacePattern(kDynamic));
  int created = 0;
  world.io.on_new_namespace([&](const Namespace&) {
    if (++created == 1) world.io.disconnect_sockets(true);
  });
  Client client(world);
  client.join();
  client.send("0/dynamic-1,");
  ASSERT_TRUE(client.wait_closed());
  EXPECT_TRUE(world.until([&parent] { return parent.children().empty(); }));
  Client next(world);
  EXPECT_NE(next.join("/dynamic-1"), "");
  EXPECT_EQ(created, 2);
}

TEST_F(Cleanup, WhatIsOnItsWayToOneThatIsGoneIsIgnored) {
  World world(cleaning(true));
  world.io.of(NamespacePattern(kDynamic)).on_connection([](const Socket& s) { s.disconnect(); });
  Client client(world);
  EXPECT_NE(client.join(), "");
  EXPECT_NE(client.join("/dynamic-1"), "");
  EXPECT_EQ(client.rest(), Strings{"1/dynamic-1,"});
  client.send(R"(2/dynamic-1,["x"])");
  client.send(R"(51-/dynamic-1,["x",{"_placeholder":true,"num":0}])");
  client.send_binary("x");
  client.send("1/dynamic-1,");
  EXPECT_NE(client.join("/dynamic-1"), "");
}

// Names come and go without end; what is kept does not grow.
TEST_F(Cleanup, PlacesAreUsedAgain) {
  ServerOptions options = cleaning(true);
  options.max_child_namespaces = 1;
  World world(options);
  const ParentNamespace parent = world.io.of(NamespacePattern(kDynamic));
  std::shared_ptr<detail::Hub> hub;
  parent.on_connection([&hub](const Socket& socket) { hub = socket.hub(); });
  Client client(world);
  std::uint32_t highest = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string name = "/dynamic-" + std::to_string(i);
    ASSERT_NE(client.join(name), "");
    highest = std::max(highest, sio::slot_of(*hub->names.find(name)));
    client.send("1" + name + ",");
    ASSERT_TRUE(world.until([&parent] { return parent.children().empty(); }));
  }
  EXPECT_EQ(highest, 1U);
  EXPECT_EQ(hub->names.size(), 1U);
}

}  // namespace
}  // namespace socketio
