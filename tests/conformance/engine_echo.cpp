// Suites eio4 and eio3: bare Engine.IO under /engine.io/, every message comes back. eio3 takes
// clients of Engine.IO 3, too.
#include <stdexcept>

#include "lab.hpp"
#include "net/listener.hpp"
#include "server/shard.hpp"
#include "suites.hpp"
#include "support/on_signal.hpp"

namespace {

class Echo final : public socketio::server::EngineApplication {
 public:
  void opened(socketio::eio::Session&) override {}
  void message(socketio::eio::Session& session, socketio::base::MutBytes payload,
               bool binary) override {
    if (binary) {
      session.send_binary(socketio::base::as_bytes(payload));
    } else {
      session.send_text(socketio::base::as_bytes(payload), {});
    }
  }
  void closed(socketio::eio::Session&, socketio::eio::CloseReason, socketio::base::Bytes) override {
  }
};

}  // namespace

void run_engine_echo(const SuiteOptions& given, bool allow_eio3) {
  using namespace std::chrono_literals;
  socketio::ServerOptions options;
  options.path = "/engine.io/";
  options.ping_interval = 300ms;
  options.ping_timeout = 200ms;
  options.allow_eio3 = allow_eio3;
  // For tests that are about something else than the heartbeat.
  if (const auto json = socketio::Value::parse(given.options);
      json && !(*json)["ping_timeout"].is_null())
    options.ping_timeout = lab_duration((*json)["ping_timeout"]);
  socketio::net::SystemRandom random;
  const auto hub = std::make_shared<socketio::detail::Hub>(options, random);
  socketio::HttpRoutes routes;
  socketio::server::Shard shard(
      socketio::server::system_services(socketio::server::make_backend(given.backend, hub->logger)),
      hub, routes, 0);
  Echo echo;
  shard.set_engine(&echo);
  std::error_code error;
  auto listener =
      socketio::net::Listener::open(*socketio::net::Address::parse("::", given.port), 4096, error);
  if (error) throw std::system_error(error, "listen");
  announce(listener.address().port());
  shard.add_listener(std::move(listener));
  const OnSignal stop([&shard] { shard.loop().stop(); });
  shard.loop().run(shard);
}
