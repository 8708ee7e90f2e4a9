// One seed: a server and a crowd of scripted clients doing everything at once, on connections of
// every temper, and what must be true whatever happens:
//
//   order     what the server sent to a socket arrives in that order, over any transport and
//             upgrade; what a client sent is handled in that order
//   delivery  who stays gets everything reliable, exactly once; volatile packets may be missing
//   acks      every acknowledgement waited for ends exactly once
//   rooms     a broadcast reaches who is in the room, and nobody else
//   ends      every socket that connected disconnects once; who vanished is found by the heartbeat
//   recovery  (when asked for) who comes back in time gets its rooms and every event it missed, in
//             order, none twice, however often its connections break
//   nothing is left: connections, sessions, ids, timers, descriptors, bytes in the ledger
//
// The same seed gives the same history, byte for byte.
#pragma once

#include <cstdint>
#include <string>

namespace socketio::sim {

struct Outcome {
  std::uint64_t history = 0;
  std::string failure;  // empty: all is well
  // How much happened: a crowd that does nothing proves nothing.
  std::uint64_t to_clients = 0;
  std::uint64_t to_server = 0;
  std::uint64_t acks = 0;
  std::uint64_t upgrades = 0;
  std::uint64_t clients = 0;
  std::uint64_t vanished = 0;
  std::uint64_t turns = 0;
  std::uint64_t recovered = 0;
};

// `recovery`: with connection state recovery, and clients that come back.
Outcome run_seed(std::uint64_t seed, bool recovery = false);

}  // namespace socketio::sim
