// Connection state recovery on one thread: what user code sees of it, and where it must not get in
// the way.
#include <gtest/gtest.h>

#include "server/hub.hpp"
#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Client;
using test::World;
using Strings = std::vector<std::string>;

ServerOptions recovering(bool skip_middlewares = true) {
  ServerOptions options;
  options.connection_state_recovery.emplace().skip_middlewares = skip_middlewares;
  return options;
}

struct Ids {
  std::string sid;
  std::string pid;
  // For CONNECT.
  std::string auth(std::string_view offset = {}) const {
    return R"(0{"pid":")" + pid + "\"" +
           (offset.empty() ? "}" : R"(,"offset":")" + std::string(offset) + "\"}");
  }
  std::string connect() const { return R"(0{"sid":")" + sid + R"(","pid":")" + pid + "\"}"; }
};

// A new session.
Ids begin(Client& client, const std::string& nsp = "/") {
  const std::string connect = nsp == "/" ? "0" : "0" + nsp + ",";
  client.send(connect);
  const Value reply = Value::parse(client.next().substr(connect.size())).value_or(Value());
  return {std::string(reply["sid"].to_string()), std::string(reply["pid"].to_string())};
}

void lose(World& world, Client& client, std::size_t kept = 1) {
  client.cut();
  EXPECT_TRUE(world.until([&] { return world.io.stats().recovery_sessions == kept; }));
}

std::string name_of(const std::string& packet) {
  return packet.substr(0, packet.find(','));
}

TEST(Recovery, TheHandleOfBeforeStillReachesTheClient) {
  World world(recovering());
  std::vector<Socket> sockets;
  world.io.on_connection([&](const Socket& socket) { sockets.push_back(socket); });
  Client first(world);
  const Ids ids = begin(first);
  lose(world, first);
  EXPECT_TRUE(sockets[0].emit("kept", 1));
  EXPECT_FALSE(sockets[0].volatile_().emit("lost", 1)) << "nobody is there";
  EXPECT_FALSE(sockets[0].connected());
  Client second(world);
  second.send(ids.auth());
  EXPECT_EQ(name_of(second.next()), "2[\"kept\"");
  EXPECT_EQ(second.next(), ids.connect());
  ASSERT_EQ(sockets.size(), 2U);
  EXPECT_TRUE(sockets[1].recovered());
  EXPECT_FALSE(sockets[0].recovered());
  EXPECT_EQ(sockets[1].id(), sockets[0].id());
  EXPECT_TRUE(sockets[0].emit("both", 1));
  EXPECT_EQ(name_of(second.next()), "2[\"both\"");
  EXPECT_TRUE(sockets[0].volatile_().emit("now"));
  EXPECT_EQ(name_of(second.next()), "2[\"now\"");
  second.send("1");
  EXPECT_TRUE(world.until([&] { return !sockets[1].connected(); }));
  EXPECT_FALSE(sockets[0].emit("gone for good"));
}

// The volatile packets of one handler still count as one dispatch.
TEST(Recovery, OneVolatilePacketPerHandler) {
  World world(recovering());
  world.io.on_event("go", [](const Socket& socket) {
    for (int i = 0; i < 3; ++i) socket.volatile_().emit("v", i);
    socket.emit("end");
  });
  Client client(world);
  begin(client);
  client.send(R"(2["go"])");
  EXPECT_EQ(client.next().substr(0, 8), R"(2["v",0,)");
  EXPECT_EQ(name_of(client.next()), "2[\"end\"");
}

// Acks are not numbered, and keep their place between packets that are.
TEST(Recovery, AcksAndEventsOfAHandlerStayInOrder) {
  World world(recovering());
  world.io.on_event("go", [](const Socket& socket, Ack ack) {
    socket.emit("before");
    ack("done");
    socket.emit("after");
  });
  Client client(world);
  begin(client);
  client.send(R"(27["go"])");
  EXPECT_EQ(name_of(client.next()), "2[\"before\"");
  EXPECT_EQ(client.next(), R"(37["done"])");
  EXPECT_EQ(name_of(client.next()), "2[\"after\"");
}

TEST(Recovery, ListenersOfOutgoingEventsSeeTheOffsetAndMayEmit) {
  World world(recovering());
  Strings seen;
  world.io.on_connection([&](const Socket& socket) {
    socket.on_any_outgoing([&, socket](const EventView& event) {
      seen.push_back(std::string(event.name()) + std::to_string(event.values().size()));
      if (event.name() == "one") world.io.emit("two", 2);
    });
  });
  Client a(world);
  Client b(world);
  begin(a);
  begin(b);
  world.io.emit("one", 1);
  // The second comes from inside of the first, and behind it for everybody.
  for (Client* client : {&a, &b}) {
    EXPECT_EQ(name_of(client->next()), "2[\"one\"");
    EXPECT_EQ(name_of(client->next()), "2[\"two\"");
    EXPECT_EQ(name_of(client->next()), "2[\"two\"");
  }
  EXPECT_EQ(seen, (Strings{"one2", "one2", "two2", "two2", "two2", "two2"}));
}

// A middleware that is asked again sees what comes back; what the client has missed waits for it.
// Refused or interrupted, the session waits for the next attempt.
TEST(Recovery, MiddlewaresDecideBeforeAnythingIsSent) {
  World world(recovering(false));
  std::vector<Next> asked;
  Strings seen;
  world.io.use([&](const Socket& socket, const Next& next) {
    seen.push_back(std::string(socket.recovered() ? "recovered " : "new ") +
                   (socket.in_room("room") ? "in " : "out ") + socket.data<std::string>());
    socket.data<std::string>() = "data";
    socket.join("room");
    asked.push_back(next);
  });
  Client first(world);
  first.send("0");
  EXPECT_TRUE(world.until([&] { return asked.size() == 1; }));
  asked[0]();
  const Value reply = Value::parse(first.next().substr(1)).value_or(Value());
  const Ids ids{std::string(reply["sid"].to_string()), std::string(reply["pid"].to_string())};
  lose(world, first);
  world.io.to("room").emit("missed");

  Client refused(world);
  refused.send(ids.auth());
  EXPECT_TRUE(world.until([&] { return asked.size() == 2; }));
  asked[1]({"no"});
  EXPECT_EQ(refused.next(), R"(4{"message":"no"})");
  EXPECT_TRUE(world.until([&] { return world.io.stats().recovery_sessions == 1; }));

  Client interrupted(world);
  interrupted.send(ids.auth());
  EXPECT_TRUE(world.until([&] { return asked.size() == 3; }));
  Client waiting(world);
  waiting.send(ids.auth());
  world.settle();
  EXPECT_EQ(asked.size(), 3U) << "one at a time";
  world.io.to("room").emit("missed too");
  interrupted.cut();
  EXPECT_TRUE(world.until([&] { return asked.size() == 4; }));
  asked[3]();
  EXPECT_EQ(name_of(waiting.next()), "2[\"missed\"");
  EXPECT_EQ(name_of(waiting.next()), "2[\"missed too\"");
  EXPECT_EQ(waiting.next(), ids.connect());
  EXPECT_EQ(seen,
            (Strings{"new out ", "recovered in data", "recovered in data", "recovered in data"}));
}

// The receiver would disconnect, so it is not sent; that is told, once, whoever it is for.
TEST(Recovery, TooManyAttachmentsAreReported) {
  ServerOptions options = recovering();
  options.max_attachments = 1;
  World world(options);
  std::vector<Socket> sockets;
  world.io.on_connection([&](const Socket& socket) { sockets.push_back(socket); });
  Client client(world);
  begin(client);
  const auto reported = [&] {
    const std::vector<ErrorReport> errors = std::exchange(world.errors, {});
    return errors.size() == 1 && errors[0].kind == ErrorReport::Kind::send_refused &&
           errors[0].event == "x";
  };
  EXPECT_FALSE(world.io.emit("x", Binary("a"), Binary("b")));
  EXPECT_TRUE(reported());
  EXPECT_FALSE(sockets[0].emit("x", Binary("a"), Binary("b")));
  EXPECT_TRUE(reported());
  lose(world, client);
  EXPECT_FALSE(sockets[0].emit("x", Binary("a"), Binary("b")));
  EXPECT_TRUE(reported());
  EXPECT_EQ(world.io.stats().recovery_packets, 0U);
}

// What was missed goes into the client's queue at once, so it may fill half of that.
TEST(Recovery, TooMuchToReplayIsANewSession) {
  ServerOptions options = recovering();
  options.send_queue_soft = 1'000;
  options.send_queue_hard = 1'000'000;
  options.max_http_buffer_size = 1'000'000;
  World world(options);
  const auto recovers = [&](std::size_t bytes) {
    Client first(world);
    const Ids ids = begin(first);
    lose(world, first);
    for (int i = 0; i < 4; ++i) world.io.emit("e", std::string(bytes / 4, 'x'));
    Client second(world);
    second.send(ids.auth());
    const std::string answer = second.next();
    const bool same = answer.starts_with("2[\"e\"");
    EXPECT_NE(same, answer.starts_with("0{")) << answer.substr(0, 50);
    second.send("1");
    EXPECT_TRUE(world.until([&] { return world.io.sockets().size() == 0; }));
    EXPECT_EQ(world.io.stats().recovery_sessions, 0U);
    return same;
  };
  EXPECT_TRUE(recovers(490'000));
  EXPECT_FALSE(recovers(510'000));
}

// Whoever has got everything he was sent needs nothing from before he left, however much of the log
// has gone since; once something of his own may be among that, he starts anew.
TEST(Recovery, AnIdleClientDoesNotNeedTheOldLog) {
  ServerOptions options = recovering();
  options.connection_state_recovery->max_log_packets = 5;
  World world(options);
  Client first(world);
  const Ids ids = begin(first);
  world.io.emit("mine");
  const std::string mine = first.next();
  const std::string offset = mine.substr(10, mine.size() - 12);
  for (int i = 0; i < 20; ++i) world.io.to("others").emit("theirs", i);
  lose(world, first);
  for (int i = 0; i < 5; ++i) world.io.to("others").emit("theirs", i);
  Client second(world);
  second.send(ids.auth(offset));
  EXPECT_EQ(second.next(), ids.connect());
  lose(world, second);
  for (int i = 0; i < 6; ++i) world.io.to("others").emit("theirs", i);
  Client third(world);
  third.send(ids.auth(offset));
  const std::string answer = third.next();
  EXPECT_TRUE(answer.starts_with("0{")) << answer;
  EXPECT_NE(answer, ids.connect());
}

TEST(Recovery, EachNamespaceHasItsSession) {
  World world(recovering());
  world.io.of("/a");
  Client first(world);
  const Ids main = begin(first);
  first.send("0/a,");
  const Value reply = Value::parse(first.next().substr(4)).value_or(Value());
  const std::string pid(reply["pid"].to_string());
  EXPECT_NE(pid, main.pid);
  lose(world, first, 2);
  world.io.of("/a").emit("a");
  world.io.emit("main");
  Client second(world);
  second.send(R"(0/a,{"pid":")" + main.pid + "\"}");
  EXPECT_EQ(name_of(second.next()), "0/a") << "not of this namespace: a new one";
  second.send(main.auth());
  EXPECT_EQ(name_of(second.next()), "2[\"main\"");
  EXPECT_EQ(second.next(), main.connect());
  Client third(world);
  third.send(R"(0/a,{"pid":")" + pid + "\"}");
  const std::string missed = third.next();
  EXPECT_TRUE(missed.starts_with(R"(2/a,["a",)")) << missed;
}

// The last of them waits for the end of the one that has it, the others begin anew.
TEST(Recovery, AllWhoClaimALiveSessionConnect) {
  World world(recovering());
  int connections = 0;
  world.io.on_connection([&](const Socket&) { ++connections; });
  Client first(world);
  const Ids ids = begin(first);
  std::vector<std::unique_ptr<Client>> others;
  for (int i = 0; i < 20; ++i) others.push_back(std::make_unique<Client>(world));
  for (auto& other : others) other->send(ids.auth());
  std::size_t recovered = 0;
  for (auto& other : others) {
    const std::string reply = other->next();
    EXPECT_TRUE(reply.starts_with("0{\"sid\":")) << reply;
    if (reply == ids.connect()) ++recovered;
  }
  EXPECT_TRUE(first.wait_closed());
  EXPECT_GE(recovered, 1U);
  EXPECT_EQ(connections, 21);
}

// However often the place of its namespace has been used since.
TEST(Recovery, ASessionIsOfOneNamespaceOnly) {
  ServerOptions options = recovering();
  options.cleanup_empty_child_namespaces = true;
  World world(options);
  const ParentNamespace parent = world.io.of(NamespacePattern("^/[ab]$"));
  std::shared_ptr<detail::Hub> hub;
  int asked = 0;
  parent.use([&](const Socket& socket) -> std::optional<ConnectError> {
    hub = socket.hub();
    ++asked;
    return {};
  });
  Client first(world);
  const Ids ids = begin(first, "/a");
  lose(world, first);
  ASSERT_TRUE(parent.children().empty());
  world.settle();
  for (int i = 0; i < 2'047; ++i) {
    const server::NamespaceEntryPtr other = hub->names.add("/c").entry;
    hub->names.remove(*other);
    hub->names.recycle(other->index);
  }
  Client second(world);
  EXPECT_NE(second.join("/b", ids.auth().substr(1)), ids.sid);
  EXPECT_EQ(asked, 2);
}

// The server's end is the end of its sessions.
TEST(Recovery, NothingOutlivesTheServer) {
  std::weak_ptr<int> watch;
  Socket handle;
  {
    World world(recovering());
    world.io.on_connection([&](const Socket& socket) {
      watch = socket.data<std::shared_ptr<int>>() = std::make_shared<int>(7);
      handle = socket;
    });
    Client client(world);
    begin(client);
    lose(world, client);
    EXPECT_TRUE(handle.emit("kept"));
    EXPECT_FALSE(watch.expired());
    bool closed = false;
    world.io.close().then([&closed](const Result<void>&) { closed = true; });
    EXPECT_TRUE(world.until([&] { return closed; }));
    EXPECT_TRUE(watch.expired());
    EXPECT_EQ(world.io.stats().recovery_sessions, 0U);
    EXPECT_EQ(world.io.stats().recovery_packets, 0U);
    EXPECT_FALSE(handle.emit("nowhere"));
  }
  EXPECT_FALSE(handle.emit("nowhere"));
}

}  // namespace
}  // namespace socketio
