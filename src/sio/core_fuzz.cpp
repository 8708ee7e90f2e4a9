// Property: whatever clients send in whatever order, and whatever handlers do meanwhile, every
// waiter ends exactly once, `disconnecting` and `disconnected` come in pairs, and when all sessions
// are over no client, socket, room or byte is left.
//
// Input: lines. The first character picks one of four clients or what happens to it, the rest is
// what it sends: "a2[\"x\"]" a text of client a, "A..." an attachment of it, "-a" it drops, "+" a
// second passes.
#include <cstddef>
#include <cstdint>
#include <set>

#include "base/check.hpp"
#include "sio/testing.hpp"

namespace {

using namespace socketio;
using sio::testing::World;

class Run {
 public:
  Run() {
    world_.core().create_namespace("/a");
    world_.handler = [this](const sio::Event& event) { on_event(event); };
    for (std::size_t i = 0; i < 4; ++i) world_.connect();
  }

  void line(base::Bytes line) {
    if (line.empty()) return;
    const char c = line[0];
    if (c == '+') return world_.advance(std::chrono::seconds(1));
    if (c == '-' && line.size() > 1 && line[1] >= 'a' && line[1] <= 'd')
      return world_.drop(static_cast<std::size_t>(line[1] - 'a'));
    if (c >= 'a' && c <= 'd') world_.text(static_cast<std::size_t>(c - 'a'), line.substr(1));
    if (c >= 'A' && c <= 'D') world_.binary(static_cast<std::size_t>(c - 'A'), line.substr(1));
  }

  void finish() {
    for (std::size_t peer = 0; peer < 4; ++peer) {
      if (!world_.peer(peer).gone) world_.drop(peer);
      world_.received(peer);
    }
    world_.core().shut_down(world_.now);
    world_.settle();
    SIO_CHECK(world_.core().clients() == 0);
    SIO_CHECK(disconnecting_.empty());
    for (sio::NamespaceIndex nsp = 0; nsp < 2; ++nsp) {
      SIO_CHECK(world_.core().rooms(nsp).sockets() == 0);
      SIO_CHECK(world_.core().rooms(nsp).room_count() == 0);
    }
    SIO_CHECK(world_.core().deadline() == base::kNever);
    SIO_CHECK(world_.waiters.open() == 0);
    for (const std::string& line : world_.waiters.log)
      SIO_CHECK(line.find(" ended ") == std::string::npos);
    SIO_CHECK(world_.ledger.input() == 0);
  }

 private:
  // A server whose handlers do what the event is called.
  void on_event(const sio::Event& event) {
    sio::Core& core = world_.core();
    sio::Socket* socket = core.get(event.socket);
    switch (event.kind) {
      case sio::EventKind::disconnecting:
        SIO_CHECK(disconnecting_.insert(event.socket.packed()).second);
        return;
      case sio::EventKind::disconnected:
        SIO_CHECK(disconnecting_.erase(event.socket.packed()) == 1);
        return;
      case sio::EventKind::event:
        break;
      default:
        return;
    }
    SIO_CHECK(socket != nullptr && socket->state == sio::SocketState::connected);
    const std::string name(event.name);
    if (name == "join") core.join(*socket, event.rest);
    if (name == "leave") core.leave(*socket, event.rest);
    if (name == "bye") core.disconnect(*socket, false, world_.now);
    if (name == "close") core.disconnect(*socket, true, world_.now);
    if (name == "ask") {
      auto waiter = world_.waiters.make("w");
      if (!core.expect_ack(*socket, waiter, world_.now + std::chrono::seconds(2)))
        waiter->finish(sio::AckEnd::disconnected, {});
    }
    if (name == "all") {
      const std::uint64_t id = core.next_ack_id(event.nsp);
      core.broadcast_with_ack(event.nsp, {{std::string(event.rest)}, {}},
                              world_.packet("q", {}, id), {}, id, world_.waiters.make("g"),
                              world_.now + std::chrono::seconds(2), world_.now);
    }
    core.broadcast(event.nsp, {{"1"}, {"2"}}, world_.packet("e", event.rest), {});
    answer(*socket, event);
  }
  void answer(sio::Socket& socket, const sio::Event& event) {
    if (!event.ack_id) return;
    sio::Encoder encoder;
    const Value args = Value::read(event.args);  // attachments point into it
    args.write(encoder.begin_ack());
    world_.core().send_ack(socket, encoder.finish(sio::PacketType::ack, "/", event.ack_id, 10));
  }

  World world_;
  std::set<std::uint64_t> disconnecting_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  base::Bytes rest(reinterpret_cast<const char*>(data), size);
  Run run;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    run.line(rest.substr(0, end));
    rest = end == base::Bytes::npos ? base::Bytes{} : rest.substr(end + 1);
  }
  run.finish();
  return 0;
}
