// TLS in the shard: the one place where received bytes become plaintext before they are fed, and
// where queued plaintext becomes ciphertext before it is sent.
#include "server/shard.hpp"

namespace socketio::server {

// Nothing but the handshake, its timer, and where it came from. Past the limit the oldest one goes:
// it has had more time than all others, and who only wants to fill the table gains nothing.
void Shard::begin_tls(Connection& c, const net::Address& peer) {
  while (tls_->handshake_count >= tls_->max_handshakes) {
    TlsSide* oldest = tls_->handshakes.front();
    log(base::LogLevel::warn, base::LogKind::connection,
        "tls.max_handshakes reached: the oldest handshake is cut off");
    oldest->end_handshake();
    drop(*oldest->connection);
  }
  c.tls = std::make_unique<TlsSide>(hub_->tls->context(), c, ledger_);
  c.tls->peer = std::make_unique<net::Address>(peer);
  c.tls->handshakes = &tls_->handshake_count;
  tls_->handshakes.push_back(*c.tls);
  ++tls_->handshake_count;
  arm_at(c, base::after(now(), hub_->tls->limits().handshake_timeout));
}

void Shard::resume_tls(Connection& c, std::unique_ptr<TlsSide> tls) {
  c.tls = std::move(tls);
  c.tls->connection = &c;
  if (!c.tls->wire.empty()) mark_dirty(c);
}

void Shard::on_ciphertext(Connection& c, base::MutBytes bytes) {
  if (shedder_.too_much_input() && !shedder_.make_room(c)) return;
  TlsSide& side = *c.tls;
  const base::MutBytes room(tls_->plain.data(), tls_->plain.size() - base::kPadding);
  const std::size_t n = side.engine.open(base::as_bytes(bytes), room, tls_env(c), now());
  side.charge(side.engine.holds_input());
  const bool waits = !c.out.empty() && !c.in_flight;  // for the rest of a message of the handshake
  if (!side.wire.empty() || waits) mark_dirty(c);
  if (side.engine.state() != tls::State::handshaking) side.end_handshake();
  if (side.engine.established() && c.shaking_hands() && !c.closing) {
    c.http = std::make_unique<HttpSide>(settings_.http, now(), std::move(*side.peer));
    side.peer.reset();
    arm(c);
  }
  const ConnectionId id = c.self;
  if (n > 0 && !c.shaking_hands()) on_plaintext(c, room.first(n));
  if (Connection* still = connections_.get(id); still != nullptr) end_of_tls(*still);
}

// The peer's close_notify is an end of input like a FIN, and an error the end of the connection. A
// connection that is moving is judged where it arrives.
void Shard::end_of_tls(Connection& c) {
  if (c.move || c.closing) return;
  if (c.tls->engine.state() == tls::State::finished) return input_ended(c);
  if (c.tls->engine.state() != tls::State::failed) return;
  log(base::LogLevel::debug, base::LogKind::connection,
      std::string("TLS: ") + c.tls->engine.failure());
  const ConnectionId id = c.self;
  lost(c, true);
  if (Connection* still = connections_.get(id); still != nullptr) close_when_sent(*still);
}

base::OutQueue& Shard::seal(Connection& c) {
  tls::Engine& engine = c.tls->engine;
  engine.seal(c.out, tls_env(c), TlsDesk::kMaxWire);
  if (c.closing && c.queued() == 0) engine.close(tls_env(c));
  return c.tls->wire;
}

std::unique_ptr<ClientCertificate> Shard::certificate_of(const Connection& c) const {
  std::optional<tls::PeerCertificate> shown = c.tls->engine.peer_certificate();
  if (!shown) return nullptr;
  return std::make_unique<ClientCertificate>(
      ClientCertificate{std::move(shown->subject), std::move(shown->fingerprint), shown->verified});
}

// What handlers of a request may ask about its connection.
void Shard::show_connection(const Connection& c, HttpRequest::Content& content) const {
  content.address = c.http->peer.host();
  if (!c.tls) return;
  content.secure = true;
  content.certificate = certificate_of(c);
}

}  // namespace socketio::server
