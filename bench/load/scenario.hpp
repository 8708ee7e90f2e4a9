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
  // When something has to be sent although nothing comes in.
  virtual socketio::base::Time next_due() const { return socketio::base::kNever; }
  // The end of measuring: what is still under way counts with the age it has reached, or a server
  // that stalls would gain by never answering.
  virtual void finish(socketio::base::Time) {}
  // options.messages have been sent and have come back.
  virtual bool complete() const = 0;

  // Counts from now on.
  void measure() {
    operations = 0;
    messages = 0;
    latency.clear();
    late.clear();
    measuring = true;
  }
  bool measuring = false;
  std::uint64_t operations = 0;
  std::uint64_t messages = 0;  // sent
  Histogram latency;
  Histogram late;

  void on_ready(std::uint32_t) override {}
  void on_message(std::uint32_t) override {}
  void on_closed(std::uint32_t) override {}
  void on_turn() override {}

 protected:
  void done(socketio::base::Duration took) {
    ++operations;
    if (measuring) latency.add(took);
  }
};

}  // namespace load
