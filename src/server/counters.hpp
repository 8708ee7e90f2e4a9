// What one shard has done and holds. Written by its thread only, with plain loads and stores; read
// by any. Nothing in here costs an event more than three instructions, and times are taken once a
// turn, if at all.
#pragma once

#include <array>

#include <socketio/disconnect_reason.hpp>
#include <socketio/stats.hpp>

#include "base/counter.hpp"
#include "base/time.hpp"

namespace socketio::server {

class TimeHistogram {
 public:
  void record(base::Duration time) {
    std::size_t bucket = 0;  // most are in the first ones
    while (bucket < Histogram::kBounds.size() && time > Histogram::kBounds[bucket]) ++bucket;
    counts_[bucket].add();
    sum_.add(static_cast<std::uint64_t>(time.count()));
  }
  void add_to(Histogram& all) const {
    for (std::size_t i = 0; i < counts_.size(); ++i) all.counts[i] += counts_[i].get();
    all.sum += std::chrono::nanoseconds(sum_.get());
  }

 private:
  std::array<base::Counter, Histogram::kBounds.size() + 1> counts_;
  base::Counter sum_;  // nanoseconds
};

struct Counters {
  base::Counter accepted;  // connections handed to this shard by an accept
  base::Counter refused;   // ... and closed at once
  base::Counter moved;     // handed to the shard that has their session
  base::Counter shed;      // clients closed since the whole server held too much
  base::Counter bytes_in;
  base::Counter bytes_out;
  base::Counter http_requests;
  base::Counter http_errors;
  base::Counter disk_jobs;  // wait, and are not with the worker

  base::Counter clients;
  base::Counter websocket_clients;
  base::Counter polling_opened;
  base::Counter websocket_opened;
  base::Counter upgrades;
  std::array<base::Counter, Stats::kCloses> closes;    // by eio::CloseReason
  std::array<base::Counter, Stats::kRejects> rejects;  // by engine.io's code

  base::Counter sockets;
  base::Counter events_in;
  base::Counter events_out;
  base::Counter acks_pending;
  base::Counter acks_timed_out;
  base::Counter mismatches;
  base::Counter failures;
  std::array<base::Counter, Stats::kDisconnects> disconnects;  // by DisconnectReason

  base::Counter plain_websockets;
  base::Counter plain_in;
  base::Counter plain_out;

  TimeHistogram turns;

  void add_to(Stats& all) const;
};

}  // namespace socketio::server
