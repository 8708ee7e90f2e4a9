// Session ids: 20 characters [A-Za-z0-9_-] of 112 random bits and 8 bits of shard. The shard byte
// is masked by a keyed hash of the random part, so that ids tell an outsider nothing; any thread
// holding the key finds the shard.
#pragma once

#include <array>
#include <optional>

#include "base/random.hpp"

namespace socketio::eio {

inline constexpr std::size_t kSidSize = 20;

struct SidKey {
  std::array<std::uint64_t, 2> words{};
};
SidKey make_sid_key(base::Random& random);

struct Sid {
  std::array<char, kSidSize> chars{};
  base::Bytes view() const { return {chars.data(), chars.size()}; }
  bool operator==(const Sid&) const = default;
};

Sid make_sid(base::Random& random, const SidKey& key, std::uint8_t shard);
// nullopt when it is not 20 characters of the alphabet.
std::optional<Sid> parse_sid(base::Bytes text);
std::uint8_t shard_of(const Sid& sid, const SidKey& key);

}  // namespace socketio::eio
