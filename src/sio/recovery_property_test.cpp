// Clients that lose their connection, on several shards that hear of each other's packets late,
// with emits, rooms, joins and reconnections in random order: what each client sees is what its
// twin sees, which is in the same rooms and never loses anything.
#include <deque>

#include <gtest/gtest.h>

#include "sio/recovery_store.hpp"
#include "sio/testing.hpp"

namespace socketio::sio {
namespace {

using testing::Lines;
using testing::SeededRandom;
using testing::World;

constexpr std::size_t kShards = 3;
constexpr std::size_t kClients = 5;
constexpr RecoveryStore::Limits kPlenty{
    {std::size_t{1} << 30, 1'000'000, std::chrono::hours(1)}, 1000, std::size_t{1} << 20};

// The shards and what they share, as server/recovery.cpp has them, in one thread: a shard pulls its
// queue when it is told to.
class Cluster {
 public:
  Cluster(std::uint64_t seed, RecoveryStore::Limits limits) : random(seed), store(random, limits) {
    for (std::size_t i = 0; i < kShards; ++i) {
      worlds.push_back(std::make_unique<World>(seed * kShards + i));
      queues.emplace_back();
      worlds[i]->accept_all = false;
      worlds[i]->handler = [this, i](const Event& event) { on_event(i, event); };
    }
  }

  void emit(std::size_t from, Selection selection, std::uint64_t n, bool kept) {
    Writer& writer = encoder.begin_event("n");
    writer.unsigned_integer(n);
    writer.string(store.next_offset(kept));
    LogEntry packet;
    packet.selection = std::move(selection);
    packet.packet =
        Encoder::share(encoder.finish(PacketType::event, "/", std::nullopt, 10), &ledger);
    const LogEntryPtr entry = store.add(std::move(packet), kept);
    for (auto& queue : queues) queue.push_back({entry, Flags{.is_volatile = !kept}});
    pull(from);
  }
  void pull(std::size_t shard) {
    while (!queues[shard].empty()) {
      const auto [entry, flags] = queues[shard].front();
      queues[shard].pop_front();
      ++worlds[shard]->shared.dispatch;
      core(shard).deliver_logged(*entry, flags);
    }
  }
  // Claims that had to wait, one at a time, as if from the mailboxes.
  bool deliver_job() {
    if (jobs.empty()) return false;
    const auto job = std::move(jobs.front());
    jobs.pop_front();
    job();
    return true;
  }
  void settle() {
    do {
      for (const auto& world : worlds) world->settle();
    } while (deliver_job());
  }
  Core& core(std::size_t shard) { return worlds[shard]->core(); }

  // Of the packets, which wait in the queues of all worlds: it outlives them.
  base::Ledger ledger;
  SeededRandom random;
  RecoveryStore store;
  std::vector<std::unique_ptr<World>> worlds;
  std::size_t recovered = 0;
  std::size_t superseded = 0;

 private:
  void on_event(std::size_t shard, const Event& event) {
    if (event.kind == EventKind::connecting) connecting(shard, event.socket);
    if (event.kind != EventKind::disconnected && event.kind != EventKind::vanished) return;
    Socket* socket = core(shard).get(event.socket);
    if (socket->recovery == nullptr) return;
    RecoveryTable::Sessions dropped;
    retry(store.leave(std::move(socket->recovery),
                      event.reason != DisconnectReason::client_namespace_disconnect,
                      worlds[shard]->now, dropped));
  }
  void connecting(std::size_t shard, SocketId id, bool again = false, bool anew = false) {
    Socket* socket = core(shard).get(id);
    if (socket == nullptr || socket->state != SocketState::connecting) return;
    const RecoveryStore::Place place{shard, id.packed()};
    const Value auth = socket->auth ? socket->auth->value() : Value();
    if (const auto request = read_recovery_request(auth); request && !anew) {
      RecoveryStore::Claim claim = store.claim(*socket, place, *request, worlds[shard]->now, again);
      retry(claim.waiter);
      retry(claim.displaced, true);
      if (claim.holder) {
        jobs.push_back([this, holder = *claim.holder] {
          Socket* other = core(holder.shard).get(SocketId::unpack(holder.socket));
          if (other == nullptr) return;
          ++superseded;
          core(holder.shard).supersede(*other, worlds[holder.shard]->now);
        });
      }
      if (claim.wait) return;
      if (claim.session != nullptr) {
        core(shard).adopt(*socket, std::move(claim.session));
        ++recovered;
      }
    }
    if (!core(shard).acceptable(id)) return;
    pull(shard);
    std::optional<RecoveryStore::Place> waiter;
    ASSERT_TRUE(store.admit(core(shard), *socket, place, waiter));
    retry(waiter);
    core(shard).accept(id, worlds[shard]->now);
  }
  void retry(std::optional<RecoveryStore::Place> waiter, bool anew = false) {
    if (!waiter) return;
    jobs.push_back([this, place = *waiter, anew] {
      connecting(place.shard, SocketId::unpack(place.socket), true, anew);
    });
  }

  struct Item {
    LogEntryPtr entry;
    Flags flags;
  };
  std::vector<std::deque<Item>> queues;
  std::deque<std::function<void()>> jobs;
  Encoder encoder;
};

// What the JavaScript client does: remembers the last offset and comes back with it.
class Client {
 public:
  Client(Cluster& the_cluster, std::size_t the_shard) : cluster(the_cluster) { open(the_shard); }

  void open(std::size_t the_shard) {
    shard = the_shard;
    peer = world().connect();
    std::string auth;
    if (!pid.empty()) {
      auth = R"({"pid":")" + pid + "\"";
      if (!offset.empty()) auth += R"(,"offset":")" + offset + "\"";
      auth += "}";
    }
    joined = false;
    world().text(peer, "0" + auth);
  }
  World& world() { return *cluster.worlds[shard]; }
  Socket* socket() {
    const auto found = cluster.store.find(sid);
    if (!found || found->state != RecoveryTable::State::live) return nullptr;
    return cluster.core(found->place.shard).get(SocketId::unpack(found->place.socket));
  }
  std::size_t home() const { return cluster.store.find(sid)->place.shard; }

  // At most so many of the frames that have been sent; the rest are lost if `loses`.
  void read(std::size_t most) {
    for (std::string& frame : world().received(peer)) unread.push_back(std::move(frame));
    while (most-- > 0 && !unread.empty()) {
      take(unread.front());
      unread.pop_front();
    }
  }
  void read_all() { read(~std::size_t{0}); }
  void lose() {
    unread.clear();
    world().received(peer);
  }

  Cluster& cluster;
  std::size_t shard = 0;
  std::size_t peer = 0;
  bool joined = false;
  std::string sid;
  std::string pid;
  std::string offset;
  std::vector<std::uint64_t> got;        // kept packets
  std::vector<std::uint64_t> got_extra;  // volatile ones
  std::size_t new_sessions = 0;

 private:
  void take(const std::string& frame) {
    if (frame.starts_with("0{")) {
      const Value reply = Value::parse(frame.substr(1)).value_or(Value());
      const std::string id(reply["sid"].to_string());
      if (sid != id) ++new_sessions;
      sid = id;
      pid = reply["pid"].to_string();
      joined = true;
    } else if (frame.starts_with("2[")) {
      const Value event = Value::parse(frame.substr(1)).value_or(Value());
      const auto n = static_cast<std::uint64_t>(event[1].to_integer());
      (n % 2 == 0 ? got : got_extra).push_back(n);
      offset = event[2].to_string();
    }
  }
  std::deque<std::string> unread;
};

class Story {
 public:
  explicit Story(std::uint64_t seed) : cluster(seed, kPlenty), random(seed + 77) {
    for (std::size_t i = 0; i < kClients; ++i) {
      clients.push_back(std::make_unique<Client>(cluster, random.below(kShards)));
      twins.push_back(std::make_unique<Client>(cluster, random.below(kShards)));
      cluster.settle();
      clients[i]->read_all();
      twins[i]->read_all();
    }
  }

  void step() {
    const std::size_t i = random.below(kClients);
    switch (random.below(12)) {
      case 0:
        return lose(i);
      case 1:
        return come_back(i, false);
      case 2:
        return come_back(i, true);
      case 3:
      case 4:
        return move(i);
      case 5:
        return clients[i]->read(random.below(4));
      case 6:
        return cluster.pull(random.below(kShards));
      case 7:
        static_cast<void>(cluster.deliver_job());
        return;
      case 8:
        return cluster.emit(random.below(kShards), selection(), 2 * ++n + 1, false);
      default:
        return cluster.emit(random.below(kShards), selection(), 2 * ++n, true);
    }
  }

  void check() {
    for (std::size_t i = 0; i < kClients; ++i) come_back(i, false);
    for (std::size_t s = 0; s < kShards; ++s) cluster.pull(s);
    cluster.settle();
    for (std::size_t i = 0; i < kClients; ++i) {
      clients[i]->read_all();
      twins[i]->read_all();
      ASSERT_EQ(clients[i]->new_sessions, 1U) << i;
      ASSERT_TRUE(clients[i]->joined) << i;
      ASSERT_EQ(clients[i]->got, twins[i]->got) << i;
      Rooms& rooms = cluster.core(clients[i]->home()).rooms(0);
      std::vector<std::string> own = rooms.rooms_of(*clients[i]->socket());
      ASSERT_EQ(std::set<std::string>(own.begin(), own.end()), in[i]) << i;
    }
  }

  Cluster cluster;
  SeededRandom random;
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::unique_ptr<Client>> twins;
  std::set<std::string> in[kClients];
  std::uint64_t n = 0;

 private:
  void lose(std::size_t i) {
    Client& client = *clients[i];
    client.read(random.below(6));
    client.lose();
    client.world().drop(client.peer);
  }
  // To any shard; `half_dead`: while the server still believes in the old connection.
  void come_back(std::size_t i, bool half_dead) {
    Client& client = *clients[i];
    if (half_dead) {
      client.read(random.below(6));
      client.lose();
    } else {
      lose(i);
    }
    client.open(random.below(kShards));
    if (random.below(2) == 0) {
      cluster.settle();
      client.read(random.below(3));
    }
  }
  // Both change rooms between the same two packets.
  void move(std::size_t i) {
    Socket* socket = clients[i]->socket();
    if (socket == nullptr || socket->state != SocketState::connected) return;
    Socket* twin = twins[i]->socket();
    const std::size_t home = clients[i]->home();
    const std::size_t twins_home = twins[i]->home();
    cluster.pull(home);
    cluster.pull(twins_home);
    const std::string room = random_room();
    if (random.below(3) == 0) {
      cluster.core(home).leave(*socket, room);
      cluster.core(twins_home).leave(*twin, room);
      in[i].erase(room);
    } else {
      cluster.core(home).join(*socket, room);
      cluster.core(twins_home).join(*twin, room);
      in[i].insert(room);
    }
  }
  std::string random_room() { return "r" + std::to_string(random.below(4)); }
  void add(std::vector<std::string>& to) {
    if (random.below(2) == 0) return to.push_back(random_room());
    const std::size_t i = random.below(kClients);
    to.push_back(clients[i]->sid);
    to.push_back(twins[i]->sid);
  }
  Selection selection() {
    Selection one;
    for (std::size_t k = random.below(4); k > 1; --k) add(one.rooms);
    if (random.below(3) == 0) add(one.except);
    return one;
  }
};

TEST(RecoveryProperty, AClientSeesWhatItsTwinSees) {
  std::size_t recovered = 0;
  std::size_t superseded = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Story story(seed);
    for (int i = 0; i < 400; ++i) story.step();
    story.check();
    if (HasFatalFailure()) return;
    recovered += story.cluster.recovered;
    superseded += story.cluster.superseded;
  }
  // A story in which nothing happens proves nothing.
  EXPECT_GT(recovered, 1000U);
  EXPECT_GT(superseded, 200U);
}

}  // namespace
}  // namespace socketio::sio
