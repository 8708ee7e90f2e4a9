#include "load/client_pool.hpp"

#include <array>
#include <utility>

namespace load {

namespace base = socketio::base;
namespace net = socketio::net;

namespace {

// Views start out cleared, so that many cost more than they bring: one is the rule.
constexpr std::size_t kParts = 4;
static_assert(kParts <= net::Backend::kMaxParts);

}  // namespace

std::unique_ptr<ClientPool> ClientPool::make(const Options& options, net::Loop& loop) {
  return options.transport == Transport::polling ? make_polling_pool(options, loop)
                                                 : make_websocket_pool(options, loop);
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
  channel.in_flight = false;
}

bool ClientPool::flush_channel(Channel& channel) {
  if (channel.in_flight) return false;
  while (!channel.out.empty()) {
    std::array<base::Bytes, kParts> parts;
    const std::size_t count = channel.out.gather(parts);
    const std::size_t taken = loop_.backend().send(channel.stream, std::span(parts.data(), count));
    std::size_t total = 0;
    for (std::size_t i = 0; i < count; ++i) total += parts[i].size();
    channel.out.consume(taken);
    if (taken < total) {
      channel.in_flight = true;
      channel.out.settle(&ledger_);
      return false;
    }
  }
  return true;
}

}  // namespace load
