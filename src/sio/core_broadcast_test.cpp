// Packets for many sockets, volatile ones, and acknowledgements in both directions.
#include <gtest/gtest.h>

#include "sio/testing.hpp"

namespace socketio::sio {
namespace {

using std::chrono::seconds;
using testing::Lines;
using testing::World;

TEST(CoreBroadcast, RoomsAndExceptions) {
  World world;
  const std::size_t a = world.join();
  const std::size_t b = world.join();
  const std::size_t c = world.join();
  Core& core = world.core();
  core.join(*world.socket(a), "x");
  core.join(*world.socket(b), "x");
  core.join(*world.socket(b), "y");
  const auto reached = [&](const Selection& selection) {
    const std::size_t count = core.broadcast(0, selection, world.packet("e", "1"), {});
    std::string who;
    for (const std::size_t peer : {a, b, c}) {
      const Lines got = world.received(peer);
      if (!got.empty()) who += std::to_string(peer);
      EXPECT_LE(got.size(), 1U);
    }
    EXPECT_EQ(count, who.size());
    return who;
  };
  EXPECT_EQ(reached({}), "012");
  EXPECT_EQ(reached({{"x"}, {}}), "01");
  EXPECT_EQ(reached({{"x", "y"}, {}}), "01");
  EXPECT_EQ(reached({{"nobody"}, {}}), "");
  EXPECT_EQ(reached({{world.id(c)}, {}}), "2");
  EXPECT_EQ(reached({{}, {world.id(a)}}), "12");
  EXPECT_EQ(reached({{}, {"x"}}), "2");
  EXPECT_EQ(reached({{"x"}, {"y"}}), "0");
  EXPECT_EQ(core.select(0, {{"x"}, {}}).size(), 2U);
}

TEST(CoreBroadcast, OneNamespaceOnlyAndNoConnectingSockets) {
  World world;
  const NamespaceIndex other = world.core().create_namespace("/a");
  const std::size_t peer = world.join();
  world.text(peer, "0/a");
  world.received(peer);
  world.accept_all = false;
  const std::size_t late = world.connect();
  world.text(late, "0");
  world.core().join(*world.socket(late), "x");
  EXPECT_EQ(world.core().broadcast(0, {}, world.packet("e"), {}), 1U);
  EXPECT_EQ(world.core().broadcast(0, {{"x"}, {}}, world.packet("e"), {}), 0U);
  EXPECT_EQ(world.core().broadcast(other, {}, world.packet("e", {}, {}, "/a"), {}), 1U);
  EXPECT_EQ(world.received(peer), (Lines{"2[\"e\"]", "2/a,[\"e\"]"}));
  EXPECT_EQ(world.received(late), Lines{});
}

TEST(CoreBroadcast, BinaryIsShared) {
  World world;
  const std::size_t a = world.join();
  const std::size_t b = world.join();
  Encoder encoder;
  encoder.begin_event("b").binary("xyz");
  const SharedPacket packet =
      Encoder::share(encoder.finish(PacketType::event, "/", {}, 10), &world.ledger);
  EXPECT_EQ(world.core().broadcast(0, {}, packet, {}), 2U);
  const Lines expected{"51-[\"b\",{\"_placeholder\":true,\"num\":0}]", "<xyz>"};
  EXPECT_EQ(world.received(a), expected);
  EXPECT_EQ(world.received(b), expected);
}

// Volatile: nothing may have been queued in this dispatch; a packet goes whole or not at all.
TEST(CoreBroadcast, Volatile) {
  World world;
  const std::size_t peer = world.join();
  const Flags is_volatile{.is_volatile = true};
  Socket& socket = *world.socket(peer);
  Encoder encoder;
  encoder.begin_event("b").binary("xyz");
  const SharedPacket binary =
      Encoder::share(encoder.finish(PacketType::event, "/", {}, 10), &world.ledger);
  ++world.shared.dispatch;
  EXPECT_TRUE(world.core().emit(socket, binary, is_volatile));
  EXPECT_FALSE(world.core().emit(socket, binary, is_volatile));
  EXPECT_FALSE(world.core().emit(socket, world.encoded("v"), is_volatile));
  EXPECT_EQ(world.core().broadcast(0, {}, binary, is_volatile), 0U);
  EXPECT_TRUE(world.core().emit(socket, world.encoded("regular"), {}));
  EXPECT_EQ(world.received(peer).size(), 3U);
  ++world.shared.dispatch;
  EXPECT_EQ(world.core().broadcast(0, {}, binary, is_volatile), 1U);
  EXPECT_EQ(world.received(peer).size(), 2U);
}

TEST(CoreBroadcast, OutgoingSeesEveryReceiverAndMayEndIt) {
  struct See final : Core::Outgoing {
    explicit See(World& the_world) : world(the_world) {}
    void outgoing(Socket& socket) override {
      ++seen;
      if (seen == 2) world.core().disconnect(socket, true, world.now);
    }
    World& world;
    int seen = 0;
  };
  World world;
  for (int i = 0; i < 4; ++i) world.join();
  See see(world);
  EXPECT_EQ(world.core().broadcast(0, {}, world.packet("e"), {}, &see), 3U);
  EXPECT_EQ(see.seen, 4);
  world.settle();
  EXPECT_EQ(world.core().clients(), 3U);
}

TEST(CoreAcks, RepliesTimeoutsAndDisconnections) {
  World world;
  const std::size_t peer = world.join();
  const std::size_t stranger = world.join();
  const auto ask = [&](const char* name, base::Time deadline) {
    auto waiter = world.waiters.make(name);
    const auto id = world.core().expect_ack(*world.socket(peer), waiter, deadline);
    world.core().emit(*world.socket(peer), world.encoded("q", {}, id), {});
    return *id;
  };
  const std::uint64_t first = ask("first", world.now + seconds(5));
  const std::uint64_t second = ask("second", world.now + seconds(3));
  ask("third", base::kNever);
  EXPECT_EQ(world.core().deadline(), world.now + seconds(3));
  world.text(stranger, "3" + std::to_string(first) + "[\"stolen\"]");
  world.text(peer, "3" + std::to_string(first) + "[\"a\",1]");
  world.text(peer, "3" + std::to_string(first) + "[\"again\"]");
  world.advance(seconds(3));
  world.text(peer, "3" + std::to_string(second) + "[\"late\"]");
  EXPECT_EQ(world.core().deadline(), base::kNever);
  EXPECT_EQ(world.take_log(), Lines{});
  world.drop(peer);
  EXPECT_EQ(world.waiters.log,
            (Lines{"first: replied [\"a\",1]", "second: timeout -", "third: disconnected -"}));
  EXPECT_EQ(world.waiters.open(), 0);
}

TEST(CoreAcks, WaitersEndAfterTheirSocketsDisconnected) {
  World world;
  const std::size_t peer = world.join();
  for (const char* name : {"1", "2", "3"}) {
    auto waiter = world.waiters.make(name);
    world.core().expect_ack(*world.socket(peer), waiter, base::kNever);
  }
  world.handler = [&](const Event& event) {
    if (event.kind == EventKind::disconnected) {
      EXPECT_TRUE(world.waiters.log.empty());
    }
  };
  world.text(peer, "1");
  EXPECT_EQ(world.waiters.log,
            (Lines{"1: disconnected -", "2: disconnected -", "3: disconnected -"}));
}

TEST(CoreAcks, BinaryReply) {
  World world;
  const std::size_t peer = world.join();
  auto waiter = world.waiters.make("w");
  world.core().expect_ack(*world.socket(peer), waiter, base::kNever);
  world.text(peer, "61-0[{\"_placeholder\":true,\"num\":0}]");
  EXPECT_EQ(world.waiters.log, Lines{});
  world.binary(peer, "x");
  EXPECT_EQ(world.waiters.log, Lines{"w: replied (binary)"});
  EXPECT_EQ(world.ledger.input(), 0);
}

TEST(CoreAcks, BroadcastCollectsEveryReceiver) {
  World world;
  const std::size_t a = world.join();
  const std::size_t b = world.join();
  const std::size_t stranger = world.join();
  world.core().join(*world.socket(a), "x");
  world.core().join(*world.socket(b), "x");
  const auto ask = [&](const char* name, const Selection& selection) {
    const std::uint64_t id = world.core().next_ack_id(0);
    world.core().broadcast_with_ack(0, selection, world.packet("q", {}, id), {}, id,
                                    world.waiters.make(name), world.now + seconds(2), world.now);
    world.settle();
    return "3" + std::to_string(id);
  };
  const std::string all = ask("all", {{"x"}, {}});
  EXPECT_EQ(world.received(a).size(), 1U);
  world.text(stranger, all + "[0]");
  world.text(a, all + "[1]");
  world.text(a, all + "[1]");
  world.text(b, all + "[2]");
  world.text(b, all + "[3]");
  EXPECT_EQ(world.waiters.log, (Lines{"all < [1]", "all < [2]", "all: replied -"}));
  world.waiters.log.clear();
  const std::string some = ask("some", {{"x"}, {}});
  world.text(b, some + "[4]");
  world.drop(a);
  world.advance(seconds(2));
  EXPECT_EQ(world.waiters.log, (Lines{"some < [4]", "some: timeout -"}));
  world.waiters.log.clear();
  ask("none", {{"nobody"}, {}});
  EXPECT_EQ(world.waiters.log, Lines{"none: replied -"});
}

TEST(CoreAcks, OneCounterPerNamespace) {
  World world;
  const NamespaceIndex other = world.core().create_namespace("/a");
  const std::size_t peer = world.join();
  EXPECT_EQ(world.core().next_ack_id(0), 0U);
  auto waiter = world.waiters.make("w");
  EXPECT_EQ(world.core().expect_ack(*world.socket(peer), waiter, base::kNever), 1U);
  EXPECT_EQ(world.core().next_ack_id(0), 2U);
  EXPECT_EQ(world.core().next_ack_id(other), 0U);
  world.drop(peer);
}

}  // namespace
}  // namespace socketio::sio
