#include "net/sys.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace socketio::net {
namespace {

TEST(SystemClock, DoesNotGoBack) {
  base::Time last = system_now();
  for (int i = 0; i < 1000; ++i) {
    const base::Time now = system_now();
    EXPECT_GE(now, last);
    last = now;
  }
}

TEST(SystemRandom, FillsEverySizeWithSomethingElse) {
  SystemRandom random;
  std::set<std::string> seen;
  for (std::size_t size : {8U, 16U, 20U, 255U, 256U, 257U, 1000U, 100'000U}) {
    for (int i = 0; i < 40; ++i) {
      std::string bytes(size, '\0');
      random.fill(bytes);
      EXPECT_TRUE(seen.insert(bytes).second);
      EXPECT_NE(bytes.substr(size - 8), std::string(8, '\0'));
    }
  }
  random.fill({});
}

TEST(SystemRandom, BytesAreSpreadEvenly) {
  SystemRandom random;
  int ones = 0;
  constexpr int kDraws = 4096;
  for (int i = 0; i < kDraws; ++i) ones += __builtin_popcountll(random.u64());
  // 64 * 4096 fair bits: the mean is 131,072 and ten deviations are 2,560.
  EXPECT_NEAR(ones, 64 * kDraws / 2, 2560);
}

}  // namespace
}  // namespace socketio::net
