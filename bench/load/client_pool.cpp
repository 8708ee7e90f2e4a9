#include "load/client_pool.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace load {

namespace base = socketio::base;
namespace net = socketio::net;

namespace {

// Views start out cleared, so that many cost more than they bring: one is the rule.
constexpr std::size_t kParts = 4;
constexpr std::size_t kMaxWire = 64 * 1024;  // of ciphertext
static_assert(kParts <= net::Backend::kMaxParts);

}  // namespace

std::unique_ptr<ClientPool> ClientPool::make(const Options& options, net::Loop& loop) {
  return options.transport == Transport::polling ? make_polling_pool(options, loop)
                                                 : make_websocket_pool(options, loop);
}

ClientPool::ClientPool(const Options& options, net::Loop& loop) : options_(options), loop_(loop) {
  if (!options.tls) return;
  socketio::tls::ClientConfig config;
  config.verify = false;
  socketio::tls::Refusal refusal;
  tls_ = socketio::tls::Context::make_client(config, refusal);
}

void ClientPool::begin(Channel& channel) {
  if (tls_ == nullptr) return;
  channel.tls = std::make_unique<Tls>(tls_);
  channel.tls->engine.start(env(channel), loop_.now());
}

base::MutBytes ClientPool::opened(Channel& channel, base::MutBytes received) {
  if (!channel.tls) return received;
  plain_.resize(std::max(plain_.size(),
                         received.size() + socketio::tls::Engine::kMaxRecord + base::kPadding));
  const base::MutBytes room(plain_.data(), plain_.size() - base::kPadding);
  const std::size_t n =
      channel.tls->engine.open(base::as_bytes(received), room, env(channel), loop_.now());
  if (channel.tls->engine.state() == socketio::tls::State::failed)
    fail(std::string("TLS: ") + channel.tls->engine.failure());
  return room.first(n);
}

base::OutQueue& ClientPool::seal(Channel& channel) {
  channel.tls->engine.seal(channel.out, env(channel), kMaxWire);
  return channel.tls->wire;
}

void ClientPool::open(std::uint32_t at_a_time) {
  next_to_open_ = 0;
  may_open_ = at_a_time;
  connect_more();
}

void ClientPool::connect_more() {
  for (; may_open_ > 0 && next_to_open_ < options_.clients; --may_open_) connect(next_to_open_++);
}

void ClientPool::became_ready(std::uint32_t client) {
  ++ready_;
  ++may_open_;
  connect_more();
  traffic_->on_ready(client);
}

void ClientPool::fail(std::string why) {
  if (error_.empty()) error_ = std::move(why);
}

void ClientPool::mark_dirty(std::uint32_t client, bool& dirty) {
  if (!std::exchange(dirty, true)) dirty_.push_back(client);
}

void ClientPool::flush() {
  traffic_->on_turn();
  flushing_.swap(dirty_);
  for (const std::uint32_t client : flushing_) flush_client(client);
  flushing_.clear();
  arena_.recycle();
}

void ClientPool::reset(Channel& channel) {
  channel.out.clear();
  channel.tls.reset();
  channel.in_flight = false;
}

bool ClientPool::flush_channel(Channel& channel) {
  if (channel.in_flight) return false;
  base::OutQueue& wire = channel.tls ? seal(channel) : channel.out;
  while (!wire.empty()) {
    std::array<base::Bytes, kParts> parts;
    const std::size_t count = wire.gather(parts);
    const std::size_t taken = loop_.backend().send(channel.stream, std::span(parts.data(), count));
    std::size_t total = 0;
    for (std::size_t i = 0; i < count; ++i) total += parts[i].size();
    wire.consume(taken);
    if (taken < total) {
      channel.in_flight = true;
      wire.settle(&ledger_);
      return false;
    }
    if (channel.tls) seal(channel);
  }
  return true;
}

}  // namespace load
