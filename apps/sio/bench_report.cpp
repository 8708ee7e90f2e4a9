#include "bench_report.hpp"

#include <string>

#include <fmt/format.h>

namespace sio_tool {
namespace {

using load::Scenario;
using load::Transport;

const char* name(Scenario scenario) {
  switch (scenario) {
    case Scenario::echo:
      return "echo";
    case Scenario::broadcast:
      return "broadcast";
    case Scenario::rooms:
      return "rooms";
    case Scenario::connect:
      return "connect";
    case Scenario::idle:
      return "idle";
  }
  return "";
}

const char* name(Transport transport) {
  switch (transport) {
    case Transport::websocket:
      return "websocket";
    case Transport::polling:
      return "polling";
    case Transport::raw:
      return "raw";
  }
  return "";
}

std::string histogram(const load::Histogram& latency) {
  std::string text;
  latency.each([&](double micros, std::uint64_t count) {
    text += fmt::format("{}[{:.3f},{}]", text.empty() ? "" : ",", micros, count);
  });
  return text;
}

}  // namespace

void print_json(const load::Options& options, const load::Report& report) {
  const load::Histogram& latency = report.latency;
  std::string json = fmt::format(
      R"({{"scenario":"{}","transport":"{}","clients":{},"operations":{},"messages":{},)"
      R"("seconds":{:.4f},"per_second":{:.1f},)",
      name(options.scenario), name(options.transport), options.clients, report.operations,
      report.messages, report.seconds, report.per_second());
  json += fmt::format(R"("rate":{},"offered_per_second":{:.1f},"kept_up":{},"late_p99_us":{:.1f},)",
                      options.rate, report.offered, report.kept_up(), report.late.quantile(0.99));
  json +=
      fmt::format(R"("cpu_us":{:.4f},"cpu_us_user":{:.4f},"server_cpu":{:.4f},"own_cpu_us":{:.4f},)"
                  R"("own_cpu":{:.4f},"bottleneck":{},)",
                  report.micros_each(report.server.cpu()), report.micros_each(report.server.user),
                  report.server_cpu(), report.micros_each(report.own_cpu_seconds), report.own_cpu(),
                  report.generator_is_bottleneck());
  json += fmt::format(
      R"("p50_us":{:.1f},"p90_us":{:.1f},"p99_us":{:.1f},"p999_us":{:.1f},"max_us":{:.1f},)",
      latency.quantile(0.5), latency.quantile(0.9), latency.quantile(0.99), latency.quantile(0.999),
      latency.max());
  json += fmt::format(R"("rss":{},"rss_per_client":{:.0f},"histogram":[{}]}})", report.server.rss,
                      report.server_rss_per_client, histogram(latency));
  fmt::print("{}\n", json);
}

void print_text(const load::Options& options, const load::Report& report) {
  if (options.scenario == Scenario::idle) {
    fmt::print("{} connections: {:.0f} bytes resident each (server {:.1f} MB), CPU {:.1f} %\n",
               options.clients, report.server_rss_per_client,
               static_cast<double>(report.server.rss) / 1e6, report.server_cpu() * 100);
    return;
  }
  const load::Histogram& latency = report.latency;
  fmt::print("{:.0f} {}/s over {:.1f} s\n", report.per_second(),
             options.scenario == Scenario::connect ? "connections" : "deliveries", report.seconds);
  fmt::print("latency    p50 {:.0f}  p90 {:.0f}  p99 {:.0f}  p99.9 {:.0f}  max {:.0f} us\n",
             latency.quantile(0.5), latency.quantile(0.9), latency.quantile(0.99),
             latency.quantile(0.999), latency.max());
  if (options.pid > 0) {
    fmt::print("server     {:.2f} us of CPU each, {:.0f} % of a core\n",
               report.micros_each(report.server.cpu()), report.server_cpu() * 100);
  }
  fmt::print("generator  {:.2f} us of CPU each, {:.0f} % of a core\n",
             report.micros_each(report.own_cpu_seconds), report.own_cpu() * 100);
  if (report.generator_is_bottleneck()) {
    fmt::print("The generator was the bottleneck: the server can do more than this.\n");
  }
  if (!report.kept_up()) {
    fmt::print("The server did not keep up with {:.0f} deliveries/s.\n", report.offered);
  }
}

}  // namespace sio_tool
