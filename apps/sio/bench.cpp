// sio bench: puts load on a server and reports what a message costs it. This is the command line
// only; the generator is bench/load, which stands on internal layers because the client library
// does not exist yet (and because ten thousand clients in one loop need less than it offers).
#include <charconv>
#include <cmath>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>
#include <sys/resource.h>

#include "bench_report.hpp"
#include "commands.hpp"
#include "load/run.hpp"

namespace sio_tool {
namespace {

constexpr std::string_view kFooter = R"(
A closed loop (the default) keeps --in-flight messages under way: the server is as busy as it can be, and latency follows
from that. An open loop (--rate) sends on time whatever comes back, and counts latency from when a message was due.

The result goes to standard output, as text or with --json as one line; progress goes to standard error.
Deliveries are counted: one per message with echo, one per receiver with broadcast and rooms.

  sio bench --port 3000 --pid $(pidof bench-server)                   CPU per echoed message
  sio bench --port 3000 --transport polling                           the same over HTTP
  sio bench --port 3000 --scenario broadcast -c 1000 --rate 50        latency at 50,000 deliveries/s

The server must answer the event "m" as bench-server does: --mode echo, broadcast or rooms:K.)";

constexpr std::uint32_t kMaxClients = 1'000'000;
constexpr double kMaxSeconds = 86'400;
constexpr double kMaxRate = 10'000'000;
constexpr std::uint64_t kMaxMessages = 1'000'000'000;
constexpr std::uint32_t kMaxInFlight = 100'000;
constexpr std::uint64_t kMaxFlights = 50'000'000;  // rooms (echo: clients) times in flight

struct Settings {
  load::Options options;
  std::string host = "127.0.0.1";
  std::uint16_t port = 3000;
  std::string scenario = "echo";
  std::string transport = "websocket";
  double warm_up = 1;
  double duration = 3;
  bool raw = false;
  bool json = false;
  bool quiet = false;
};

[[noreturn]] void refuse(const std::string& why) {
  throw CLI::ValidationError("sio bench", why);
}

void set_scenario(load::Options& options, const std::string& text) {
  constexpr std::string_view kRooms = "rooms:";
  if (text == "echo") {
    options.scenario = load::Scenario::echo;
  } else if (text == "broadcast") {
    options.scenario = load::Scenario::broadcast;
  } else if (text == "connect") {
    options.scenario = load::Scenario::connect;
  } else if (text == "idle") {
    options.scenario = load::Scenario::idle;
  } else if (text.starts_with(kRooms)) {
    options.scenario = load::Scenario::rooms;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + kRooms.size(), end, options.rooms);
    if (error != std::errc() || rest != end || options.rooms == 0)
      refuse("rooms:K needs a number of rooms, not \"" + text.substr(kRooms.size()) + "\"");
    if (options.rooms > options.clients)
      refuse("there are more rooms than clients: some would be empty");
  } else {
    refuse("no scenario \"" + text + "\": echo, broadcast, rooms:K, connect or idle");
  }
}

void set_transport(Settings& settings) {
  if (settings.transport == "polling") {
    if (settings.raw) refuse("--raw is bare WebSocket: it has no polling");
    settings.options.transport = load::Transport::polling;
  } else if (settings.transport != "websocket") {
    refuse("no transport \"" + settings.transport + "\": websocket or polling");
  } else if (settings.raw) {
    settings.options.transport = load::Transport::raw;
  }
}

// What makes no sense together is refused rather than ignored: a result must be what its command
// line says.
void check(const Settings& settings) {
  using load::Scenario;
  const load::Options& options = settings.options;
  // Which no range refuses.
  for (const double number : {options.rate, settings.warm_up, settings.duration}) {
    if (std::isnan(number)) refuse("--rate, --warm-up and --duration are numbers");
  }
  const bool messages = options.scenario != Scenario::connect && options.scenario != Scenario::idle;
  if (options.ack && options.scenario != Scenario::echo)
    refuse("--ack needs the scenario echo: who is not asked does not acknowledge");
  if (options.ack && settings.raw) refuse("--ack needs Socket.IO: not with --raw");
  if (options.rate > 0 && !messages) refuse("--rate is of messages: not with connect or idle");
  if (options.rate > 0 && options.in_flight != 1)
    refuse("--rate sends whatever is under way: not with --in-flight");
  if (options.spin && options.rate == 0) refuse("--spin needs --rate");
  if (options.binary > 0 && !messages) refuse("--binary is of messages: not with connect or idle");
  if (options.burst > 0 && options.scenario != Scenario::idle)
    refuse("--burst belongs to the scenario idle");
  if (options.deflate && (options.transport == load::Transport::polling || options.binary > 0))
    refuse("--deflate is of text on WebSockets: not with polling or --binary");
  if (options.messages > 0 && options.scenario == Scenario::idle)
    refuse("--messages: idle sends none");
  const std::uint64_t rooms = options.scenario == Scenario::rooms ? options.rooms : options.clients;
  if (messages && rooms * options.in_flight > kMaxFlights)
    refuse(fmt::format("too many messages in flight: more than {}", kMaxFlights));
  if (options.pid == 0 && options.scenario == Scenario::idle)
    refuse("idle measures the server's memory: it needs --pid");
  if (options.pid > 0 && !load::process_exists(options.pid))
    refuse(fmt::format("--pid: there is no process {}", options.pid));
}

// Clients need descriptors, two each with polling; some are the generator's own.
void raise_descriptor_limit(const load::Options& options) {
  constexpr rlim_t kOwn = 20;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t each = options.transport == load::Transport::polling ? 2 : 1;
  if (options.clients * each + kOwn > limit.rlim_max) {
    refuse(fmt::format("{} clients need {} descriptors, this process may have {} (ulimit -n)",
                       options.clients, options.clients * each + kOwn, limit.rlim_max));
  }
}

socketio::base::Duration seconds(double value) {
  return std::chrono::duration_cast<socketio::base::Duration>(std::chrono::duration<double>(value));
}

void run_bench(Settings& settings) {
  load::Options& options = settings.options;
  set_scenario(options, settings.scenario);
  set_transport(settings);
  const auto address = socketio::net::Address::parse(settings.host, settings.port);
  if (!address) refuse("--host must be an address, not \"" + settings.host + "\"");
  check(settings);
  raise_descriptor_limit(options);
  options.server = *address;
  options.warm_up = seconds(options.messages > 0 ? 0 : settings.warm_up);
  options.duration = seconds(settings.duration);
  options.live = !settings.quiet;
  const load::Report report = load::run(options);
  if (settings.json) {
    print_json(options, report);
  } else {
    print_text(options, report);
  }
}

void add_load(CLI::App& bench, Settings& settings) {
  load::Options& options = settings.options;
  bench.add_option("--scenario", settings.scenario, "echo, broadcast, rooms:K, connect or idle")
      ->capture_default_str();
  bench.add_option("--transport", settings.transport, "websocket or polling")
      ->capture_default_str();
  bench.add_option("-c,--clients", options.clients, "Clients")
      ->check(CLI::Range(1U, kMaxClients))
      ->capture_default_str();
  auto* in_flight = bench.add_option("-i,--in-flight", options.in_flight,
                                     "Messages under way: per client with echo, else in all");
  in_flight->check(CLI::Range(1U, kMaxInFlight))->capture_default_str();
  bench.add_option("--rate", options.rate, "Messages per second in all, answered or not")
      ->check(CLI::Range(0.01, kMaxRate));
  bench.add_flag("--spin", options.spin,
                 "With --rate: never sleep, so that no latency is the generator's waking up");
  bench.add_option("--payload", options.payload, "Bytes of text in a message")
      ->check(CLI::Range(0U, load::kMaxPayload))
      ->capture_default_str();
  bench.add_option("--binary", options.binary, "An attachment of so many bytes instead of text")
      ->check(CLI::Range(1U, load::kMaxPayload));
  bench
      .add_option("--burst", options.burst,
                  "idle: one message of so many bytes echoed on each first")
      ->check(CLI::Range(1U, load::kMaxPayload));
  bench.add_flag("--ack", options.ack, "echo: ask for an acknowledgement instead of an event");
  bench.add_flag("--raw", settings.raw, "The server speaks bare WebSocket, not Socket.IO");
  bench.add_flag("--tls", options.tls, "Over TLS; the server's certificate is not checked");
  bench.add_flag("--deflate", options.deflate,
                 "Take compressed messages; the text is JSON, and is sent as it is");
  bench.add_flag("--browser", options.browser, "Send a browser's request headers");
}

}  // namespace

void add_bench(CLI::App& app) {
  auto settings = std::make_shared<Settings>();
  load::Options& options = settings->options;
  CLI::App* bench = app.add_subcommand("bench", "Put load on a server and report what it costs");
  bench->footer(std::string(kFooter.substr(1)));
  bench->add_option("--host", settings->host, "Address of the server")->capture_default_str();
  bench->add_option("--port", settings->port, "Its port")
      ->check(CLI::Range(1, 65'535))
      ->capture_default_str();
  bench->add_option("--pid", options.pid, "Its process, to measure what it spends")
      ->check(CLI::PositiveNumber);
  add_load(*bench, *settings);
  auto* warm_up = bench->add_option("--warm-up", settings->warm_up, "Seconds before measuring");
  warm_up->check(CLI::Range(0.0, kMaxSeconds))->capture_default_str();
  auto* duration = bench->add_option("--duration", settings->duration, "Seconds of measuring");
  duration->check(CLI::Range(0.0, kMaxSeconds))->capture_default_str();
  bench
      ->add_option("--messages", options.messages,
                   "Measure so many messages (connections with connect), from the first on")
      ->check(CLI::Range(std::uint64_t{1}, kMaxMessages))
      ->excludes(warm_up)
      ->excludes(duration);
  bench->add_flag("--json", settings->json, "The result as one line of JSON");
  bench->add_flag("-q,--quiet", settings->quiet, "Nothing on standard error but failures");
  bench->callback([settings] { run_bench(*settings); });
}

}  // namespace sio_tool
