// The server in a thread of its own, called from others. Meant for ThreadSanitizer as much as for
// what it asserts.
#include <functional>
#include <system_error>

#include <gtest/gtest.h>
#include <pthread.h>

#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Client;
using test::World;
using Strings = std::vector<std::string>;

// What `call` throws.
std::error_code refusal_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::system_error& e) {
    return e.code();
  }
  return {};
}

struct Calls {
  int refused() const {
    int n = 0;
    for (const auto& call : calls) n += refusal_of(call) == Errc::wrong_thread ? 1 : 0;
    return n;
  }
  std::vector<std::function<void()>> calls;
  int count = static_cast<int>(calls.size());
};

// Everything that is registered for all clients, and is read without a lock.
struct Registrations : Calls {
  explicit Registrations(Server& io)
      : Calls{{[&io] { io.on_error([](const ErrorReport&) {}); },
               [&io] { io.on_new_namespace([](const Namespace&) {}); },
               [&io] { io.engine().use([](const EngineRequest&) {}); },
               [&io] { io.engine().on_initial_headers([](AnswerHeaders&, const HttpRequest&) {}); },
               [&io] { io.engine().on_headers([](AnswerHeaders&, const HttpRequest&) {}); },
               [&io] { io.engine().on_connection([](const EngineSocket&) {}); },
               [&io] { io.engine().on_connection_error([](const ConnectionError&) {}); },
               [&io] { io.http().get("/x", [](HttpRequest) { return HttpReply::text("x"); }); },
               [&io] { io.http().fallback([](HttpRequest) { return HttpReply::text("x"); }); },
               [&io] { io.http().serve("/files", "/"); },
               [&io] { io.http().websocket("/ws", {}); }}} {}
};

// What a namespace has, which every loop keeps for itself.
struct Handlers : Calls {
  explicit Handlers(const Namespace& nsp)
      : Calls{{[nsp] { nsp.on_connection([](const Socket&) {}); },
               [nsp] { nsp.on_disconnect([](const Socket&, DisconnectReason) {}); },
               [nsp] { nsp.on_event("x", [] {}); }, [nsp] { nsp.on_any([](const EventView&) {}); },
               [nsp] { nsp.on_server_event("x", [] {}); },
               [nsp] { nsp.on_create_room([](std::string_view) {}); },
               [nsp] { nsp.on_join_room([](std::string_view, std::string_view) {}); },
               [nsp] { nsp.on_leave_room([](std::string_view, std::string_view) {}); },
               [nsp] { nsp.on_delete_room([](std::string_view) {}); },
               [nsp] { nsp.use([](const Socket&, const Next& next) { next(); }); }}} {}
};

// Hands out the socket of every connection, to any thread.
class Threaded : public ::testing::Test {
 protected:
  Threaded() : world_({}, World::Mode::own_thread) {
    world_.io.on_event("echo", [](int n) { return n; });
    world_.io.on_event("ack", [this](const Ack& ack) { keep(ack); });
    world_.io.on_connection([this](const Socket& socket) {
      const std::lock_guard lock(mutex_);
      sockets_.push_back(socket);
    });
    world_.start();
  }
  ~Threaded() override { world_.stop(); }
  void keep(const Ack& ack) {
    const std::lock_guard lock(mutex_);
    ack_ = ack;
  }
  Ack kept() {
    const std::lock_guard lock(mutex_);
    return ack_;
  }
  Socket last() {
    const std::lock_guard lock(mutex_);
    return sockets_.back();
  }

  std::mutex mutex_;
  std::vector<Socket> sockets_;
  Ack ack_;
  World world_;
};

TEST_F(Threaded, EmitsFromAnyThread) {
  Client client(world_);
  client.join();
  const Socket socket = last();
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        socket.emit("one", t, i);
        world_.io.emit("all", t, std::string(20, 'x'));
        world_.io.to(socket.id()).emit("room", Binary("b"), Value::object({{"k", i}}));
      }
    });
  }
  int packets = 0;
  int last_of[3] = {-1, -1, -1};
  while (packets < 3 * 400) {
    const std::string packet = client.next();
    ASSERT_NE(packet, "(none)");
    ++packets;
    if (!packet.starts_with(R"(2["one",)")) continue;
    const int thread = packet[8] - '0';
    const int n = std::stoi(packet.substr(10));
    EXPECT_EQ(n, last_of[thread] + 1);  // in order, for each sender
    last_of[thread] = n;
  }
}

TEST_F(Threaded, WaitsForAnAcknowledgement) {
  Client client(world_);
  client.join();
  const Socket socket = last();
  Result<int> one = Errc::timeout;
  Result<std::vector<int>> many = Errc::timeout;
  std::size_t found = 0;
  {
    const std::jthread asker([&] {
      one = socket.timeout(std::chrono::seconds(10)).emit_with_ack<int>("ask", "text").get();
      many = world_.io.timeout(std::chrono::seconds(10)).emit_with_ack<int>("all").get();
      found = world_.io.fetch_sockets().get().value().size();
    });
    EXPECT_EQ(client.next(), R"(20["ask","text"])");
    client.send("30[5]");
    EXPECT_EQ(client.next(), R"(21["all"])");
    client.send("31[6]");
    world_.turn();
  }
  EXPECT_EQ(one.value(), 5);
  EXPECT_EQ(many.value(), std::vector<int>{6});
  EXPECT_EQ(found, 1U);
}

TEST_F(Threaded, AcknowledgesFromAnotherThread) {
  Client client(world_);
  client.join();
  client.send(R"(27["ack"])");
  ASSERT_TRUE(world_.until([&] { return static_cast<bool>(kept()); }));
  const Ack ack = kept();
  int sent = 0;
  std::mutex mutex;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        if (!ack("done", Binary("x"))) return;
        const std::lock_guard lock(mutex);
        ++sent;
      });
    }
  }
  EXPECT_EQ(sent, 1);
  EXPECT_EQ(client.next(), R"(61-7["done",{"_placeholder":true,"num":0}])");
  EXPECT_EQ(client.rest(), Strings{"<x>"});
}

TEST_F(Threaded, DisconnectsAndPostsFromAnotherThread) {
  Client client(world_);
  client.join();
  const Socket socket = last();
  Pending<std::string> name;
  EXPECT_TRUE(socket.post([socket, name] {
    socket.join("room");
    name.state()->finish(socket.rooms().at(1));
  }));
  EXPECT_EQ(name.get().value(), "room");
  EXPECT_TRUE(world_.io.post([] { throw std::runtime_error("reported, not fatal"); }));
  EXPECT_TRUE(socket.disconnect());
  EXPECT_EQ(client.next(), "1");
  client.join();
  EXPECT_TRUE(last().disconnect(true));
  EXPECT_TRUE(client.wait_closed());
}

// What belongs to the loop's thread does nothing elsewhere.
TEST_F(Threaded, TheRestIsForTheLoopsThread) {
  Client client(world_);
  client.join();
  const Socket socket = last();
  EXPECT_FALSE(socket.connected());
  EXPECT_FALSE(socket.join("room"));
  EXPECT_EQ(socket.on("x", [] {}), 0U);
  EXPECT_EQ(socket.rooms(), Strings{});
  EXPECT_EQ(socket.handshake().url, "");
  EXPECT_EQ(socket.nsp().size(), 1U);  // this may be asked anywhere
  EXPECT_THROW(world_.io.of("/new"), std::system_error);
  const Registrations all(world_.io);
  EXPECT_EQ(all.refused(), all.count);
  const Handlers handlers(world_.io.sockets());
  EXPECT_EQ(handlers.refused(), handlers.count);
  EXPECT_FALSE(world_.io.off("echo"));
  EXPECT_EQ(refusal_of([this] { world_.io.listen(0, "127.0.0.1"); }), Errc::wrong_thread);
  Pending<int> there;
  world_.io.post([&, there] { there.state()->finish(all.refused() + handlers.refused()); });
  EXPECT_EQ(there.get().value(), 0);
  try {
    socket.data<int>();
    ADD_FAILURE() << "on a wrong thread";
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code(), Errc::wrong_thread);
  }
  EXPECT_EQ(socket.id().size(), 20U);
}

TEST_F(Threaded, StatsMayBeReadAnywhere) {
  Client client(world_);
  client.join();
  client.send(R"(21["echo",1])");
  EXPECT_EQ(client.next(), "31[1]");
  Pending<Stats> stats;
  world_.io.post([this, stats] { stats.state()->finish(world_.io.stats()); });
  const Stats there = stats.get().value();
  for (const Stats& seen : {there, world_.io.stats()}) {
    EXPECT_EQ(seen.clients, 1U);
    EXPECT_EQ(seen.events_in, 1U);
  }
}

TEST_F(Threaded, OffloadsWork) {
  Pending<int> done;
  auto value = std::make_shared<int>();
  EXPECT_TRUE(
      world_.io.offload([value] { *value = 5; }, [value, done] { done.state()->finish(*value); }));
  EXPECT_EQ(done.get().value(), 5);
}

// Nobody would hear that it is done.
TEST_F(Threaded, NothingIsOffloadedBehindTheEnd) {
  world_.stop();
  bool ran = false;
  EXPECT_FALSE(world_.io.offload([&ran] { ran = true; }, [&ran] { ran = true; }));
  EXPECT_FALSE(ran);
}

TEST(Threads, NothingListensBehindTheEnd) {
  World world;
  auto closed = world.io.close();
  EXPECT_TRUE(world.until([&] { return closed.ready(); }));
  EXPECT_EQ(refusal_of([&] { world.io.listen(0, "127.0.0.1"); }), Errc::shutting_down);
}

// With several loops the others read what is registered, even for a handler.
TEST(Threads, WithSeveralNothingIsRegisteredWhileTheyRun) {
  World world({.threads = 2}, World::Mode::own_thread);
  const Registrations all(world.io);
  const Handlers handlers(world.io.sockets());
  EXPECT_EQ(all.refused(), 0);
  world.start();
  Pending<int> there;
  world.io.post([&, there] {
    EXPECT_EQ(handlers.refused(), 0);
    there.state()->finish(all.refused());
  });
  EXPECT_EQ(there.get().value(), all.count);
  world.stop();
}

// Stacks that no address space has room for.
class HugeStacks {
 public:
  HugeStacks() {
    ::pthread_getattr_default_np(&before_);
    pthread_attr_t huge;
    ::pthread_getattr_default_np(&huge);
    ::pthread_attr_setstacksize(&huge, std::size_t{1} << 50);
    EXPECT_EQ(::pthread_setattr_default_np(&huge), 0);
    ::pthread_attr_destroy(&huge);
  }
  HugeStacks(const HugeStacks&) = delete;
  HugeStacks& operator=(const HugeStacks&) = delete;
  ~HugeStacks() {
    ::pthread_setattr_default_np(&before_);
    ::pthread_attr_destroy(&before_);
  }

 private:
  pthread_attr_t before_;
};

TEST(Threads, OneThatCannotBeHadLeavesTheServerAsItWas) {
  World world({.threads = 4});
  {
    const HugeStacks none;
    EXPECT_THROW(world.io.run(), std::system_error);
    EXPECT_THROW(world.io.process(), std::system_error);
  }
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 4; ++i) {  // one on each
    clients.push_back(std::make_unique<Client>(world));
    EXPECT_NE(clients.back()->join(), "");
  }
  clients.clear();
  auto closed = world.io.close();
  EXPECT_TRUE(world.until([&] { return closed.ready(); }));
}

// An exception on the worker ends no process.
TEST_F(Threaded, OffloadedWorkMayThrow) {
  Pending<std::string> reported;
  world_.io.post([this, reported] {
    world_.io.on_error([reported](const ErrorReport& e) { reported.state()->finish(e.message); });
  });
  bool done = false;
  EXPECT_TRUE(
      world_.io.offload([] { throw std::runtime_error("at work"); }, [&done] { done = true; }));
  EXPECT_EQ(reported.get().value(), "at work");
  Pending<int> after;
  EXPECT_TRUE(world_.io.offload([] {},
                                [after] {
                                  after.state()->finish(1);
                                  throw std::runtime_error("when done");
                                }));
  EXPECT_TRUE(after.get());
  EXPECT_FALSE(done);
}

TEST_F(Threaded, ACallbackThatThrowsEndsNothing) {
  Client client(world_);
  client.join();
  // On the loop's thread: elsewhere the result may be there already, and then() throws at its
  // caller.
  world_.io.post([this] {
    world_.io.fetch_sockets().then([](const auto&) { throw std::runtime_error("oops"); });
  });
  last().emit("ask", [](int) { throw std::runtime_error("oops"); });
  EXPECT_EQ(client.next(), R"(20["ask"])");
  client.send("30[1]");
  client.send(R"(21["echo",1])");
  EXPECT_EQ(client.next(), "31[1]");
}

TEST_F(Threaded, ClosesWhileOthersEmit) {
  Client client(world_);
  client.join();
  const Socket socket = last();
  std::atomic<bool> stop{false};
  {
    std::jthread emitter([&] {
      while (!stop) {
        socket.emit("x");
        world_.io.emit("y");
        static_cast<void>(socket.emit_with_ack<int>("z"));
      }
    });
    world_.turn();
    world_.stop();
    stop = true;
  }
  EXPECT_FALSE(socket.emit("x"));
  EXPECT_EQ(socket.emit_with_ack<int>("z").get().error(), Errc::shutting_down);
}

// Without close(): the loop that a handle asks for may be on its way out.
TEST(Handles, AreUsedWhileTheServerGoes) {
  for (int i = 0; i < 50; ++i) {
    std::optional<World> world(std::in_place);
    std::optional<Client> client(std::in_place, *world);
    client->join();
    const Socket socket = world->io.sockets().sockets().at(0);
    std::atomic<bool> begun{false};
    std::jthread emitter([&begun, socket](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        socket.emit("x");
        begun = true;
      }
    });
    while (!begun) std::this_thread::yield();
    client.reset();
    world.reset();
    EXPECT_FALSE(socket.connected());
  }
}

}  // namespace
}  // namespace socketio
