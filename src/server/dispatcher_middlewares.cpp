// Middlewares: a namespace's, which sockets pass before they are connected, and a socket's, which
// what comes in passes before its handlers. Each may take its time; meanwhile an event is input
// that is held, and counts as a handler that runs.
//
// One runs inside the next() of the one before. What is behind the last of them happens when all
// that run have returned, as in JS, where it waits for the next tick: `next(); socket.join("x");`
// joins before the socket is connected.
#include <algorithm>
#include <new>

#include "server/shard.hpp"

namespace socketio::server {

namespace {

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

// A socket on its way through the middlewares that there were when it came.
struct Dispatcher::Entering {
  sio::SocketId socket;
  std::vector<detail::Middleware> chain;
  int running = 0;  // of them, on the stack
  bool decided = false;
  std::optional<ConnectError> refusal{};
};

void Dispatcher::run_middlewares(sio::SocketId id, sio::NamespaceIndex nsp) {
  const auto chain = extras(nsp).middlewares;
  if (!chain) return connected(id);
  enter(std::make_shared<Entering>(Entering{id, *chain}), 0);
}

void Dispatcher::enter(const std::shared_ptr<Entering>& entering, std::size_t index) {
  if (index == entering->chain.size()) {
    entering->decided = true;
  } else if (const Socket socket = handle(entering->socket)) {
    const Next next([hub = hub_, shard = shard_.index(), entering, index](
                        std::optional<ConnectError> refusal, std::exception_ptr why) {
      hub->run_or_post_always(
          shard, [entering, index, refusal = std::move(refusal), why](Shard& on) {
            if (why) on.dispatcher().report_exception(why, "middleware");
            entering->refusal = refusal;
            on.dispatcher().enter(entering, refusal ? entering->chain.size() : index + 1);
          });
    });
    ++entering->running;
    if (!guarded("middleware", [&] { entering->chain[index](socket, next); }))
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
  int running = 0;  // of them, on the stack
  bool decided = false;
  std::optional<ConnectError> refusal{};
  std::size_t bytes = sizeof(Passing);
};

void Dispatcher::pass(const sio::Socket& socket, Packet packet, detail::AckHolder ack,
                      PacketMiddlewares chain) {
  SessionRecord* record = shard_.session_of(socket.client);
  if (record == nullptr) return;
  const auto event = std::make_shared<Passing>(hub_, shard_.index(), socket.self,
                                               record->session.owner(), std::move(packet));
  event->ack = std::move(ack);
  event->chain = std::move(chain);
  passing_[event->session] += event->bytes;
  shard_.handler_started(*record);
  pass(event, 0);
}

void Dispatcher::pass(const std::shared_ptr<Passing>& event, std::size_t index) {
  if (index == event->chain->size()) {
    event->decided = true;
  } else if (core_.get(event->socket) != nullptr) {
    const Next next([event, index](std::optional<ConnectError> refusal, const std::exception_ptr&) {
      event->hub->run_or_post_always(event->shard, [event, index, refusal](Shard& on) {
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
