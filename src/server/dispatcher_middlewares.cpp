// A socket's middlewares: what comes in passes them before its handlers. Each may take its time;
// meanwhile the event is input that is held, and counts as a handler that runs.
#include <algorithm>

#include "server/holding.hpp"
#include "server/shard.hpp"

namespace socketio::server {

namespace {

// What an event may take when the server is full: nobody who merely talks sends more.
constexpr std::size_t kLittle = std::size_t{16} * 1024;

}  // namespace

struct Dispatcher::Passing {
  Passing(Dispatcher& on, sio::SocketId id, std::uint64_t session, Packet event)
      : holding(on, session, size_of(event), true), socket(id), packet(std::move(event)) {}
  static std::size_t size_of(const Packet& packet) {
    std::size_t bytes = sizeof(Passing);
    for (const Value& value : packet.args) bytes += memory_of(value);
    return bytes;
  }

  Holding holding;
  sio::SocketId socket;
  Packet packet;
  detail::AckHolder ack{};
  PacketMiddlewares chain{};
};

void Dispatcher::pass(const sio::Socket& socket, Packet packet, detail::AckHolder ack,
                      PacketMiddlewares chain) {
  SessionRecord* record = shard_.session_of(socket.client);
  if (record == nullptr) return;
  const bool full = shard_.is_full();
  const std::size_t bytes = Passing::size_of(packet);
  const auto event =
      std::make_shared<Passing>(*this, socket.self, record->session.owner(), std::move(packet));
  shard_.handler_started(*record);  // ~Holding says that it has ended
  // It outlives its client when a middleware keeps its `next`, so that shedding would not help.
  if (full && bytes > kLittle) {
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
    event->holding.hub()->run_or_post_always(
        event->holding.shard(), [event, index, error](Shard& on) {
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

void Dispatcher::hold(std::uint64_t session, std::size_t bytes) {
  holding_[session] += bytes;
}

void Dispatcher::let_go(std::uint64_t session, std::size_t bytes) {
  if (const auto found = holding_.find(session); found != holding_.end()) {
    found->second -= std::min(bytes, found->second);
    if (found->second == 0) holding_.erase(found);
  }
}

std::size_t Dispatcher::held(std::uint64_t session) const {
  const auto found = holding_.find(session);
  return found == holding_.end() ? 0 : found->second;
}

}  // namespace socketio::server
