// For tests of src/tls: a connection of two engines in memory. What one writes is kept until it
// is delivered to the other, in pieces of any size, changed if the test wants.
#pragma once

#include <string>
#include <vector>

#include "support/certificates.hpp"
#include "tls/engine.hpp"

namespace socketio::tls::testing {

class CountingRandom final : public base::Random {
 public:
  void fill(base::MutBytes out) override {
    for (char& c : out) c = static_cast<char>(state_ = state_ * 69069 + 1);
  }

 private:
  unsigned state_ = 1;
};

// One end.
class End {
 public:
  End(std::shared_ptr<const Context> context, Role role, const std::string& host = {},
      TicketKeys* tickets = nullptr)
      : engine(std::move(context), role, host), tickets_(tickets) {}

  Engine engine;
  std::string received;  // plaintext
  base::Time now{};

  void start() { engine.start(env(), now); }
  void take(base::Bytes in) {
    room_.resize(in.size() + Engine::kMaxRecord);
    received.append(room_.data(), engine.open(in, room_, env(), now));
  }
  void say(base::Bytes plain, std::size_t limit = 1 << 24) {
    plain_.append(arena_, plain);
    seal(limit);
  }
  void seal(std::size_t limit) { engine.seal(plain_, env(), limit); }
  void close() { engine.close(env()); }
  std::size_t unsaid() const { return plain_.bytes(); }
  std::size_t unsent() const { return out_.bytes(); }
  // What it wants to send, which is then sent.
  std::string sent() {
    std::string all;
    base::Bytes part;
    while (out_.gather({&part, 1}) > 0) {
      all += part;
      out_.consume(part.size());
    }
    return all;
  }

 private:
  Env env() { return {out_, arena_, random_, tickets_}; }
  CountingRandom random_;
  base::Arena arena_;
  base::OutQueue out_;
  base::OutQueue plain_;
  std::vector<char> room_;
  TicketKeys* tickets_;
};

// Delivers in pieces of `piece` bytes until both are silent.
inline void talk(End& a, End& b, std::size_t piece = 1 << 20) {
  for (;;) {
    const std::string to_b = a.sent();
    for (std::size_t at = 0; at < to_b.size(); at += piece)
      b.take(base::Bytes(to_b).substr(at, piece));
    const std::string to_a = b.sent();
    for (std::size_t at = 0; at < to_a.size(); at += piece)
      a.take(base::Bytes(to_a).substr(at, piece));
    if (to_a.empty() && to_b.empty()) return;
  }
}

// An authority and what most tests need of it, made once.
struct World {
  static World& get() {
    static World world;
    return world;
  }
  test::Authority authority{"Test Authority"};
  test::Authority stranger{"Another Authority"};
  test::Certified site = authority.issue({.common_name = "example.com", .dns = {"example.com"}});
  test::Certified alice = authority.issue({.common_name = "alice"});
  Identity identity{site.certificate, site.private_key, {}, {}};

  ServerConfig server_config() const {
    ServerConfig config;
    config.identities.push_back(identity);
    return config;
  }
  ClientConfig client_config() const {
    ClientConfig config;
    config.ca = authority.certificate();
    return config;
  }
  static std::shared_ptr<const Context> server(const ServerConfig& config) {
    Refusal refusal;
    auto made = Context::make_server(config, refusal);
    if (made == nullptr) throw std::runtime_error(refusal.field + " " + refusal.why);
    return made;
  }
  static std::shared_ptr<const Context> client(const ClientConfig& config) {
    Refusal refusal;
    auto made = Context::make_client(config, refusal);
    if (made == nullptr) throw std::runtime_error(refusal.field + " " + refusal.why);
    return made;
  }
};

}  // namespace socketio::tls::testing
