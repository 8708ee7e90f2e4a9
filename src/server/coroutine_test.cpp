// Coroutine handlers: what they await always ends, they outlive the removal of their handler, and
// too many of them pause reading.
#include <array>
#include <atomic>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Client;
using test::HttpPeer;
using test::PollingClient;
using test::World;
using Strings = std::vector<std::string>;
using std::chrono::milliseconds;
using std::chrono::seconds;

Task<int> twice(Socket socket, int n) {
  const Result<int> reply = co_await socket.emit_with_ack<int>("double", n);
  co_return reply.value();
}

TEST(Coroutines, AwaitTheClientsAnswer) {
  World world;
  world.io.on_event("ask", [](Socket socket, int n) -> Task<int> {
    const int once = co_await twice(socket, n);
    co_return co_await twice(socket, once);
  });
  Client client(world);
  client.join();
  client.send(R"(27["ask",1])");
  EXPECT_EQ(client.next(), R"(20["double",1])");
  client.send("30[2]");
  EXPECT_EQ(client.next(), R"(21["double",2])");
  client.send("31[4]");
  EXPECT_EQ(client.next(), "37[4]");
}

TEST(Coroutines, MayTakeAnAckOrReturnNothing) {
  World world;
  int done = 0;
  world.io.on_event("ack", [](std::string text, Ack ack) -> Task<> {
    ack(text);
    co_return;
  });
  world.io.on_event("none", [&done](std::optional<int>) -> Task<> {
    ++done;
    co_return;
  });
  Client client(world);
  client.join();
  client.send(R"(21["ack","x"])");
  client.send(R"(22["none"])");
  EXPECT_EQ(client.rest(), Strings{R"(31["x"])"});
  EXPECT_EQ(done, 1);
}

// It is freed with the server that was to answer: its own must know that it does not run any more.
TEST(Coroutines, EndWithAnotherServerThatTheyWaitFor) {
  World world({.max_running_handlers = 1});
  std::optional<Server> other(std::in_place);
  bool asked = false;
  world.io.on_event("ask", [&]() -> Task<int> {
    asked = true;
    const auto none = co_await other->timeout(seconds(100)).emit_with_ack<int>("never");
    co_return none ? 1 : 0;
  });
  world.io.on_event("echo", [](int n) { return n; });
  Client client(world);
  client.join();
  client.send(R"(20["ask"])");
  EXPECT_TRUE(world.until([&asked] { return asked; }));
  other.reset();
  client.send(R"(21["echo",5])");
  EXPECT_EQ(client.next(), "31[5]");
  ASSERT_EQ(world.errors.size(), 1U);
  EXPECT_EQ(world.errors[0].event, "ask");
}

// Notes how one await of every handler ends.
struct Ends {
  std::vector<std::error_code> all;
  void listen(World& world, std::optional<milliseconds> limit = {}) {
    world.io.on_event("go", [this, limit](Socket socket) -> Task<> {
      const Result<int> r = limit ? co_await socket.timeout(*limit).emit_with_ack<int>("ask")
                                  : co_await socket.emit_with_ack<int>("ask");
      all.push_back(r.error());
    });
  }
};

TEST(Coroutines, TheAwaitEndsWithATimeout) {
  World world;
  Ends ends;
  ends.listen(world, milliseconds(20));
  Client client(world);
  client.join();
  client.send(R"(2["go"])");
  EXPECT_TRUE(world.until([&] { return ends.all.size() == 1; }));
  EXPECT_EQ(ends.all.at(0), Errc::timeout);
}

TEST(Coroutines, TheAwaitEndsWithTheSocket) {
  World world;
  Ends ends;
  ends.listen(world);
  Client client(world);
  client.join();
  client.send(R"(2["go"])");
  client.next();
  client.cut();
  EXPECT_TRUE(world.until([&] { return ends.all.size() == 1; }));
  EXPECT_EQ(ends.all.at(0), Errc::disconnected);
}

TEST(Coroutines, TheAwaitEndsWithTheServer) {
  World world;
  Ends ends;
  ends.listen(world);
  Client client(world);
  client.join();
  client.send(R"(2["go"])");
  client.next();
  auto closed = world.io.close();
  EXPECT_TRUE(world.until([&] { return closed.ready(); }));
  ASSERT_EQ(ends.all.size(), 1U);
  EXPECT_EQ(ends.all.at(0), Errc::shutting_down);
}

// A destructor without close() calls no user code, and leaves nothing behind.
TEST(Coroutines, ASuspendedOneIsFreedWithTheServer) {
  auto alive = std::make_shared<int>(1);
  std::weak_ptr<int> watched = alive;
  bool resumed = false;
  {
    World world;
    world.io.on_event("go", [&resumed, &alive](Socket socket) -> Task<> {
      const auto held = std::move(alive);
      static_cast<void>(co_await twice(socket, *held));
      resumed = true;
    });
    Client client(world);
    client.join();
    client.send(R"(2["go"])");
    EXPECT_EQ(client.next(), R"(20["double",1])");
  }
  EXPECT_FALSE(resumed);
  EXPECT_TRUE(watched.expired());
}

TEST(Coroutines, ThenRunsOnTheLoopAndOnlyOnce) {
  World world;
  Client client(world);
  client.join();
  int value = 0;
  const Pending<int> pending = world.io.sockets().sockets().at(0).emit_with_ack<int>("ask");
  pending.then([&value](Result<int> r) { value = r.value_or(-1); });
  client.send("30[5]");
  client.rest();
  EXPECT_EQ(value, 5);
  Result<int> early = Errc::timeout;
  Pending<int>(7).then([&early](Result<int> r) { early = std::move(r); });
  EXPECT_EQ(early.value(), 7);
}

TEST(Coroutines, GetOnTheLoopsThreadIsRefused) {
  World world;
  std::error_code error;
  bool ready = false;
  world.io.on_event("go", [&](const Socket& socket) {
    error = socket.emit_with_ack<int>("ask").get().error();
    ready = world.io.fetch_sockets().get().has_value();  // was there at once
  });
  Client client(world);
  client.join();
  client.send(R"(2["go"])");
  client.rest();
  EXPECT_EQ(error, Errc::wrong_thread);
  EXPECT_TRUE(ready);
}

TEST(Coroutines, OutliveTheirHandler) {
  World world;
  std::string seen;
  world.io.on_connection([&seen](const Socket& socket) {
    socket.once("go", [&seen, text = std::string("captured")](Socket s) -> Task<> {
      s.off("go");
      const auto r = co_await s.emit_with_ack<std::string>("ask");
      seen = text + r.value_or("");
    });
  });
  Client client(world);
  client.join();
  client.send(R"(2["go"])");
  EXPECT_EQ(client.next(), R"(20["ask"])");
  client.send(R"(30["x"])");
  client.rest();
  EXPECT_EQ(seen, "capturedx");
}

TEST(Coroutines, AnExceptionIsReported) {
  World world;
  world.io.on_event("now", []() -> Task<int> {
    throw std::runtime_error("at once");
    co_return 1;
  });
  world.io.on_event("later",
                    [](Socket socket) -> Task<int> { co_return co_await twice(socket, 1); });
  Client client(world);
  client.join();
  client.send(R"(21["now"])");
  client.send(R"(22["later"])");
  EXPECT_EQ(client.rest(), Strings{R"(20["double",1])"});
  client.send(R"(30["no number"])");
  EXPECT_EQ(client.rest(), Strings{});
  ASSERT_EQ(world.errors.size(), 2U);
  EXPECT_EQ(world.errors[0].message, "at once");
  EXPECT_EQ(world.errors[0].event, "now");
  EXPECT_EQ(world.errors[1].event, "later");
}

TEST(Coroutines, WhatThrowsInsteadOfReturningATaskDoesNotRun) {
  World world({.max_running_handlers = 2});
  world.io.on_event("go", [](Socket socket, int n) -> Task<int> {
    if (n == 0) throw std::invalid_argument("nothing");
    return twice(std::move(socket), n);
  });
  Client client(world);
  client.join();
  for (int i = 0; i < 3; ++i) client.send(R"(2["go",0])");
  client.send(R"(21["go",1])");
  EXPECT_EQ(client.rest(), Strings{R"(20["double",1])"});
  client.send("30[2]");
  EXPECT_EQ(client.next(), "31[2]");
  ASSERT_EQ(world.errors.size(), 3U);
  EXPECT_EQ(world.errors[2].message, "nothing");
}

// Awaits a thread of its own, on which it resumes: what somebody else's library may do.
struct Elsewhere {
  std::vector<std::jthread>& threads;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) const {
    threads.emplace_back([waiting] { waiting.resume(); });
  }
  void await_resume() const {}
};

TEST(Coroutines, MayEndOnAnotherThread) {
  World world({.max_running_handlers = 1});
  std::vector<std::jthread> threads;
  world.io.on_event("go", [&threads](int n) -> Task<int> {
    co_await Elsewhere{threads};
    if (n == 0) throw std::runtime_error("nothing");
    co_return n;
  });
  Client client(world);
  client.join();
  client.send(R"(20["go",7])");
  client.send(R"(21["go",0])");
  client.send(R"(22["go",8])");
  EXPECT_EQ(client.next(), "30[7]");
  EXPECT_EQ(client.next(), "32[8]");
  ASSERT_EQ(world.errors.size(), 1U);
  EXPECT_EQ(world.errors[0].message, "nothing");
  EXPECT_EQ(world.errors[0].event, "go");
}

// Awaited one after the other by one thread, while another ends each as soon as it can.
struct Race {
  static constexpr std::size_t kAll = 50'000;
  using End = void(const Pending<int>&);

  Task<> wait(std::size_t i, std::shared_ptr<int>) {
    begun = i + 1;
    const Result<int> result = co_await all[i];
    ends += result.error() == expected ? 1 : 0;
  }
  void run(End* end) {
    const std::jthread other([this, end] {
      for (std::size_t i = 0; i < kAll; ++i) {
        while (begun <= i) {
        }
        end(all[i]);
      }
    });
    for (std::size_t i = 0; i < kAll; ++i)
      detail::detach<void>(
          wait(i, alive), [] {}, [](const std::exception_ptr&) {});
  }

  std::error_code expected{};
  std::vector<Pending<int>> all = std::vector<Pending<int>>(kAll);
  std::shared_ptr<int> alive = std::make_shared<int>();  // as are coroutines that hold it
  std::atomic<std::size_t> begun{0};
  std::atomic<std::size_t> ends{0};
};

// The result comes before the coroutine sleeps, while it falls asleep, or after.
TEST(Coroutines, MayAwaitOnAnotherThreadThanTheResults) {
  Race race;
  race.run([](const Pending<int>& one) { one.state()->finish(7); });
  EXPECT_EQ(race.ends, Race::kAll);
  EXPECT_EQ(race.alive.use_count(), 1);
}

TEST(Coroutines, AreFreedOnceWhenNobodyWillFinishThem) {
  Race race;
  race.expected = Errc::shutting_down;  // where it was not asleep yet
  race.run([](const Pending<int>& one) { detail::Finisher<int>{one.state()}; });
  EXPECT_EQ(race.alive.use_count(), 1);
}

// A coroutine of another make: we cannot know whom it runs for, and its maker frees it. The memory
// of the one that there may be shows what is written to it afterwards.
struct Foreign {
  struct promise_type {
    static void* operator new(std::size_t size) noexcept {
      return size <= kSize ? frame.data() : nullptr;
    }
    static void operator delete(void*) { frame.fill(std::byte{0}); }
    static Foreign get_return_object_on_allocation_failure() { return {}; }
    Foreign get_return_object() {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept {}
  };
  static constexpr std::size_t kSize = 1024;
  alignas(std::max_align_t) static inline std::array<std::byte, kSize> frame{};
  std::coroutine_handle<promise_type> handle{};
};

Foreign hear(Pending<int> pending, std::string& heard) {
  const Result<int> result = co_await pending;
  heard = result ? std::to_string(*result) : result.error().message();
}

TEST(Coroutines, OfAnotherMakeMayWait) {
  std::string heard;
  const Pending<int> pending;
  const Foreign waits = hear(pending, heard);
  ASSERT_TRUE(waits.handle);
  pending.state()->finish(7);
  EXPECT_TRUE(waits.handle.done());
  EXPECT_EQ(heard, "7");
  waits.handle.destroy();
}

TEST(Coroutines, OfAnotherMakeAreTheirMakersWhenNobodyWillFinishThem) {
  std::string heard;
  const Pending<int> pending;
  const Foreign waits = hear(pending, heard);
  ASSERT_TRUE(waits.handle);
  detail::Finisher<int>{pending.state()};
  EXPECT_FALSE(waits.handle.done());
  waits.handle.destroy();
  EXPECT_EQ(heard, "");
}

TEST(Coroutines, FreedWhileTheyWaitAreNotTouchedAgain) {
  const std::array<std::byte, Foreign::kSize> nothing{};
  for (const bool finished : {false, true}) {
    std::string heard;
    const Pending<int> pending;
    const Foreign waits = hear(pending, heard);
    ASSERT_TRUE(waits.handle);
    waits.handle.destroy();
    if (finished) pending.state()->finish(7);
    detail::Finisher<int>{pending.state()};
    EXPECT_EQ(Foreign::frame, nothing) << finished;
    EXPECT_EQ(heard, "");
  }
}

// Handlers that wait for `gate`; how many run.
struct Crowd {
  Pending<int> gate;
  std::vector<Pending<int>> gates;
  int running = 0;
  int finished = 0;
  void listen(World& world) {
    world.io.on_event("go", [this](Socket socket) -> Task<> {
      ++running;
      socket.emit("started");  // output, so that the connection is flushed
      const Pending<int> mine;
      gates.push_back(mine);
      static_cast<void>(co_await mine);
      --running;
      ++finished;
    });
  }
  void open() {
    for (const Pending<int>& one : std::exchange(gates, {})) one.state()->finish(1);
  }
};

TEST(Coroutines, AThousandPauseReading) {
  World world;
  Crowd crowd;
  crowd.listen(world);
  Client client(world);
  client.join();
  Client other(world);
  other.join();
  for (int i = 0; i < 3'000; ++i) client.send(R"(2["go"])");
  world.until([&] { return crowd.running >= 1'000; });
  for (int i = 0; i < 20; ++i) world.settle();
  EXPECT_EQ(crowd.running, 1'000);
  EXPECT_EQ(other.rest(), Strings{});  // the others go on
  EXPECT_TRUE(world.until([&] {
    crowd.open();
    return crowd.finished == 3'000;
  }));
  EXPECT_EQ(client.rest().size(), 3'000U);
}

class RunningHandlers : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Both, RunningHandlers, ::testing::Bool(), [](const auto& given) {
  return std::string(given.param ? "polling" : "websocket");
});

// One event less than the limit, as many, and more.
TEST_P(RunningHandlers, TheLimitIsAnOption) {
  constexpr int kLimit = 2;
  for (const int events : {kLimit - 1, kLimit, kLimit + 1, 10}) {
    World world({.max_running_handlers = kLimit});
    Crowd crowd;
    crowd.listen(world);
    std::optional<Client> client;
    std::optional<PollingClient> polling;
    HttpPeer post(world);
    if (GetParam()) {
      polling.emplace(world).join();
      std::string payload = R"(42["go"])";
      for (int i = 1; i < events; ++i)
        payload +=
            "\x1e"
            R"(42["go"])";
      post.send("POST", "/socket.io/?EIO=4&transport=polling&sid=" + polling->sid, "", payload);
    } else {
      client.emplace(world).join();
      for (int i = 0; i < events; ++i) client->send(R"(2["go"])");
    }
    for (int i = 0; i < 20; ++i) world.settle();
    EXPECT_EQ(crowd.running, std::min(events, kLimit));
    if (events == 10) {
      crowd.open();
      for (int i = 0; i < 20; ++i) world.settle();
      EXPECT_EQ(crowd.running, kLimit);
      EXPECT_EQ(crowd.finished, kLimit);
    }
    EXPECT_TRUE(world.until([&] {
      crowd.open();
      return crowd.finished == events;
    }));
  }
}

}  // namespace
}  // namespace socketio
