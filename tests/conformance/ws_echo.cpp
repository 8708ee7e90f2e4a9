// Suite ws: a bare WebSocket echo on any path, text and binary unchanged, messages up to 64 MiB.
// The smallest driver there can be: a loop, an HTTP machine for the handshake, a WebSocket machine
// behind it.
#include <optional>
#include <system_error>
#include <vector>

#include "http/server_machine.hpp"
#include "net/listener.hpp"
#include "net/loop.hpp"
#include "net/sys.hpp"
#include "server/options.hpp"
#include "suites.hpp"
#include "support/on_signal.hpp"
#include "ws/extensions.hpp"
#include "ws/handshake.hpp"
#include "ws/machine.hpp"

namespace {

using namespace socketio;

struct Peer {
  net::StreamId stream{};
  base::OutQueue out;
  std::unique_ptr<http::ServerMachine> http;
  std::optional<ws::Machine> ws;
  std::unique_ptr<ws::Deflate> deflate;
  bool in_flight = false;
  bool closing = false;
};

class EchoDriver final : public net::Driver {
 public:
  EchoDriver(std::unique_ptr<net::Backend> backend, bool deflate)
      : loop_(std::move(backend)), deflate_(deflate) {
    limits_.max_message = 64 * 1024 * 1024;
    deflate_options_.threshold = 0;
    // Everything that a client may ask for.
    deflate_options_.server_no_context_takeover = false;
    deflate_options_.client_no_context_takeover = false;
  }
  net::Loop& loop() { return loop_; }

  void on_accepted(std::uint32_t, int fd, const net::Address&) override {
    auto [id, peer] = peers_.emplace();
    peer->http = std::make_unique<http::ServerMachine>(http_limits_, loop_.now());
    peer->stream = loop_.backend().adopt(fd, id.packed());
    loop_.backend().recv_start(peer->stream);
  }
  void on_accept_paused(std::uint32_t, std::error_code) override {}
  void on_connected(net::StreamId, net::Owner, std::error_code) override {}
  void on_detached(net::StreamId, net::Owner, int) override {}
  void on_timer(net::Timer&) override {}
  bool has_work() const override { return !dirty_.empty(); }

  void on_received(net::StreamId, net::Owner owner, base::MutBytes bytes) override {
    Peer* peer = peers_.get(base::Id<Peer>::unpack(owner));
    if (peer == nullptr || peer->closing) return;
    if (peer->http) {
      peer->http->feed(bytes, loop_.now());
      shake(*peer);
    } else {
      peer->ws->feed(bytes, loop_.now());
      echo(*peer);
    }
    dirty_.push_back(owner);
  }
  void on_eof(net::StreamId id, net::Owner) override { loop_.backend().close(id); }
  void on_sent(net::StreamId, net::Owner owner, std::size_t n) override {
    Peer* peer = peers_.get(base::Id<Peer>::unpack(owner));
    if (peer == nullptr) return;
    peer->in_flight = false;
    peer->out.consume(n);
    dirty_.push_back(owner);
  }
  void on_closed(net::StreamId, net::Owner owner, std::error_code) override {
    peers_.erase(base::Id<Peer>::unpack(owner));
  }

  void flush() override {
    for (const net::Owner owner : std::exchange(dirty_, {})) {
      if (Peer* peer = peers_.get(base::Id<Peer>::unpack(owner)); peer != nullptr)
        send(*peer, owner);
    }
    arena_.recycle();
  }

 private:
  ws::Env env(Peer& peer) { return {peer.out, arena_, ledger_, random_, peer.deflate.get()}; }

  void shake(Peer& peer) {
    const http::Env http_env{peer.out, arena_, ledger_};
    for (http::Event event = peer.http->next(http_env, loop_.now());
         event.kind != http::EventKind::none; event = peer.http->next(http_env, loop_.now())) {
      if (event.kind == http::EventKind::failed || event.kind == http::EventKind::closed) {
        peer.closing = true;
        return;
      }
      if (event.kind != http::EventKind::complete) continue;
      const http::Request& request = *event.request;
      const ws::UpgradeRequest upgrade{request.method,
                                       request.header("upgrade"),
                                       request.header("sec-websocket-key"),
                                       request.count("sec-websocket-key"),
                                       request.header("sec-websocket-version"),
                                       {},
                                       {},
                                       request.minor == 1};
      if (const auto refusal = ws::check_upgrade(upgrade)) {
        peer.http->respond({refusal->status, {}, std::string(refusal->message)}, http_env,
                           loop_.now(), true);
        continue;
      }
      const std::optional<std::string> extensions = agree(peer, request);
      if (!extensions) {
        peer.http->respond({400, {}, {}}, http_env, loop_.now(), true);
        continue;
      }
      peer.out.append(arena_,
                      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                      "Upgrade\r\nSec-WebSocket-Accept: " +
                          ws::accept_key(upgrade.key) + "\r\n" + *extensions + "\r\n");
      base::InBuffer rest = peer.http->take_rest(ledger_);
      peer.http.reset();
      peer.ws.emplace(ws::Role::server, limits_);
      peer.ws->feed(rest.view(), loop_.now());
      echo(peer);
      return;
    }
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
    peer.deflate = std::make_unique<ws::Deflate>(ws::Role::server, answer.params, pool_);
    return "Sec-WebSocket-Extensions: " + answer.header + "\r\n";
  }

  void echo(Peer& peer) {
    for (ws::Event event = peer.ws->next(env(peer), loop_.now()); event.kind != ws::EventKind::none;
         event = peer.ws->next(env(peer), loop_.now())) {
      if (event.kind == ws::EventKind::text)
        peer.ws->send_text(base::as_bytes(event.payload), env(peer));
      if (event.kind == ws::EventKind::binary)
        peer.ws->send_binary(base::as_bytes(event.payload), env(peer));
      if (event.kind == ws::EventKind::closed) {
        peer.closing = true;
        return;
      }
    }
  }

  void send(Peer& peer, net::Owner owner) {
    while (!peer.in_flight && !peer.out.empty()) {
      std::array<base::Bytes, net::Backend::kMaxParts> parts;
      const std::size_t count = peer.out.gather(parts);
      std::size_t total = 0;
      for (std::size_t i = 0; i < count; ++i) total += parts[i].size();
      const std::size_t taken = loop_.backend().send(peer.stream, std::span(parts.data(), count));
      peer.out.consume(taken);
      peer.in_flight = taken < total;
    }
    if (!peer.out.empty()) return;
    if (peer.ws) {
      peer.ws->on_drained();
      if (peer.ws->has_input()) {
        echo(peer);
        dirty_.push_back(owner);
      }
    }
    if (peer.closing)
      loop_.backend().shutdown_write(peer.stream);  // the peer's FIN ends the connection
  }

  net::Loop loop_;
  net::SystemRandom random_;
  base::Ledger ledger_;
  base::Arena arena_{&ledger_};
  ws::Limits limits_;
  http::Limits http_limits_;
  const bool deflate_;
  ws::DeflateOptions deflate_options_;
  ws::DeflatePool pool_{deflate_options_};
  base::Slab<Peer> peers_;
  std::vector<net::Owner> dirty_;
};

}  // namespace

void run_ws(const SuiteOptions& options) {
  base::Logger logger;
  EchoDriver driver(server::make_backend(options.backend, logger), options.deflate);
  std::error_code error;
  net::Listener listener =
      net::Listener::open(*net::Address::parse("::", options.port), 4096, error);
  if (error) throw std::system_error(error, "listen");
  announce(listener.address().port());
  driver.loop().backend().accept_start(listener.fd(), 0);
  const OnSignal stop([&driver] { driver.loop().stop(); });
  driver.loop().run(driver);
}
