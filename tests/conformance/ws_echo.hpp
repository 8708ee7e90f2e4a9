// What both ends of the WebSocket suites share: a loop, and for each connection a WebSocket machine
// that echoes, behind whatever handshake its role has. The smallest driver there can be.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "http/server_machine.hpp"
#include "net/listener.hpp"
#include "net/loop.hpp"
#include "net/sys.hpp"
#include "suites.hpp"
#include "ws/extensions.hpp"
#include "ws/handshake.hpp"
#include "ws/machine.hpp"

class EchoDriver : public socketio::net::Driver {
 public:
  EchoDriver(socketio::ws::Role role, const SuiteOptions& options);
  socketio::net::Loop& loop() { return loop_; }

  void on_accepted(std::uint32_t, int, const socketio::net::Address&) override {}
  void on_accept_paused(std::uint32_t, std::error_code) override {}
  void on_connected(socketio::net::StreamId, socketio::net::Owner, std::error_code) override {}
  void on_detached(socketio::net::StreamId, socketio::net::Owner, int) override {}
  void on_timer(socketio::net::Timer&) override {}
  bool has_work() const override { return !dirty_.empty(); }
  void on_received(socketio::net::StreamId id, socketio::net::Owner owner,
                   socketio::base::MutBytes bytes) override;
  void on_eof(socketio::net::StreamId id, socketio::net::Owner) override {
    loop_.backend().close(id);
  }
  void on_sent(socketio::net::StreamId id, socketio::net::Owner owner, std::size_t n) override;
  void on_closed(socketio::net::StreamId id, socketio::net::Owner owner, std::error_code) override;
  void flush() override;

 protected:
  ~EchoDriver() = default;

  struct Peer {
    socketio::net::StreamId stream{};
    socketio::base::OutQueue out;
    std::unique_ptr<socketio::http::ServerMachine> http;  // server: until the upgrade
    std::string head;                                     // client: the answer so far
    std::string key;                                      // client
    std::optional<socketio::ws::Machine> ws;
    std::unique_ptr<socketio::ws::Deflate> deflate;
    bool in_flight = false;
    bool closing = false;
  };

  // Bytes before there is a WebSocket.
  virtual void shake(Peer& peer, socketio::base::MutBytes bytes) = 0;
  virtual void gone() {}
  // The handshake is over; `early` are the bytes behind it.
  void begin(Peer& peer, socketio::base::MutBytes early);
  void touch(socketio::net::Owner owner) { dirty_.push_back(owner); }
  socketio::ws::DeflatePool& pool() { return pool_; }

  socketio::net::Loop loop_;
  socketio::net::SystemRandom random_;
  socketio::base::Ledger ledger_;
  socketio::base::Arena arena_{&ledger_};
  const bool deflate_;
  socketio::ws::DeflateOptions deflate_options_;  // everything that the other side may ask for
  socketio::base::Slab<Peer> peers_;

 private:
  void echo(Peer& peer);
  void send(Peer& peer, socketio::net::Owner owner);

  const socketio::ws::Role role_;
  socketio::ws::Limits limits_;
  socketio::ws::DeflatePool pool_;
  std::vector<socketio::net::Owner> dirty_;
};
