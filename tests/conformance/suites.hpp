// One function per suite; each runs until the process ends.
#pragma once

#include <cstdint>
#include <string>

#include <socketio/server.hpp>

struct SuiteOptions {
  std::uint16_t port = 0;
  std::size_t threads = 1;  // sio5, probe
  bool fast = false;        // probe: short timeouts
  bool deflate = false;     // ws, ws-client, probe: permessage-deflate, of every message
  socketio::Backend backend = socketio::Backend::automatic;
  std::string options = "{}";  // lab: JSON object of server options; others: see set_times
};

void run_ws(const SuiteOptions& options);
void run_ws_client(const SuiteOptions& options);
void run_eio4(const SuiteOptions& options);
void run_eio3(const SuiteOptions& options);
void run_sio5(const SuiteOptions& options);
void run_probe(const SuiteOptions& options);
void run_lab(const SuiteOptions& options);
void run_client(const SuiteOptions& options);
void run_engine_client(const SuiteOptions& options);

// The times among the options' JSON ("ping_timeout", "connect_timeout", "close_timeout"), for tests
// that are about something else than these.
void set_times(const SuiteOptions& given, socketio::ServerOptions& options);

// "listening on N", flushed: what whoever started us waits for.
void announce(std::uint16_t port);
