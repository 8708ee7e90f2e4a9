// Many clients on one thread: connections, handshakes and one ever same message, with as little
// work per message as there can be, for the generator must cost less than the server it measures.
// Frames are made once (masked with one key) and sent from where they lie.
//
//   connecting -> upgrading (HTTP) -> opening (Engine.IO and Socket.IO) -> ready -> closing
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/chunk.hpp"
#include "base/out_queue.hpp"
#include "load/options.hpp"
#include "net/loop.hpp"
#include "net/sys.hpp"
#include "ws/machine.hpp"

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
  virtual void on_tick() = 0;
};

class ClientPool final : public socketio::net::Driver {
 public:
  ClientPool(const Options& options, socketio::net::Loop& loop);

  void set_traffic(Traffic& traffic) { traffic_ = &traffic; }
  // Connects all clients, at most `at_a_time` at once, in the order of their numbers.
  void open(std::uint32_t at_a_time);
  void connect(std::uint32_t client);
  // Leaves as a polite client does: DISCONNECT and a close frame, then the stream.
  void leave(std::uint32_t client);
  void send(std::uint32_t client);
  // A message of `bytes` instead, once.
  void send_burst(std::uint32_t client, std::uint32_t bytes);
  void start_ticks(socketio::base::Duration interval);

  std::uint32_t ready() const { return ready_; }
  // Why a client could not connect or was cut off; empty when all is well.
  const std::string& error() const { return error_; }

 private:
  enum class State : std::uint8_t { closed, connecting, upgrading, opening, ready, closing };
  struct Client {
    socketio::net::StreamId stream{};
    socketio::ws::Machine ws;
    socketio::base::OutQueue out;
    std::uint32_t pending = 0;  // messages to send
    State state = State::closed;
    bool in_flight = false;
    bool dirty = false;
    explicit Client(const socketio::ws::Limits& limits) : ws(socketio::ws::Role::client, limits) {}
  };

  void on_accepted(std::uint32_t, int, const socketio::net::Address&) override {}
  void on_accept_paused(std::uint32_t, std::error_code) override {}
  void on_connected(socketio::net::StreamId, socketio::net::Owner, std::error_code) override;
  void on_received(socketio::net::StreamId, socketio::net::Owner,
                   socketio::base::MutBytes) override;
  void on_eof(socketio::net::StreamId, socketio::net::Owner) override;
  void on_sent(socketio::net::StreamId, socketio::net::Owner, std::size_t) override;
  void on_detached(socketio::net::StreamId, socketio::net::Owner, int) override {}
  void on_closed(socketio::net::StreamId, socketio::net::Owner, std::error_code) override;
  bool has_work() const override { return !dirty_.empty(); }
  void on_timer(socketio::net::Timer&) override;
  void flush() override;

  void connect_more();
  bool upgrade(std::uint32_t index, socketio::base::MutBytes& bytes);
  void drain(std::uint32_t index);
  void on_text(std::uint32_t index, socketio::base::Bytes text);
  void become_ready(std::uint32_t index);
  void mark_dirty(std::uint32_t index);
  void flush_client(std::uint32_t index);
  void fail(std::uint32_t index, std::string why);
  socketio::ws::Env env(Client& client) { return {client.out, arena_, ledger_, random_}; }

  static constexpr std::uint32_t kBatch = 64;  // messages that lie side by side in batch_

  const Options& options_;
  socketio::net::Loop& loop_;
  Traffic* traffic_ = nullptr;
  socketio::net::SystemRandom random_;
  socketio::base::Ledger ledger_;
  socketio::base::Arena arena_{&ledger_};
  socketio::ws::Limits limits_;
  std::vector<Client> clients_;
  std::vector<std::uint32_t> dirty_;
  std::string request_;
  std::string head_;  // of a response that came in pieces (only one client does at a time)
  socketio::base::Chunk batch_;
  std::uint32_t frame_size_ = 0;
  std::uint32_t next_to_open_ = 0;
  std::uint32_t may_open_ = 0;
  std::uint32_t ready_ = 0;
  socketio::net::Timer tick_{0, 0};
  socketio::base::Duration interval_{};
  std::string error_;
};

}  // namespace load
