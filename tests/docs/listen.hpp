// Stands in for io.listen(3000) when a program of the documentation is run by a test: the port is
// free, and is told as the tests expect it.
#pragma once

#include <cstdio>

#include <socketio/server.hpp>

inline void listen_for_test(socketio::Server& io) {
  io.listen(0, "127.0.0.1");
  std::printf("listening on %d\n", io.port());
  std::fflush(stdout);
}
