// For this layer's tests: a shard in memory. Real sessions, whose frames are read back from their
// queues, and a log of what the core reports.
#pragma once

#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sio/core.hpp"

namespace socketio::sio::testing {

// Deterministic (splitmix64).
class SeededRandom final : public base::Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(base::MutBytes out) override {
    for (char& c : out) c = static_cast<char>(next() >> 24);
  }
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(next() % n); }

 private:
  std::uint64_t state_;
};

// Received bytes as the layers below hand them up: writable, with padding behind.
class Padded {
 public:
  explicit Padded(base::Bytes text) : bytes_(text), size_(text.size()) {
    bytes_.resize(size_ + base::kPadding, '\xee');
  }
  base::MutBytes view() { return {bytes_.data(), size_}; }

 private:
  std::string bytes_;
  std::size_t size_;
};

inline std::string raw(const Element& element) {
  std::string out;
  if (!element.exists()) return "-";
  if (!element.as_raw(out)) return "(binary)";
  return out;
}

// Logs what the waiters it made are told; one that is not ended exactly once says so when it goes.
class Waiters {
 public:
  std::unique_ptr<AckWaiter> make(std::string name) {
    ++open_;
    return std::make_unique<Waiter>(*this, std::move(name));
  }
  int open() const { return open_; }
  std::vector<std::string> log;

 private:
  class Waiter final : public AckWaiter {
   public:
    Waiter(Waiters& all, std::string name) : all_(all), name_(std::move(name)) {}
    ~Waiter() override {
      if (ends_ != 1) all_.log.push_back(name_ + " ended " + std::to_string(ends_) + " times");
      --all_.open_;
    }
    void finish(AckEnd end, const Element& args) override {
      static constexpr const char* kNames[] = {"replied", "timeout", "disconnected", "shut down"};
      ++ends_;
      all_.log.push_back(name_ + ": " + kNames[static_cast<int>(end)] + " " + raw(args));
    }
    void reply(const Element& args) override { all_.log.push_back(name_ + " < " + raw(args)); }

   private:
    Waiters& all_;
    std::string name_;
    int ends_ = 0;
  };
  int open_ = 0;
};

struct Peer {
  std::unique_ptr<eio::Session> session;
  eio::Outlet outlet;
  ClientId client{};
  bool gone = false;
};

class World {
 public:
  World() : World(1) {}
  explicit World(std::uint64_t seed, Parser parser = {})
      : options{.parser = std::move(parser)}, random(seed), core_(make_core()) {}
  ~World() { core_.reset(); }

  eio::Options eio_options;
  Options options;
  base::Ledger ledger;
  base::Arena arena{&ledger};
  eio::Shared shared{eio_options, arena, ledger};
  SeededRandom random;
  base::Time now = base::Time{} + std::chrono::seconds(1000);
  Waiters waiters;
  std::vector<std::string> log;
  bool accept_all = true;
  bool create_all = false;
  std::function<void(const Event&)> handler;  // the user's, after the log and before the answers

  Core& core() { return *core_; }

  std::size_t connect(eio::Dialect dialect = {}) {
    auto peer = std::make_unique<Peer>();
    eio::Sid sid;
    random.fill({sid.chars.data(), sid.chars.size()});
    for (char& c : sid.chars) c = static_cast<char>('a' + static_cast<unsigned char>(c) % 26);
    const std::size_t number = peers_.size();
    peer->session = std::make_unique<eio::Session>(shared, sid, eio::Transport::websocket, number,
                                                   now, base::Bytes(), dialect);
    peer->session->attach_websocket(peer->outlet);
    peer->client = core_->open(*peer->session, number, now);
    peers_.push_back(std::move(peer));
    received(number);
    if (dialect.v3) {
      core_->join_root(peers_[number]->client, now);
      settle();
    }
    return number;
  }
  // Connected to "/" and its CONNECT packet read.
  std::size_t join(base::Bytes nsp = "/") {
    const std::size_t peer = connect();
    text(peer, nsp == "/" ? "0" : "0" + std::string(nsp) + ",");
    received(peer);
    log.clear();
    return peer;
  }
  Peer& peer(std::size_t number) { return *peers_[number]; }
  std::size_t peers() const { return peers_.size(); }

  // A message of the client, without Engine.IO's '4'.
  void text(std::size_t number, base::Bytes packet) {
    Padded bytes("4" + std::string(packet));
    if (eio::Session* session = live(number)) session->on_text(bytes.view(), false, now);
    pump(number);
    settle();
  }
  void binary(std::size_t number, base::Bytes packet) {
    Padded bytes(packet);
    if (eio::Session* session = live(number)) session->on_binary(bytes.view(), false, now);
    pump(number);
    settle();
  }
  void drop(std::size_t number) {
    if (eio::Session* session = live(number))
      session->on_websocket_closed(false, true, "reset", now);
    settle();
  }
  void advance(base::Duration by) {
    now += by;
    if (core_->deadline() <= now) core_->on_deadline(now);
    settle();
  }
  // Runs until nobody has anything to say.
  void settle() {
    drain();
    while (eio::Session* session = shared.dirty.pop_front()) {
      pump(static_cast<std::size_t>(session->owner()));
      drain();
    }
  }
  void drain() {
    for (Event event = core_->next(now); event.kind != EventKind::none; event = core_->next(now)) {
      ++shared.dispatch;
      on_event(event);
    }
  }
  // What has been sent: text without the '4', "close", binary as "<bytes>".
  std::vector<std::string> received(std::size_t number) {
    std::string bytes = take(peers_[number]->outlet.out);
    std::vector<std::string> messages;
    for (base::Bytes rest = bytes; !rest.empty();) {
      const auto byte = [&rest](std::size_t i) { return static_cast<unsigned char>(rest[i]); };
      const bool is_text = (byte(0) & 15) == 1;
      std::size_t head = 2;
      std::size_t size = byte(1);
      if (size >= 126) {
        const std::size_t more = size == 126 ? 2 : 8;
        size = 0;
        for (; head < 2 + more; ++head) size = size << 8 | byte(head);
      }
      const base::Bytes payload = rest.substr(head, size);
      if (!is_text)
        messages.push_back("<" + std::string(payload) + ">");
      else if (payload.starts_with('4'))
        messages.emplace_back(payload.substr(1));
      else
        messages.push_back("eio " + std::string(payload));
      rest.remove_prefix(head + size);
    }
    return messages;
  }
  // Sockets that are there, by number of the peer and namespace.
  Socket* socket(std::size_t number, base::Bytes nsp = "/") {
    const auto found = sockets_.find({number, std::string(nsp)});
    return found == sockets_.end() ? nullptr : core_->get(found->second);
  }
  std::string id(std::size_t number, base::Bytes nsp = "/") {
    return std::string(socket(number, nsp)->id_view());
  }
  SharedPacket packet(base::Bytes name, base::Bytes args = {},
                      std::optional<std::uint64_t> id = std::nullopt, base::Bytes nsp = "/") {
    return Encoder::share(encoded(name, args, id, nsp), &ledger);
  }
  Encoded encoded(base::Bytes name, base::Bytes args = {},
                  std::optional<std::uint64_t> id = std::nullopt, base::Bytes nsp = "/") {
    Writer& writer = encoder_.begin_event(name);
    if (!args.empty()) writer.raw(args);
    return encoder_.finish(PacketType::event, nsp, id, options.max_attachments);
  }
  std::vector<std::string> take_log() { return std::exchange(log, {}); }

 private:
  std::unique_ptr<Core> make_core() { return std::make_unique<Core>(shared, random, options); }
  eio::Session* live(std::size_t number) {
    return peers_[number]->gone ? nullptr : peers_[number]->session.get();
  }
  static std::string take(base::OutQueue& queue) {
    std::string bytes;
    while (!queue.empty()) {
      base::Bytes views[16];
      const std::size_t n = queue.gather(views);
      std::size_t size = 0;
      for (std::size_t i = 0; i < n; ++i) {
        bytes += views[i];
        size += views[i].size();
      }
      queue.consume(size);
    }
    return bytes;
  }
  void pump(std::size_t number) {
    Peer& peer = *peers_[number];
    if (peer.gone) return;
    for (eio::Event event = peer.session->next(now); event.kind != eio::EventKind::none;
         event = peer.session->next(now)) {
      if (event.kind == eio::EventKind::message && !event.binary)
        tell(peer.client, event.payload, &Core::on_text);
      if (event.kind == eio::EventKind::message && event.binary)
        tell(peer.client, event.payload, &Core::on_binary);
      if (event.kind == eio::EventKind::closed)
        core_->on_session_closed(peer.client, event.reason, event.detail, now);
      drain();
      if (event.kind != eio::EventKind::gone) continue;
      peer.gone = true;
      peer.session.reset();
      return;
    }
  }
  void tell(ClientId client, base::MutBytes message,
            bool (Core::*how)(ClientId, base::MutBytes, base::Time, Arrival&)) {
    Event event;
    if (!((*core_).*how)(client, message, now, event)) return;
    event.kind = EventKind::event;
    ++shared.dispatch;
    on_event(event);
  }
  void on_event(Event& event) {
    static constexpr const char* kNames[] = {"none",          "connecting",  "vanished",  "unknown",
                                             "event",         "ack",         "ack reply", "error",
                                             "disconnecting", "disconnected"};
    if (event.kind != EventKind::ack && event.kind != EventKind::ack_reply) {
      std::string line =
          std::to_string(core_->owner(event.client)) + " " + kNames[static_cast<int>(event.kind)];
      if (!event.name.empty()) line += " " + std::string(event.name);
      if (event.args.exists()) line += " " + raw(event.args);
      if (event.ack_id) line += " ack " + std::to_string(*event.ack_id);
      if (event.kind >= EventKind::disconnecting) line += " " + std::string(text_of(event.reason));
      log.push_back(std::move(line));
    }
    if (event.kind == EventKind::connecting)
      sockets_[{static_cast<std::size_t>(core_->owner(event.client)),
                std::string(core_->namespace_name(event.nsp))}] = event.socket;
    if (handler) handler(event);
    if (event.kind == EventKind::connecting && accept_all) core_->accept(event.socket, now);
    if (event.kind == EventKind::unknown_namespace && create_all) {
      core_->create_namespace(event.name);
      core_->admit(event.client, std::string(event.name), now);
    } else if (event.kind == EventKind::unknown_namespace && accept_all) {
      core_->reject_namespace(event.client, std::string(event.name));
    }
    if (event.kind == EventKind::ack_reply) event.group->reply(event.args);
    if (event.kind == EventKind::ack) event.waiter->finish(event.end, event.args);
  }
  static base::Bytes text_of(DisconnectReason reason) { return to_string(reason); }

  std::vector<std::unique_ptr<Peer>> peers_;
  std::map<std::pair<std::size_t, std::string>, SocketId> sockets_;
  Encoder encoder_{options.parser};
  std::unique_ptr<Core> core_;
};

using Lines = std::vector<std::string>;

}  // namespace socketio::sio::testing
