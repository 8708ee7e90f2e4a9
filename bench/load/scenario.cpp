#include "load/scenario.hpp"

namespace load {

namespace base = socketio::base;
using socketio::net::system_now;

namespace {

// Each room keeps its messages in flight: a new one is sent when every member has one.
class ClosedLoop final : public Scenarios {
 public:
  ClosedLoop(const Options& options, ClientPool& pool, std::uint32_t rooms)
      : pool_(pool),
        clients_(options.clients),
        rooms_(rooms),
        in_flight_(options.in_flight),
        by_turns_(options.scenario == Scenario::rooms),
        received_(options.clients),
        sent_(rooms),
        flights_(std::size_t{rooms} * options.in_flight) {}

  void start(base::Time) override {
    const std::uint32_t at_once = by_turns_ ? in_flight_ : in_flight_ * rooms_;
    for (std::uint32_t i = 0; i < at_once; ++i) send(next_room(), system_now());
  }

  void on_message(std::uint32_t client) override {
    const base::Time now = system_now();
    const std::uint32_t room = client % rooms_;
    Flight& flight = flight_of(room, received_[client]++);
    done(now - flight.sent);
    if (++flight.delivered < members(room)) return;
    send(by_turns_ ? next_room() : room, now);
  }

 private:
  struct Flight {
    base::Time sent{};
    std::uint32_t delivered = 0;
  };

  Flight& flight_of(std::uint32_t room, std::uint32_t number) {
    return flights_[std::size_t{room} * in_flight_ + number % in_flight_];
  }
  std::uint32_t members(std::uint32_t room) const {
    return clients_ / rooms_ + (room < clients_ % rooms_ ? 1 : 0);
  }
  std::uint32_t next_room() { return next_room_++ % rooms_; }
  void send(std::uint32_t room, base::Time now) {
    flight_of(room, sent_[room]++) = {now, 0};
    pool_.send(room);
  }

  ClientPool& pool_;
  std::uint32_t clients_;
  std::uint32_t rooms_;
  std::uint32_t in_flight_;
  bool by_turns_;
  std::uint32_t next_room_ = 0;
  std::vector<std::uint32_t> received_;
  std::vector<std::uint32_t> sent_;
  std::vector<Flight> flights_;
};

// Sends at a fixed rate whatever comes back; latencies count from when a message was due, so that a
// server that stalls pays for everything that had to wait.
class OpenLoop final : public Scenarios {
 public:
  OpenLoop(const Options& options, ClientPool& pool, std::uint32_t rooms)
      : pool_(pool), rooms_(rooms), interval_(1e9 / options.rate), received_(options.clients) {}

  void start(base::Time now) override {
    start_ = now;
    started_ = true;
  }
  void on_turn() override {
    if (!started_) return;
    const base::Time now = system_now();
    for (; due(sent_) <= now; ++sent_) pool_.send(static_cast<std::uint32_t>(sent_ % rooms_));
  }
  void on_message(std::uint32_t client) override {
    const std::uint64_t number = client % rooms_ + received_[client]++ * rooms_;
    done(system_now() - due(number));
  }

 private:
  base::Time due(std::uint64_t number) const {
    return start_ +
           base::Duration(static_cast<std::int64_t>(interval_ * static_cast<double>(number)));
  }

  ClientPool& pool_;
  std::uint32_t rooms_;
  double interval_;  // nanoseconds
  base::Time start_{};
  bool started_ = false;
  std::uint64_t sent_ = 0;
  std::vector<std::uint64_t> received_;
};

// Every client comes and goes.
class Connects final : public Scenarios {
 public:
  Connects(const Options& options, ClientPool& pool) : pool_(pool), since_(options.clients) {}

  void start(base::Time now) override {
    started_ = true;
    for (std::uint32_t client = 0; client < since_.size(); ++client) {
      since_[client] = now;
      pool_.leave(client);
    }
  }
  void on_ready(std::uint32_t client) override {
    if (started_) pool_.leave(client);
  }
  void on_closed(std::uint32_t client) override {
    if (!started_) return;
    const base::Time now = system_now();
    done(now - std::exchange(since_[client], now));
    pool_.connect(client);
  }

 private:
  ClientPool& pool_;
  std::vector<base::Time> since_;
  bool started_ = false;
};

// One big message through each connection, one after the other, or nothing at all.
class Idle final : public Scenarios {
 public:
  Idle(const Options& options, ClientPool& pool) : options_(options), pool_(pool) {}

  void start(base::Time) override {
    if (options_.burst > 0) pool_.send_burst(0, options_.burst);
  }
  void on_message(std::uint32_t client) override {
    done({});
    if (client + 1 < options_.clients) pool_.send_burst(client + 1, options_.burst);
  }

 private:
  const Options& options_;
  ClientPool& pool_;
};

}  // namespace

std::unique_ptr<Scenarios> Scenarios::make(const Options& options, ClientPool& pool) {
  if (options.scenario == Scenario::connect) return std::make_unique<Connects>(options, pool);
  if (options.scenario == Scenario::idle) return std::make_unique<Idle>(options, pool);
  const std::uint32_t rooms = options.scenario == Scenario::echo        ? options.clients
                              : options.scenario == Scenario::broadcast ? 1
                                                                        : options.rooms;
  if (options.rate > 0) return std::make_unique<OpenLoop>(options, pool, rooms);
  return std::make_unique<ClosedLoop>(options, pool, rooms);
}

}  // namespace load
