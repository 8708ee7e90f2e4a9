#include "load/scenario.hpp"

#include <algorithm>
#include <utility>

#include "net/sys.hpp"

namespace load {

namespace base = socketio::base;
using socketio::net::system_now;

namespace {

// Who is in which room, and how much of what was sent is still to come.
class Rooms : public Scenarios {
 public:
  Rooms(const Options& options, ClientPool& pool, std::uint32_t rooms)
      : clients_(options.clients), rooms_(rooms), limit_(options.messages), pool_(pool) {}

  bool complete() const final { return limit_ > 0 && sent_ == limit_ && awaited_ == 0; }

 protected:
  std::uint32_t room_of(std::uint32_t client) const { return client % rooms_; }
  std::uint32_t members(std::uint32_t room) const {
    return clients_ / rooms_ + (room < clients_ % rooms_ ? 1 : 0);
  }
  bool may_send() const { return limit_ == 0 || sent_ < limit_; }
  void send_to(std::uint32_t room) {
    ++sent_;
    ++messages;
    awaited_ += members(room);
    pool_.send(room);
  }
  void came(base::Duration took) {
    --awaited_;
    done(took);
  }

  std::uint32_t clients_;
  std::uint32_t rooms_;
  std::uint64_t limit_;  // 0: none
  std::uint64_t sent_ = 0;

 private:
  ClientPool& pool_;
  std::uint64_t awaited_ = 0;
};

// Each room keeps its messages in flight: a new one is sent when every member has one.
class ClosedLoop final : public Rooms {
 public:
  ClosedLoop(const Options& options, ClientPool& pool, std::uint32_t rooms)
      : Rooms(options, pool, rooms),
        in_flight_(options.in_flight),
        by_turns_(options.scenario == Scenario::rooms),
        received_(options.clients),
        sent_to_(rooms),
        flights_(std::size_t{rooms} * options.in_flight) {}

  void start(base::Time) override {
    const std::uint64_t at_once = std::uint64_t{in_flight_} * (by_turns_ ? 1 : rooms_);
    for (std::uint64_t i = 0; i < at_once; ++i) send(next_room(), system_now());
  }

  void on_message(std::uint32_t client) override {
    const base::Time now = system_now();
    const std::uint32_t room = room_of(client);
    Flight& flight = flight_of(room, received_[client]++);
    came(now - flight.sent);
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
  std::uint32_t next_room() { return next_room_++ % rooms_; }
  void send(std::uint32_t room, base::Time now) {
    if (!may_send()) return;
    flight_of(room, sent_to_[room]++) = {now, 0};
    send_to(room);
  }

  std::uint32_t in_flight_;
  bool by_turns_;
  std::uint32_t next_room_ = 0;
  std::vector<std::uint32_t> received_;
  std::vector<std::uint32_t> sent_to_;
  std::vector<Flight> flights_;
};

// Sends at a fixed rate whatever comes back; latencies count from when a message was due, so that a
// server that stalls pays for everything that had to wait.
class OpenLoop final : public Rooms {
 public:
  OpenLoop(const Options& options, ClientPool& pool, std::uint32_t rooms)
      : Rooms(options, pool, rooms), interval_(1e9 / options.rate), received_(options.clients) {}

  void start(base::Time now) override {
    start_ = now;
    started_ = true;
  }
  base::Time next_due() const override {
    return started_ && may_send() ? due(sent_) : base::kNever;
  }
  void on_turn() override {
    if (!started_) return;
    const base::Time now = system_now();
    for (; may_send() && due(sent_) <= now; send_to(static_cast<std::uint32_t>(sent_ % rooms_))) {
      if (measuring) late.add(now - due(sent_));
    }
  }
  void on_message(std::uint32_t client) override {
    came(system_now() - due(next_number(client)));
    ++received_[client];
  }
  void finish(base::Time now) override {
    for (std::uint32_t client = 0; client < clients_; ++client) {
      for (std::uint64_t number = next_number(client); number < sent_; number += rooms_)
        latency.add(now - due(number));
    }
  }

 private:
  // Of the message that this client gets next.
  std::uint64_t next_number(std::uint32_t client) const {
    return room_of(client) + received_[client] * rooms_;
  }
  base::Time due(std::uint64_t number) const {
    return start_ +
           base::Duration(static_cast<std::int64_t>(interval_ * static_cast<double>(number)));
  }

  double interval_;  // nanoseconds
  base::Time start_{};
  bool started_ = false;
  std::vector<std::uint64_t> received_;
};

// Every client comes and goes.
class Connects final : public Scenarios {
 public:
  Connects(const Options& options, ClientPool& pool)
      : pool_(pool), limit_(options.messages), since_(options.clients) {}

  bool complete() const override { return limit_ > 0 && operations >= limit_; }
  void start(base::Time now) override {
    started_ = true;
    for (std::uint32_t client = 0; client < since_.size(); ++client) {
      since_[client] = now;
      ++begun_;
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
    if (limit_ > 0 && begun_ == std::max<std::uint64_t>(limit_, since_.size())) return;
    ++begun_;
    ++messages;
    pool_.connect(client);
  }

 private:
  ClientPool& pool_;
  std::uint64_t limit_;  // 0: none
  std::uint64_t begun_ = 0;
  std::vector<base::Time> since_;
  bool started_ = false;
};

// One big message through each connection, one after the other, or nothing at all.
class Idle final : public Scenarios {
 public:
  Idle(const Options& options, ClientPool& pool) : options_(options), pool_(pool) {}

  bool complete() const override { return options_.burst == 0 || operations == options_.clients; }
  void start(base::Time) override {
    if (options_.burst > 0) pool_.send_burst(0);
  }
  void on_message(std::uint32_t client) override {
    done({});
    if (client + 1 < options_.clients) pool_.send_burst(client + 1);
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
