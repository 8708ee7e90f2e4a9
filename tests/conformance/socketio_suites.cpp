// Suites sio5 and probe, on the public API.
#include <string>
#include <thread>

#include <socketio/server.hpp>

#include "lab.hpp"
#include "suites.hpp"
#include "support/on_signal.hpp"

using socketio::Ack;
using socketio::Args;
using socketio::EventView;
using socketio::Socket;
using socketio::Spread;
using socketio::Value;
using namespace std::chrono_literals;

void run_sio5(const SuiteOptions& given) {
  socketio::ServerOptions options;
  options.threads = given.threads;
  options.backend = given.backend;
  options.ping_interval = 300ms;
  options.ping_timeout = 200ms;
  options.connect_timeout = 1s;
  set_times(given, options);
  socketio::Server io(options);
  // Apart from the answer to CONNECT: the suite begins to wait for the event when it has read that
  // answer, and with most versions of `ws`, the one it pins included, misses what came with it.
  const auto greet = [&io](const Socket& socket) {
    io.offload([] { std::this_thread::sleep_for(5ms); },
               [socket] { socket.emit("auth", socket.handshake().auth); });
  };
  io.on_connection(greet);
  io.of("/custom").on_connection(greet);
  io.on_event("message",
              [](Socket socket, const Args& args) { socket.emit("message-back", Spread(args)); });
  io.on_event("message-with-ack", [](const Args& args, Ack ack) { ack(Spread(args)); });
  io.listen(given.port);
  announce(io.port());
  const OnSignal stop([&io] { io.close(); });
  io.run();
}

namespace {

// A namespace, or the parent of some.
template <class Nsp>
void watch(const Nsp& nsp, ServerLog& log) {
  nsp.on_connection([&log](Socket socket) {
    log.add(Value::object({{"connected", socket.nsp().name()}, {"auth", socket.handshake().auth}}));
    socket.on_error([&log, id = std::string(socket.id())](std::string_view text) {
      log.add(Value::object({{"socket_error", text}, {"id", id}}));
    });
    socket.on_disconnect([&log, id = std::string(socket.id())](socketio::DisconnectReason reason,
                                                               std::string_view detail) {
      log.add(Value::object({{"disconnect", to_string(reason)}, {"d", detail}, {"id", id}}));
    });
  });
  nsp.on_any([&log](EventView event) {
    log.add(Value::object(
        {{"event", event.name()},
         {"n", static_cast<std::int64_t>(event.size() + (event.wants_ack() ? 1 : 0))}}));
  });
  nsp.on_event("echo", [](Socket socket, const Args& args, Ack ack) {
    ack ? ack(Spread(args)) : socket.emit("echo", Spread(args));
  });
}

}  // namespace

void run_probe(const SuiteOptions& given) {
  socketio::ServerOptions options;
  options.threads = given.threads;
  options.backend = given.backend;
  if (given.deflate) {
    options.per_message_deflate.emplace().threshold = 0;
    options.per_message_deflate->max_inflate_rate = 10'000'000;  // 20 messages of 900 kB are a row
  }
  if (given.fast) {
    options.ping_interval = 300ms;
    options.ping_timeout = 200ms;
    options.connect_timeout = 1s;
    options.upgrade_timeout = 500ms;
  }
  set_times(given, options);
  ServerLog log;
  socketio::Server io(options);
  watch(io.sockets(), log);
  watch(io.of("/admin"), log);
  watch(io.of(socketio::NamespacePattern("^/dyn-[0-9]+$")), log);
  io.on_error([&log](const socketio::ErrorReport& error) {
    if (error.kind != socketio::ErrorReport::Kind::connection_error) return;
    log.add(Value::object(
        {{"connection_error", error.code}, {"message", error.message}, {"name", error.name}}));
  });
  io.http().get("/__log", [&](const socketio::HttpRequest&) {
    const socketio::Stats stats = io.stats();
    return socketio::HttpReply::json(Value::object({{"log", log.take()},
                                                    {"rss", resident_bytes()},
                                                    {"ext", stats.input_bytes + stats.output_bytes},
                                                    {"clients", stats.clients}}));
  });
  io.http().fallback([](const socketio::HttpRequest& request) {
    return socketio::HttpReply::text("nf " + std::to_string(request.body().size()), 404);
  });
  io.listen(given.port);
  announce(io.port());
  const OnSignal stop([&io] { io.close(); });
  io.run();
}
