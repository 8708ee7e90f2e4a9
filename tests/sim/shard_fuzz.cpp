// Property: whatever strangers send to a whole server on several connections at once, over a
// network of any temper, and whatever happens to it meanwhile, it goes on serving an honest client,
// and when all are gone nothing is left: no connection, session, timer, descriptor, or byte in the
// ledger.
//
// Input: the first byte chooses the options and seeds the network; then steps. A step is a byte
// whose low two bits pick one of four connections and the others what happens, a byte that is its
// number, and for those that send, so many bytes. Of those '@' stands for the last session id seen.
#include <array>
#include <cstdint>
#include <string>

#include "base/check.hpp"
#include "sim/stage.hpp"
#include "support/upgrade_request.hpp"

namespace {

using namespace socketio;
using sim::Stage;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Script {
 public:
  explicit Script(base::Bytes bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  unsigned number() {
    if (empty()) return 0;
    const auto first = static_cast<unsigned char>(bytes_[0]);
    bytes_.remove_prefix(1);
    return first;
  }
  base::Bytes take(std::size_t n) {
    const base::Bytes taken = bytes_.substr(0, n);
    bytes_.remove_prefix(taken.size());
    return taken;
  }

 private:
  base::Bytes bytes_;
};

// One connection and what came back on it.
class Stranger {
 public:
  Stranger(Stage& stage, std::string& sid) : stage_(stage), sid_(sid) {}
  ~Stranger() { close(); }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  void say(const std::string& bytes) {
    if (fd_ < 0) connect();
    stage_.world.send(fd_, bytes);
  }
  void temper(unsigned choice) {
    link_.short_read = choice & 1U;
    link_.short_write = choice >> 1U & 1U;
    link_.held_send = (choice >> 2U & 1U) * 2;
    if ((choice & 8U) != 0) link_.window = 600;
    if ((choice & 16U) != 0) link_.segment = 7;
    if ((choice & 32U) != 0) link_.jitter = milliseconds(20);
  }
  void finish() { stage_.world.shutdown_write(fd_); }
  void read(bool on) {
    reading_ = on;
    if (on) received();
  }
  void close() {
    if (fd_ >= 0) stage_.world.close(fd_);
    fd_ = -1;
  }
  void reset() {
    if (fd_ >= 0) stage_.world.reset(fd_);
    fd_ = -1;
  }
  void vanish() {
    if (fd_ >= 0) stage_.world.vanish(fd_);
    fd_ = -1;
  }
  const std::string& got() const { return got_; }

 private:
  void connect() {
    got_.clear();
    reading_ = true;
    fd_ = stage_.world.connect(sim::kServer, link_);
    stage_.world.watch(fd_, [this, fd = fd_] {
      if (fd == fd_) received();
    });
    stage_.run(milliseconds(1));
  }
  void received() {
    std::array<char, 2048> bytes;
    while (reading_ && fd_ >= 0) {
      const std::int64_t n = stage_.world.recv(fd_, bytes);
      if (n <= 0) return;
      got_.append(bytes.data(), static_cast<std::size_t>(n));
      // Of the handshake: 0{"sid":"...","upgrades":
      const std::size_t end = got_.rfind("\",\"upgrades\":");
      if (end != std::string::npos && end >= 20) sid_ = got_.substr(end - 20, 20);
      if (got_.size() > 65536) got_.erase(0, 32768);
    }
  }

  Stage& stage_;
  std::string& sid_;
  net::SimLink link_;
  std::string got_;
  int fd_ = -1;
  bool reading_ = true;
};

std::string line(const char* method, const std::string& more) {
  return std::string(method) + " /socket.io/?EIO=4&transport=" + more;
}
std::string ended(const std::string& first, const std::string& body) {
  return first + " HTTP/1.1\r\nHost: a\r\n" +
         (body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") + "\r\n" +
         body;
}
// A masked frame; the mask is zero. `size` below 126.
std::string frame(char first, const std::string& payload) {
  std::string bytes{first, static_cast<char>(0x80 | payload.size())};
  return bytes.append(4, '\0').append(payload);
}

class Run {
 public:
  Run(unsigned choice, Script& script) : script_(script), stage_(choice, options(choice)) {
    const Namespace main = stage_.of("/");
    main.on_event("echo", [](Socket s, Value data) { s.emit("echo", data); });
    main.on_event("ack", [](Socket, Ack ack) { ack(1); });
    main.on_event("join", [](Socket s, std::string room) { s.join(room); });
    main.on_event("all", [main](Value data) { main.emit("all", data); });
    main.on_event("ask", [](Socket s) -> Task<void> {
      const Pending<Value> pending = s.timeout(milliseconds(500)).emit_with_ack<Value>("q");
      static_cast<void>(co_await pending);
    });
    main.on_event("bye", [](Socket s) { s.disconnect(true); });
    stage_.of("/a").use([](const Socket&, const Next& next) { next(ConnectError{"no", {}}); });
  }

  void all() {
    while (!script_.empty()) {
      step(script_.number());
      stage_.run(std::chrono::microseconds(300));
    }
    for (Stranger& stranger : strangers_) stranger.close();
    stage_.run(seconds(1));
    serve_an_honest_client();
    stage_.run(seconds(30));  // heartbeats find who vanished, and what was kept for them expires
    SIO_CHECK(stage_.close(stage_.options().close_timeout + seconds(1)));
    stage_.run(seconds(10));
    check_nothing_left();
  }

 private:
  static ServerOptions options(unsigned choice) {
    ServerOptions o;
    o.ping_interval = seconds(3);
    o.ping_timeout = seconds(2);
    o.connect_timeout = seconds(4);
    o.upgrade_timeout = seconds(2);
    o.max_http_buffer_size = 300;
    if ((choice & 1U) != 0) o.send_queue_soft = 300, o.send_queue_hard = 2'000;
    if ((choice & 2U) != 0) o.allow_eio3 = true;
    if ((choice & 4U) != 0) {
      o.per_message_deflate = PerMessageDeflate{};
      o.per_message_deflate->threshold = 0;
    }
    if ((choice & 8U) != 0) {
      o.connection_state_recovery = ConnectionStateRecoveryOptions{};
      o.connection_state_recovery->max_disconnection_duration = seconds(5);
    }
    return o;
  }

  std::string text(unsigned n) {
    std::string text(script_.take(n));
    for (std::size_t at = 0; (at = text.find('@', at)) != std::string::npos; at += sid_.size() + 1)
      text.replace(at, 1, sid_.empty() ? "-" : sid_);
    return text;
  }
  std::string with_sid() const { return sid_.empty() ? "" : "&sid=" + sid_; }

  void step(unsigned head) {
    Stranger& who = strangers_[head & 3U];
    const unsigned n = script_.number();
    switch (head >> 2U & 31U) {
      case 0:
      case 1:
      case 2:
        return who.say(text(n));
      case 3:
        return who.say(frame('\x81', text(n % 100)));
      case 4:
        return who.say(frame('\x82', text(n % 100)));
      case 5:
        return who.say(frame('\x81', "4" + text(n % 100)));
      case 6:
        return who.say(ended(line("GET", "polling"), ""));
      case 7:
        return who.say(ended(line("GET", "polling" + with_sid()), ""));
      case 8:
        return who.say(ended(line("POST", "polling" + with_sid()), text(n)));
      case 9:
        return who.say(test::upgrade_request() + frame('\x81', "40"));
      case 10:
        return who.say(test::upgrade_request(test::kEngineSocket + with_sid()) +
                       frame('\x81', "2probe"));
      case 11:
        return who.say(frame('\x81', "5"));
      case 12:
        return who.temper(n);
      case 13:
        return who.finish();
      case 14:
        return who.read((n & 1U) != 0);
      case 15:
        return who.close();
      case 16:
        return who.reset();
      case 17:
        return who.vanish();
      case 18:
        return stage_.run(milliseconds(n * 20));
      case 19:
        return stage_.stall(milliseconds(n * 4));
      case 20:
        return stage_.world.fail_accepts((n & 1U) != 0 ? EMFILE : ENOMEM,
                                         stage_.now() + milliseconds(n * 4));
      case 21:
        stage_.of("/").emit("news", std::string(n, 'x'));
        return;
      case 22:
        stage_.of("/").volatile_().emit("news", Value(Binary(std::string(n, 'y'))));
        return;
      case 23:
        stage_.of("/").disconnect_sockets((n & 1U) != 0);
        return;
      case 24:
        stage_.turn_cost = std::chrono::microseconds(n * 40);
        return;
      default:
        return;
    }
  }

  void serve_an_honest_client() {
    stage_.turn_cost = {};
    std::string sid;
    Stranger honest(stage_, sid);
    stage_.run(seconds(2));  // accept() may fail until then
    honest.say(test::upgrade_request() + frame('\x81', "40"));
    honest.say(frame('\x81', "42[\"echo\",\"still there\"]"));
    SIO_CHECK(stage_.run_until(
        [&] { return honest.got().find("[\"echo\",\"still there\"") != std::string::npos; },
        seconds(2)));
  }

  void check_nothing_left() {
    const Stats stats = stage_.stats();
    SIO_CHECK(stats.connections == 0);
    SIO_CHECK(stats.clients == 0);
    SIO_CHECK(stage_.shard->sessions() == 0);
    SIO_CHECK(stats.input_bytes == 0);
    SIO_CHECK(stats.output_bytes == 0);
    SIO_CHECK(stage_.backend().streams() == 0);
    SIO_CHECK(stage_.timers() == 0);
    SIO_CHECK(stage_.world.open_sockets() == 0);
  }

  Script& script_;
  Stage stage_;
  std::string sid_;
  std::array<Stranger, 4> strangers_{Stranger(stage_, sid_), Stranger(stage_, sid_),
                                     Stranger(stage_, sid_), Stranger(stage_, sid_)};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 8192) return 0;
  Script script({reinterpret_cast<const char*>(data) + 1, size - 1});
  Run(data[0], script).all();
  return 0;
}
