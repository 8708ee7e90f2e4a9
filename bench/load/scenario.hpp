// What the clients do once they are connected, and the measuring of it.
//
// Echo, broadcast and rooms are one thing: client n is a member of room n modulo `rooms`, message j
// goes to room j modulo `rooms`, sent by the room's first member. Echo has a room for everybody,
// broadcast one for all. What a client has received so far tells which message came, so nothing is
// read from the messages.
#pragma once

#include <memory>

#include "load/client_pool.hpp"

namespace load {

class Scenarios : public Traffic {
 public:
  static std::unique_ptr<Scenarios> make(const Options& options, ClientPool& pool);

  // All clients are there: begin.
  virtual void start(socketio::base::Time now) = 0;

  // Counts from now on.
  void measure() {
    operations = 0;
    latency.clear();
    measuring = true;
  }
  bool measuring = false;
  std::uint64_t operations = 0;
  Histogram latency;

  void on_ready(std::uint32_t) override {}
  void on_message(std::uint32_t) override {}
  void on_closed(std::uint32_t) override {}
  void on_turn() override {}
  void on_tick() override {}

 protected:
  void done(socketio::base::Duration took) {
    ++operations;
    if (measuring) latency.add(took);
  }
};

}  // namespace load
