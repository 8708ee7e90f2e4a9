// Randomness as an argument: the driver injects the kernel's, the simulator a seeded one.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace socketio::base {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutBytes out) = 0;

  std::uint64_t u64() {
    std::uint64_t value = 0;
    fill({reinterpret_cast<char*>(&value), sizeof value});
    return value;
  }
};

}  // namespace socketio::base
