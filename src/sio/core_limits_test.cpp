// One past each limit of the Socket.IO level.
#include <gtest/gtest.h>

#include "sio/testing.hpp"

namespace socketio::sio {
namespace {

using std::chrono::seconds;
using testing::Lines;
using testing::World;

TEST(CoreLimits, ConnectTimeout) {
  World world;
  const std::size_t idle = world.connect();
  world.advance(seconds(1));
  const std::size_t joined = world.join();
  world.advance(seconds(1));
  const std::size_t later = world.connect();
  EXPECT_EQ(world.core().deadline(), world.now + seconds(43));
  world.advance(seconds(43) - std::chrono::nanoseconds(1));
  EXPECT_FALSE(world.peer(idle).gone);
  world.advance(std::chrono::nanoseconds(1));
  EXPECT_TRUE(world.peer(idle).gone);
  EXPECT_FALSE(world.peer(later).gone);
  world.advance(seconds(2));
  EXPECT_TRUE(world.peer(later).gone);
  EXPECT_FALSE(world.peer(joined).gone);
  EXPECT_EQ(world.core().deadline(), base::kNever);
  EXPECT_EQ(world.take_log(), Lines{});
}

// A CONNECT that is never decided does not stop the clock; its socket goes silently.
TEST(CoreLimits, ConnectTimeoutWhileConnecting) {
  World world;
  world.accept_all = false;
  const std::size_t peer = world.connect();
  world.text(peer, "0");
  const SocketId id = world.socket(peer)->self;
  auto waiter = world.waiters.make("w");
  world.core().expect_ack(*world.socket(peer), waiter, base::kNever);
  world.take_log();
  world.advance(world.options.connect_timeout);
  EXPECT_TRUE(world.peer(peer).gone);
  EXPECT_EQ(world.core().get(id), nullptr);
  EXPECT_EQ(world.take_log(), Lines{"0 vanished"});
  EXPECT_EQ(world.waiters.log, Lines{"w: disconnected -"});
}

// S72.
TEST(CoreLimits, PacketTimeout) {
  World world;
  const std::size_t peer = world.join();
  world.text(peer, "52-[\"a\"]");
  world.advance(seconds(30));
  world.binary(peer, std::string(1000, 'x'));
  EXPECT_GT(world.ledger.input(), 1000);
  world.advance(seconds(30) - std::chrono::nanoseconds(1));
  EXPECT_FALSE(world.peer(peer).gone);
  world.advance(std::chrono::nanoseconds(1));
  EXPECT_EQ(world.take_log(), (Lines{"0 error attachments missing", "0 disconnecting forced close",
                                     "0 disconnected forced close"}));
  EXPECT_TRUE(world.peer(peer).gone);
  EXPECT_EQ(world.ledger.input(), 0);
}

TEST(CoreLimits, PacketTimeoutWhileAnotherNamespaceIsJoined) {
  World world;
  world.core().create_namespace("/a");
  const std::size_t peer = world.join();
  world.accept_all = false;
  world.text(peer, "0/a");
  world.text(peer, "51-[\"a\"]");
  EXPECT_TRUE(world.core().accept(world.socket(peer, "/a")->self, world.now));
  EXPECT_EQ(world.core().deadline(), world.now + world.options.packet_timeout);
  world.advance(world.options.packet_timeout);
  EXPECT_TRUE(world.peer(peer).gone);
}

TEST(CoreLimits, AttachmentBytes) {
  World world;
  world.options.max_attachment_bytes = 10;
  const std::size_t peer = world.join();
  world.text(peer, "51-[\"a\"]");
  world.binary(peer, "0123456789");
  EXPECT_EQ(world.take_log(), Lines{"0 event a [\"a\"]"});
  world.text(peer, "51-[\"a\"]");
  world.binary(peer, "0123456789+");
  EXPECT_EQ(world.take_log()[0], "0 error attachments too large");
}

// S29.
TEST(CoreLimits, NamespaceLength) {
  World world;
  world.create_all = true;
  const std::size_t peer = world.join();
  const std::string longest = "/" + std::string(1021, 'n') + "é";
  ASSERT_EQ(longest.size(), 1024U);
  world.text(peer, "0" + longest);
  ASSERT_NE(world.socket(peer, longest), nullptr);
  world.received(peer);
  world.take_log();
  world.text(peer, "0/" + std::string(1022, 'n') + "é");
  EXPECT_EQ(world.received(peer),
            Lines{"4/" + std::string(1022, 'n') + ",{\"message\":\"Invalid namespace\"}"});
  world.text(peer, "0/" + std::string(100'000, 'n'));
  EXPECT_EQ(world.received(peer),
            Lines{"4/" + std::string(1023, 'n') + ",{\"message\":\"Invalid namespace\"}"});
  EXPECT_EQ(world.take_log(), Lines{});
}

// S63.
TEST(CoreLimits, NamespacesPerClient) {
  World world;
  world.create_all = true;
  const std::size_t peer = world.join();
  for (int i = 1; i < 100; ++i) world.text(peer, "0/dyn-" + std::to_string(i));
  world.received(peer);
  world.text(peer, "0/dyn-100");
  EXPECT_EQ(world.received(peer), Lines{"4/dyn-100,{\"message\":\"Too many namespaces\"}"});
  EXPECT_EQ(world.core().find_namespace("/dyn-100"), std::nullopt);
  // Leaving one makes room, whoever ends it.
  world.text(peer, "1/dyn-1");
  world.text(peer, "0/dyn-100");
  EXPECT_NE(world.socket(peer, "/dyn-100"), nullptr);
  world.core().disconnect(*world.socket(peer, "/dyn-2"), false, world.now);
  world.settle();
  world.text(peer, "0/dyn-101");
  EXPECT_NE(world.socket(peer, "/dyn-101"), nullptr);
  EXPECT_TRUE(world.peer(peer).session->open());
}

// All namespaces of a client together: a byte less than the limit, as many, and one more.
TEST(CoreLimits, AuthBytes) {
  constexpr std::size_t kLimit = 1'000;
  const auto json = [](std::size_t bytes) {
    return "{\"a\":\"" + std::string(bytes - 8, 'x') + "\"}";
  };
  for (const int more : {-1, 0, 1}) {
    World world;
    world.options.max_auth_bytes = kLimit;
    world.core().create_namespace("/a");
    world.create_all = true;
    const std::size_t peer = world.join();
    EXPECT_EQ(world.ledger.input(), 0);
    world.text(peer, "0/a," + json(600));
    EXPECT_GE(world.ledger.input(), 600);
    EXPECT_EQ(world.core().held(world.peer(peer).client), 600U);
    world.received(peer);
    const std::size_t rest = kLimit + static_cast<std::size_t>(more) - 600;
    world.text(peer, "0/b," + json(rest));
    if (more <= 0) {
      ASSERT_NE(world.socket(peer, "/b"), nullptr);
      EXPECT_EQ(world.socket(peer, "/b")->auth->value().to_json(), json(rest));
    } else {
      EXPECT_EQ(world.received(peer), Lines{"4/b,{\"message\":\"Too much auth\"}"});
      EXPECT_EQ(world.core().find_namespace("/b"), std::nullopt);
      EXPECT_TRUE(world.peer(peer).session->open());
      // Leaving one makes room.
      world.text(peer, "1/a");
      world.text(peer, "0/b," + json(kLimit));
      EXPECT_NE(world.socket(peer, "/b"), nullptr);
    }
    // Another client has its own.
    const std::size_t other = world.join();
    world.text(other, "0/a," + json(kLimit));
    EXPECT_NE(world.socket(other, "/a"), nullptr);
    for (const std::size_t one : {peer, other}) world.drop(one);
    EXPECT_EQ(world.ledger.input(), 0);
  }
}

// Those that wait for a namespace count, and what is refused is gone.
TEST(CoreLimits, AuthOfUndecidedNamespacesCounts) {
  World world;
  world.accept_all = false;
  world.options.max_auth_bytes = 10;
  const std::size_t peer = world.connect();
  world.text(peer, "0/a,{\"a\":1}");
  const std::size_t other = world.connect();
  world.text(other, "0/a");  // waits as well, without `auth`
  EXPECT_EQ(world.core().held(world.peer(peer).client),
            world.core().held(world.peer(other).client) + 7);
  world.drop(other);
  world.received(peer);
  world.text(peer, "0/b,{\"b\":1}");
  EXPECT_EQ(world.received(peer), Lines{"4/b,{\"message\":\"Too much auth\"}"});
  world.core().reject_namespace(world.peer(peer).client, "/a");
  EXPECT_EQ(world.ledger.input(), 0);
}

TEST(CoreLimits, UndecidedNamespacesCount) {
  World world;
  world.accept_all = false;
  world.options.max_namespaces_per_client = 2;
  const std::size_t peer = world.connect();
  for (const char* packet : {"0/a", "0/b", "0/c"}) world.text(peer, packet);
  EXPECT_EQ(world.take_log(), (Lines{"0 unknown /a", "0 unknown /b"}));
  world.received(peer);
  world.core().reject_namespace(world.peer(peer).client, "/a");
  world.core().admit(world.peer(peer).client, "/b", world.now);
  EXPECT_EQ(world.received(peer), (Lines{"4/a,{\"message\":\"Invalid namespace\"}",
                                         "4/b,{\"message\":\"Invalid namespace\"}"}));
}

TEST(CoreLimits, NamespaceNamesAreUtf8) {
  World world;
  const std::size_t peer = world.join();
  world.text(peer, "0/\xff\xfe");
  EXPECT_EQ(world.take_log()[0], "0 error invalid payload");
}

// S73.
TEST(CoreLimits, PendingAcks) {
  World world;
  world.options.max_pending_acks = 2;
  const std::size_t peer = world.join();
  for (int i = 0; i < 2; ++i) {
    auto waiter = world.waiters.make("w");
    EXPECT_EQ(world.core().expect_ack(*world.socket(peer), waiter, base::kNever), i);
    EXPECT_EQ(waiter, nullptr);
  }
  auto waiter = world.waiters.make("over");
  EXPECT_EQ(world.core().expect_ack(*world.socket(peer), waiter, base::kNever), std::nullopt);
  ASSERT_NE(waiter, nullptr);
  world.text(peer, "30[]");
  EXPECT_NE(world.core().expect_ack(*world.socket(peer), waiter, base::kNever), std::nullopt);
  world.drop(peer);
  EXPECT_EQ(world.waiters.log,
            (Lines{"w: replied []", "w: disconnected -", "over: disconnected -"}));
}

// S74.
TEST(CoreLimits, RoomsPerSocket) {
  World world;
  world.options.max_rooms_per_socket = 2;
  const std::size_t peer = world.join();
  Socket& socket = *world.socket(peer);
  EXPECT_TRUE(world.core().join(socket, "a"));
  EXPECT_TRUE(world.core().join(socket, "b"));
  EXPECT_FALSE(world.core().join(socket, "c"));
  EXPECT_TRUE(world.core().join(socket, "b"));
  EXPECT_TRUE(world.core().leave(socket, "a"));
  EXPECT_TRUE(world.core().join(socket, "c"));
}

// S75: nothing is left of those who come and go.
TEST(CoreLimits, ComingAndGoing) {
  World world;
  const std::size_t peer = world.join();
  for (int i = 0; i < 10'000; ++i) {
    world.core().join(*world.socket(peer), "room");
    world.text(peer, "1");
    world.text(peer, "0");
    ASSERT_NE(world.socket(peer), nullptr);
    ASSERT_LT(world.socket(peer)->self.index, 2U);
    world.received(peer);
  }
  EXPECT_EQ(world.core().rooms(0).sockets(), 1U);
  EXPECT_EQ(world.core().rooms(0).room_count(), 0U);
}

// What clients have made is counted while they are there: who are in it together hold it together.
TEST(CoreLimits, NamespacesForClientsAreInput) {
  World world;
  Core& core = world.core();
  core.create_namespace("/own");
  core.create_namespace("/child", 2, Made::for_clients);
  const std::size_t a = world.join();
  const std::size_t b = world.join();
  const auto held = [&](std::size_t peer) { return core.held(world.peer(peer).client); };
  world.text(a, "0/own,");
  EXPECT_EQ(world.ledger.input(), 0);  // the application's
  EXPECT_EQ(held(a), 0U);
  world.text(a, "0/child,");
  const std::size_t alone = held(a);
  EXPECT_GE(alone, 1'500U);
  EXPECT_EQ(world.ledger.input(), static_cast<std::int64_t>(alone));
  world.text(b, "0/child,");
  EXPECT_LT(held(a), alone);
  EXPECT_EQ(held(a), held(b));
  EXPECT_GT(world.ledger.input(), static_cast<std::int64_t>(alone));
  EXPECT_LT(world.ledger.input(), static_cast<std::int64_t>(2 * alone));
  world.text(b, "1/child,");
  EXPECT_EQ(held(b), 0U);
  EXPECT_EQ(world.ledger.input(), static_cast<std::int64_t>(alone));
  world.drop(a);
  EXPECT_EQ(world.ledger.input(), 0);
  core.drop_namespace(2);
}

// A hundred names of a kilobyte each, while somebody makes up his mind.
TEST(CoreLimits, NamesThatWaitAreInput) {
  World world;
  world.accept_all = false;
  const std::size_t peer = world.connect();
  for (int i = 0; i < 100; ++i)
    world.text(peer, "0/" + std::to_string(1'000 + i) + std::string(1'000, 'n') + ",");
  EXPECT_GE(world.ledger.input(), 100'000);
  EXPECT_EQ(world.core().held(world.peer(peer).client),
            static_cast<std::size_t>(world.ledger.input()));
  const std::string name = "/1000" + std::string(1'000, 'n');
  const std::int64_t before = world.ledger.input();
  world.core().reject_namespace(world.peer(peer).client, name);
  EXPECT_LE(world.ledger.input(), before - 1'000);
  world.drop(peer);
  EXPECT_EQ(world.ledger.input(), 0);
}

}  // namespace
}  // namespace socketio::sio
