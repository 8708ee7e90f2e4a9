// What one peer may cost (ServerOptions::limits): docs/reference/limits.md has them all, with what
// the peer sees when it reaches one. The defaults are far above what clients need; what most
// programs set are the options of ServerOptions itself.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace socketio {

// Numbers in brackets are the HTTP status, or the WebSocket's close code, that the peer then sees.
struct LimitOptions {
  // An HTTP request's head in bytes (431), its first line (414), and its header lines (431).
  std::size_t max_head = 16 * 1024;
  std::size_t max_line = 8 * 1024;
  std::size_t max_headers = 100;
  // Bytes of a chunked body's chunk extensions (400). Nothing uses them.
  std::size_t max_chunk_extensions = 16 * 1024;
  // Bytes that wait behind an unanswered request; then reading pauses.
  std::size_t max_pipelined = 64 * 1024;
  // From a request's first byte (or from connecting) to the end of its head: 408.
  std::chrono::milliseconds head_timeout{10'000};
  // For all of its body: 408.
  std::chrono::milliseconds body_timeout{30'000};
  // Between two requests of a connection.
  std::chrono::milliseconds idle_timeout{75'000};
  // For an answer to make progress.
  std::chrono::milliseconds send_timeout{30'000};

  // Frames of one WebSocket message (1008), and how long an unfinished one is waited for (1008).
  std::uint32_t max_fragments = 131'072;
  std::chrono::milliseconds message_timeout{60'000};
  // Pongs that wait to be sent; then reading pauses.
  std::uint32_t max_pending_pongs = 60;

  // Packets of one POST of a polling client: `parse error`.
  std::uint32_t max_packets_per_payload = 16'384;

  // Bytes of a namespace's name, and how many namespaces one client may be in: CONNECT_ERROR.
  std::size_t max_namespace_length = 1024;
  std::uint32_t max_namespaces_per_client = 100;
  // Bytes of `auth` that is kept of a client, of all its namespaces: CONNECT_ERROR. None:
  // max_http_buffer_size.
  std::optional<std::size_t> max_auth_bytes{};
  // Arrays and objects inside each other in what clients send: the client is closed. Reading values
  // recurses, so there is no going above the default.
  std::size_t max_depth = 512;
  // Bytes of all attachments of one packet: the client is closed. None: as many as max_attachments
  // messages of max_http_buffer_size have.
  std::optional<std::size_t> max_attachment_bytes{};
  // How long the attachments of a packet are waited for: the client is closed.
  std::chrono::milliseconds packet_timeout{60'000};
  // Acknowledgements awaited from one socket: emits that ask for more fail.
  std::uint32_t max_pending_acks = 100'000;
  // Rooms of one socket: join() returns false.
  std::uint32_t max_rooms_per_socket = 100'000;

  // How much of one connection is handled before all others get their turn: events (or requests, or
  // packets of a POST), and bytes that are read. What is left is handled in the next turn.
  std::uint32_t max_events_per_turn = 64;
  std::size_t max_read_per_turn = 72 * 1024;

  // Log lines of one kind in a second; the others are counted. Bytes of a line's text, and of each
  // of its fields.
  std::uint32_t max_log_lines = 10;
  std::size_t max_log_text = 256;

  // Limits for one address, or one IPv6 /64. 0, the default, is no limit, because behind a proxy
  // all clients have the same address. Open connections: one more is closed on accept. Handshakes
  // in a minute (they may all come at once): one more is refused, code 4. Unix sockets have no
  // address and no limit.
  std::uint32_t max_connections_per_address = 0;
  std::uint32_t max_handshakes_per_address = 0;
  // No limit, but what the two above need behind a proxy: addresses and prefixes ("10.0.0.0/8",
  // "::1") of your proxies; "unix" stands for all Unix sockets. Connections of a proxy are not
  // counted. Handshakes that come through it count for the client that X-Forwarded-For names: its
  // last entry that is not in this list. Never list an address that clients may have: whoever is
  // trusted can claim any address.
  std::vector<std::string> trusted_proxies{};
};

}  // namespace socketio
