// Events that middlewares have, and memory that runs out when those go on or let go.
#include <new>

#include <gtest/gtest.h>

#include "server/shard.hpp"
#include "support/sio_client.hpp"
#include "torture/allocations.hpp"

namespace socketio::torture {
namespace {

// What happened to an event or not: it is nobody's that waits any more.
TEST(MiddlewareTorture, NoEventCountsForEver) {
  bool failed = true;
  for (std::uint64_t at = 0; failed; ++at) {
    test::World world;
    Socket socket;
    std::vector<Next> waiting;
    world.io.on_connection([&](const Socket& s) {
      socket = s;
      s.use([&](const Packet&, const Next& next) { waiting.push_back(next); });
    });
    test::Client client(world);
    client.join();
    const std::uint64_t input = world.io.stats().input_bytes;
    client.send("2[\"a\"]");
    client.send("2[\"b\"]");
    ASSERT_TRUE(world.until([&] { return waiting.size() == 2; }));
    fail_allocation(at);
    try {
      const Armed armed;
      waiting[0]();
    } catch (const std::bad_alloc&) {
    }
    {
      const Armed armed;
      waiting.clear();
    }
    failed = allocation_failed();
    fail_allocation(kNever);
    server::Shard& shard = *socket.hub()->here(socket.shard());
    sio::Core& core = shard.dispatcher().core();
    const sio::ClientId id = core.get(sio::SocketId::unpack(socket.self()))->client;
    EXPECT_EQ(shard.session_of(id)->running, 0U) << at;
    EXPECT_EQ(shard.dispatcher().held(core.owner(id)), 0U) << at;
    EXPECT_EQ(world.io.stats().input_bytes, input) << at;
  }
}

}  // namespace
}  // namespace socketio::torture
