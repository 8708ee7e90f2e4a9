// Real peers for tests of the server: TCP on loopback, speaking raw HTTP or Socket.IO over
// WebSocket. World turns the server and its peers alternately in the thread of the test, so that a
// test needs no sleep and no second thread; threaded, the server runs in one of its own.
//
//   World world;  world.io.on_event("add", [](int a, int b) { return a + b; });
//   Client client(world);  client.join();
//   client.send("27[\"add\",1,2]");  EXPECT_EQ(client.next(), "37[3]");
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <socketio/server.hpp>

#include "support/tls_client.hpp"
#include "ws/machine.hpp"

namespace socketio::test {

class Peer;

// The request that opens a session by long-polling.
inline constexpr std::string_view kOpen = "/socket.io/?EIO=4&transport=polling";

class World {
 public:
  enum class Mode { here, own_thread };
  explicit World(ServerOptions options = {}, Mode mode = Mode::here);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Starts the server's thread (own_thread); what is registered before needs no lock.
  void start();
  // Closes the server and joins its thread.
  void stop();
  // One turn of the server and of every peer; waits a moment when nothing is to be done.
  void turn();
  // Turns until `done`, for at most ten seconds.
  template <class Done>
  bool until(Done done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
      if (std::chrono::steady_clock::now() > end) return false;
      turn();
    }
    return true;
  }
  // A few turns: whatever the server can do at once, it has done.
  void settle();

  // Set before the first peer: all of them speak TLS.
  std::shared_ptr<const tls::Context> tls;
  std::vector<ErrorReport> errors;  // what on_error was told (mode here)
  Server io;

 private:
  friend class Peer;
  Mode mode_;
  std::jthread thread_;
  std::vector<Peer*> peers_;
  std::vector<char> memory_;  // to read into, one peer after the other
};

// One connection to the server.
class Peer {
 public:
  explicit Peer(World& world, std::string_view unix_path = {});
  virtual ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void write(std::string_view bytes);
  bool closed() const { return closed_; }
  // Ends the connection without a word; `reset`: with RST.
  void cut(bool reset = false);
  TlsClient* tls() { return tls_.get(); }
  // TLS's word for "no more will come"; the connection stays.
  void say_close_notify() { tls_->close(out_); }
  // Past the TLS, if there is any.
  void write_raw(std::string_view bytes) { out_ += bytes; }
  // Sends what is left and says that no more will come.
  void end_writing();
  bool wait_closed();
  bool reading = true;  // false: a peer that does not read
  // Keeps the kernel from taking much on the peer's behalf. Before the first byte.
  void shrink_receive_buffer();

 protected:
  virtual void on_bytes(char* bytes, std::size_t size) = 0;
  World& world() { return world_; }

 private:
  friend class World;
  void turn();
  World& world_;
  int fd_ = -1;
  bool closed_ = false;
  std::string out_;
  std::unique_ptr<TlsClient> tls_;
};

struct HttpAnswer {
  int status = 0;
  std::string head;  // with the status line
  std::string body;
  std::string header(std::string_view name) const;
};

// A validator without the mark of a weak one.
inline std::string strong(const std::string& tag) {
  return tag.starts_with("W/") ? tag.substr(2) : tag;
}

class HttpPeer final : public Peer {
 public:
  using Peer::Peer;
  // Sends a request and waits for its answer.
  HttpAnswer request(std::string_view method, std::string_view target,
                     std::string_view headers = {}, std::string_view body = {});
  void send(std::string_view method, std::string_view target, std::string_view headers = {},
            std::string_view body = {});
  // The next answer when it is there; status 0: none came.
  HttpAnswer answer();
  bool answered() const;

 private:
  void on_bytes(char* bytes, std::size_t size) override { in_.append(bytes, size); }
  std::optional<std::size_t> whole() const;
  std::string in_;
  std::deque<bool> heads_;  // of HEAD requests: an answer without a body
};

// One request on a connection of its own.
HttpAnswer http_get(World& world, std::string_view target, std::string_view headers = {});

// An Engine.IO client on long polling.
class PollingClient {
 public:
  explicit PollingClient(World& world);
  std::string sid;
  // POSTs packets (joined by \x1e) and returns the answer's status.
  int post(std::string_view body);
  // Leaves a GET waiting; poll() returns its body.
  void start_poll();
  std::string poll();
  bool polled() const { return get_.answered(); }
  // CONNECT and its answer.
  bool join(std::string_view packet = "40");

 private:
  std::string target_;
  HttpPeer get_;
  HttpPeer post_;
};

struct ClientOptions {
  std::string path = "/socket.io/";
  std::string query{};    // "&token=abc"
  std::string headers{};  // whole lines
  std::string unix_path{};
  bool small_buffer = false;
  std::string upgrades{};  // the session that it takes over from polling
};

// A Socket.IO client on WebSocket. Packets are the wire's text without Engine.IO's '4'; an
// attachment shows as "<" + its bytes + ">".
class Client final : public Peer {
 public:
  explicit Client(World& world, const ClientOptions& options = {});

  // CONNECT; the socket's id, or empty when it was refused: then `refusal` is the packet.
  std::string join(std::string_view nsp = "/", std::string_view auth = {});
  std::string refusal;

  void send(std::string_view packet);         // a text message
  void send_binary(std::string_view bytes);   // an attachment
  void send_engine(std::string_view packet);  // a bare Engine.IO packet
  void close();                               // WebSocket close
  // The next packet; "(none)" when none came, "(closed)" when none can come.
  std::string next();
  // Everything that arrives before the server answers a ping sent now: all it had to say.
  std::vector<std::string> rest();
  bool has_packet() const { return !packets_.empty(); }
  bool answers_pings = true;
  std::string open_packet;  // Engine.IO's; of an upgrade "3probe"

 private:
  void on_bytes(char* bytes, std::size_t size) override;
  void drain();
  void flush();
  void take(const ws::Event& event);
  class Random final : public base::Random {
    void fill(base::MutBytes out) override {
      for (char& c : out) c = static_cast<char>(state_ = state_ * 69069 + 1);
    }
    unsigned state_ = 1;
  };
  ws::Env env() { return {out_, arena_, ledger_, random_}; }

  base::Ledger ledger_;
  base::OutQueue out_;
  base::Arena arena_{&ledger_};
  Random random_;
  ws::Limits limits_;
  ws::Machine machine_;
  std::string head_;
  bool upgraded_ = false;
  std::size_t pongs_ = 0;
  std::deque<std::string> packets_;
};

// The first socket of "/"; none when there is none.
Socket only(World& world);

}  // namespace socketio::test
