// What the samples of the documentation take for granted: these headers, and the names that every
// reader of the guide knows by then.
#pragma once

#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <socketio/socketio.hpp>

#define SAMPLE_PARAMETERS                                                                  \
  [[maybe_unused]] socketio::Server &io, [[maybe_unused]] socketio::ServerOptions options, \
      [[maybe_unused]] socketio::Socket socket
