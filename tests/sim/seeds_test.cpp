// Seeds, many of them: see scenario.hpp for what each must prove.
//   sim_test --from M --count N     runs the seeds M … M+N-1
//                                   (as do SOCKETIO_SIM_FROM and SOCKETIO_SIM_COUNT)
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string>

#include <gtest/gtest.h>

#include "sim/scenario.hpp"

namespace socketio::sim {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::stoull(text);
}

void run_seeds(bool recovery, std::uint64_t share) {
  const std::uint64_t from = setting("SOCKETIO_SIM_FROM", 1);
  const std::uint64_t count =
      std::max<std::uint64_t>(1, setting("SOCKETIO_SIM_COUNT", 100) / share);
  Outcome sum;
  for (std::uint64_t seed = from; seed < from + count; ++seed) {
    const Outcome outcome = run_seed(seed, recovery);
    EXPECT_EQ(outcome.failure, "")
        << "seed " << seed << ": sim_test --from " << seed << " --count 1";
    sum.to_clients += outcome.to_clients;
    sum.to_server += outcome.to_server;
    sum.acks += outcome.acks;
    sum.upgrades += outcome.upgrades;
    sum.clients += outcome.clients;
    sum.vanished += outcome.vanished;
    sum.recovered += outcome.recovered;
  }
  std::cout << count << " seeds: " << sum.clients << " clients, " << sum.upgrades << " upgrades, "
            << sum.vanished << " vanished, " << sum.to_server << " events in, " << sum.to_clients
            << " packets out, " << sum.acks << " acknowledgements waited for, " << sum.recovered
            << " sessions recovered\n";
  // A crowd that does nothing proves nothing.
  EXPECT_GT(sum.to_clients, count * 50);
  EXPECT_GT(sum.to_server, count * 50);
}

TEST(Seeds, EverySeedHolds) {
  run_seeds(false, 1);
}

// A run of these costs several of the others.
TEST(Seeds, EverySeedHoldsWithRecovery) {
  run_seeds(true, 20);
}

// 52015, 60449: the only receiver of a broadcast with acknowledgements was closed by that very
// packet, and the server's program heard of it at the end of the turn. 70820: a polling client was
// refused its next connection (max_connections) in the last seconds, and the check did not wait for
// its ping timeout.
TEST(Seeds, ThoseThatFailedOnceHold) {
  for (const std::uint64_t seed : {495U, 52015U, 60449U, 70820U})
    EXPECT_EQ(run_seed(seed).failure, "") << "seed " << seed;
}

TEST(Seeds, TheSameSeedIsTheSameHistory) {
  const std::uint64_t from = setting("SOCKETIO_SIM_FROM", 1);
  for (std::uint64_t seed = from; seed < from + 5; ++seed) {
    const Outcome one = run_seed(seed);
    const Outcome two = run_seed(seed);
    EXPECT_EQ(one.history, two.history) << "seed " << seed;
    EXPECT_EQ(one.to_clients, two.to_clients);
    EXPECT_NE(one.history, run_seed(seed + 1).history);
  }
}

}  // namespace
}  // namespace socketio::sim

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--from") setenv("SOCKETIO_SIM_FROM", argv[i + 1], 1);
    if (flag == "--count") setenv("SOCKETIO_SIM_COUNT", argv[i + 1], 1);
  }
  return RUN_ALL_TESTS();
}
