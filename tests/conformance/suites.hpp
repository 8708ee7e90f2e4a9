// One function per suite; each runs until the process ends.
#pragma once

#include <cstdint>

#include <socketio/server.hpp>

struct SuiteOptions {
  std::uint16_t port = 0;
  std::size_t threads = 1;  // sio5, probe
  bool fast = false;        // probe: short timeouts
  socketio::Backend backend = socketio::Backend::automatic;
};

void run_ws(const SuiteOptions& options);
void run_eio4(const SuiteOptions& options);
void run_sio5(const SuiteOptions& options);
void run_probe(const SuiteOptions& options);

// "listening on N", flushed: what whoever started us waits for.
void announce(std::uint16_t port);
