// The end of a server, and memory that runs out on the way.
#include <new>
#include <optional>

#include <gtest/gtest.h>

#include "support/sio_client.hpp"
#include "torture/allocations.hpp"

namespace socketio::torture {
namespace {

struct CountedAdapter final : LocalAdapter {
  CountedAdapter(const Namespace& nsp, int& n) : LocalAdapter(nsp), closed(n) {}
  void close() override { ++closed; }
  int& closed;
};

// close() throws and has done nothing, or ends.
void close_without(std::uint64_t at, std::size_t threads, bool& failed) {
  int adapters = 0;
  ServerOptions options{.threads = threads, .close_timeout = std::chrono::milliseconds(1)};
  options.adapter = [&adapters](const Namespace& nsp) {
    return std::make_shared<CountedAdapter>(nsp, adapters);
  };
  test::World world(std::move(options));
  world.io.of("/other");
  test::Client client(world);
  client.join();
  test::PollingClient polling(world);
  polling.join();
  polling.start_poll();
  world.settle();
  std::optional<Pending<void>> closing;
  fail_allocation(at);
  try {
    const Armed armed;
    closing = world.io.close();
  } catch (const std::bad_alloc&) {
    closing = world.io.close();
  }
  EXPECT_TRUE(world.until([&] {
    {
      const Armed armed;
      world.io.process();
    }
    return closing->ready();
  })) << at;
  failed = allocation_failed();
  fail_allocation(kNever);
  EXPECT_EQ(adapters, 2) << at;
  EXPECT_EQ(world.io.stats().connections, 0U) << at;
}

TEST(ClosingTorture, ItEndsWhateverFails) {
  for (const std::size_t threads : {1U, 2U}) {
    bool failed = true;
    std::uint64_t at = 0;
    for (; failed && !HasFailure(); ++at) close_without(at, threads, failed);
    EXPECT_GT(at, 5U);
  }
}

}  // namespace
}  // namespace socketio::torture
