// The keys of session tickets. All shards of a server start from one seed and turn it forward with
// time, each for itself: at any moment they have the same keys, nothing is locked, and a key that
// has been left behind cannot be computed again (whoever reads the memory of today cannot open the
// tickets of yesterday).
//
//   chain 0 --hash--> chain 1 --hash--> chain 2 ...       one step per lifetime
//      |                 |                 |
//    key 0             key 1             key 2            accepted: this one's and the last one's
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/time.hpp"

namespace socketio::tls {

// What the shards share.
struct TicketSeed {
  static TicketSeed draw(base::Random& random, base::Time now);
  std::array<char, 32> secret{};
  base::Time made{};
};

struct TicketKey {
  std::array<unsigned char, 16> name{};
  std::array<unsigned char, 32> cipher{};
  std::array<unsigned char, 32> mac{};
};

class TicketKeys {
 public:
  // A ticket is good for `lifetime`, and its key for twice that. std::bad_alloc: OpenSSL's hash
  // takes memory.
  TicketKeys(const TicketSeed& seed, base::Duration lifetime);

  // The key that seals tickets at `now`; null when there is no memory to turn to it.
  const TicketKey* current(base::Time now);
  struct Found {
    const TicketKey* key = nullptr;  // none: unknown or too old, or no memory
    bool old = false;                // its holder should get a new ticket
  };
  Found find(base::Bytes name, base::Time now);

 private:
  // False: no memory, and nothing has changed.
  bool advance(base::Time now);

  std::array<char, 32> chain_;
  base::Time turn_;  // when the next step is due
  base::Duration lifetime_;
  TicketKey current_;
  TicketKey last_;
};

}  // namespace socketio::tls
