// Nobody is served at the cost of others, on the real kernels: io_uring hands out what has come in
// pieces, epoll up to 72 KiB at once. (In virtual time: tests/sim/fairness_test.cpp.)
#include <string>

#include <gtest/gtest.h>

#include "support/shards_fixture.hpp"

namespace socketio {
namespace {

using test::Client;
using test::World;

class Fairness : public ::testing::TestWithParam<Backend> {};
INSTANTIATE_TEST_SUITE_P(All, Fairness, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

TEST_P(Fairness, ANeighbourIsHeardBeforeAllOfAFlood) {
  constexpr int kFlood = 2'000;
  ServerOptions options;
  options.backend = GetParam();
  World world(std::move(options));
  std::string seen;  // a letter for each event: of the flood, of the neighbour
  world.io.on_event("f", [&seen] { seen += 'f'; });
  world.io.on_event("n", [&seen] { seen += 'n'; });
  Client flood(world);
  Client neighbour(world);
  flood.join();
  neighbour.join();
  world.settle();
  for (int i = 0; i < kFlood; ++i) flood.send("2[\"f\"]");
  neighbour.send("2[\"n\"]");
  ASSERT_TRUE(world.until([&] { return seen.size() == kFlood + 1; }));
  EXPECT_LE(seen.find('n'), 64U);
}

}  // namespace
}  // namespace socketio
