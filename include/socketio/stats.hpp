// What a server is holding and has done; a snapshot.
#pragma once

#include <cstdint>

namespace socketio {

struct Stats {
  std::uint64_t connections = 0;  // open TCP connections
  std::uint64_t clients = 0;      // Engine.IO sessions
  std::uint64_t input_bytes =
      0;  // held for unfinished input (heads, bodies, messages, attachments)
  std::uint64_t output_bytes = 0;       // held in output chunks
  std::uint64_t deflate_context_bytes = 0;  // kept by connections with context takeover
  std::uint64_t events_in = 0;          // events dispatched to handlers
  std::uint64_t mismatched_events = 0;  // events whose payload did not fit the handler
  std::uint64_t handler_errors = 0;     // exceptions caught from handlers
  std::uint64_t rejected_requests = 0;  // Engine.IO requests answered with an error
  // Handed to the thread that has their session. Far more of them than clients: something on the
  // way opens a connection for every request.
  std::uint64_t moved_connections = 0;
};

}  // namespace socketio
