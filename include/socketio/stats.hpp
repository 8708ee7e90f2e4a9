// What a server is holding and has done; a snapshot. "Now" is a level, everything else counts from
// the server's construction. The numbers of the shards are added up, each as of its own now, so
// that two of them may be apart by what happened in between.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace socketio {

// How long something took, how often.
struct Histogram {
  // Upper bounds of the buckets, inclusive; one more bucket holds what took longer.
  static constexpr std::array<std::chrono::nanoseconds, 14> kBounds = {
      std::chrono::microseconds(50),  std::chrono::microseconds(100),
      std::chrono::microseconds(250), std::chrono::microseconds(500),
      std::chrono::milliseconds(1),   std::chrono::microseconds(2500),
      std::chrono::milliseconds(5),   std::chrono::milliseconds(10),
      std::chrono::milliseconds(25),  std::chrono::milliseconds(50),
      std::chrono::milliseconds(100), std::chrono::milliseconds(250),
      std::chrono::milliseconds(500), std::chrono::seconds(1)};
  std::array<std::uint64_t, kBounds.size() + 1> counts{};  // not cumulative
  std::chrono::nanoseconds sum{0};

  std::uint64_t count() const {
    std::uint64_t all = 0;
    for (const std::uint64_t one : counts) all += one;
    return all;
  }
};

// Server::stats().
struct Stats {
  static constexpr std::size_t kRejects = 6;
  static constexpr std::size_t kDisconnects = 9;
  static constexpr std::size_t kCloses = 5;

  // The server.
  std::string_view backend{};  // "epoll", "io_uring"
  std::uint64_t threads = 0;   // loop threads
  std::chrono::milliseconds uptime{0};

  // Connections and bytes.
  std::uint64_t connections = 0;           // now: open TCP connections
  std::uint64_t accepted_connections = 0;  // without the refused
  std::uint64_t refused_connections = 0;   // closed on accept: as many as allowed, or closing
  // Handed to the thread that has their session. Far more of them than clients: something on the
  // way opens a connection for every request.
  std::uint64_t moved_connections = 0;
  // Clients closed because they held most when max_input_bytes or max_output_bytes was reached.
  std::uint64_t shed_clients = 0;
  std::uint64_t bytes_in = 0;       // received, heads and frames included
  std::uint64_t bytes_out = 0;      // sent
  std::uint64_t http_requests = 0;  // complete ones, polls and handshakes included
  std::uint64_t http_errors = 0;    // malformed, too large or too slow

  // Engine.IO.
  std::uint64_t clients = 0;            // now: sessions
  std::uint64_t websocket_clients = 0;  // now: those on WebSocket; the others poll
  std::uint64_t polling_opened = 0;     // sessions that began with polling
  std::uint64_t websocket_opened = 0;   // ... with WebSocket
  std::uint64_t upgrades = 0;           // sessions that went from polling to WebSocket
  // Sessions that ended, by engine.io's reason: transport close, transport error, ping timeout,
  // parse error, forced close.
  std::array<std::uint64_t, kCloses> closed_clients{};
  std::uint64_t rejected_requests = 0;  // answered with an error: the sum of the next
  // By engine.io's code: unknown transport, unknown sid, bad handshake method, bad request,
  // forbidden, unsupported protocol.
  std::array<std::uint64_t, kRejects> rejects{};

  // Socket.IO.
  std::uint64_t sockets = 0;     // now: connected ones, of all namespaces
  std::uint64_t namespaces = 0;  // now
  std::uint64_t rooms = 0;       // now: with members; one that is on several threads counts on each
  std::uint64_t events_in = 0;   // dispatched to handlers
  std::uint64_t events_out = 0;  // queued, once for each receiver
  std::uint64_t acks_pending = 0;    // now: acknowledgements awaited (a broadcast's count as one)
  std::uint64_t acks_timed_out = 0;  // ... that did not come in time
  std::uint64_t mismatched_events = 0;  // events whose payload did not fit the handler
  std::uint64_t handler_errors = 0;     // exceptions caught from handlers
  std::array<std::uint64_t, kDisconnects> disconnects{};  // of sockets, by DisconnectReason

  // WebSocket routes of your own.
  std::uint64_t plain_websockets = 0;  // now
  std::uint64_t plain_messages_in = 0;
  std::uint64_t plain_messages_out = 0;  // queued

  // Memory and queues, all "now".
  std::uint64_t input_bytes = 0;            // unfinished input (heads, bodies, messages,
                                            // attachments), heads of handshakes, `auth`
  std::uint64_t output_bytes = 0;           // held in output chunks
  std::uint64_t deflate_context_bytes = 0;  // kept by connections with context takeover
  std::uint64_t mailbox_jobs = 0;           // posted from other threads and not begun
  std::uint64_t offload_jobs = 0;           // waiting for the workers

  std::uint64_t suppressed_log_lines = 0;
  // From a loop's waking up until it sleeps again: what everybody else waited for. Only counted
  // with ServerOptions::measure_turns, or once there is a metrics route.
  Histogram turns{};
  // Connection state recovery: sessions kept for clients to come back for, and the packets (and
  // their bytes, which output_bytes has too) kept for them to miss.
  std::uint64_t recovery_sessions = 0;
  std::uint64_t recovery_packets = 0;
  std::uint64_t recovery_bytes = 0;
};

}  // namespace socketio
