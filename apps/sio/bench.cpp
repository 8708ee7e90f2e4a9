// sio bench: puts load on a server and reports what a message costs it. This is the command line
// only; the generator is bench/load, which stands on internal layers because the client library
// does not exist yet (and because ten thousand clients in one loop need less than it offers).
#include <cstdio>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>
#include <sys/resource.h>

#include "commands.hpp"
#include "load/run.hpp"

namespace sio_tool {
namespace {

struct Settings {
  load::Options options;
  std::string host = "127.0.0.1";
  std::uint16_t port = 3000;
  std::string scenario = "echo";
  double warm_up = 1;
  double duration = 3;
  bool json = false;
};

void set_scenario(load::Options& options, const std::string& text) {
  if (text == "echo") {
    options.scenario = load::Scenario::echo;
  } else if (text == "broadcast") {
    options.scenario = load::Scenario::broadcast;
  } else if (text == "connect") {
    options.scenario = load::Scenario::connect;
  } else if (text == "idle") {
    options.scenario = load::Scenario::idle;
  } else if (text.starts_with("rooms:")) {
    options.scenario = load::Scenario::rooms;
    options.rooms = static_cast<std::uint32_t>(std::stoul(text.substr(6)));
  }
  const bool rooms = options.scenario == load::Scenario::rooms;
  if (rooms && (options.rooms == 0 || options.rooms > options.clients))
    throw std::runtime_error("there must be at least one room, and no more than clients");
}

socketio::base::Duration seconds(double value) {
  return std::chrono::duration_cast<socketio::base::Duration>(std::chrono::duration<double>(value));
}

void raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void print_json(const load::Report& report) {
  const auto per_second = static_cast<double>(report.operations) / report.seconds;
  const auto operations = static_cast<double>(std::max<std::uint64_t>(report.operations, 1));
  fmt::print(
      "{{\"operations\":{},\"seconds\":{:.3f},\"per_second\":{:.0f},\"cpu_us\":{:.4f},"
      "\"cpu_us_user\":{:.4f},\"server_cpu\":{:.3f},\"own_cpu\":{:.3f},\"bottleneck\":{},"
      "\"p50_us\":{:.1f},\"p99_us\":{:.1f},\"rss\":{},\"rss_per_client\":{:.0f}}}\n",
      report.operations, report.seconds, per_second, report.micros_per_operation(),
      report.server.user * 1e6 / operations, report.server_cpu(), report.own_cpu(),
      report.generator_is_bottleneck(), report.latency.quantile(0.5), report.latency.quantile(0.99),
      report.server.rss, report.server_rss_per_client);
}

void print_text(const Settings& settings, const load::Report& report) {
  if (settings.options.scenario == load::Scenario::idle) {
    fmt::print("{} connections: {:.0f} bytes resident each (server {:.1f} MB), CPU {:.1f} %\n",
               settings.options.clients, report.server_rss_per_client,
               static_cast<double>(report.server.rss) / 1e6, report.server_cpu() * 100);
    return;
  }
  const char* unit =
      settings.options.scenario == load::Scenario::connect ? "connections" : "deliveries";
  fmt::print("{:.0f} {}/s   latency p50 {:.1f} us, p99 {:.1f} us\n",
             static_cast<double>(report.operations) / report.seconds, unit,
             report.latency.quantile(0.5), report.latency.quantile(0.99));
  if (settings.options.pid > 0) {
    fmt::print("server: {:.2f} us of CPU each ({:.0f} % busy, {:.0f} % of it in user space)\n",
               report.micros_per_operation(), report.server_cpu() * 100,
               report.server.cpu() > 0 ? report.server.user / report.server.cpu() * 100 : 0);
  }
  fmt::print("generator: {:.0f} % busy{}\n", report.own_cpu() * 100,
             report.generator_is_bottleneck() ? " - it was the bottleneck" : "");
}

void run_bench(Settings& settings) {
  set_scenario(settings.options, settings.scenario);
  const auto address = socketio::net::Address::parse(settings.host, settings.port);
  if (!address) throw std::runtime_error("not an address: " + settings.host);
  settings.options.server = *address;
  settings.options.warm_up = seconds(settings.warm_up);
  settings.options.duration = seconds(settings.duration);
  raise_descriptor_limit();
  const load::Report report = load::run(settings.options);
  if (settings.json) {
    print_json(report);
  } else {
    print_text(settings, report);
  }
}

}  // namespace

void add_bench(CLI::App& app) {
  auto settings = std::make_shared<Settings>();
  load::Options& options = settings->options;
  CLI::App* bench = app.add_subcommand("bench", "Put load on a server and report what it costs");
  bench->add_option("--host", settings->host, "Address of the server")->capture_default_str();
  bench->add_option("--port", settings->port, "Its port")->capture_default_str();
  bench->add_option("--scenario", settings->scenario, "echo, broadcast, rooms:K, connect or idle")
      ->check(CLI::IsMember({"echo", "broadcast", "connect", "idle"}) |
              CLI::Validator(
                  [](std::string& text) {
                    const bool good = text.starts_with("rooms:") && text.size() > 6 &&
                                      text.find_first_not_of("0123456789", 6) == std::string::npos;
                    return good ? std::string() : std::string("not rooms:K");
                  },
                  "rooms:K"))
      ->capture_default_str();
  bench->add_option("-c,--clients", options.clients, "Connections")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  bench
      ->add_option("-i,--in-flight", options.in_flight,
                   "Messages under way: per client with echo, in all otherwise")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  bench->add_option("--payload", options.payload, "Bytes of text in a message")
      ->capture_default_str();
  bench->add_option("--rate", options.rate, "Messages per second in all, answered or not");
  bench->add_option("--warm-up", settings->warm_up, "Seconds before measuring")
      ->capture_default_str();
  bench->add_option("--duration", settings->duration, "Seconds of measuring")
      ->capture_default_str();
  bench->add_option("--pid", options.pid, "The server's process, to measure its CPU and memory");
  bench->add_option("--burst", options.burst,
                    "With idle: bytes of one message echoed on each connection first");
  bench->add_flag("--raw", options.raw, "The server speaks bare WebSocket, not Socket.IO");
  bench->add_flag("--ack", options.ack, "With echo: as an acknowledgement");
  bench->add_flag("--browser", options.browser, "Send a browser's request headers");
  bench->add_flag("--live", options.live, "Show how it goes");
  bench->add_flag("--json", settings->json, "One line of JSON");
  bench->callback([settings] { run_bench(*settings); });
}

}  // namespace sio_tool
