// siege-server --port N [--backend epoll|io_uring] [--threads N] [--input MB] [--output MB]
//
// The server that bench/siege attacks: everything on that costs memory for a peer, with the two
// limits of the whole server small enough to be reached.
//
// "m": acknowledged with its arguments, else emitted back. "say": to everybody in the room "all",
// which "listen" joins. Namespaces "/room-N" come and go. GET /big: a megabyte. POST /sink: how
// many bytes came. GET /stats: what the server holds, as JSON.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <socketio/server.hpp>

#include "support/on_signal.hpp"

namespace {

using socketio::HttpReply;
using socketio::HttpRequest;
using socketio::Value;

constexpr std::size_t kMegabyte = 1'000'000;

bool parse(int argc, char** argv, std::uint16_t& port, socketio::ServerOptions& options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::string text = argv[i + 1];
    const std::size_t number = std::strtoul(argv[i + 1], nullptr, 10);
    if (name == "--port") {
      port = static_cast<std::uint16_t>(number);
    } else if (name == "--threads") {
      options.threads = number;
    } else if (name == "--input") {
      options.max_input_bytes = number * kMegabyte;
    } else if (name == "--output") {
      options.max_output_bytes = number * kMegabyte;
    } else if (name == "--backend" && (text == "epoll" || text == "io_uring")) {
      options.backend = text == "epoll" ? socketio::Backend::epoll : socketio::Backend::io_uring;
    } else {
      return false;
    }
  }
  return argc % 2 == 1;
}

// [[microseconds at most, how many], ...]; the last has no end.
Value shown(const socketio::Histogram& turns) {
  socketio::Array buckets;
  for (std::size_t i = 0; i < turns.counts.size(); ++i) {
    const bool last = i == turns.kBounds.size();
    const std::chrono::nanoseconds upper = last ? std::chrono::hours(1) : turns.kBounds[i];
    buckets.emplace_back(Value::array({upper / std::chrono::microseconds(1), turns.counts[i]}));
  }
  return Value(std::move(buckets));
}

Value shown(const socketio::Stats& stats) {
  return Value::object({{"connections", stats.connections},
                        {"clients", stats.clients},
                        {"input", stats.input_bytes},
                        {"output", stats.output_bytes},
                        {"shed", stats.shed_clients},
                        {"turns", shown(stats.turns)},
                        {"refused", stats.refused_connections}});
}

}  // namespace

int main(int argc, char** argv) {
  std::uint16_t port = 0;
  socketio::ServerOptions options;
  options.per_message_deflate = socketio::PerMessageDeflate{.threshold = 0};
  options.measure_turns = true;
  options.cleanup_empty_child_namespaces = true;
  options.log_level = socketio::LogLevel::error;
  if (!parse(argc, argv, port, options)) {
    std::fprintf(stderr,
                 "usage: siege-server --port N [--backend epoll|io_uring] [--threads N] "
                 "[--input MB] [--output MB]\n");
    return 2;
  }
  socketio::Server io(std::move(options));
  io.on_event("m", [](socketio::Socket socket, socketio::EventView event, socketio::Ack ack) {
    const socketio::Args values = event.values();
    ack ? ack(socketio::Spread(values)) : socket.emit("m", socketio::Spread(values));
  });
  io.on_event("listen", [](socketio::Socket socket) { socket.join("all"); });
  io.on_event("say", [&io](const Value& what) { io.to("all").emit("said", what); });
  io.of(socketio::NamespacePattern("^/room-[0-9]+$"));
  const std::string big(kMegabyte, 'x');
  io.http().get("/big", [&big](const HttpRequest&) { return HttpReply::text(big); });
  io.http().post("/sink", [](const HttpRequest& request) {
    return HttpReply::text(std::to_string(request.body().size()));
  });
  io.http().get("/stats", [&io](const HttpRequest&) { return HttpReply::json(shown(io.stats())); });
  io.listen(port);
  std::printf("listening on %u\n", static_cast<unsigned>(io.port()));
  std::fflush(stdout);
  const OnSignal stop([&io] { io.close(); });
  io.run();
}
