// What one run of the load generator does, and what it found out.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.hpp"
#include "load/histogram.hpp"
#include "load/process_stat.hpp"
#include "net/address.hpp"

namespace load {

enum class Scenario : std::uint8_t {
  echo,       // every client sends and gets its own message back
  broadcast,  // client 0 sends, everybody receives
  rooms,      // client n is in room n modulo `rooms`; each message goes to one room, by turns
  connect,    // connect, handshake, disconnect, again
  idle,       // connect and do nothing
};

enum class Transport : std::uint8_t {
  websocket,
  polling,  // two connections per client: one waits in a GET, one carries the POSTs
  raw,      // bare WebSocket messages with the payload alone, for servers without Socket.IO
};

inline constexpr std::uint32_t kMaxPayload = 16'000'000;  // text, attachment or burst
// A generator as busy as this was waited for: what the server could do is more than was measured.
inline constexpr double kBottleneck = 0.9;
// One that spins is always busy, and is judged by how late it sent: this part of the latency, for
// 99 messages of 100.
inline constexpr double kLate = 0.25;
// An open loop got less than this part of what was offered: the server did not keep up.
inline constexpr double kKeptUp = 0.98;

struct Options {
  socketio::net::Address server;
  Scenario scenario = Scenario::echo;
  Transport transport = Transport::websocket;
  std::uint32_t clients = 100;
  std::uint32_t in_flight = 1;  // echo: per client; otherwise in all
  std::uint32_t rooms = 1;
  std::uint32_t payload = 32;  // bytes of text
  std::uint32_t binary = 0;    // bytes of an attachment that takes the text's place
  double rate = 0;             // messages per second whatever the answers do (open loop); 0: closed
  bool spin = false;           // open loop: never sleep, so that latencies are the server's alone
  std::uint64_t messages = 0;  // stop when so many have come back, instead of after `duration`
  socketio::base::Duration warm_up = std::chrono::seconds(1);
  socketio::base::Duration duration = std::chrono::seconds(3);
  bool ack = false;         // ask for an acknowledgement instead of an event
  bool tls = false;         // whatever the server's certificate
  bool deflate = false;     // permessage-deflate, and JSON instead of letters as text
  bool browser = false;     // a browser's request head instead of a minimal one
  std::uint32_t burst = 0;  // idle: bytes of one message that each client sends and gets back first
  int pid = 0;              // the server, to read its CPU time and memory
  bool live = false;        // say once per second how it goes, on standard error
};

struct Report {
  std::uint64_t operations = 0;  // deliveries; connections with Scenario::connect
  std::uint64_t messages = 0;    // sent in the measured window
  double offered = 0;            // open loop: deliveries per second that the rate asks for
  double seconds = 0;
  ProcessStat server;  // spent in the measured window
  double server_rss_per_client = 0;
  double own_cpu_seconds = 0;
  Histogram latency;  // of each delivery, or from connecting to the end of a connection
  Histogram late;     // open loop: how long after its time each message was sent
  bool spun = false;

  double per_second() const { return seconds > 0 ? static_cast<double>(operations) / seconds : 0; }
  double own_cpu() const { return seconds > 0 ? own_cpu_seconds / seconds : 0; }
  double server_cpu() const { return seconds > 0 ? server.cpu() / seconds : 0; }
  double micros_each(double cpu_seconds) const {
    return operations > 0 ? cpu_seconds * 1e6 / static_cast<double>(operations) : 0;
  }
  bool generator_is_bottleneck() const {
    return spun ? late.quantile(0.99) > kLate * latency.quantile(0.99) : own_cpu() >= kBottleneck;
  }
  bool kept_up() const { return per_second() >= offered * kKeptUp; }
};

}  // namespace load
