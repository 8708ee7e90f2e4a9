// Middlewares: a namespace's, which sockets pass before they are connected, and a socket's, which
// what comes in passes before its handlers. Each may take its time; meanwhile an event is input
// that is held, and counts as a handler that runs.
//
// One runs inside the next() of the one before. What is behind the last of them happens when all
// that run have returned, as in JS, where it waits for the next tick: `next(); socket.join("x");`
// joins before the socket is connected.
#include <algorithm>

#include "server/holding.hpp"
#include "server/shard.hpp"

namespace socketio::server {

// A socket on its way through the middlewares that there were when it came.
struct Dispatcher::Entering {
  sio::SocketId socket;
  std::shared_ptr<const std::vector<detail::Middleware>> chain;
  int running = 0;  // of them, on the stack
  bool decided = false;
  std::optional<ConnectError> refusal{};
};

void Dispatcher::run_middlewares(sio::SocketId id, sio::NamespaceIndex nsp) {
  const auto& chain = extras(nsp).middlewares;
  if (!chain) return connected(id);
  enter(std::make_shared<Entering>(Entering{id, chain}), 0);
}

void Dispatcher::enter(const std::shared_ptr<Entering>& entering, std::size_t index) {
  if (index == entering->chain->size()) {
    entering->decided = true;
  } else if (const Socket socket = handle(entering->socket)) {
    const Next next([hub = hub_, shard = shard_.index(), entering, index](
                        std::optional<ConnectError> refusal, const std::exception_ptr& why) {
      std::optional<ErrorReport> failure;
      if (why) failure = failure_of(why, "middleware");
      hub->run(
          shard, detail::Mail::always,
          [entering, index, refusal = std::move(refusal), failure = std::move(failure)](Shard& on) {
            if (failure) on.dispatcher().report_failure(*failure);
            entering->refusal = refusal;
            on.dispatcher().enter(entering, refusal ? entering->chain->size() : index + 1);
          });
    });
    ++entering->running;
    if (!guarded("middleware", [&] { (*entering->chain)[index](socket, next); }))
      next(ConnectError{"internal error"});
    --entering->running;
  }
  if (entering->running > 0 || !std::exchange(entering->decided, false)) return;
  if (entering->refusal)
    core_.refuse(entering->socket, entering->refusal->message, entering->refusal->data);
  else
    connected(entering->socket);
}

struct Dispatcher::Passing {
  // bytes: size_of(event)
  Passing(Dispatcher& on, sio::SocketId id, std::uint64_t session, Packet event, std::size_t bytes)
      : holding(on, session, bytes, true), socket(id), packet(std::move(event)) {}
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
  int running = 0;  // of them, on the stack
  bool decided = false;
  std::optional<ConnectError> refusal{};
};

void Dispatcher::pass(const sio::Socket& socket, Packet packet, detail::AckHolder ack,
                      PacketMiddlewares chain) {
  SessionRecord* record = shard_.session_of(socket.client);
  if (record == nullptr) return;
  const std::size_t bytes = Passing::size_of(packet);
  if (!shard_.shedder().may_wait(bytes)) {
    counters_.shed.add();
    shard_.log(base::LogLevel::warn, base::LogKind::connection,
               "max_input_bytes reached: the client of an event with middlewares is closed");
    return shard_.give_up(socket.client, "server is full");
  }
  const auto event = std::make_shared<Passing>(*this, socket.self, record->session.owner(),
                                               std::move(packet), bytes);
  shard_.handler_started(*record);  // ~Holding says that it has ended
  event->ack = std::move(ack);
  event->chain = std::move(chain);
  pass(event, 0);
}

void Dispatcher::pass(const std::shared_ptr<Passing>& event, std::size_t index) {
  if (index == event->chain->size()) {
    event->decided = true;
  } else if (core_.get(event->socket) != nullptr) {
    const Next next([event, index](std::optional<ConnectError> refusal, const std::exception_ptr&) {
      event->holding.hub()->run(
          event->holding.shard(), detail::Mail::always, [event, index, refusal](Shard& on) {
            event->refusal = refusal;
            on.dispatcher().pass(event, refusal ? event->chain->size() : index + 1);
          });
    });
    const std::string name = event->packet.name;  // they may change it
    ++event->running;
    guarded(name, [&] { (*event->chain)[index](event->packet, next); });
    --event->running;
  }
  if (event->running > 0 || !std::exchange(event->decided, false)) return;
  if (event->refusal)
    on_error(event->socket, event->refusal->message);
  else
    dispatch_packet(event->socket, event->packet, std::move(event->ack));
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
