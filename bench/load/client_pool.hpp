// Many clients on one thread: connections, handshakes and one ever same message, with as little
// work per message as there can be, for the generator must cost less than the server it measures.
// Messages are made once and sent from where they lie.
//
// The transports are websocket_pool.cpp and polling_pool.cpp; what they share is here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/chunk.hpp"
#include "base/out_queue.hpp"
#include "load/options.hpp"
#include "net/loop.hpp"
#include "net/sys.hpp"
#include "tls/engine.hpp"

namespace load {

// The scenario, told what happens to the clients.
class Traffic {
 public:
  virtual ~Traffic() = default;
  virtual void on_ready(std::uint32_t client) = 0;
  virtual void on_message(std::uint32_t client) = 0;
  virtual void on_closed(std::uint32_t client) = 0;
  // The end of a turn: what an open loop has to send by now.
  virtual void on_turn() = 0;
};

class ClientPool : public socketio::net::Driver {
 public:
  static std::unique_ptr<ClientPool> make(const Options& options, socketio::net::Loop& loop);
  virtual ~ClientPool() = default;

  void set_traffic(Traffic& traffic) { traffic_ = &traffic; }
  // Connects all clients, at most `at_a_time` at once, in the order of their numbers.
  void open(std::uint32_t at_a_time);
  virtual void connect(std::uint32_t client) = 0;
  // Leaves as a polite client does: DISCONNECT and the end of the transport, then the stream.
  virtual void leave(std::uint32_t client) = 0;
  virtual void send(std::uint32_t client) = 0;
  // A message of options.burst bytes instead, once.
  virtual void send_burst(std::uint32_t client) = 0;

  std::uint32_t ready() const { return ready_; }
  // Why a client could not connect or was cut off; empty when all is well.
  const std::string& error() const { return error_; }

 protected:
  ClientPool(const Options& options, socketio::net::Loop& loop);

  // A connection and what waits to be sent on it.
  struct Tls {
    explicit Tls(const std::shared_ptr<const socketio::tls::Context>& context)
        : engine(context, socketio::tls::Role::client) {}
    socketio::tls::Engine engine;
    socketio::base::OutQueue wire;
  };
  struct Channel {
    socketio::net::StreamId stream{};
    socketio::base::OutQueue out;
    std::unique_ptr<Tls> tls;
    bool in_flight = false;

    socketio::base::OutQueue& wire() { return tls ? tls->wire : out; }
  };
  // It is connected. With TLS, says hello; what is written until the handshake is over waits.
  void begin(Channel& channel);
  // What has been received, without its TLS; good until the next call. Has something to flush
  // then.
  socketio::base::MutBytes opened(Channel& channel, socketio::base::MutBytes received);
  // True when the kernel took everything.
  bool flush_channel(Channel& channel);
  void reset(Channel& channel);

  void became_ready(std::uint32_t client);
  void ceased_ready() { --ready_; }
  void fail(std::string why);
  void mark_dirty(std::uint32_t client, bool& dirty);
  virtual void flush_client(std::uint32_t client) = 0;

  const Options& options_;
  socketio::net::Loop& loop_;
  Traffic* traffic_ = nullptr;
  socketio::base::Ledger ledger_;
  socketio::base::Arena arena_{&ledger_};

 private:
  socketio::base::OutQueue& seal(Channel& channel);
  socketio::tls::Env env(Channel& channel) { return {channel.tls->wire, arena_, random_}; }
  void on_accepted(std::uint32_t, int, const socketio::net::Address&) override {}
  void on_accept_paused(std::uint32_t, std::error_code) override {}
  void on_detached(socketio::net::StreamId, socketio::net::Owner, int) override {}
  void on_eof(socketio::net::StreamId id, socketio::net::Owner) override {
    loop_.backend().close(id);
  }
  void on_timer(socketio::net::Timer&) override {}
  bool has_work() const override { return !dirty_.empty(); }
  void flush() override;
  void connect_more();

  std::shared_ptr<const socketio::tls::Context> tls_;  // none: plain
  socketio::net::SystemRandom random_;
  std::vector<char> plain_;
  std::vector<std::uint32_t> dirty_;
  std::vector<std::uint32_t> flushing_;
  std::uint32_t next_to_open_ = 0;
  std::uint32_t may_open_ = 0;
  std::uint32_t ready_ = 0;
  std::string error_;
};

std::unique_ptr<ClientPool> make_websocket_pool(const Options& options, socketio::net::Loop& loop);
std::unique_ptr<ClientPool> make_polling_pool(const Options& options, socketio::net::Loop& loop);

}  // namespace load
