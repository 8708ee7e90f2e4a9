#include "server/monitor.hpp"

#include "net/sys.hpp"
#include "server/hub.hpp"
#include "server/metrics_text.hpp"
#include "server/routes.hpp"

namespace socketio::server {
namespace {

HttpReply fresh(HttpReply reply) {
  reply.headers.emplace_back("Cache-Control", "no-store");
  return reply;
}

}  // namespace

void Monitor::measure_turns() {
  hub_->measure_turns.store(true, std::memory_order_relaxed);
}

HttpReply Monitor::metrics() {
  const base::Time now = net::system_now();
  const std::lock_guard lock(mutex_);
  if (text_.empty() || now - made_ >= kMetricsAge) {
    text_ = metrics_text(stats_());
    made_ = now;
  }
  return fresh({200, {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}}, text_});
}

HttpReply Monitor::alive() {
  return fresh(HttpReply::text("ok\n"));
}

HttpReply Monitor::ready() const {
  if (hub_->ready.load() && !hub_->closing.load()) return fresh(HttpReply::text("ready\n"));
  return fresh(HttpReply::text("not ready\n", 503));
}

}  // namespace socketio::server

namespace socketio {

HttpRoutes& HttpRoutes::metrics(std::string pattern,
                                std::function<bool(const HttpRequest&)> allow) {
  table_->monitor->measure_turns();
  return get(std::move(pattern),
             [table = table_.get(), allow = std::move(allow)](const HttpRequest& request) {
               if (allow && !allow(request))
                 return HttpReply{403, {{"Cache-Control", "no-store"}}, {}};
               return table->monitor->metrics();
             });
}

HttpRoutes& HttpRoutes::health(std::string pattern) {
  return get(std::move(pattern), [](const HttpRequest&) { return server::Monitor::alive(); });
}

HttpRoutes& HttpRoutes::ready(std::string pattern) {
  return get(std::move(pattern),
             [table = table_.get()](const HttpRequest&) { return table->monitor->ready(); });
}

}  // namespace socketio
