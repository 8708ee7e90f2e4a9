// What the routes for monitoring answer: metrics, alive, ready.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include <socketio/http.hpp>
#include <socketio/stats.hpp>

#include "base/time.hpp"

namespace socketio::detail {
struct Hub;
}

namespace socketio::server {

class Monitor {
 public:
  // The text of the metrics is made at most this often, however many ask.
  static constexpr base::Duration kMetricsAge = std::chrono::seconds(1);

  Monitor(std::shared_ptr<detail::Hub> hub, std::function<Stats()> stats)
      : hub_(std::move(hub)), stats_(std::move(stats)) {}

  void measure_turns();
  HttpReply metrics();  // any thread
  static HttpReply alive();
  HttpReply ready() const;

 private:
  std::shared_ptr<detail::Hub> hub_;
  std::function<Stats()> stats_;
  std::mutex mutex_;
  std::string text_;
  base::Time made_ = base::Time::min();
};

}  // namespace socketio::server
