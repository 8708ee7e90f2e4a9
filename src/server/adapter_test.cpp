// Adapters: what they are told, and two servers that one joins.
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "support/joined_adapter.hpp"
#include "support/sio_client.hpp"

namespace socketio {
namespace {

using namespace std::chrono_literals;
using test::Client;
using test::World;
using Strings = std::vector<std::string>;

TEST(NoAdapter, ServersAreAlone) {
  Strings lines;
  ServerOptions options;
  options.log = [&lines](const LogLine& line) {
    EXPECT_EQ(line.level, LogLevel::warn);
    lines.emplace_back(line.text);
  };
  World world(options);
  EXPECT_EQ(world.io.sockets().adapter(), nullptr);
  EXPECT_FALSE(world.io.server_side_emit("hello", 1));
  EXPECT_EQ(world.io.of("/n").server_side_emit_with_ack<int>("hello").get().error(),
            make_error_code(Errc::unsupported));
  EXPECT_EQ(lines,
            Strings(2, "this adapter does not support the server_side_emit() functionality"));
  for (const char* reserved : {"connect", "connection", "new_namespace"}) {
    EXPECT_THROW(world.io.server_side_emit(reserved), std::invalid_argument) << reserved;
    EXPECT_THROW(world.io.server_side_emit_with_ack<int>(reserved), std::invalid_argument);
  }
}

TEST(RoomFacts, EachIsToldOnce) {
  World world;
  Strings seen;
  const Namespace nsp = world.io.sockets();
  nsp.on_create_room([&seen](std::string_view room) { seen.push_back("+" + std::string(room)); });
  nsp.on_delete_room([&seen](std::string_view room) { seen.push_back("-" + std::string(room)); });
  nsp.on_join_room([&seen](std::string_view room, std::string_view id) {
    seen.push_back(std::string(id.substr(0, 4)) + ">" + std::string(room));
  });
  const ListenerId left = nsp.on_leave_room([&seen](std::string_view room, std::string_view id) {
    seen.push_back(std::string(id.substr(0, 4)) + "<" + std::string(room));
  });
  std::vector<Socket> sockets;
  nsp.on_connection([&sockets](const Socket& socket) { sockets.push_back(socket); });
  Client a(world);
  const std::string id = a.join();
  const std::string one = id.substr(0, 4);
  EXPECT_EQ(seen, (Strings{"+" + id, one + ">" + id}));
  seen.clear();
  Client b(world);
  const std::string other = b.join();
  const std::string two = other.substr(0, 4);
  seen.clear();
  sockets[0].join({"r1", "r2"});
  sockets[0].join("r1");
  sockets[0].join(id);
  sockets[1].join("r1");
  EXPECT_EQ(seen, (Strings{"+r1", one + ">r1", "+r2", one + ">r2", two + ">r1"}));
  seen.clear();
  sockets[0].leave("r1");
  sockets[0].leave("r1");
  sockets[0].leave("never");
  world.io.in("r1").sockets_leave("r1");
  world.io.in(id).sockets_join("r3");
  EXPECT_EQ(seen, (Strings{one + "<r1", two + "<r1", "-r1", "+r3", one + ">r3"}));
  seen.clear();
  EXPECT_TRUE(nsp.off(left));
  Strings at_end;
  sockets[0].on_disconnecting([&at_end, &seen](DisconnectReason) { at_end = seen; });
  a.close();
  ASSERT_TRUE(world.until([&seen] { return seen.size() == 3; }));
  EXPECT_EQ(at_end, Strings{});  // they come after it
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()),
            (std::set<std::string>{"-r2", "-r3", "-" + id}));
}

// Whoever listens second hears of them in the order in which they happened, too.
TEST(RoomFacts, WhatAListenerCausesIsToldBehind) {
  World world;
  Strings seen;
  const Namespace nsp = world.io.sockets();
  nsp.on_create_room([&](std::string_view room) {
    if (room == "first") world.io.sockets_join("second");
  });
  nsp.on_create_room([&seen](std::string_view room) { seen.push_back("+" + std::string(room)); });
  nsp.on_join_room([&seen](std::string_view room, std::string_view) {
    seen.push_back(">" + std::string(room));
  });
  Client client(world);
  client.join();
  seen.clear();
  world.io.sockets_join("first");
  EXPECT_EQ(seen, (Strings{"+first", ">first", "+second", ">second"}));
}

TEST(RoomFacts, ARefusedSocketLeavesItsRooms) {
  World world;
  Strings seen;
  const Namespace nsp = world.io.sockets();
  nsp.on_create_room([&seen](std::string_view room) { seen.push_back("+" + std::string(room)); });
  nsp.on_delete_room([&seen](std::string_view room) { seen.push_back("-" + std::string(room)); });
  nsp.use([](const Socket& socket) -> std::optional<ConnectError> {
    socket.join("room");
    return ConnectError{"no"};
  });
  Client client(world);
  client.join();
  EXPECT_TRUE(world.until([&seen] { return seen.size() == 2; }));
  EXPECT_EQ(seen, (Strings{"+room", "-room"}));
}

// What reaches an adapter, in words.
class Recorder final : public LocalAdapter {
 public:
  Recorder(Strings& seen, const Namespace& nsp)
      : LocalAdapter(nsp), seen_(seen), name_(nsp.name()) {}
  void init() override { say("init"); }
  void close() override { say("close"); }
  void on_create_room(std::string_view room) override { say("create " + std::string(room)); }
  void on_join_room(std::string_view room, std::string_view id) override {
    say("join " + std::string(room) + " " + std::string(id));
  }
  void on_leave_room(std::string_view room, std::string_view id) override {
    say("leave " + std::string(room) + " " + std::string(id));
  }
  void on_delete_room(std::string_view room) override { say("delete " + std::string(room)); }
  bool broadcast(const Packet& packet, const Delivery& delivery) override {
    say("broadcast " + packet.name + Value(packet.args).to_json() + text(delivery));
    return LocalAdapter::broadcast(packet, delivery);
  }
  bool broadcast_with_ack(const Packet& packet, const Delivery& delivery, OnClients on_clients,
                          OnReply on_reply) override {
    say("ask " + packet.name + text(delivery));
    return LocalAdapter::broadcast_with_ack(packet, delivery, std::move(on_clients),
                                            std::move(on_reply));
  }
  Pending<std::vector<RemoteSocket>> fetch_sockets(const Delivery& delivery) override {
    say("fetch" + text(delivery));
    return LocalAdapter::fetch_sockets(delivery);
  }
  bool add_sockets(const Delivery& delivery, Strings rooms) override {
    say("add " + rooms.at(0) + text(delivery));
    return LocalAdapter::add_sockets(delivery, std::move(rooms));
  }
  bool del_sockets(const Delivery& delivery, Strings rooms) override {
    say("del " + rooms.at(0) + text(delivery));
    return LocalAdapter::del_sockets(delivery, std::move(rooms));
  }
  bool disconnect_sockets(const Delivery& delivery, bool close) override {
    say(std::string("disconnect ") + (close ? "all" : "one") + text(delivery));
    return LocalAdapter::disconnect_sockets(delivery, close);
  }

 private:
  void say(const std::string& text) { seen_.push_back(name_ + " " + text); }
  static std::string text(const Delivery& delivery) {
    std::string out;
    for (const std::string& room : delivery.rooms) out += " to " + room;
    for (const std::string& room : delivery.except) out += " except " + room;
    if (delivery.is_volatile) out += " volatile";
    if (!delivery.compress) out += " uncompressed";
    if (delivery.local) out += " local";
    if (delivery.timeout) out += " timeout";
    return out;
  }
  Strings& seen_;
  const std::string name_;
};

// utility-methods.ts: "works with a custom adapter"
TEST(Adapters, SeeAllThatIsNeeded) {
  Strings seen;
  ServerOptions options;
  options.cleanup_empty_child_namespaces = true;
  options.adapter = [&seen](const Namespace& nsp) { return std::make_shared<Recorder>(seen, nsp); };
  World world(options);
  EXPECT_EQ(seen, Strings{"/ init"});
  EXPECT_NE(world.io.sockets().adapter(), nullptr);
  std::vector<Socket> sockets;
  world.io.on_connection([&sockets](const Socket& socket) { sockets.push_back(socket); });
  Client client(world);
  const std::string id = client.join();
  const auto expect = [&seen](const Strings& what) {
    EXPECT_EQ(seen, what);
    seen.clear();
  };
  expect({"/ init", "/ create " + id, "/ join " + id + " " + id});
  sockets[0].join("r");
  expect({"/ create r", "/ join r " + id});
  world.io.emit("e", 1, "two", Binary("3"));
  EXPECT_EQ(client.rest(), (Strings{R"(51-["e",1,"two",{"_placeholder":true,"num":0}])", "<3>"}));
  world.io.to("r").except("x").volatile_().compress(false).local().emit("e");
  sockets[0].to("r").emit("e");
  sockets[0].emit("not a broadcast");
  expect({R"(/ broadcast e[1,"two",{"_placeholder":true,"num":0}])",
          "/ broadcast e[] to r except x volatile uncompressed local",
          "/ broadcast e[] to r except " + id});
  EXPECT_EQ(client.rest(), (Strings{R"(2["e"])", R"(2["not a broadcast"])"}));
  const auto asked = world.io.to("r").timeout(10s).emit_with_ack<int>("ask");
  EXPECT_EQ(client.next(), R"(20["ask"])");
  client.send("30[7]");
  ASSERT_TRUE(world.until([&asked] { return asked.ready(); }));
  EXPECT_EQ(asked.get().value(), std::vector<int>{7});
  const auto found = world.io.in("r").fetch_sockets().get();
  EXPECT_EQ(found.value().at(0).id(), id);
  world.io.in(id).sockets_join("r2");
  world.io.in("r2").sockets_leave("r");
  expect({"/ ask ask to r timeout", "/ fetch to r", "/ add r2 to " + id, "/ create r2",
          "/ join r2 " + id, "/ del r to r2", "/ leave r " + id, "/ delete r"});
  const auto local = std::static_pointer_cast<LocalAdapter>(world.io.sockets().adapter());
  EXPECT_EQ(local->sockets({.rooms = {"r2"}}).get().value(), Strings{id});
  EXPECT_EQ(local->socket_rooms(id).get().value(), (Strings{id, "r2"}));
  EXPECT_EQ(local->socket_rooms("nobody").get().value(), Strings{});
  world.io.in("r2").disconnect_sockets(true);
  ASSERT_TRUE(client.wait_closed());
  world.settle();
  expect({"/ disconnect all to r2", "/ leave r2 " + id, "/ delete r2", "/ leave " + id + " " + id,
          "/ delete " + id});
  // Children have their own, which go with them.
  const ParentNamespace parent = world.io.of(NamespacePattern("^/child-"));
  Client other(world);
  const std::string second = other.join("/child-1");
  parent.to("x").emit("e");
  other.send("1/child-1,");
  other.rest();
  ASSERT_TRUE(world.until([&seen] { return seen.size() == 7; }));
  expect({"/child-1 init", "/child-1 create " + second, "/child-1 join " + second + " " + second,
          "/child-1 broadcast e[] to x", "/child-1 leave " + second + " " + second,
          "/child-1 delete " + second, "/child-1 close"});
  const Pending<void> closed = world.io.close();
  ASSERT_TRUE(world.until([&closed] { return closed.ready(); }));
  expect({"/ close"});
}

TEST(Adapters, OneThatCannotBeMadeIsReported) {
  ServerOptions options;
  options.adapter = [](const Namespace& nsp) -> std::shared_ptr<Adapter> {
    if (nsp.name() == "/") return nullptr;  // the usual one
    throw std::runtime_error("no bus");
  };
  World world(options);
  world.io.of("/n").on_event("e", [] { return 1; });
  ASSERT_EQ(world.errors.size(), 1U);
  EXPECT_EQ(world.errors[0].message, "no bus");
  Client client(world);
  EXPECT_NE(client.join("/n"), "");
  world.io.of("/n").emit("hi");
  EXPECT_EQ(client.next(), R"(2/n,["hi"])");
  options.adapter = [](const Namespace&) -> std::shared_ptr<Adapter> {
    throw std::runtime_error("no bus");
  };
  EXPECT_THROW(Server{options}, std::runtime_error);
}

// -- Two servers of one process.

using test::Bus;

class TwoServers : public ::testing::TestWithParam<std::size_t> {
 protected:
  TwoServers() : a_(options(), World::Mode::own_thread), b_(options(), World::Mode::own_thread) {
    for (World* world : {&a_, &b_}) {
      world->io.on_connection([this](const Socket& socket) {
        const std::lock_guard lock(mutex_);
        sockets_.push_back(socket);
      });
      world->io.on_event("join", [](const Socket& socket, const std::string& room) {
        socket.set_data(Value::object({{"room", room}}));
        return socket.join(room);
      });
    }
  }
  ~TwoServers() override {
    a_.stop();
    b_.stop();
  }
  void start() {
    a_.start();
    b_.start();
  }
  ServerOptions options() {
    ServerOptions given;
    given.threads = GetParam();
    given.close_timeout = 1s;
    given.adapter = [this](const Namespace& nsp) { return bus_.make(nsp); };
    return given;
  }
  Socket socket(const std::string& id) {
    const std::lock_guard lock(mutex_);
    return *std::find_if(sockets_.begin(), sockets_.end(),
                         [&id](const Socket& s) { return s.id() == id; });
  }
  // Turns the clients meanwhile.
  template <class T>
  Result<T> result(const Pending<T>& pending) {
    EXPECT_TRUE(a_.until([&] {
      b_.turn();
      return pending.ready();
    }));
    if (!pending.ready()) return Errc::timeout;
    return pending.get();
  }
  static void enter(Client& client, const std::string& room) {
    client.send("2900[\"join\",\"" + room + "\"]");
    EXPECT_EQ(client.next(), "3900[true]");
  }

  Bus bus_;
  std::mutex mutex_;
  std::vector<Socket> sockets_;
  World a_;
  World b_;
};

INSTANTIATE_TEST_SUITE_P(Threads, TwoServers, ::testing::Values(1, 4));

TEST_P(TwoServers, BroadcastsReachBoth) {
  start();
  Client one(a_);
  Client two(a_);
  Client far(b_);
  const std::string id = one.join();
  two.join();
  far.join();
  enter(far, "room");
  enter(two, "room");
  EXPECT_TRUE(a_.io.emit("all", 1));
  for (Client* client : {&one, &two, &far}) EXPECT_EQ(client->next(), R"(2["all",1])");
  EXPECT_TRUE(a_.io.to("room").emit("room", Binary("x")));
  for (Client* client : {&two, &far}) {
    EXPECT_EQ(client->next(), R"(51-["room",{"_placeholder":true,"num":0}])");
    EXPECT_EQ(client->next(), "<x>");
  }
  EXPECT_TRUE(socket(id).broadcast().emit("rest"));
  for (Client* client : {&two, &far}) EXPECT_EQ(client->next(), R"(2["rest"])");
  EXPECT_TRUE(a_.io.local().emit("near"));
  for (Client* client : {&one, &two}) EXPECT_EQ(client->next(), R"(2["near"])");
  EXPECT_TRUE(b_.io.except("room").emit("last"));
  EXPECT_EQ(one.next(), R"(2["last"])");
  EXPECT_EQ(two.rest(), Strings{});
  EXPECT_EQ(far.rest(), Strings{});
}

TEST_P(TwoServers, AcknowledgementsOfBothAreCollected) {
  start();
  EXPECT_EQ(result(a_.io.timeout(10s).emit_with_ack<int>("nobody")).value(), std::vector<int>{});
  Client near(a_);
  Client far(b_);
  near.join();
  far.join();
  const auto answer = [](Client& client, const std::string& value) {
    const std::string packet = client.next();
    EXPECT_TRUE(packet.ends_with("[\"ask\"]")) << packet;
    const std::string ack = packet.substr(1, packet.find('[') - 1);
    if (!value.empty()) client.send("3" + ack + "[" + value + "]");
  };
  const auto all = a_.io.timeout(30s).emit_with_ack<int>("ask");
  answer(near, "1");
  answer(far, "2");
  std::vector<int> got = result(all).value();
  std::sort(got.begin(), got.end());
  EXPECT_EQ(got, (std::vector<int>{1, 2}));
  // One is silent: the time-out says so, and the others' answers are there.
  std::error_code error;
  std::vector<int> partial;
  std::atomic<bool> ended{false};
  a_.io.timeout(200ms).emit("ask", [&](std::error_code e, std::vector<int> replies) {
    error = e;
    partial = std::move(replies);
    ended = true;
  });
  answer(near, "");
  answer(far, "4");
  ASSERT_TRUE(a_.until([&] {
    b_.turn();
    return ended.load();
  }));
  EXPECT_EQ(error, make_error_code(Errc::timeout));
  EXPECT_LE(partial.size(), 1U);  // it may have come too late
  // A server that is silent.
  bus_.deaf = true;
  const auto missing = a_.io.timeout(100ms).emit_with_ack<int>("ask");
  answer(near, "5");
  EXPECT_EQ(result(missing).error(), make_error_code(Errc::timeout));
  bus_.deaf = false;
}

TEST_P(TwoServers, SocketsOfTheOtherAreReached) {
  start();
  Client near(a_);
  Client far(b_, {.query = "&x=1"});
  near.join();
  const std::string id = far.join("/", R"({"token":5})");
  enter(far, "room");
  EXPECT_EQ(result(a_.io.fetch_sockets()).value().size(), 2U);
  EXPECT_EQ(result(a_.io.local().fetch_sockets()).value().size(), 1U);
  const auto found = result(a_.io.in("room").fetch_sockets()).value();
  ASSERT_EQ(found.size(), 1U);
  const RemoteSocket& remote = found.front();
  EXPECT_EQ(remote.id(), id);
  EXPECT_EQ(remote.rooms(), (Strings{id, "room"}));
  EXPECT_EQ(remote.data()["room"], Value("room"));
  EXPECT_EQ(remote.handshake().auth["token"], Value(5));
  EXPECT_EQ(remote.handshake().query.at("x"), "1");
  EXPECT_TRUE(remote.emit("hello", 1));
  EXPECT_EQ(far.next(), R"(2["hello",1])");
  EXPECT_TRUE(remote.volatile_().emit("quick"));
  EXPECT_EQ(far.next(), R"(2["quick"])");
  const auto reply = remote.timeout(30s).emit_with_ack<std::string>("ask");
  const std::string packet = far.next();
  far.send("3" + packet.substr(1, packet.find('[') - 1) + "[\"yes\",2]");
  EXPECT_EQ(result(reply).value(), "yes");
  EXPECT_THROW(static_cast<void>(remote.emit_with_ack<int>("ask")), std::invalid_argument);
  EXPECT_EQ(result(remote.timeout(50ms).emit_with_ack<int>("ask")).error(),
            make_error_code(Errc::timeout));
  far.next();
  EXPECT_TRUE(remote.join("second"));
  EXPECT_TRUE(a_.io.to("second").emit("e"));
  EXPECT_EQ(far.next(), R"(2["e"])");
  EXPECT_TRUE(remote.leave("second"));
  EXPECT_TRUE(a_.io.in("room").sockets_join("third"));
  EXPECT_TRUE(a_.io.to({"second", "third"}).emit("f"));
  EXPECT_EQ(far.next(), R"(2["f"])");
  EXPECT_TRUE(a_.io.sockets_leave("third"));
  EXPECT_TRUE(a_.io.to({"second", "third"}).emit("g"));
  EXPECT_TRUE(remote.disconnect());
  EXPECT_EQ(far.next(), "1");
  EXPECT_EQ(result(remote.timeout(30s).emit_with_ack<int>("ask")).error(),
            make_error_code(Errc::disconnected));
  far.join();
  EXPECT_TRUE(a_.io.disconnect_sockets(true));
  EXPECT_TRUE(far.wait_closed());
  EXPECT_TRUE(near.wait_closed());
}

TEST_P(TwoServers, TalkToEachOther) {
  std::atomic<int> events{0};
  const auto listen = [&events](Server& io, int number) {
    io.sockets().on_server_event("add", [&events](int a, const std::string& b) {
      events += a + static_cast<int>(b.size());
    });
    io.sockets().on_server_event("who", [number](int) { return number; });
    io.sockets().on_server_event("echo", [](std::string text) { return text; });
    io.sockets().on_server_event("slow", [](Ack ack) -> Task<> {
      ack("late");
      ack("twice");
      co_return;
    });
    io.sockets().on_server_event("throws", [] { throw std::runtime_error("oops"); });
  };
  listen(a_.io, 1);
  listen(b_.io, 2);
  start();
  EXPECT_TRUE(a_.io.server_side_emit("add", 1, "abc"));
  EXPECT_TRUE(b_.until([&events] { return events == 4; }));
  EXPECT_EQ(result(a_.io.server_side_emit_with_ack<int>("who", 0)).value(), std::vector<int>{2});
  EXPECT_EQ(result(b_.io.server_side_emit_with_ack<int>("who", 0)).value(), std::vector<int>{1});
  EXPECT_EQ(result(a_.io.server_side_emit_with_ack<std::string>("slow")).value(), Strings{"late"});
  EXPECT_TRUE(a_.io.server_side_emit("throws"));
  EXPECT_TRUE(a_.io.server_side_emit("who", "no number"));
  EXPECT_TRUE(b_.until([this] {
    const Stats stats = b_.io.stats();
    return stats.handler_errors == 1 && stats.mismatched_events == 1;
  }));
  std::atomic<int> answered{0};
  const auto ask = [this, &answered] {
    return a_.io.server_side_emit(
        "who", 0, [&answered](std::error_code error, std::vector<int> got) {
          EXPECT_EQ(got, error ? std::vector<int>{} : std::vector<int>{2});
          answered += error == make_error_code(Errc::timeout) ? 100 : 1;
        });
  };
  EXPECT_TRUE(ask());
  EXPECT_TRUE(a_.until([&answered] { return answered == 1; }));
  const auto echoed = [&answered](std::error_code, const Strings& got) {
    answered += got == Strings{"a literal"} ? -1 : 0;
  };
  EXPECT_TRUE(a_.io.server_side_emit("echo", "a literal", echoed));
  EXPECT_TRUE(a_.until([&answered] { return answered == 0; }));
  bus_.deaf = true;
  EXPECT_EQ(result(a_.io.server_side_emit_with_ack<int>("who", 0)).error(),
            make_error_code(Errc::timeout));
  ask();
  EXPECT_TRUE(a_.until([&answered] { return answered == 100; }));
  EXPECT_EQ(events, 4);
}

}  // namespace
}  // namespace socketio
