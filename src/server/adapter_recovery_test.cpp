// Connection state recovery that an adapter keeps: two servers and one store between them, as a
// cluster has it.
#include <algorithm>
#include <thread>

#include <gtest/gtest.h>

#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Client;
using test::World;

// What would be a data base. Its servers are of one thread each, the test's.
struct Store {
  struct Entry {
    Packet packet;
    Delivery delivery;
  };
  std::vector<Entry> log;
  std::map<std::string, AdapterSession> sessions;
  std::vector<class StoredAdapter*> members;
  std::vector<std::function<void()>> held;  // answers, when they are to come late
  bool late = false;
  bool looks_late = false;  // for what was missed: when it answers, not when it is asked
};

class StoredAdapter final : public LocalAdapter {
 public:
  StoredAdapter(const Namespace& nsp, Store& store) : LocalAdapter(nsp), store_(store) {
    store_.members.push_back(this);
  }
  void close() override { std::erase(store_.members, this); }

  bool broadcast(const Packet& packet, const Delivery& delivery) override {
    Packet numbered = packet;
    if (!delivery.is_volatile) {
      numbered.args.emplace_back("offset" + std::to_string(store_.log.size()));
      store_.log.push_back({numbered, delivery});
    }
    bool all = true;
    for (StoredAdapter* member : store_.members)
      all = member->LocalAdapter::broadcast(numbered, delivery) && all;
    return all;
  }

  bool keeps_sessions() const override { return true; }
  void persist_session(AdapterSession session) override {
    store_.sessions[session.private_id] = std::move(session);
  }
  Pending<std::optional<RestoredSession>> restore_session(
      std::string private_id, std::optional<std::string> offset) override {
    const auto found = store_.sessions.find(private_id);
    std::optional<RestoredSession> restored;
    if (found != store_.sessions.end()) {
      restored.emplace();
      static_cast<AdapterSession&>(*restored) = std::move(found->second);
      store_.sessions.erase(found);
    }
    const std::size_t next = offset ? std::stoul(offset->substr(6)) + 1 : 0;
    if (restored && !store_.looks_late) restored->missed = missed(*restored, next);
    Pending<std::optional<RestoredSession>> pending;
    const auto answer = [this, state = pending.state(), restored, next] {
      auto session = restored;
      if (session && store_.looks_late) session->missed = missed(*session, next);
      state->finish(std::move(session));
    };
    if (store_.late) {
      store_.held.emplace_back(answer);
    } else {
      answer();
    }
    return pending;
  }

 private:
  std::vector<Packet> missed(const AdapterSession& session, std::size_t next) const {
    std::vector<Packet> all;
    for (; next < store_.log.size(); ++next) {
      const Store::Entry& entry = store_.log[next];
      const auto in = [&](const std::string& room) {
        return room == session.id ||
               std::find(session.rooms.begin(), session.rooms.end(), room) != session.rooms.end();
      };
      const auto& rooms = entry.delivery.rooms;
      const auto& except = entry.delivery.except;
      if (std::any_of(except.begin(), except.end(), in)) continue;
      if (rooms.empty() || std::any_of(rooms.begin(), rooms.end(), in)) all.push_back(entry.packet);
    }
    return all;
  }

  Store& store_;
};

ServerOptions with(Store& store) {
  ServerOptions options;
  options.connection_state_recovery.emplace();
  options.adapter = [&store](const Namespace& nsp) {
    return std::make_shared<StoredAdapter>(nsp, store);
  };
  return options;
}

struct Ids {
  std::string sid;
  std::string pid;
};

Ids joined(Client& client, const std::string& auth = "") {
  client.send("0" + auth);
  std::string packet;
  for (int i = 0; i < 10 && !packet.starts_with("0{"); ++i) packet = client.next();
  const Value said = Value::parse(packet.substr(1)).value_or(Value());
  return {std::string(said["sid"].to_string()), std::string(said["pid"].to_string())};
}

std::string request(const Ids& ids, std::string_view offset) {
  return R"({"pid":")" + ids.pid + R"(","offset":")" + std::string(offset) + "\"}";
}

TEST(AdapterRecovery, AnotherServerGoesOn) {
  Store store;
  World one(with(store));
  World two(with(store));
  one.io.on_connection([](const Socket& socket) {
    socket.join("room");
    socket.set_data(Value::object({{"name", "x"}}));
  });
  bool recovered = false;
  Value data;
  two.io.on_connection([&](const Socket& socket) {
    recovered = socket.recovered();
    data = socket.data();
    socket.emit("hello");
  });
  Ids ids;
  {
    Client client(one);
    ids = joined(client);
    EXPECT_EQ(ids.pid.size(), 20U);
    one.io.emit("m", 1);
    EXPECT_EQ(client.next(), R"(2["m",1,"offset0"])");
    client.cut();
    EXPECT_TRUE(one.until([&store] { return store.sessions.size() == 1; }));
  }
  EXPECT_EQ(store.sessions.begin()->second.rooms, std::vector<std::string>{"room"});
  one.io.to("room").emit("missed", Binary("b"));
  one.io.to("elsewhere").emit("not for it");
  two.io.volatile_().emit("volatile");
  Client client(two);
  client.send("0" + request(ids, "offset0"));
  EXPECT_EQ(client.next(), R"(51-["missed",{"_placeholder":true,"num":0},"offset1"])");
  EXPECT_EQ(client.next(), "<b>");
  EXPECT_EQ(client.next(), R"(0{"sid":")" + ids.sid + R"(","pid":")" + ids.pid + "\"}");
  EXPECT_EQ(client.next(), R"(2["hello","offset3"])");
  EXPECT_TRUE(recovered);
  EXPECT_EQ(data, Value::object({{"name", "x"}}));
  two.io.to("room").emit("now");
  EXPECT_EQ(client.next(), R"(2["now","offset4"])");
  EXPECT_EQ(one.io.stats().recovery_packets + two.io.stats().recovery_packets, 0U);
}

TEST(AdapterRecovery, UnknownSessionsAreNewOnes) {
  Store store;
  World world(with(store));
  Client client(world);
  const Ids old{"", "AAAAAAAAAAAAAAAAAAAA"};
  const Ids ids = joined(client, request(old, "offset7"));
  EXPECT_EQ(ids.pid.size(), 20U);
  EXPECT_NE(ids.pid, old.pid);
  // What cannot be a session is none.
  store.sessions["short"] = {"short", "short", {}, {}};
  Client other(world);
  EXPECT_NE(joined(other, request({"", "short"}, "offset7")).pid, "short");
}

TEST(AdapterRecovery, GoodbyesAreForGoodAndShutdownsAreNot) {
  Store store;
  {
    World world(with(store));
    Client leaves(world);
    joined(leaves);
    leaves.send("1");
    leaves.rest();
    EXPECT_EQ(store.sessions.size(), 0U);
    Client stays(world);
    joined(stays);
    bool closed = false;
    world.io.close().then([&closed](const Result<void>&) { closed = true; });
    EXPECT_TRUE(world.until([&closed] { return closed; }));
  }
  EXPECT_EQ(store.sessions.size(), 1U);
}

TEST(AdapterRecovery, AClientThatLeavesWhileItIsAskedLosesNothing) {
  Store store;
  World world(with(store));
  Ids ids;
  {
    Client client(world);
    ids = joined(client);
    client.cut();
    EXPECT_TRUE(world.until([&store] { return store.sessions.size() == 1; }));
  }
  store.late = true;
  {
    Client client(world);
    client.send("0" + request(ids, "offset0"));
    EXPECT_TRUE(world.until([&store] { return store.held.size() == 1; }));
    client.cut();
    EXPECT_TRUE(world.until([&world] { return world.io.stats().clients == 0; }));
  }
  EXPECT_EQ(store.sessions.size(), 0U);
  store.held[0]();
  EXPECT_TRUE(world.until([&store] { return store.sessions.size() == 1; }));
  store.late = false;
  Client client(world);
  EXPECT_EQ(joined(client, request(ids, "offset0")).sid, ids.sid);
}

// A client that has got offset0, is in "room", and is away.
Ids away(World& world, Store& store) {
  world.io.on_connection([](const Socket& socket) {
    if (!socket.recovered()) socket.join("room");
  });
  Client client(world);
  const Ids ids = joined(client);
  world.io.emit("m", 0);
  EXPECT_EQ(client.next(), R"(2["m",0,"offset0"])");
  client.cut();
  EXPECT_TRUE(world.until([&store] { return store.sessions.size() == 1; }));
  return ids;
}

// What somebody else sends in the same turn, right behind the answer.
TEST(AdapterRecovery, NothingIsLostBehindAnAnswerAtOnce) {
  Store store;
  World world(with(store));
  world.io.on_event("say", [&world] { world.io.emit("m", 9); });
  const Ids ids = away(world, store);
  Client client(world);
  Client other(world);
  joined(other);
  client.send("0" + request(ids, "offset0"));
  other.send(R"(2["say"])");
  EXPECT_EQ(client.next(), R"(0{"sid":")" + ids.sid + R"(","pid":")" + ids.pid + "\"}");
  EXPECT_EQ(client.next(), R"(2["m",9,"offset1"])");
}

// Once each, in order, and only what is for its rooms.
TEST(AdapterRecovery, NothingIsLostWhileItIsAsked) {
  for (const bool looks_late : {false, true}) {
    Store store;
    World world(with(store));
    const Ids ids = away(world, store);
    store.late = true;
    store.looks_late = looks_late;
    world.io.emit("m", 1);
    Client client(world);
    client.send("0" + request(ids, "offset0"));
    ASSERT_TRUE(world.until([&store] { return store.held.size() == 1; }));
    world.io.emit("m", 2, Binary("b"));
    world.io.to("room").emit("m", 3);
    world.io.to("elsewhere").emit("m", 4);
    world.io.except("room").emit("m", 5);
    world.io.volatile_().emit("m", 6);
    world.io.to(ids.sid).emit("m", 7);
    std::jthread(store.held[0]).join();  // on a thread of the store's
    world.io.emit("m", 8);
    EXPECT_EQ(client.next(), R"(2["m",1,"offset1"])");
    EXPECT_EQ(client.next(), R"(51-["m",2,{"_placeholder":true,"num":0},"offset2"])");
    EXPECT_EQ(client.next(), "<b>");
    EXPECT_EQ(client.next(), R"(2["m",3,"offset3"])");
    EXPECT_EQ(client.next(), R"(2["m",7,"offset6"])");
    EXPECT_EQ(client.next(), R"(2["m",8,"offset7"])");
    EXPECT_EQ(client.next(), R"(0{"sid":")" + ids.sid + R"(","pid":")" + ids.pid + "\"}");
    world.io.emit("m", 9);
    EXPECT_EQ(client.next(), R"(2["m",9,"offset8"])");
  }
}

TEST(AdapterRecovery, NothingIsLostWhileMiddlewaresRun) {
  Store store;
  ServerOptions options = with(store);
  options.connection_state_recovery->skip_middlewares = false;
  World world(options);
  std::vector<Next> asked;
  world.io.use([&](const Socket& socket, const Next& next) {
    if (!socket.recovered()) return next();
    asked.push_back(next);
  });
  const Ids ids = away(world, store);
  Client client(world);
  client.send("0" + request(ids, "offset0"));
  ASSERT_TRUE(world.until([&asked] { return asked.size() == 1; }));
  world.io.emit("m", 1);
  asked[0]();
  EXPECT_EQ(client.next(), R"(2["m",1,"offset1"])");
  EXPECT_EQ(client.next(), R"(0{"sid":")" + ids.sid + R"(","pid":")" + ids.pid + "\"}");
}

// Half of what closes a connection is held; beyond it the oldest goes, and with it whoever waits
// for it: his client comes once more, as somebody new.
TEST(AdapterRecovery, TooMuchWhileItIsAsked) {
  const auto recovers = [](std::size_t bytes) {
    Store store;
    ServerOptions options = with(store);
    options.send_queue_soft = 1'000;
    options.send_queue_hard = 1'000'000;
    options.max_http_buffer_size = 1'000'000;
    World world(options);
    const Ids ids = away(world, store);
    store.late = true;
    Client client(world);
    client.send("0" + request(ids, "offset0"));
    EXPECT_TRUE(world.until([&store] { return store.held.size() == 1; }));
    for (int i = 0; i < 4; ++i) world.io.emit("e", std::string(bytes / 4, 'x'));
    store.held[0]();
    const std::string answer = client.next();
    if (answer.starts_with("2[\"e\"")) return true;
    EXPECT_EQ(answer, "(closed)");
    EXPECT_EQ(store.sessions.size(), 0U);
    return false;
  };
  EXPECT_TRUE(recovers(490'000));
  EXPECT_FALSE(recovers(510'000));
}

}  // namespace
}  // namespace socketio
