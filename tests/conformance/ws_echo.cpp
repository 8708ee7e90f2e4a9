#include "ws_echo.hpp"

#include "server/backends.hpp"

using namespace socketio;

namespace {

std::unique_ptr<net::Backend> backend_of(const SuiteOptions& options) {
  base::Logger logger;
  return std::move(server::make_backends(options.backend, 1, logger).front());
}

ws::DeflateOptions everything() {
  ws::DeflateOptions options;
  options.threshold = 0;
  options.server_no_context_takeover = false;
  options.client_no_context_takeover = false;
  return options;
}

}  // namespace

EchoDriver::EchoDriver(ws::Role role, const SuiteOptions& options)
    : loop_(backend_of(options)),
      deflate_(options.deflate),
      deflate_options_(everything()),
      role_(role),
      pool_(deflate_options_) {
  limits_.max_message = 64 * 1024 * 1024;
}

void EchoDriver::on_received(net::StreamId, net::Owner owner, base::MutBytes bytes) {
  Peer* peer = peers_.get(base::Id<Peer>::unpack(owner));
  if (peer == nullptr || peer->closing) return;
  if (peer->ws) {
    peer->ws->feed(bytes, loop_.now());
    echo(*peer);
  } else {
    shake(*peer, bytes);
  }
  touch(owner);
}

void EchoDriver::on_sent(net::StreamId, net::Owner owner, std::size_t n) {
  Peer* peer = peers_.get(base::Id<Peer>::unpack(owner));
  if (peer == nullptr) return;
  peer->in_flight = false;
  peer->out.consume(n);
  touch(owner);
}

void EchoDriver::on_closed(net::StreamId, net::Owner owner, std::error_code) {
  peers_.erase(base::Id<Peer>::unpack(owner));
  gone();
}

void EchoDriver::flush() {
  for (const net::Owner owner : std::exchange(dirty_, {})) {
    if (Peer* peer = peers_.get(base::Id<Peer>::unpack(owner)); peer != nullptr) send(*peer, owner);
  }
  arena_.recycle();
}

void EchoDriver::begin(Peer& peer, base::MutBytes early) {
  peer.ws.emplace(role_, limits_);
  peer.ws->feed(early, loop_.now());
  echo(peer);
}

void EchoDriver::echo(Peer& peer) {
  const ws::Env env{peer.out, arena_, ledger_, random_, peer.deflate.get()};
  for (ws::Event event = peer.ws->next(env, loop_.now()); event.kind != ws::EventKind::none;
       event = peer.ws->next(env, loop_.now())) {
    if (event.kind == ws::EventKind::text) peer.ws->send_text(base::as_bytes(event.payload), env);
    if (event.kind == ws::EventKind::binary)
      peer.ws->send_binary(base::as_bytes(event.payload), env);
    if (event.kind == ws::EventKind::closed) {
      peer.closing = true;
      return;
    }
  }
}

void EchoDriver::send(Peer& peer, net::Owner owner) {
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
      touch(owner);
    }
  }
  if (peer.closing)
    loop_.backend().shutdown_write(peer.stream);  // the peer's FIN ends the connection
}
