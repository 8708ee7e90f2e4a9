// A seeded crowd: clients, namespaces, rooms, events, acknowledgements and disconnections in any
// order, against a simple model; the handlers themselves issue commands. At the end nothing is
// left.
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "sio/testing.hpp"

namespace socketio::sio {
namespace {

using testing::SeededRandom;
using testing::World;

constexpr std::size_t kPeers = 30;
const char* const kNames[] = {"/", "/a", "/b"};

class Crowd {
 public:
  explicit Crowd(std::uint64_t seed) : world(seed), random(seed + 1000) {
    for (const char* name : kNames) world.core().create_namespace(name);
    for (std::size_t i = 0; i < kPeers; ++i) peers.push_back(world.connect());
    world.handler = [this](const Event& event) { on_event(event); };
  }

  void step() {
    const std::size_t which = random.below(peers.size());
    const std::size_t peer = peers[which];
    if (world.peer(peer).gone) {
      peers[which] = world.connect();
      return;
    }
    const NamespaceIndex nsp = static_cast<NamespaceIndex>(random.below(3));
    const std::string head = nsp == 0 ? "" : kNames[nsp] + std::string(",");
    Socket* socket = world.socket(peer, kNames[nsp]);
    if (socket == nullptr) {
      world.text(peer, "0" + head);
    } else {
      with(peer, *socket, head);
    }
    world.received(peer);
    world.advance(std::chrono::milliseconds(random.below(40)));
    world.log.clear();
  }

  void check() {
    for (NamespaceIndex nsp = 0; nsp < 3; ++nsp) {
      Rooms& rooms = world.core().rooms(nsp);
      ASSERT_EQ(rooms.sockets(), model[nsp].size());
      std::set<std::string> names;
      for (const auto& [id, in] : model[nsp]) {
        Socket* socket = world.core().get(SocketId::unpack(id));
        ASSERT_NE(socket, nullptr);
        ASSERT_EQ(socket->state, SocketState::connected);
        std::vector<std::string> own = rooms.rooms_of(*socket);
        ASSERT_EQ(std::set<std::string>(own.begin(), own.end()), in);
        names.insert(in.begin(), in.end());
      }
      ASSERT_EQ(rooms.room_count(), names.size());
    }
  }

  World world;
  SeededRandom random;
  std::vector<std::size_t> peers;
  std::map<std::uint64_t, std::set<std::string>> model[3];
  std::size_t events = 0;

 private:
  void with(std::size_t peer, Socket& socket, const std::string& head) {
    Core& core = world.core();
    const std::string room = "r" + std::to_string(random.below(8));
    switch (random.below(24)) {
      case 0:
        return world.drop(peer);
      case 1:
        return world.text(peer, "1" + head);
      case 2:
        core.disconnect(socket, false, world.now);
        return world.settle();
      case 3:
        core.disconnect(socket, random.below(4) == 0, world.now);
        return world.settle();
      case 4:
        return world.text(peer, random.below(2) == 0 ? "2{}" : "0" + head);
      case 5:
      case 6:
        world.text(peer, "51-" + head + "[\"b\",{\"_placeholder\":true,\"num\":0}]");
        if (random.below(8) > 0) world.binary(peer, "bytes");
        return;
      case 7:
      case 8:
      case 9:
        ask(socket);
        return;
      case 10:
      case 11:
        return world.text(peer, "3" + head + std::to_string(random.below(last_id + 2)) + "[1]");
      case 12:
        ask_all(socket.nsp, room);
        return;
      case 13:
      case 14:
        return world.text(peer, "2" + head + "7[\"handled\"]");
      case 15:
        if (core.leave(socket, room)) model[socket.nsp][socket.self.packed()].erase(room);
        return;
      case 16: {
        const std::set<std::string> rooms{room};
        std::size_t expected = 0;
        for (const auto& [id, in] : model[socket.nsp]) expected += in.contains(room) ? 1U : 0U;
        EXPECT_EQ(core.broadcast(socket.nsp, {{room}, {}}, world.packet("e"), {}), expected);
        return;
      }
      default:
        join(socket, room);
    }
  }
  void join(Socket& socket, const std::string& room) {
    if (!world.core().join(socket, room)) return;
    if (socket.state == SocketState::connected)
      model[socket.nsp][socket.self.packed()].insert(room);
  }
  void ask(Socket& socket) {
    auto waiter = world.waiters.make("w");
    const auto id = world.core().expect_ack(
        socket, waiter, random.below(2) == 0 ? base::kNever : world.now + timeout());
    if (!id) return waiter->finish(AckEnd::disconnected, {});
    last_id = std::max(last_id, *id);
    world.core().emit(socket, world.encoded("q", {}, id), {});
  }
  void ask_all(NamespaceIndex nsp, const std::string& room) {
    const std::uint64_t id = world.core().next_ack_id(nsp);
    last_id = std::max(last_id, id);
    world.core().broadcast_with_ack(nsp, {{room}, {}}, world.packet("q", {}, id), {}, id,
                                    world.waiters.make("g"), world.now + timeout(), world.now);
    world.settle();
  }
  base::Duration timeout() { return std::chrono::milliseconds(random.below(2000)); }

  // The user's code: now and then it does something to somebody.
  void on_event(const Event& event) {
    ++events;
    Core& core = world.core();
    Socket* socket = core.get(event.socket);
    if (event.kind == EventKind::connecting) {
      ASSERT_NE(socket, nullptr);
      const std::size_t what = random.below(10);
      if (what == 0) core.refuse(event.socket, "no", {});
      if (what > 0) core.accept(event.socket, world.now);
      if (socket->state == SocketState::connected) model[event.nsp][event.socket.packed()];
      return;
    }
    if (event.kind == EventKind::disconnected) model[event.nsp].erase(event.socket.packed());
    if (event.kind == EventKind::ack || event.kind == EventKind::ack_reply) return;
    ASSERT_NE(socket, nullptr);
    const auto& sockets = model[event.nsp];
    if (sockets.empty() || random.below(3) > 0) return;
    auto at = sockets.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random.below(sockets.size())));
    Socket* other = core.get(SocketId::unpack(at->first));
    ASSERT_NE(other, nullptr);
    switch (random.below(5)) {
      case 0:
        return core.disconnect(*other, random.below(2) == 0, world.now);
      case 1:
        return join(*other, "r" + std::to_string(random.below(8)));
      case 2:
        return ask(*other);
      default:
        core.broadcast(event.nsp, {}, world.packet("h"), {});
    }
  }

  std::uint64_t last_id = 0;
};

TEST(CoreModel, AnythingInAnyOrder) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    Crowd crowd(seed);
    World& world = crowd.world;
    for (int i = 0; i < 3000; ++i) {
      crowd.step();
      if (i % 16 == 0) crowd.check();
      if (::testing::Test::HasFatalFailure()) return;
    }
    EXPECT_GT(crowd.events, 1000U);
    if (seed % 2 == 0) world.core().shut_down(world.now);
    world.settle();
    for (std::size_t peer = 0; peer < world.peers(); ++peer) {
      if (!world.peer(peer).gone) world.drop(peer);
    }
    world.advance(std::chrono::seconds(10));
    EXPECT_EQ(world.core().clients(), 0U);
    for (NamespaceIndex nsp = 0; nsp < 3; ++nsp) {
      EXPECT_EQ(world.core().rooms(nsp).sockets(), 0U);
      EXPECT_EQ(world.core().rooms(nsp).room_count(), 0U);
    }
    EXPECT_EQ(world.core().deadline(), base::kNever);
    EXPECT_EQ(world.waiters.open(), 0);
    for (const std::string& line : world.waiters.log)
      ASSERT_EQ(line.find("times"), std::string::npos) << line;
    EXPECT_EQ(world.ledger.input(), 0);
    for (std::size_t peer = 0; peer < world.peers(); ++peer) world.received(peer);
    world.arena.release();
    EXPECT_EQ(world.ledger.output(), 0);
  }
}

}  // namespace
}  // namespace socketio::sio
