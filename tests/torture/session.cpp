#include "torture/session.hpp"

#include <socketio/websocket.hpp>

#include "sim/client.hpp"
#include "sim/stage.hpp"
#include "support/secure_world.hpp"
#include "support/upgrade_request.hpp"
#include "torture/allocations.hpp"

namespace socketio::torture {
namespace {

using sim::Client;
using sim::ClientScript;
using sim::Heard;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kTicketLifetime{60};

class Faults final : public sim::Meddler {
 public:
  explicit Faults(Fault& fault) : fault_(fault) {}
  std::unique_ptr<net::Backend> wrap(std::unique_ptr<net::Backend> backend) override {
    return make_faulty(std::move(backend), fault_);
  }
  void turn_begins() override {
    if (on) armed_.emplace();
  }
  void turn_ended() override { armed_.reset(); }
  bool on = false;

 private:
  Fault& fault_;
  std::optional<Armed> armed_;
};

// What was said, one reply after the other.
class Voice : public sim::Listener {
 public:
  virtual ~Voice() = default;
  void opened(Client& client) override { client.send("0"); }
  void heard(Client& client, const Heard& packet) override {
    if (packet.type == '0' && packet.nsp == "/") {
      sid = packet.payload["sid"].to_string();
      pid = packet.payload["pid"].to_string();
    }
    on_packet(client, packet);
  }
  void upgraded(Client&) override {}
  void ended(Client&, const std::string& why) override { reason = why; }
  virtual void on_packet(Client&, const Heard&) {}
  std::string sid;
  std::string pid;
  std::string reason;
};

class Bystander final : public Voice {
 public:
  void on_packet(Client&, const Heard& packet) override {
    if (packet.type == '3') ++answers;
    if (packet.type == '2') ++events;
  }
  int answers = 0;
  int events = 0;
};

// Says the next thing when the last one was answered.
class Victim final : public Voice {
 public:
  void on_packet(Client& client, const Heard& packet) override {
    if (packet.type == '2') {
      if (const auto* args = packet.payload.get_if<Array>(); args != nullptr && args->size() > 1)
        offset = args->back().to_string();
      if (packet.id) client.send("3" + std::to_string(*packet.id) + "[1]");
      if (packet.payload[0].to_string() != "shouted") return;
    } else if (packet.type == '4') {
      return client.close();
    }
    static const std::vector<std::pair<const char*, std::vector<std::string>>> kSaid = {
        {"20[\"echo\",\"a\",{\"b\":[1,2.5,null,true]}]", {}},
        {"51-1[\"echo\",{\"_placeholder\":true,\"num\":0},\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"]",
         {std::string(300, 'b')}},
        {"22[\"join\",\"room\"]", {}},
        {"2[\"shout\"]", {}},
        {"23[\"ask\"]", {}},
        {"24[\"talk\"]", {}},
        {"25[\"big\"]", {}},
        {"0/other,{\"token\":1}", {}},
        {"2/other,6[\"echo\",1]", {}},
        {"27[\"leave\",\"room\"]", {}},
        {"2[\"nobody listens\",{\"a\":1}]", {}},
    };
    if (next >= kSaid.size()) return;
    const auto& [text, attachments] = kSaid[next];
    ++next;
    client.send(text, attachments);
    if (next == kSaid.size()) done = true;
  }
  std::size_t next = 0;
  bool done = false;
  std::string offset;
};

// A TCP peer that says what it is told and keeps what it hears.
class Peer {
 public:
  Peer(sim::Stage& stage, std::vector<std::string> said)
      : stage_(stage), said_(std::move(said)), fd_(stage.world.connect(sim::kServer, {})) {
    stage_.world.watch(fd_, [this] { ready(); });
  }
  ~Peer() { stage_.world.close(fd_); }
  std::string got;
  bool ended = false;
  std::size_t next = 0;

 private:
  void ready() {
    if (stage_.world.connecting(fd_)) return;
    std::string bytes(65536, '\0');
    std::int64_t n = 0;
    bool news = next == 0;
    while ((n = stage_.world.recv(fd_, bytes)) > 0) {
      got.append(bytes, 0, static_cast<std::size_t>(n));
      news = true;
    }
    ended |= n == 0 || stage_.world.error(fd_) != 0;
    if (news && !ended && next < said_.size()) stage_.world.send(fd_, said_[next++]);
  }
  sim::Stage& stage_;
  std::vector<std::string> said_;
  int fd_;
};

void serve(const Namespace& nsp) {
  nsp.on_event("echo", [](const Socket&, Value a, Ack ack) { ack(a); });
  nsp.on_event("join", [](const Socket& s, const std::string& room) { return s.join(room); });
  nsp.on_event("leave", [](const Socket& s, const std::string& room) { return s.leave(room); });
  nsp.on_event("shout", [](const Socket& s) {
    s.nsp().to("room").emit("shouted", 1, "to all of them", Binary("bytes"));
  });
  nsp.on_event("ask", [](const Socket& s, Ack ack) {
    s.timeout(seconds(2)).emit("q", 1, [ack](Result<int> reply) { ack(reply ? *reply : -1); });
  });
  nsp.on_event("talk", [](Socket s) -> Task<int> {
    const Result<int> reply = co_await s.timeout(seconds(2)).emit_with_ack<int>("q", 2);
    co_return reply ? *reply : -1;
  });
  nsp.on_event("big", [](const Socket&, Ack ack) { ack(std::string(200'000, 'z')); });
}

ServerOptions options_of(Script script) {
  ServerOptions o;
  o.ping_interval = std::chrono::minutes(10);
  o.ping_timeout = std::chrono::minutes(10);
  o.log_level = LogLevel::error;
  o.connect_timeout = seconds(20);
  o.close_timeout = seconds(1);
  o.limits.max_connections_per_address = 1'000;
  o.limits.max_handshakes_per_address = 1'000'000;
  if (script == Script::deflate) {
    o.per_message_deflate.emplace();
    o.per_message_deflate->threshold = 0;
  }
  if (script == Script::tls) {
    o.tls = test::tls_options();
    o.tls->session_lifetime = kTicketLifetime;
  }
  if (script == Script::recovery) o.connection_state_recovery.emplace();
  if (script == Script::recovery)
    o.connection_state_recovery->max_disconnection_duration = seconds(30);
  if (script == Script::old_client) o.allow_eio3 = true;
  if (script == Script::admission) {
    o.cors.emplace();
    o.engine.allow_request = [](const HttpRequest&) { return true; };
  }
  if (script == Script::named) {
    o.engine.generate_id = [n = 0](const HttpRequest&) mutable {
      return "client-" + std::to_string(++n);
    };
  }
  if (script == Script::child) o.cleanup_empty_child_namespaces = true;
  return o;
}

ClientScript client_of(Script script) {
  ClientScript c;
  c.polling = script == Script::polling || script == Script::upgrade || script == Script::named;
  c.upgrade = script == Script::upgrade || script == Script::named;
  c.deflate = script == Script::deflate;
  if (script == Script::tls) c.tls = test::client_context();
  return c;
}

class Play {
 public:
  Play(Script script, Fault& fault)
      : script_(script), fault_(fault), faults_(fault), stage_(7, options_of(script), &faults_) {
    const Namespace root = stage_.of("/");
    serve(root);
    root.on_connection([this](const Socket& s) {
      const Exempt exempt;
      last_ = s;
      ++connected_;
    });
    root.on_disconnect([this](const Socket&, DisconnectReason) { --connected_; });
    const Namespace other = stage_.of("/other");
    serve(other);
    other.use([](const Socket&, const Next& next) { next(); });
    other.on_connection([this](const Socket&) { ++connected_; });
    other.on_disconnect([this](const Socket&, DisconnectReason) { --connected_; });
    if (script == Script::admission)
      stage_.hub->engine.middlewares.emplace_back(
          [](const EngineRequest& request) { request.set_header("X-Asked", "yes"); });
    stage_.hub->names.add_parent(NamespacePattern("^/child-[0-9]$"), {});
    stage_.routes.get("/hello/:name", [](const HttpRequest& r) -> Task<HttpReply> {
      co_return HttpReply::text("hello " + std::string(r.param("name")));
    });
    stage_.routes.get("/fails", [](const HttpRequest&) -> Task<HttpReply> {
      throw std::runtime_error("fails");
      co_return HttpReply{};
    });
    stage_.routes.post("/post",
                       [](const HttpRequest& r) { return HttpReply::text(std::string(r.body())); });
    stage_.routes.websocket("/plain", {.open = [](const WebSocket& p) { p.send("hello"); },
                                       .message = [](const WebSocket& p, std::string_view bytes,
                                                     bool) { p.send(bytes); }});
  }

  std::string play(std::uint64_t allocation) {
    ClientScript quiet;
    quiet.polling = false;
    if (script_ == Script::tls) quiet.tls = test::client_context();
    bystander_client_.emplace(stage_.world, sim::kServer, quiet, bystander_, 0);
    if (!ask_bystander()) return "the bystander was not answered before";
    // The next handshake turns the keys of the tickets.
    if (script_ == Script::tls) stage_.run(kTicketLifetime);
    faults_.on = fault_.on = true;
    fail_allocation(allocation);
    perform();
    stage_.run(seconds(40));
    faults_.on = fault_.on = false;
    counted_ = allocations();
    // (A call that failed goes on in some later turn, whenever that is.)
    for (const auto& peer : peers_) {
      if (!fault_.happened && peer->got.empty() && !peer->ended)
        return "a request is neither answered nor ended";
    }
    if (!bystander_.reason.empty()) return "the bystander was closed: " + bystander_.reason;
    if (!ask_bystander()) return "the bystander is not answered any more";
    if (bystander_.events != 0) return "the bystander heard events of others";
    if (script_ == Script::child && !enters_child()) return "the child lets nobody in any more";
    // Whoever has not finished leaves; the server must let go of all of them, of those who poll
    // when they have not answered a ping.
    for (const auto& client : clients_) client->kill();
    peers_.clear();
    stage_.run(std::chrono::minutes(25));
    const Stats stats = stage_.stats();
    if (stats.connections != 1) return std::to_string(stats.connections) + " connections stay";
    if (stats.clients != 1) return std::to_string(stats.clients) + " clients stay";
    if (connected_ != 1) return std::to_string(connected_) + " sockets believe to be connected";
    if (!ask_bystander()) return "the bystander is not answered at the end";
    return close();
  }

  std::uint64_t counted() const { return counted_; }
  std::uint64_t steps() const {
    std::uint64_t all = 0;
    for (const auto& victim : victims_) all += victim->next;
    return all + heard_;
  }

 private:
  void perform() {
    switch (script_) {
      case Script::plain:
        return peer({test::upgrade_request("/plain"), std::string("\x81\x85\0\0\0\0first", 11),
                     std::string("\x01\x82\0\0\0\0ab", 8) + std::string("\x80\x82\0\0\0\0cd", 8),
                     std::string("\x88\x80\0\0\0\0", 6)});
      case Script::http:
        peer({"GET /hello/you HTTP/1.1\r\nHost: a\r\n\r\n",
              "POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0"
              "\r\n\r\n",
              "GET /fails HTTP/1.1\r\nHost: a\r\n\r\n",
              "GET /missing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"});
        return peer({"GET / nonsense\r\n\r\n"});
      case Script::old_client:
        return peer({test::upgrade_request("/socket.io/?EIO=3&transport=websocket"),
                     std::string("\x81\x91\0\0\0\0", 6) + "421[\"echo\",\"abc\"]",
                     std::string("\x81\x81\0\0\0\0", 6) + "2"});
      case Script::admission:
        peer({"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nOrigin: b\r\n\r\n"});
        return peer({test::upgrade_request()});
      case Script::recovery:
        return perform_recovery();
      case Script::child:
        for (int i = 0; i < 2; ++i) {
          enter_child();
          stage_.run(seconds(1));
        }
        return;
      default:
        add();
        add();
    }
  }

  Victim& add() {
    victims_.push_back(std::make_unique<Victim>());
    clients_.push_back(std::make_unique<Client>(stage_.world, sim::kServer, client_of(script_),
                                                *victims_.back(), clients_.size()));
    return *victims_.back();
  }
  void peer(std::vector<std::string> said) {
    peers_.push_back(std::make_unique<Peer>(stage_, std::move(said)));
    stage_.run(seconds(1));
    heard_ += peers_.back()->got.size();
  }

  // Joins a namespace that is made for it.
  struct Child final : Voice {
    void opened(Client& client) override { client.send("0/child-1,"); }
    void on_packet(Client&, const Heard& packet) override {
      entered |= packet.type == '0' && packet.nsp == "/child-1";
    }
    bool entered = false;
  };
  const Child& enter_child() {
    auto child = std::make_unique<Child>();
    const Child& entering = *child;
    returned_.push_back(std::move(child));
    clients_.push_back(std::make_unique<Client>(stage_.world, sim::kServer, client_of(script_),
                                                *returned_.back(), clients_.size()));
    return entering;
  }
  bool enters_child() {
    const Child& child = enter_child();
    return stage_.run_until([&] { return child.entered; }, seconds(5));
  }

  // Loses its connection, misses two events and comes back for them.
  void perform_recovery() {
    Victim& first = add();
    stage_.run(seconds(3));
    if (first.sid.empty()) return;
    const Socket socket = last_;
    clients_.back()->kill();
    stage_.run(seconds(1));
    stage_.post([socket](server::Shard&) {
      socket.nsp().to(std::string(socket.id())).emit("missed", 1);
      socket.emit("missed", 2);
    });
    stage_.run(seconds(1));
    struct Returning final : Voice {
      void opened(Client& client) override { client.send(said); }
      void on_packet(Client&, const Heard&) override { ++packets; }
      std::string said;
      std::uint64_t packets = 0;
    };
    auto back = std::make_unique<Returning>();
    back->said = "0{\"pid\":\"" + first.pid + "\",\"offset\":\"" + first.offset + "\"}";
    returned_.push_back(std::move(back));
    clients_.push_back(std::make_unique<Client>(stage_.world, sim::kServer, client_of(script_),
                                                *returned_.back(), clients_.size()));
    stage_.run(seconds(5));
    heard_ += static_cast<Returning&>(*returned_.back()).packets;
  }

  bool ask_bystander() {
    const int before = bystander_.answers;
    const int number = before + 1;
    if (!stage_.run_until([&] { return !bystander_.sid.empty(); }, seconds(5))) return false;
    bystander_client_->send("2" + std::to_string(number) + "[\"echo\",1]");
    return stage_.run_until([&] { return bystander_.answers == number; }, seconds(5));
  }

  std::string close() {
    if (!stage_.close(stage_.options().close_timeout + seconds(5))) return "does not close";
    stage_.run(seconds(10));
    bystander_client_.reset();
    clients_.clear();
    stage_.run(std::chrono::minutes(2));
    const Stats stats = stage_.stats();
    const std::pair<const char*, std::uint64_t> left[] = {
        {"connections", stats.connections},
        {"clients", stats.clients},
        {"sessions", stage_.shard->sessions()},
        {"bytes of input", stats.input_bytes},
        {"bytes of output", stats.output_bytes},
        {"pending acknowledgements", stats.acks_pending},
        {"ids of sessions", stage_.hub->custom_ids.size()},
        {"bytes of compression", stage_.hub->deflate_budget.used()},
        {"counted addresses", stage_.hub->peers->connected()},
        {"streams", stage_.backend().streams()},
        {"timers", stage_.timers()},
        {"open sockets", stage_.world.open_sockets()},
        {"sockets believed connected", static_cast<std::uint64_t>(connected_)}};
    for (const auto& [what, n] : left) {
      if (n != 0) return std::to_string(n) + " " + what + " left";
    }
    return {};
  }

  Script script_;
  Fault& fault_;
  Faults faults_;
  sim::Stage stage_;
  Socket last_;
  std::int64_t connected_ = 0;
  std::uint64_t counted_ = 0;
  std::uint64_t heard_ = 0;
  Bystander bystander_;
  std::vector<std::unique_ptr<Victim>> victims_;
  std::vector<std::unique_ptr<Voice>> returned_;
  std::optional<Client> bystander_client_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Peer>> peers_;
};

}  // namespace

const char* name_of(Script script) {
  switch (script) {
    case Script::websocket:
      return "websocket";
    case Script::polling:
      return "polling";
    case Script::upgrade:
      return "upgrade";
    case Script::deflate:
      return "deflate";
    case Script::tls:
      return "tls";
    case Script::recovery:
      return "recovery";
    case Script::old_client:
      return "old_client";
    case Script::plain:
      return "plain";
    case Script::http:
      return "http";
    case Script::admission:
      return "admission";
    case Script::named:
      return "named";
    case Script::child:
      return "child";
  }
  return "";
}

const std::vector<Script>& all_scripts() {
  static const std::vector<Script> all = {Script::websocket,  Script::polling, Script::upgrade,
                                          Script::deflate,    Script::tls,     Script::recovery,
                                          Script::old_client, Script::plain,   Script::http,
                                          Script::admission,  Script::named,   Script::child};
  return all;
}

Report run(Script script, std::uint64_t allocation, Fault fault) {
  Report report;
  const std::int64_t before = live_pieces();
  {
    std::optional<Play> play;
    try {
      play.emplace(script, fault);
      report.failure = play->play(allocation);
    } catch (const std::exception& e) {
      report.failure = std::string("thrown out of the loop: ") + e.what();
    }
    fail_allocation(kNever);
    report.allocations = play->counted();
    report.steps = play->steps();
  }
  report.sends = fault.counts[static_cast<std::size_t>(Call::send)];
  report.receives = fault.counts[static_cast<std::size_t>(Call::receive)];
  report.accepts = fault.counts[static_cast<std::size_t>(Call::accept)];
  report.live = live_pieces() - before - static_cast<std::int64_t>(report.failure.empty() ? 0 : 1);
  return report;
}

}  // namespace socketio::torture
