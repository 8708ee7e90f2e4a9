#include "load/run.hpp"

#include <cstdio>
#include <stdexcept>

#include "load/scenario.hpp"

namespace load {

namespace base = socketio::base;
namespace net = socketio::net;
using net::system_now;

namespace {

constexpr base::Duration kTick = std::chrono::milliseconds(100);
constexpr base::Duration kConnectTimeout = std::chrono::seconds(120);
// How long an open loop may oversleep: it sends what is due at the end of each turn.
constexpr base::Duration kOpenLoopTurn = std::chrono::microseconds(50);
// New connections leave garbage behind on a JavaScript server: its memory counts after a while.
constexpr base::Duration kSettle = std::chrono::seconds(3);

class Run {
 public:
  explicit Run(const Options& options)
      : options_(options),
        loop_(net::make_epoll_backend()),
        pool_(options_, loop_),
        scenario_(Scenarios::make(options_, pool_)) {
    pool_.set_traffic(*scenario_);
    pool_.start_ticks(kTick);
  }

  Report measure() {
    const ProcessStat fresh = process_stat(options_.pid);
    const base::Time deadline = system_now() + kConnectTimeout;
    // Rooms are given out in the order of connecting, which has to be the order of our numbers.
    pool_.open(options_.scenario == Scenario::rooms ? 1 : 64);
    while (pool_.ready() < options_.clients) {
      turn(kTick);
      if (system_now() > deadline) throw std::runtime_error("the clients did not get connected");
    }
    scenario_->start(system_now());
    if (options_.scenario == Scenario::idle) return idle(fresh);
    turn_until(system_now() + options_.warm_up);
    scenario_->measure();
    const ProcessStat before = process_stat(options_.pid);
    const double own_before = own_cpu_seconds();
    const base::Time began = system_now();
    live_since_ = began;
    turn_until(began + options_.duration);
    const base::Time ended = system_now();
    Report report;
    report.server = process_stat(options_.pid);
    report.own_cpu_seconds = own_cpu_seconds() - own_before;
    report.server.user -= before.user;
    report.server.system -= before.system;
    report.seconds = std::chrono::duration<double>(ended - began).count();
    report.operations = scenario_->operations;
    report.latency = scenario_->latency;
    return report;
  }

 private:
  void turn(base::Duration wait) {
    loop_.process(pool_, options_.rate > 0 ? kOpenLoopTurn : wait);
    if (!pool_.error().empty()) throw std::runtime_error(pool_.error());
  }

  void turn_until(base::Time end) {
    for (base::Time now = system_now(); now < end; now = system_now()) {
      turn(kTick);
      if (options_.live && scenario_->measuring && now >= live_next_) show(now);
    }
    if (options_.live && scenario_->measuring) std::fprintf(stderr, "\n");
  }

  void show(base::Time now) {
    live_next_ = now + 5 * kTick;
    const double seconds = std::chrono::duration<double>(now - live_since_).count();
    if (seconds <= 0) return;
    std::fprintf(stderr, "\r%10.0f /s   p50 %8.1f us   p99 %8.1f us ",
                 static_cast<double>(scenario_->operations) / seconds,
                 scenario_->latency.quantile(0.5), scenario_->latency.quantile(0.99));
  }

  Report idle(const ProcessStat& fresh) {
    while (options_.burst > 0 && scenario_->operations < options_.clients) turn(kTick);
    const double own_before = own_cpu_seconds();
    const ProcessStat before = process_stat(options_.pid);
    const base::Time began = system_now();
    turn_until(began + std::max(options_.duration, kSettle));
    Report report;
    report.seconds = std::chrono::duration<double>(system_now() - began).count();
    report.own_cpu_seconds = own_cpu_seconds() - own_before;
    report.server = process_stat(options_.pid);
    report.server.user -= before.user;
    report.server.system -= before.system;
    report.server_rss_per_client =
        (static_cast<double>(report.server.rss) - static_cast<double>(fresh.rss)) /
        static_cast<double>(options_.clients);
    return report;
  }

  Options options_;
  net::Loop loop_;
  ClientPool pool_;
  std::unique_ptr<Scenarios> scenario_;
  base::Time live_since_{};
  base::Time live_next_{};
};

}  // namespace

Report run(const Options& options) {
  return Run(options).measure();
}

}  // namespace load
