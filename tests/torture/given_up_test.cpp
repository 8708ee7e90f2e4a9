// A connection that is given up, since there was no memory for what it sent.
#include <gtest/gtest.h>

#include "support/sio_client.hpp"
#include "torture/allocations.hpp"

namespace socketio::torture {
namespace {

// Nothing of it is read any more, though a handler ends in the same turn that reading has waited
// for.
TEST(GivenUp, IsNotReadAgain) {
  bool failed = true;
  std::uint64_t at = 0;
  for (; failed; ++at) {
    test::World world({.max_running_handlers = 2});
    const Pending<int> first;
    const Pending<int> second;
    int begun = 0;
    int read = 0;
    world.io.on_event("wait", [&](int which) -> Task<> {
      ++begun;
      const Result<int> waited = co_await (which == 1 ? first : second);
      static_cast<void>(waited);
    });
    world.io.on_event("next", [&read] { ++read; });
    test::Client client(world);
    client.join();
    client.send(R"(2["wait",1])");
    client.send(R"(2["wait",2])");
    client.send(R"(2["next"])");
    ASSERT_TRUE(world.until([&begun] { return begun == 2; }));
    world.settle();
    EXPECT_EQ(read, 0);
    world.io.post([&] {
      const Armed armed;
      first.state()->finish(1);
      second.state()->finish(2);
    });
    fail_allocation(at);
    world.settle();
    failed = allocation_failed();
    fail_allocation(kNever);
    EXPECT_EQ(read, failed ? 0 : 1) << at;
    EXPECT_EQ(client.closed(), failed) << at;
  }
  EXPECT_GT(at, 1U);
}

}  // namespace
}  // namespace socketio::torture
