// A scripted Socket.IO client in the simulated world: polling, WebSocket and the upgrade between
// them, as the official client does them, stepped by the world's events. It is written from the
// protocol's side (raw HTTP, engine packets, ws::Machine in the client's role), so nothing of the
// server is trusted twice.
//
// What it hears it tells its Listener; what it should do it is told. Misbehaviour is a call, too:
// vanish(), kill(), give_up_upgrade.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <socketio/value.hpp>

#include "net/sim_world.hpp"
#include "support/tls_client.hpp"
#include "ws/machine.hpp"

namespace socketio::sim {

struct ClientScript {
  bool polling = true;           // first transport; else WebSocket
  bool upgrade = true;           // polling clients probe after the handshake
  bool give_up_upgrade = false;  // ... and never say `5`
  bool keep_alive = true;        // else a TCP connection per request
  bool deflate = false;          // offers permessage-deflate
  std::shared_ptr<const tls::Context> tls{};
  net::SimLink link{};
  // Reads at most so much at a time and rests in between; zero: all at once.
  std::size_t slow_bytes = 0;
  base::Duration slow_rest{};
};

class Client;

// One packet from the server, as an application sees it.
struct Heard {
  char type = '2';  // Socket.IO's: 0 connect, 1 disconnect, 2 event, 3 ack, 4 connect error
  std::string nsp = "/";
  std::optional<std::uint64_t> id{};
  Value payload{};
  std::vector<std::string> attachments{};
};

class Listener {
 public:
  virtual void opened(Client& client) = 0;
  virtual void heard(Client& client, const Heard& packet) = 0;
  virtual void upgraded(Client& client) = 0;
  // The connection is over, for whatever reason; nothing follows.
  virtual void ended(Client& client, const std::string& why) = 0;

 protected:
  ~Listener() = default;
};

class Client {
 public:
  Client(net::SimWorld& world, const net::Address& server, ClientScript script, Listener& listener,
         std::size_t number);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  std::size_t number() const { return number_; }
  bool alive() const { return state_ == State::open; }
  bool over() const { return state_ == State::over || state_ == State::vanished; }
  bool vanished() const { return state_ == State::vanished; }
  bool on_websocket() const { return current_websocket_; }
  std::size_t unsent() const;
  std::size_t connections() const;

  // A Socket.IO packet without attachments' header count: the text behind the engine's '4'.
  void send(const std::string& text, const std::vector<std::string>& attachments = {});
  // As the official client's engine does: what is queued leaves first.
  void close();
  // From now on: see ClientScript::slow_bytes.
  void read_slowly(std::size_t bytes, base::Duration rest) {
    script_.slow_bytes = bytes;
    script_.slow_rest = rest;
  }
  // Every TCP connection is reset.
  void kill();
  // Every TCP connection goes silent, both ways.
  void vanish();

 private:
  enum class State : std::uint8_t { opening, open, over, vanished };
  enum class Use : std::uint8_t { poll, post, websocket };
  struct Connection {
    int fd = -1;
    std::string tx;
    std::string wire;  // with TLS: what of tx is ciphertext
    std::string rx;
    std::unique_ptr<test::TlsClient> tls;
    bool busy = false;  // a request is in flight
    bool resting = false;
    base::Time last_use{};
  };

  ws::Env env() { return {out_, arena_, ledger_, masks_, deflate_ ? &*deflate_ : nullptr}; }
  Connection& connection(Use use) { return connections_[static_cast<std::size_t>(use)]; }
  void dial(Use use);
  void hang_up(Use use);
  void request(Use use, const std::string& head, const std::string& body = {});
  void ready(Use use);
  void write(Use use);
  bool read(Use use);
  void lost(Use use, const std::string& why);
  void end(const std::string& why);

  void poll();
  void post();
  bool take_response(Connection& c, int& status, std::string& body, bool& close);
  void on_response(Use use, int status, const std::string& body);
  void on_payload(const std::string& body);

  void start_websocket();
  void on_websocket_bytes();
  void drain_websocket();
  void on_probe_text(const std::string& text);
  void maybe_finish_upgrade();
  void flush();

  void on_engine(const std::string& packet);
  void on_handshake(const std::string& json);
  void on_text(const std::string& text);
  void on_binary(std::string bytes);

  struct Message {
    bool binary;
    std::string bytes;
  };

  net::SimWorld& world_;
  net::Address server_;
  ClientScript script_;
  Listener& listener_;
  std::size_t number_;
  State state_ = State::opening;
  std::array<Connection, 3> connections_;
  std::string sid_;
  std::size_t max_payload_ = 0;
  std::vector<Message> queue_;  // engine packets, '4' included, not yet given to a transport
  bool current_websocket_ = false;
  bool probing_ = false;  // the probe is out and not answered
  bool pausing_ = false;  // 3probe came: no new poll or post until `5`
  bool closing_ = false;
  bool switched_ = false;  // 101 has come
  std::optional<Heard> partial_;
  std::size_t missing_ = 0;

  ws::Limits limits_;
  base::Ledger ledger_;
  base::Arena arena_{&ledger_};
  base::OutQueue out_;
  std::optional<ws::Machine> ws_;
  ws::DeflateOptions deflate_options_{.threshold = 0};
  ws::DeflatePool deflate_pool_{deflate_options_};
  std::optional<ws::Deflate> deflate_;
  net::SeededRandom masks_;
};

}  // namespace socketio::sim
