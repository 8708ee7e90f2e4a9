#include "server/metrics_text.hpp"

#include <iterator>

#include <fmt/format.h>

#include <socketio/disconnect_reason.hpp>
#include <socketio/version.hpp>

#include "eio/session.hpp"

namespace socketio::server {
namespace {

constexpr std::array<std::string_view, Stats::kRejects> kRejectNames = {
    "unknown_transport", "unknown_sid", "bad_handshake_method",
    "bad_request",       "forbidden",   "unsupported_protocol"};
static_assert(static_cast<std::size_t>(DisconnectReason::server_namespace_disconnect) + 1 ==
              Stats::kDisconnects);

static_assert(static_cast<std::size_t>(eio::CloseReason::forced_close) + 1 == Stats::kCloses);

class Text {
 public:
  // A metric's head; its samples follow.
  void begin(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(std::back_inserter(out_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name,
                   type);
  }
  void sample(std::uint64_t value) {
    fmt::format_to(std::back_inserter(out_), "{} {}\n", name_, value);
  }
  // Label values are words of ours: nothing in them needs an escape.
  void sample(std::string_view label, std::string_view label_value, std::uint64_t value) {
    fmt::format_to(std::back_inserter(out_), "{}{{{}=\"{}\"}} {}\n", name_, label, label_value,
                   value);
  }
  void gauge(std::string_view name, std::string_view help, std::uint64_t value) {
    begin(name, "gauge", help);
    sample(value);
  }
  void counter(std::string_view name, std::string_view help, std::uint64_t value) {
    begin(name, "counter", help);
    sample(value);
  }
  void histogram(std::string_view name, std::string_view help, const Histogram& histogram) {
    begin(name, "histogram", help);
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < Histogram::kBounds.size(); ++i) {
      below += histogram.counts[i];
      line("{}_bucket{{le=\"{}\"}} {}\n", name, seconds(Histogram::kBounds[i]), below);
    }
    // Of the same snapshot: `+Inf` and the count are equal, as they have to be.
    line("{}_bucket{{le=\"+Inf\"}} {}\n", name, histogram.count());
    line("{}_sum {}\n", name, seconds(histogram.sum));
    line("{}_count {}\n", name, histogram.count());
  }
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }
  std::string take() { return std::move(out_); }

 private:
  static double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
  }
  std::string out_;
  std::string_view name_;
};

void write_server(Text& text, const Stats& s) {
  text.begin("socketio_build_info", "gauge", "Version and backend; always 1.");
  text.line("socketio_build_info{{version=\"{}.{}.{}\",backend=\"{}\"}} 1\n",
            SOCKETIO_VERSION_MAJOR, SOCKETIO_VERSION_MINOR, SOCKETIO_VERSION_PATCH, s.backend);
  text.begin("socketio_uptime_seconds", "gauge", "Since the server was made.");
  text.line("socketio_uptime_seconds {}\n", static_cast<double>(s.uptime.count()) / 1000);
  text.gauge("socketio_threads", "Loop threads.", s.threads);
  text.gauge("socketio_connections", "Open TCP connections.", s.connections);
  text.counter("socketio_connections_accepted_total", "TCP connections accepted and kept.",
               s.accepted_connections);
  text.counter("socketio_connections_refused_total",
               "TCP connections closed on accept: as many as allowed, or closing.",
               s.refused_connections);
  text.counter("socketio_connections_moved_total",
               "Connections handed to the thread of their session.", s.moved_connections);
  text.counter("socketio_clients_shed_total",
               "Clients closed because they held most when the server held too much.",
               s.shed_clients);
  text.counter("socketio_received_bytes_total", "Bytes received.", s.bytes_in);
  text.counter("socketio_sent_bytes_total", "Bytes sent.", s.bytes_out);
  text.counter("socketio_http_requests_total", "Complete HTTP requests.", s.http_requests);
  text.counter("socketio_http_errors_total", "HTTP requests malformed, too large or too slow.",
               s.http_errors);
}

void write_clients(Text& text, const Stats& s) {
  text.begin("socketio_clients", "gauge", "Engine.IO sessions by transport.");
  text.sample("transport", "polling", polling_clients(s));
  text.sample("transport", "websocket", s.websocket_clients);
  text.begin("socketio_clients_opened_total", "counter",
             "Engine.IO sessions by the transport they began with.");
  text.sample("transport", "polling", s.polling_opened);
  text.sample("transport", "websocket", s.websocket_opened);
  text.counter("socketio_upgrades_total", "Sessions that went from polling to WebSocket.",
               s.upgrades);
  text.begin("socketio_clients_closed_total", "counter", "Engine.IO sessions ended, by reason.");
  for (std::size_t i = 0; i < s.closed_clients.size(); ++i)
    text.sample("reason", eio::text(static_cast<eio::CloseReason>(i)), s.closed_clients[i]);
  text.begin("socketio_rejected_requests_total", "counter",
             "Engine.IO requests answered with an error, by reason.");
  for (std::size_t i = 0; i < s.rejects.size(); ++i)
    text.sample("reason", kRejectNames[i], s.rejects[i]);
}

void write_sockets(Text& text, const Stats& s) {
  text.gauge("socketio_sockets", "Connected sockets of all namespaces.", s.sockets);
  text.gauge("socketio_namespaces", "Namespaces.", s.namespaces);
  text.gauge("socketio_rooms", "Rooms with members, on each thread.", s.rooms);
  text.counter("socketio_events_received_total", "Events dispatched to handlers.", s.events_in);
  text.counter("socketio_events_sent_total", "Events queued, once for each receiver.",
               s.events_out);
  text.gauge("socketio_acks_pending", "Acknowledgements awaited.", s.acks_pending);
  text.counter("socketio_acks_timed_out_total", "Acknowledgements that did not come in time.",
               s.acks_timed_out);
  text.counter("socketio_payload_mismatches_total", "Events whose payload did not fit the handler.",
               s.mismatched_events);
  text.counter("socketio_handler_errors_total", "Exceptions caught from handlers.",
               s.handler_errors);
  text.begin("socketio_disconnects_total", "counter", "Sockets disconnected, by reason.");
  for (std::size_t i = 0; i < s.disconnects.size(); ++i)
    text.sample("reason", to_string(static_cast<DisconnectReason>(i)), s.disconnects[i]);
}

void write_websockets(Text& text, const Stats& s) {
  text.gauge("socketio_plain_websockets", "Open WebSockets of routes.", s.plain_websockets);
  text.counter("socketio_plain_messages_received_total", "Messages from them.",
               s.plain_messages_in);
  text.counter("socketio_plain_messages_sent_total", "Messages queued for them.",
               s.plain_messages_out);
}

void write_queues(Text& text, const Stats& s) {
  text.begin("socketio_held_bytes", "gauge",
             "Memory held for unfinished input, and for output not sent yet.");
  text.sample("direction", "in", s.input_bytes);
  text.sample("direction", "out", s.output_bytes);
  text.gauge("socketio_deflate_context_bytes", "Kept by connections with context takeover.",
             s.deflate_context_bytes);
  text.gauge("socketio_recovery_sessions", "Sessions kept for clients to come back for.",
             s.recovery_sessions);
  text.gauge("socketio_recovery_packets", "Packets kept for them to miss.", s.recovery_packets);
  text.gauge("socketio_recovery_bytes", "Bytes of those packets.", s.recovery_bytes);
  text.gauge("socketio_mailbox_jobs", "Jobs posted from other threads and not begun.",
             s.mailbox_jobs);
  text.gauge("socketio_offload_jobs", "Jobs waiting for the workers.", s.offload_jobs);
  text.counter("socketio_log_lines_suppressed_total", "Log lines left out by the rate limit.",
               s.suppressed_log_lines);
  text.histogram("socketio_turn_seconds", "From a loop's waking up until it sleeps again.",
                 s.turns);
}

}  // namespace

std::uint64_t polling_clients(const Stats& stats) {
  return stats.clients - std::min(stats.clients, stats.websocket_clients);
}

std::string metrics_text(const Stats& stats) {
  Text text;
  write_server(text, stats);
  write_clients(text, stats);
  write_sockets(text, stats);
  write_websockets(text, stats);
  write_queues(text, stats);
  return text.take();
}

}  // namespace socketio::server
