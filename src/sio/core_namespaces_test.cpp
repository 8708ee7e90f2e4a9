// Namespaces that are dropped again, and CONNECTs that come in between.
#include <gtest/gtest.h>

#include "sio/testing.hpp"

namespace socketio::sio {
namespace {

using testing::Lines;
using testing::World;

constexpr NamespaceIndex kUse = NamespaceIndex{1} << kSlotBits;

TEST(CoreNamespaces, ADroppedOneIsUnknown) {
  World world;
  Core& core = world.core();
  core.create_namespace("/n", 1);
  EXPECT_TRUE(core.has_namespace(1));
  EXPECT_FALSE(core.has_namespace(1 + kUse));
  EXPECT_EQ(core.find_namespace("/n"), std::optional<NamespaceIndex>(1));
  core.drop_namespace(1 + kUse);  // not this one
  EXPECT_TRUE(core.has_namespace(1));
  core.drop_namespace(1);
  core.drop_namespace(1);
  EXPECT_FALSE(core.has_namespace(1));
  EXPECT_EQ(core.find_namespace("/n"), std::nullopt);
  const std::size_t peer = world.connect();
  world.text(peer, "0/n,");
  EXPECT_EQ(world.take_log(), Lines{"0 unknown /n"});
}

TEST(CoreNamespaces, APlaceIsUsedAgain) {
  World world;
  Core& core = world.core();
  core.create_namespace("/n", 1);
  core.drop_namespace(1);
  core.create_namespace("/m", 1 + kUse);
  EXPECT_FALSE(core.has_namespace(1));
  EXPECT_TRUE(core.has_namespace(1 + kUse));
  EXPECT_EQ(core.namespace_name(1 + kUse), "/m");
  const std::size_t peer = world.connect();
  world.text(peer, "0/m,");
  EXPECT_EQ(world.socket(peer, "/m")->nsp, 1 + kUse);
  EXPECT_EQ(core.broadcast(1 + kUse, {}, world.packet("e"), {}), 1U);
}

// The successor of a name is there before the predecessor has gone.
TEST(CoreNamespaces, TheNameGoesToTheSuccessor) {
  World world;
  Core& core = world.core();
  core.create_namespace("/n", 1);
  core.create_namespace("/n", 2);
  EXPECT_EQ(core.find_namespace("/n"), std::optional<NamespaceIndex>(2));
  core.drop_namespace(1);
  EXPECT_EQ(core.find_namespace("/n"), std::optional<NamespaceIndex>(2));
}

TEST(CoreNamespaces, AConnectStartsOver) {
  World world;
  Core& core = world.core();
  core.create_namespace("/n", 1);
  world.accept_all = false;
  const std::size_t peer = world.connect();
  world.text(peer, "0/n,{\"a\":1}");
  const SocketId first = world.socket(peer, "/n")->self;
  EXPECT_EQ(world.take_log(), Lines{"0 connecting /n"});
  core.create_namespace("/n", 2);
  std::string auth;
  world.handler = [&auth](const Event& event) {
    if (event.kind == EventKind::unknown_namespace && event.auth != nullptr)
      auth = event.auth->value().to_json();
  };
  core.start_over(first);
  core.start_over(first);
  world.settle();
  EXPECT_EQ(world.take_log(), Lines{"0 unknown /n"});
  EXPECT_EQ(auth, "{\"a\":1}");
  EXPECT_EQ(core.get(first), nullptr);
  core.drop_namespace(1);
  const ClientId client = world.peer(peer).client;
  core.admit(client, "/n", world.now);
  world.settle();
  EXPECT_EQ(world.take_log(), Lines{"0 connecting /n"});
  EXPECT_EQ(world.socket(peer, "/n")->nsp, 2U);
  // A second CONNECT meanwhile breaks the rules, as ever.
  world.text(peer, "0/n,");
  EXPECT_TRUE(world.peer(peer).gone);
}

TEST(CoreNamespaces, WhyOneIsRefused) {
  World world;
  world.accept_all = false;
  const std::size_t peer = world.connect();
  world.text(peer, "0/n,");
  world.core().reject_namespace(world.peer(peer).client, "/n", "Too many namespaces");
  EXPECT_EQ(world.received(peer), Lines{"4/n,{\"message\":\"Too many namespaces\"}"});
}

// It was on its way when the server disconnected the client, and the last one took the namespace
// along.
TEST(CoreNamespaces, WhatWasOnItsWayToADroppedOneIsIgnored) {
  const std::string header = "51-/n,[\"b\",{\"_placeholder\":true,\"num\":0}]";
  for (const bool has_successor : {false, true}) {
    World world;
    Core& core = world.core();
    core.create_namespace("/n", 1);
    const std::size_t peer = world.join();
    world.text(peer, "0/n,");
    world.text(peer, header);  // its attachment comes later
    core.disconnect(*world.socket(peer, "/n"), false, world.now);
    world.settle();
    core.drop_namespace(1);
    if (has_successor) core.create_namespace("/n", 1 + kUse);
    world.take_log();
    world.binary(peer, "late");
    world.text(peer, "2/n,[\"x\"]");
    world.text(peer, "3/n,1[]");
    world.text(peer, header);
    world.binary(peer, "late");
    world.text(peer, "1/n,");
    EXPECT_EQ(world.take_log(), Lines{});
    EXPECT_EQ(world.ledger.input(), 0);
    ASSERT_FALSE(world.peer(peer).gone);
    world.text(peer, "2[\"x\"]");
    EXPECT_EQ(world.take_log(), Lines{"0 event x [\"x\"]"});
    world.text(peer, "4/n,{}");  // no client says that
    EXPECT_TRUE(world.peer(peer).gone);
  }
}

// Whoever was told of a socket is told of its end, and still finds its rooms.
TEST(CoreNamespaces, ARefusedSocketVanishesWithItsRooms) {
  World world;
  world.accept_all = false;
  const std::size_t peer = world.connect();
  world.text(peer, "0");
  const SocketId id = world.socket(peer)->self;
  world.core().join(*world.core().get(id), "room");
  world.take_log();
  std::vector<std::string> rooms;
  world.handler = [&](const Event& event) {
    if (event.kind == EventKind::vanished)
      rooms = world.core().rooms(event.nsp).rooms_of(*world.core().get(event.socket));
  };
  world.core().refuse(id, "no", {});
  world.settle();
  EXPECT_EQ(world.take_log(), Lines{"0 vanished"});
  EXPECT_EQ(rooms, Lines{"room"});
  EXPECT_EQ(world.core().get(id), nullptr);
  EXPECT_EQ(world.core().rooms(0).room_count(), 0U);
}

}  // namespace
}  // namespace socketio::sio
