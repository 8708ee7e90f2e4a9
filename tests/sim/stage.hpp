// A whole server in a simulated world: one shard on the simulator's backend, stepped by virtual
// time. An hour passes in as long as its events take.
#pragma once

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>

#include "net/sim_backend.hpp"
#include "server/shard.hpp"

namespace socketio::sim {

inline const net::Address kServer = *net::Address::parse("10.0.0.99", 80);

// Who stands between the server and its world: the fault tests do.
class Meddler {
 public:
  virtual std::unique_ptr<net::Backend> wrap(std::unique_ptr<net::Backend> backend) = 0;
  virtual void turn_begins() = 0;
  virtual void turn_ended() = 0;

 protected:
  ~Meddler() = default;
};

class Stage {
 public:
  Stage(std::uint64_t seed, ServerOptions options, Meddler* meddler = nullptr)
      : world(seed), hub(make_hub(seed, std::move(options), world.now())), meddler_(meddler) {
    auto backend = std::make_unique<net::SimBackend>(world);
    backend_ = backend.get();
    server::ShardServices services;
    services.backend = std::move(backend);
    if (meddler != nullptr) services.backend = meddler->wrap(std::move(services.backend));
    services.clock = [this] { return world.now(); };
    services.random = std::make_unique<net::SeededRandom>(seed ^ 0x5EED);
    services.unix_ms = [this] {
      return 1'700'000'000'000 + world.now().time_since_epoch() / std::chrono::milliseconds(1) +
             wall_skew;
    };
    shard = std::make_unique<server::Shard>(std::move(services), hub, routes, std::uint8_t{0});
    listener = world.listen(kServer);
    shard->accept_on(listener);
  }

  base::Time now() const { return world.now(); }
  net::SimBackend& backend() { return *backend_; }
  const ServerOptions& options() const { return hub->settings.options; }
  bool post(std::function<void(server::Shard&)> job) { return hub->post(0, std::move(job)); }
  Stats stats() const {
    Stats all;
    shard->add_stats(all);
    all.input_bytes = static_cast<std::uint64_t>(hub->ledger.input());
    all.output_bytes = static_cast<std::uint64_t>(hub->ledger.output());
    return all;
  }
  std::uint64_t turns() const { return turns_; }
  std::size_t timers() { return shard->loop().timers().size(); }
  Namespace of(const std::string& name) {
    return {hub, server::open_namespace(hub, name, server::kNoParent, 0).entry->index};
  }

  // The process is not scheduled until then (a paused machine, a stopped process): the network goes
  // on.
  void stall(base::Duration duration) { next_turn_ = std::max(next_turn_, now() + duration); }
  // What a turn takes, at most: facts gather meanwhile and come together.
  base::Duration turn_cost{};
  std::int64_t wall_skew = 0;

  void run(base::Duration duration) { run_until(now() + duration); }
  void run_until(base::Time end) {
    while (true) {
      base::Time server = has_work() ? now() : shard->loop().timers().next();
      server = std::max({server, now(), next_turn_});
      const base::Time next = std::min(server, world.next());
      if (next > end) return world.advance(end);
      if (world.next() <= server) {
        world.step();
      } else {
        world.advance(server);
        turn();
      }
    }
  }
  // True when it came to that before `end`.
  bool run_until(const std::function<bool()>& condition, base::Duration limit) {
    const base::Time end = now() + limit;
    while (!condition()) {
      if (now() >= end) return false;
      run_until(std::min(end, now() + std::chrono::milliseconds(10)));
    }
    return true;
  }
  // Runs until the server has closed or the time is over.
  bool close(base::Duration limit) {
    bool done = false;
    post([this, &done](server::Shard& s) {
      s.close([&done] { done = true; });
      world.close(listener);  // as Listener does
    });
    return run_until([&] { return done; }, limit);
  }

  net::SimWorld world;
  std::shared_ptr<detail::Hub> hub;
  HttpRoutes routes;
  std::unique_ptr<server::Shard> shard;
  int listener = -1;

 private:
  static std::shared_ptr<detail::Hub> make_hub(std::uint64_t seed, ServerOptions options,
                                               base::Time now) {
    net::SeededRandom random(seed ^ 0x51D);
    options.serve_client = false;
    if (!options.log) options.log_level = LogLevel::error;
    return std::make_shared<detail::Hub>(std::move(options), random, now);
  }
  bool has_work() {
    return backend_->ready() || !shard->loop().mailbox().empty() ||
           static_cast<const net::Sink&>(*shard).has_work();
  }
  void turn() {
    if (now() != last_turn_) turns_here_ = 0;
    last_turn_ = now();
    ++turns_;
    if (++turns_here_ > 20'000) throw std::runtime_error("the server spins");
    if (meddler_ != nullptr) meddler_->turn_begins();
    shard->loop().process(*shard);
    if (meddler_ != nullptr) meddler_->turn_ended();
    if (turn_cost > base::Duration::zero()) {
      const auto most = static_cast<std::uint64_t>(turn_cost.count());
      next_turn_ = now() + base::Duration(static_cast<std::int64_t>(world.random().below(most)));
    }
  }

  Meddler* meddler_;
  net::SimBackend* backend_ = nullptr;
  base::Time next_turn_{};
  base::Time last_turn_{};
  int turns_here_ = 0;
  std::uint64_t turns_ = 0;
};

}  // namespace socketio::sim
