// Suites eio4, eio3 (takes clients of Engine.IO 3, too) and engine-client: bare Engine.IO under
// /engine.io/, every message comes back.
#include <map>
#include <stdexcept>
#include <string>

#include "lab.hpp"
#include "net/listener.hpp"
#include "net/sys.hpp"
#include "server/backends.hpp"
#include "server/shard.hpp"
#include "suites.hpp"
#include "support/on_signal.hpp"

namespace {

using namespace std::chrono_literals;
using socketio::eio::Session;

class Echo : public socketio::server::EngineApplication {
 public:
  void opened(Session&) override {}
  void message(Session& session, socketio::base::MutBytes payload, bool binary) override {
    if (binary) {
      session.send_binary(socketio::base::as_bytes(payload));
    } else {
      session.send_text(socketio::base::as_bytes(payload), {});
    }
  }
  void closed(Session&, socketio::eio::CloseReason, socketio::base::Bytes) override {}

 protected:
  ~Echo() = default;
};

class PlainEcho final : public Echo {};

// As the tests of the package engine.io-client want it.
class ClientEcho final : public Echo {
 public:
  // Of a session's last upload, as JSON: the headers that the tests look at.
  void note(const socketio::HttpRequest& request) {
    const auto sid = request.query("sid");
    if (request.method() != "POST" || sid.empty()) return;
    socketio::Object headers;
    if (const auto cookie = request.header("cookie"); !cookie.empty()) headers["cookie"] = cookie;
    uploads_[std::string(sid)] = socketio::Value(headers).to_json();
  }
  void opened(Session& session) override { session.send_text("hi", {}); }
  void message(Session& session, socketio::base::MutBytes payload, bool binary) override {
    const socketio::base::Bytes text = socketio::base::as_bytes(payload);
    if (!binary && text == "give binary") {
      session.send_binary({"\0\1\2\3\4", 5});
    } else if (!binary && text == "give utf8") {
      session.send_text("пойду спать всем спокойной ночи", {});
    } else if (!binary && text == "sendHeaders") {
      session.send_text(uploads_[std::string(session.sid().view())], {});
    } else {
      Echo::message(session, payload, binary);
    }
  }
  void closed(Session& session, socketio::eio::CloseReason, socketio::base::Bytes) override {
    uploads_.erase(std::string(session.sid().view()));
  }

 private:
  std::map<std::string, std::string> uploads_;
};

socketio::ServerOptions options_for_engine() {
  socketio::ServerOptions options;
  options.path = "/engine.io/";
  return options;
}

void run(const SuiteOptions& given, const std::shared_ptr<socketio::detail::Hub>& hub, Echo& echo) {
  socketio::HttpRoutes routes;
  socketio::server::Shard shard(
      socketio::server::system_services(
          std::move(socketio::server::make_backends(given.backend, 1, hub->logger).front())),
      hub, routes, 0);
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

}  // namespace

namespace {

void run_protocol(const SuiteOptions& given, bool allow_eio3) {
  socketio::ServerOptions options = options_for_engine();
  options.ping_interval = 300ms;
  options.ping_timeout = 200ms;
  options.allow_eio3 = allow_eio3;
  set_times(given, options);
  socketio::net::SystemRandom random;
  PlainEcho echo;
  run(given, std::make_shared<socketio::detail::Hub>(options, random, socketio::net::system_now()),
      echo);
}

}  // namespace

void run_eio4(const SuiteOptions& given) {
  run_protocol(given, false);
}

void run_eio3(const SuiteOptions& given) {
  run_protocol(given, true);
}

void run_engine_client(const SuiteOptions& given) {
  socketio::ServerOptions options = options_for_engine();
  options.ping_interval = 500ms;
  options.max_http_buffer_size = 100;
  options.engine.allow_request = [](const socketio::HttpRequest& request) {
    return request.query("deny").empty();
  };
  socketio::net::SystemRandom random;
  const auto hub =
      std::make_shared<socketio::detail::Hub>(options, random, socketio::net::system_now());
  ClientEcho echo;
  hub->engine.gated = true;
  hub->engine.middlewares.emplace_back([&echo](const socketio::EngineRequest& r) { echo.note(r); });
  hub->engine.initial_headers.emplace_back(
      [](socketio::AnswerHeaders& headers, const socketio::HttpRequest&) {
        headers.add("Set-Cookie", "1=1; Max-Age=86400");
        headers.add("Set-Cookie", "2=2; Path=/; HttpOnly; Secure; SameSite=Strict");
        headers.add("Set-Cookie", "3=3; Max-Age=0");
        headers.add("Set-Cookie", "4=4; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
      });
  run(given, hub, echo);
}
