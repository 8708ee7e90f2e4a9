#include "load/run.hpp"

#include <cstdio>
#include <stdexcept>
#include <utility>

#include <sys/prctl.h>
#include <unistd.h>

#include "load/scenario.hpp"
#include "net/sys.hpp"

namespace load {

namespace base = socketio::base;
namespace net = socketio::net;
using net::system_now;

namespace {

constexpr base::Duration kTick = std::chrono::milliseconds(100);
constexpr base::Duration kConnectTimeout = std::chrono::seconds(120);
// An open loop that sleeps shorter than this wakes up more often than it is worth.
constexpr base::Duration kShortestSleep = std::chrono::microseconds(10);
// With a number of messages instead of a duration: nothing has come back for so long.
constexpr base::Duration kStalled = std::chrono::seconds(60);
// New connections leave garbage behind on a JavaScript server: its memory counts after a while.
constexpr base::Duration kSettle = std::chrono::seconds(3);
constexpr base::Duration kShow = std::chrono::seconds(1);

// One line per second on standard error, written over itself on a terminal.
class Live {
 public:
  explicit Live(bool on) : on_(on), terminal_(::isatty(STDERR_FILENO) == 1) {}

  void begin(base::Time now) {
    next_ = now + kShow;
    last_ = now;
    last_count_ = 0;
    last_cpu_ = own_cpu_seconds();
  }
  void update(base::Time now, const Scenarios& scenario) {
    if (!on_ || now < next_) return;
    const double seconds = std::chrono::duration<double>(now - last_).count();
    const double cpu = own_cpu_seconds();
    std::fprintf(stderr, "%s%9.0f /s   p50 %9.1f us   p99 %9.1f us   generator %3.0f %% busy%s%s",
                 terminal_ ? "\r" : "",
                 static_cast<double>(scenario.operations - last_count_) / seconds,
                 scenario.latency.quantile(0.5), scenario.latency.quantile(0.99),
                 (cpu - last_cpu_) / seconds * 100, scenario.measuring ? "" : "   (warm-up)",
                 terminal_ ? "\x1b[K" : "\n");
    shown_ = true;
    begin(now);
    last_count_ = scenario.operations;
    last_cpu_ = cpu;
  }
  void end() {
    if (shown_ && terminal_) std::fprintf(stderr, "\n");
  }

 private:
  bool on_;
  bool terminal_;
  bool shown_ = false;
  base::Time next_{};
  base::Time last_{};
  std::uint64_t last_count_ = 0;
  double last_cpu_ = 0;
};

class Run {
 public:
  explicit Run(const Options& options)
      : options_(options),
        loop_(net::make_epoll_backend()),
        pool_(ClientPool::make(options_, loop_)),
        scenario_(Scenarios::make(options_, *pool_)),
        live_(options.live) {
    pool_->set_traffic(*scenario_);
    // Sleeps of an open loop end on time, not up to 50 us later.
    ::prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
  }

  Report measure() {
    const ProcessStat fresh = process_stat(options_.pid);
    const base::Time deadline = system_now() + kConnectTimeout;
    // Rooms are given out in the order of connecting, which has to be the order of our numbers.
    pool_->open(options_.scenario == Scenario::rooms ? 1 : 64);
    while (pool_->ready() < options_.clients) {
      turn();
      if (system_now() > deadline) throw std::runtime_error("the clients did not get connected");
    }
    if (options_.messages > 0) scenario_->measure();  // from the first one on
    scenario_->start(system_now());
    if (options_.scenario == Scenario::idle) {
      turn_until_complete();
    } else {
      live_.begin(system_now());
      turn_until(system_now() + options_.warm_up);
    }
    Report report = window();
    live_.end();
    report.server_rss_per_client =
        (static_cast<double>(report.server.rss) - static_cast<double>(fresh.rss)) /
        static_cast<double>(options_.clients);
    return report;
  }

 private:
  Report window() {
    if (options_.messages == 0) scenario_->measure();
    const ProcessStat before = process_stat(options_.pid);
    const double own_before = own_cpu_seconds();
    const base::Time began = system_now();
    live_.begin(began);
    const bool idle = options_.scenario == Scenario::idle;
    if (options_.messages > 0) {
      turn_until_complete();
    } else {
      turn_until(began + (idle ? std::max(options_.duration, kSettle) : options_.duration));
    }
    Report report;
    const base::Time ended = system_now();
    report.server = process_stat(options_.pid).since(before);
    report.own_cpu_seconds = own_cpu_seconds() - own_before;
    report.seconds = std::chrono::duration<double>(ended - began).count();
    report.operations = scenario_->operations;
    report.messages = scenario_->messages;
    report.offered = options_.rate * receivers();
    scenario_->finish(ended);
    report.latency = scenario_->latency;
    report.late = scenario_->late;
    report.spun = options_.spin;
    return report;
  }

  double receivers() const {
    const auto clients = static_cast<double>(options_.clients);
    if (options_.scenario == Scenario::broadcast) return clients;
    if (options_.scenario == Scenario::rooms) return clients / options_.rooms;
    return 1;
  }

  void turn(base::Time until = base::kNever) {
    const base::Time now = system_now();
    const base::Time wanted = std::min(until, scenario_->next_due());
    const base::Duration wait = wanted == base::kNever ? kTick : std::min(wanted - now, kTick);
    loop_.process(*pool_, options_.spin ? base::Duration::zero() : std::max(wait, kShortestSleep));
    if (!pool_->error().empty()) throw std::runtime_error(pool_->error());
  }

  void turn_until(base::Time end) {
    for (base::Time now = system_now(); now < end; now = system_now()) {
      turn(end);
      live_.update(now, *scenario_);
    }
  }

  void turn_until_complete() {
    base::Time stalled = system_now() + kStalled;
    for (std::uint64_t before = 0; !scenario_->complete();) {
      turn();
      const base::Time now = system_now();
      live_.update(now, *scenario_);
      if (std::exchange(before, scenario_->operations) != scenario_->operations)
        stalled = now + kStalled;
      if (now > stalled) throw std::runtime_error("the server does not answer any more");
    }
  }

  Options options_;
  net::Loop loop_;
  std::unique_ptr<ClientPool> pool_;
  std::unique_ptr<Scenarios> scenario_;
  Live live_;
};

}  // namespace

Report run(const Options& options) {
  return Run(options).measure();
}

}  // namespace load
