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

struct Options {
  socketio::net::Address server;
  Scenario scenario = Scenario::echo;
  std::uint32_t clients = 100;
  std::uint32_t in_flight = 1;  // echo: per client; otherwise in all
  std::uint32_t rooms = 1;
  std::uint32_t payload = 32;
  double rate = 0;  // messages per second whatever the answers do (open loop); 0: closed loop
  socketio::base::Duration warm_up = std::chrono::seconds(1);
  socketio::base::Duration duration = std::chrono::seconds(3);
  bool raw = false;         // bare WebSocket frames with the payload alone
  bool ack = false;         // ask for an acknowledgement instead of an event
  bool browser = false;     // a browser's request head instead of a minimal one
  std::uint32_t burst = 0;  // idle: bytes of one message that each client sends and gets back first
  int pid = 0;              // the server, to read its CPU time and memory
  bool live = false;
};

struct Report {
  std::uint64_t operations = 0;  // deliveries; connections with Scenario::connect
  double seconds = 0;
  ProcessStat server;  // spent in the measured window
  double server_rss_per_client = 0;
  double own_cpu_seconds = 0;
  Histogram latency;  // of each delivery, or from connecting to the end of a connection

  double own_cpu() const { return seconds > 0 ? own_cpu_seconds / seconds : 0; }
  double server_cpu() const { return seconds > 0 ? server.cpu() / seconds : 0; }
  double micros_per_operation() const {
    return operations > 0 ? server.cpu() * 1e6 / static_cast<double>(operations) : 0;
  }
  // Then the server waited for us, and what it could do is more than what is measured.
  bool generator_is_bottleneck() const { return own_cpu() > 0.85; }
};

}  // namespace load
