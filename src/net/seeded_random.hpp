// Randomness that repeats: the same seed gives the same bytes, on every machine and standard
// library. For the simulator and its scripts, never for secrets.
#pragma once

#include <cstring>

#include "base/random.hpp"

namespace socketio::net {

class SeededRandom final : public base::Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}

  // SplitMix64: one addition and a mix; every seed is as good as any other.
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  // 0 … n - 1; 0 for n == 0.
  std::uint64_t below(std::uint64_t n) { return n == 0 ? 0 : next() % n; }
  // True once in n times on average; never for n == 0.
  bool one_in(std::uint64_t n) { return n != 0 && next() % n == 0; }

  void fill(base::MutBytes out) override {
    for (std::size_t at = 0; at < out.size(); at += sizeof(std::uint64_t)) {
      const std::uint64_t word = next();
      std::memcpy(out.data() + at, &word, std::min(sizeof word, out.size() - at));
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace socketio::net
