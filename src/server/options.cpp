#include "server/options.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <stdexcept>

#include "eio/payload.hpp"
#include "http/url.hpp"
#include "server/engine_options.hpp"
#include "server/network.hpp"
#include "value/json_read.hpp"
#include "value/json_scan.hpp"

namespace socketio::server {
namespace {

// What permessage-deflate makes of the input of one connection before others get their turn.
constexpr std::size_t kInflatedPerTurn = 32 * 1024;
// What is compressed of long messages at a time: less than half a millisecond.
constexpr std::size_t kDeflatedPerTurn = 16 * 1024;

void check(const PerMessageDeflate& o) {
  const auto check_window = [](const std::optional<int>& bits, const char* option) {
    if (bits && (*bits < ws::kMinWindowBits || *bits > ws::kMaxWindowBits))
      refuse_option(option, "must be between 8 and 15");
  };
  check_window(o.server_max_window_bits, "per_message_deflate.server_max_window_bits");
  check_window(o.client_max_window_bits, "per_message_deflate.client_max_window_bits");
  if (o.level < 0 || o.level > 9) refuse_option("per_message_deflate", "has levels from 0 to 9");
  if (o.mem_level < 1 || o.mem_level > 9)
    refuse_option("per_message_deflate", "has memory levels from 1 to 9");
  if (o.max_inflate_rate < kInflatedPerTurn)
    refuse_option("per_message_deflate", "has a max_inflate_rate of at least 32 KiB");
}

void check(const HttpCompression& o) {
  if (o.level < 0 || o.level > 9) refuse_option("http_compression", "has levels from 0 to 9");
}

ws::DeflateOptions deflate_options(const PerMessageDeflate& o) {
  return {o.threshold,
          o.server_no_context_takeover,
          o.client_no_context_takeover,
          o.server_max_window_bits,
          o.client_max_window_bits,
          o.level,
          o.mem_level,
          o.max_context_bytes,
          kInflatedPerTurn,
          kDeflatedPerTurn,
          o.max_inflate_rate};
}

void check(const LimitOptions& o) {
  // A WebSocket handshake has ten header lines, and some hundred bytes.
  if (o.max_head < 1024 || o.max_head > 1024 * 1024)
    refuse_option("limits.max_head", "must be between 1 KiB and 1 MiB");
  if (o.max_line < 256 || o.max_line > o.max_head)
    refuse_option("limits.max_line", "must be between 256 and limits.max_head");
  if (o.max_headers < 16) refuse_option("limits.max_headers", "must be at least 16");
  if (o.max_packets_per_payload == 0 || o.max_packets_per_payload > eio::kMostPacketsPerPayload)
    refuse_option("limits.max_packets_per_payload", "must be between 1 and 65,535");
  if (o.max_depth < value::kMaxScanDepth || o.max_depth > value::kMaxDepth)
    refuse_option("limits.max_depth", "must be between 16 and 512");
  if (o.max_events_per_turn < 16 || o.max_events_per_turn > 4096)
    refuse_option("limits.max_events_per_turn", "must be between 16 and 4,096");
  if (o.max_read_per_turn < net::kLeastReceive || o.max_read_per_turn > net::kMostReceive)
    refuse_option("limits.max_read_per_turn", "must be between 16 KiB and 1 MiB");
  if (o.max_log_lines == 0) refuse_option("limits.max_log_lines", "must be positive");
  if (o.max_log_text < 16 || o.max_log_text > 64 * 1024)
    refuse_option("limits.max_log_text", "must be between 16 bytes and 64 KiB");
  if (o.max_pipelined < o.max_head)
    refuse_option("limits.max_pipelined", "must hold at least limits.max_head");
  require_positive(o.head_timeout, "limits.head_timeout");
  require_positive(o.body_timeout, "limits.body_timeout");
  require_positive(o.idle_timeout, "limits.idle_timeout");
  require_positive(o.send_timeout, "limits.send_timeout");
  if (o.max_fragments == 0) refuse_option("limits.max_fragments", "must be positive");
  require_positive(o.message_timeout, "limits.message_timeout");
  if (o.max_pending_pongs == 0) refuse_option("limits.max_pending_pongs", "must be positive");
  if (o.max_namespace_length == 0) refuse_option("limits.max_namespace_length", "must be positive");
  if (o.max_namespaces_per_client == 0)
    refuse_option("limits.max_namespaces_per_client", "must be positive");
  require_positive(o.packet_timeout, "limits.packet_timeout");
  if (!Networks::parse(o.trusted_proxies))
    refuse_option("limits.trusted_proxies", "must be addresses, or prefixes such as 10.0.0.0/8");
}

void check(const ServerOptions& o) {
  if (o.path.empty() || o.path.front() != '/') refuse_option("path", "must begin with '/'");
  for (const char c : o.path) {
    if (c <= ' ' || c == '?' || c == '#' || c == '%' || c == '\x7f')
      refuse_option("path", "must be a plain URL path");
  }
  if (http::normalise_path(o.path) != o.path)
    refuse_option("path", "must be in its normal form, without \"..\", \".\" or a backslash");
  if (!o.client_dist.empty() && !std::filesystem::is_directory(o.client_dist))
    refuse_option("client_dist", "must be a folder");
  require_positive(o.connect_timeout, "connect_timeout");
  require_positive(o.ping_interval, "ping_interval");
  require_positive(o.ping_timeout, "ping_timeout");
  require_positive(o.upgrade_timeout, "upgrade_timeout");
  require_positive(o.close_timeout, "close_timeout");
  if (o.max_http_buffer_size == 0 || o.max_http_buffer_size > 0x7fffffff) {
    refuse_option("max_http_buffer_size", "must be between 1 and 2^31-1 bytes");
  }
  if (!o.polling && !o.websocket) refuse_option("websocket", "and polling cannot both be off");
  if (o.threads == 0 || o.threads > 255) refuse_option("threads", "must be between 1 and 255");
  if (o.max_child_namespaces == 0 || o.max_child_namespaces > 1'000'000)
    refuse_option("max_child_namespaces", "must be between 1 and 1,000,000");
  if (o.max_connections == 0) refuse_option("max_connections", "must be positive");
  if (o.max_clients == 0U) refuse_option("max_clients", "must be positive");
  if (o.send_queue_soft > o.send_queue_hard)
    refuse_option("send_queue_soft", "must not exceed send_queue_hard");
  if (o.send_queue_hard < o.max_http_buffer_size)
    refuse_option("send_queue_hard", "must hold at least max_http_buffer_size");
  if (o.max_output_bytes < o.send_queue_hard)
    refuse_option("max_output_bytes", "must hold at least send_queue_hard");
  check(o.limits);
  if (o.per_message_deflate) check(*o.per_message_deflate);
  if (o.http_compression) check(*o.http_compression);
  if (o.max_running_handlers == 0) refuse_option("max_running_handlers", "must be positive");
  if (const auto& recovery = o.connection_state_recovery) {
    require_positive(recovery->max_disconnection_duration,
                     "connection_state_recovery.max_disconnection_duration");
    if (recovery->max_log_bytes == 0)
      refuse_option("connection_state_recovery.max_log_bytes", "must be positive");
    if (recovery->max_log_packets == 0)
      refuse_option("connection_state_recovery.max_log_packets", "must be positive");
    if (recovery->max_sessions == 0)
      refuse_option("connection_state_recovery.max_sessions", "must be positive");
  }
  if (o.backlog <= 0) refuse_option("backlog", "must be positive");
  if (o.tcp_user_timeout.count() < 0) refuse_option("tcp_user_timeout", "must not be negative");
  if (o.tcp_user_timeout > kLongestDuration)
    refuse_option("tcp_user_timeout", "must be at most 2^31-1 milliseconds");
  if (o.parser.kind() == Parser::Kind::custom) {
    if (o.parser.make_encoder() == nullptr) refuse_option("parser", "must make encoders, not null");
    if (o.parser.make_decoder() == nullptr) refuse_option("parser", "must make decoders, not null");
  }
  check_engine(o.engine);
  if (o.cors) check_cors(*o.cors);
  if (o.backend > Backend::io_uring) refuse_option("backend", "must be one of the enumerators");
  if (o.log_level > LogLevel::error) refuse_option("log_level", "must be one of the enumerators");
}

}  // namespace

Settings::Settings(ServerOptions given) : options(std::move(given)) {
  check(options);
  if (options.path.back() == '/') options.path.pop_back();
  if (options.engine.add_trailing_slash || options.path.empty()) options.path += '/';
  constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();
  max_clients = options.max_clients.value_or(std::min(options.max_connections, kMost / 2) * 2);
  eio.ping_interval = options.ping_interval;
  eio.ping_timeout = options.ping_timeout;
  eio.upgrade_timeout = options.upgrade_timeout;
  eio.max_payload = options.max_http_buffer_size;
  eio.send_soft = options.send_queue_soft;
  eio.send_hard = options.send_queue_hard;
  eio.polling = options.polling;
  eio.websocket = options.websocket;
  eio.allow_upgrades = options.allow_upgrades;
  eio.allow_v3 = options.allow_eio3;
  sio.parser = options.parser;
  sio.connect_timeout = options.connect_timeout;
  sio.max_attachments = options.max_attachments;
  const LimitOptions& limits = options.limits;
  sio.max_attachment_bytes =
      limits.max_attachment_bytes.value_or(options.max_http_buffer_size * options.max_attachments);
  sio.max_depth = limits.max_depth;
  eio.max_packets_per_payload = limits.max_packets_per_payload;
  sio.packet_timeout = limits.packet_timeout;
  sio.max_namespace_length = limits.max_namespace_length;
  sio.max_namespaces_per_client = limits.max_namespaces_per_client;
  sio.max_auth_bytes = limits.max_auth_bytes.value_or(options.max_http_buffer_size);
  sio.max_pending_acks = limits.max_pending_acks;
  sio.max_rooms_per_socket = limits.max_rooms_per_socket;
  ws.max_message = options.max_http_buffer_size;
  ws.max_fragments = limits.max_fragments;
  ws.max_pending_pongs = limits.max_pending_pongs;
  ws.message_timeout = limits.message_timeout;
  if (options.per_message_deflate) deflate = deflate_options(*options.per_message_deflate);
  http.max_body = options.max_http_buffer_size;
  http.max_head = limits.max_head;
  http.max_line = limits.max_line;
  http.max_headers = limits.max_headers;
  http.max_chunk_extensions = limits.max_chunk_extensions;
  http.max_pipelined = limits.max_pipelined;
  http.head_timeout = limits.head_timeout;
  http.body_timeout = limits.body_timeout;
  http.idle_timeout = limits.idle_timeout;
  http.send_timeout = limits.send_timeout;
  if (options.cors) cors = cors_rules(*options.cors);
}

}  // namespace socketio::server
