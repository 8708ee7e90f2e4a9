// SipHash-1-3 with a secret key: names in our hash tables are chosen by clients, who must not be
// able to choose collisions as well.
#pragma once

#include <bit>
#include <cstring>

#include "base/bytes.hpp"
#include "base/random.hpp"

namespace socketio::sio {

class KeyedHash {
 public:
  explicit KeyedHash(base::Random& random) : k0_(random.u64()), k1_(random.u64()) {}

  std::size_t operator()(base::Bytes text) const {
    Lanes v{k0_ ^ 0x736f6d6570736575ULL, k1_ ^ 0x646f72616e646f6dULL, k0_ ^ 0x6c7967656e657261ULL,
            k1_ ^ 0x7465646279746573ULL};
    std::uint64_t last = std::uint64_t{text.size()} << 56;
    while (text.size() >= 8) {
      v.absorb(load(text, 8));
      text.remove_prefix(8);
    }
    last |= load(text, text.size());
    v.absorb(last);
    v.c ^= 0xff;
    for (int round = 0; round < 3; ++round) v.mix();
    return static_cast<std::size_t>(v.a ^ v.b ^ v.c ^ v.d);
  }

 private:
  struct Lanes {
    std::uint64_t a, b, c, d;
    void mix() {
      a += b, b = std::rotl(b, 13) ^ a, a = std::rotl(a, 32);
      c += d, d = std::rotl(d, 16) ^ c;
      a += d, d = std::rotl(d, 21) ^ a;
      c += b, b = std::rotl(b, 17) ^ c, c = std::rotl(c, 32);
    }
    void absorb(std::uint64_t word) {
      d ^= word;
      mix();
      a ^= word;
    }
  };
  static std::uint64_t load(base::Bytes text, std::size_t n) {
    std::uint64_t word = 0;
    if (n > 0) std::memcpy(&word, text.data(), n);
    return word;
  }
  std::uint64_t k0_;
  std::uint64_t k1_;
};

}  // namespace socketio::sio
