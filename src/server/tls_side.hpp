// The TLS of one connection, and of one shard. A connection without TLS has none of it.
//
//   on_received -> TlsSide::engine -> plaintext -> the connection's machine
//   Connection::out (plaintext) -> engine -> TlsSide::wire -> the backend
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <socketio/tls.hpp>

#include "base/ledger.hpp"
#include "base/list.hpp"
#include "base/out_queue.hpp"
#include "net/address.hpp"
#include "tls/engine.hpp"

namespace socketio::server {

struct Connection;
struct HandshakeTag;

// What keeping a client's certificate takes; its subject is as long as the client likes.
inline std::size_t kept_bytes(const std::unique_ptr<ClientCertificate>& shown) {
  return shown ? sizeof(ClientCertificate) + shown->subject.size() + shown->fingerprint.size() : 0;
}

// Lives and moves with its connection. In the shard's list while it shakes hands.
struct TlsSide : base::ListNode<HandshakeTag> {
  TlsSide(std::shared_ptr<const tls::Context> context, Connection& of, base::Ledger& of_server)
      : engine(std::move(context), tls::Role::server), connection(&of), ledger(of_server) {}
  ~TlsSide() {
    end_handshake();
    charge(false);
  }
  TlsSide(const TlsSide&) = delete;
  TlsSide& operator=(const TlsSide&) = delete;

  void end_handshake() {
    if (!linked()) return;
    unlink();
    --*handshakes;
  }
  // OpenSSL's memory for the beginning of a record counts as unfinished input.
  void charge(bool holds) {
    if (holds == charged) return;
    charged = holds;
    holds ? ledger.charge_input(kRecordMemory) : ledger.credit_input(kRecordMemory);
  }

  static constexpr std::size_t kRecordMemory = 17 * 1024;
  tls::Engine engine;
  base::OutQueue wire;  // ciphertext
  Connection* connection;
  base::Ledger& ledger;
  std::unique_ptr<net::Address> peer;  // until there is an HTTP machine
  std::size_t* handshakes = nullptr;   // how many are in the list
  bool charged = false;
};

// What a shard of a server with TLS has.
struct TlsDesk {
  TlsDesk(const tls::TicketSeed& seed, base::Duration ticket_lifetime, std::size_t max,
          std::size_t max_receive)
      : plain(max_receive + tls::Engine::kMaxRecord + base::kPadding), max_handshakes(max) {
    if (ticket_lifetime > base::Duration::zero()) tickets.emplace(seed, ticket_lifetime);
  }

  // Ciphertext of a connection that waits to be sent; the rest stays plaintext, and counts.
  static constexpr std::size_t kMaxWire = 64 * 1024;
  std::optional<tls::TicketKeys> tickets;
  std::vector<char> plain;
  base::List<TlsSide, HandshakeTag> handshakes;  // the oldest first
  std::size_t handshake_count = 0;
  std::size_t max_handshakes;
};

}  // namespace socketio::server
