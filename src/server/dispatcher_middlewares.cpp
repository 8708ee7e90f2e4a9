// A socket's middlewares: what comes in passes them before its handlers. Each may take its time;
// meanwhile the event is input that is held, and counts as a handler that runs.
#include <algorithm>
#include <new>

#include "server/shard.hpp"

namespace socketio::server {

namespace {

// What an event may take when the server is full: nobody who merely talks sends more.
constexpr std::size_t kLittle = std::size_t{16} * 1024;

// With all that it owns.
std::size_t memory_of(const Value& value) {
  std::size_t bytes = sizeof value;
  if (const auto* text = value.get_if<std::string>()) return bytes + text->size();
  if (const auto* binary = value.get_if<Binary>()) return bytes + binary->size();
  if (const auto* items = value.get_if<Array>()) {
    for (const Value& item : *items) bytes += memory_of(item);
  } else if (const auto* members = value.get_if<Object>()) {
    for (const auto& [key, member] : *members) bytes += sizeof key + key.size() + memory_of(member);
  }
  return bytes;
}

}  // namespace

struct Dispatcher::Passing {
  Passing(std::shared_ptr<detail::Hub> h, std::size_t on, sio::SocketId id, std::uint64_t whose,
          Packet event)
      : hub(std::move(h)), shard(on), socket(id), session(whose), packet(std::move(event)) {
    for (const Value& value : packet.args) bytes += memory_of(value);
    hub->ledger.charge_input(bytes);
  }
  ~Passing() {
    hub->ledger.credit_input(bytes);
    try {
      hub->run_or_post_always(
          shard, [from = session, size = bytes](Shard& on) { on.dispatcher().passed(from, size); });
    } catch (const std::bad_alloc&) {  // its client has one less to run, from now on
    }
  }
  Passing(const Passing&) = delete;
  Passing& operator=(const Passing&) = delete;

  std::shared_ptr<detail::Hub> hub;
  std::size_t shard;
  sio::SocketId socket;
  std::uint64_t session;
  Packet packet;
  detail::AckHolder ack{};
  PacketMiddlewares chain{};
  std::size_t bytes = sizeof(Passing);
};

void Dispatcher::pass(const sio::Socket& socket, Packet packet, detail::AckHolder ack,
                      PacketMiddlewares chain) {
  SessionRecord* record = shard_.session_of(socket.client);
  if (record == nullptr) return;
  const bool full = shard_.is_full();
  const auto event = std::make_shared<Passing>(hub_, shard_.index(), socket.self,
                                               record->session.owner(), std::move(packet));
  shard_.handler_started(*record);  // ~Passing says that it has ended
  passing_[event->session] += event->bytes;
  // It outlives its client when a middleware keeps its `next`, so that shedding would not help.
  if (full && event->bytes > kLittle) {
    counters_.shed.add();
    shard_.log(base::LogLevel::warn, base::LogKind::connection,
               "max_input_bytes reached: the client of an event with middlewares is closed");
    return shard_.give_up(socket.client);
  }
  event->ack = std::move(ack);
  event->chain = std::move(chain);
  pass(event, 0);
}

void Dispatcher::pass(const std::shared_ptr<Passing>& event, std::size_t index) {
  if (core_.get(event->socket) == nullptr) return;
  if (index == event->chain->size())
    return dispatch_packet(event->socket, event->packet, std::move(event->ack));
  const Next next([event, index](std::optional<ConnectError> error, const std::exception_ptr&) {
    event->hub->run_or_post_always(event->shard, [event, index, error](Shard& on) {
      if (error) {
        on.dispatcher().on_error(event->socket, error->message);
      } else {
        on.dispatcher().pass(event, index + 1);
      }
    });
  });
  const std::string name = event->packet.name;  // they may change it
  guarded(name, [&] { (*event->chain)[index](event->packet, next); });
}

void Dispatcher::passed(std::uint64_t session, std::size_t bytes) {
  if (const auto found = passing_.find(session); found != passing_.end()) {
    found->second -= std::min(bytes, found->second);
    if (found->second == 0) passing_.erase(found);
  }
  shard_.handler_ended(session);
}

std::size_t Dispatcher::held(std::uint64_t session) const {
  const auto found = passing_.find(session);
  return found == passing_.end() ? 0 : found->second;
}

}  // namespace socketio::server
