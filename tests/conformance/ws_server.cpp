// Suite ws: a bare WebSocket echo on any path, text and binary unchanged, messages up to 64 MiB: an
// HTTP machine for the handshake, a WebSocket machine behind it.
#include "support/on_signal.hpp"
#include "ws_echo.hpp"

namespace {

using namespace socketio;

class ServerDriver final : public EchoDriver {
 public:
  explicit ServerDriver(const SuiteOptions& options) : EchoDriver(ws::Role::server, options) {}

  void on_accepted(std::uint32_t, int fd, const net::Address&) override {
    auto [id, peer] = peers_.emplace();
    peer->http = std::make_unique<http::ServerMachine>(http_limits_, loop_.now());
    peer->stream = loop_.backend().adopt(fd, id.packed());
    loop_.backend().recv_start(peer->stream);
  }

 private:
  void shake(Peer& peer, base::MutBytes bytes) override {
    const http::Env env{peer.out, arena_, ledger_};
    peer.http->feed(bytes, loop_.now());
    for (http::Event event = peer.http->next(env, loop_.now()); event.kind != http::EventKind::none;
         event = peer.http->next(env, loop_.now())) {
      if (event.kind == http::EventKind::failed || event.kind == http::EventKind::closed) {
        peer.closing = true;
        return;
      }
      if (event.kind == http::EventKind::complete && answer(peer, *event.request, env)) return;
    }
  }

  // True when it is a WebSocket now.
  bool answer(Peer& peer, const http::Request& request, http::Env env) {
    const ws::UpgradeRequest upgrade{request.method,
                                     request.upgrade ? request.header("upgrade") : base::Bytes{},
                                     request.header("sec-websocket-key"),
                                     request.count("sec-websocket-key"),
                                     request.header("sec-websocket-version"),
                                     {},
                                     {},
                                     request.minor == 1};
    if (const auto refusal = ws::check_upgrade(upgrade)) {
      peer.http->respond({refusal->status, {}, std::string(refusal->message)}, env, loop_.now(),
                         true);
      return false;
    }
    const std::optional<std::string> extensions = agree(peer, request);
    if (!extensions) {
      peer.http->respond({400, {}, {}}, env, loop_.now(), true);
      return false;
    }
    peer.out.append(arena_,
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                    "Upgrade\r\nSec-WebSocket-Accept: " +
                        ws::accept_key(upgrade.key) + "\r\n" + *extensions + "\r\n");
    base::InBuffer rest = peer.http->take_rest(ledger_);
    peer.http.reset();
    begin(peer, rest.view());
    return true;
  }

  // The header line for what was agreed on, if anything; nullopt: refused.
  std::optional<std::string> agree(Peer& peer, const http::Request& request) {
    if (!deflate_) return "";
    std::string offers;
    for (const http::Header& header : request.headers) {
      if (!http::iequals(header.name, "sec-websocket-extensions")) continue;
      offers.append(offers.empty() ? "" : ", ").append(header.value);
    }
    const ws::DeflateAnswer answer = ws::answer_deflate(offers, deflate_options_);
    if (answer.kind == ws::DeflateAnswer::Kind::refused) return std::nullopt;
    if (answer.kind == ws::DeflateAnswer::Kind::none) return "";
    peer.deflate = std::make_unique<ws::Deflate>(ws::Role::server, answer.params, pool());
    return "Sec-WebSocket-Extensions: " + answer.header + "\r\n";
  }

  http::Limits http_limits_;
};

}  // namespace

void run_ws(const SuiteOptions& options) {
  ServerDriver driver(options);
  std::error_code error;
  net::Listener listener =
      net::Listener::open(*net::Address::parse("::", options.port), 4096, error);
  if (error) throw std::system_error(error, "listen");
  announce(listener.address().port());
  driver.loop().backend().accept_start(listener.fd(), 0);
  const OnSignal stop([&driver] { driver.loop().stop(); });
  driver.loop().run(driver);
}
