// Server::offload with a Pending: it always ends, and a server that closes waits for it.
#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Client;
using test::World;

template <class F>
concept MayBeAwaited = requires(Server& io, F f) {
  io.offload(f);
};
static_assert(MayBeAwaited<int (*)()> && MayBeAwaited<void (*)()> && !MayBeAwaited<Task<> (*)()>);

TEST(AwaitedWork, GivesWhatTheWorkReturns) {
  World world;
  const std::thread::id loop = std::this_thread::get_id();
  world.io.on_event("hash", [&](std::string text) -> Task<std::string> {
    std::thread::id there;
    const auto work = [&there, text] {  // a name, for g++ 12: see docs/guide/02-events.md
      there = std::this_thread::get_id();
      return text + "!";
    };
    const Result<std::string> hashed = co_await world.io.offload(work);
    EXPECT_NE(there, loop);
    EXPECT_EQ(std::this_thread::get_id(), loop);
    const Result<void> nothing = co_await world.io.offload([] {});
    EXPECT_TRUE(nothing.has_value());
    co_return hashed.value();
  });
  Client client(world);
  client.join();
  client.send(R"(21["hash","a"])");
  EXPECT_EQ(client.next(), R"(31["a!"])");
}

// What cannot be copied may be moved in and out.
TEST(AwaitedWork, MayBeMoveOnly) {
  World world;
  std::unique_ptr<int> got;
  world.io.offload([one = std::make_unique<int>(1)]() mutable { return std::move(one); })
      .then([&got](Result<std::unique_ptr<int>> one) { got = std::move(one).value(); });
  EXPECT_TRUE(world.until([&got] { return got != nullptr; }));
  EXPECT_EQ(*got, 1);
}

// A reference would speak of another thread's memory: the caller gets a copy.
TEST(AwaitedWork, MayReturnAReference) {
  World world;
  const std::string kept = "kept";
  std::string got;
  world.io.offload([&kept]() -> const std::string& { return kept; })
      .then([&got](Result<std::string> one) { got = std::move(one).value(); });
  EXPECT_TRUE(world.until([&got] { return !got.empty(); }));
  EXPECT_EQ(got, "kept");
}

TEST(AwaitedWork, ThatThrowsIsReportedAndEnds) {
  World world;
  std::vector<std::string> reports;
  world.io.on_error([&reports](const ErrorReport& report) { reports.push_back(report.message); });
  std::error_code error;
  world.io.offload([]() -> int { throw std::runtime_error("no disk"); })
      .then([&error](Result<int> result) { error = result.error(); });
  EXPECT_TRUE(world.until([&error] { return !!error; }));
  EXPECT_EQ(error, std::errc::operation_canceled);
  ASSERT_TRUE(world.until([&reports] { return !reports.empty(); }));
  EXPECT_NE(reports.front().find("no disk"), std::string::npos);
}

TEST(AwaitedWork, ThatFindsNoPlaceIsTooMany) {
  World world;
  std::promise<void> open;
  const std::shared_future<void> gate(open.get_future());
  std::promise<void> begun;
  ASSERT_TRUE(world.io.offload(
      [&begun, gate] {
        begun.set_value();
        gate.wait();
      },
      [] {}));
  begun.get_future().wait();
  int ended = 0;
  for (int i = 0; i < 1'024; ++i) {
    world.io.offload([] {}).then([&ended](Result<void> result) { ended += result ? 1 : 0; });
  }
  std::error_code refused;
  world.io.offload([] {}).then([&refused](Result<void> result) { refused = result.error(); });
  EXPECT_EQ(refused, Errc::too_many);
  open.set_value();
  EXPECT_TRUE(world.until([&ended] { return ended == 1'024; }));
}

// Saving what somebody did when he leaves, also when it is the server that goes.
TEST(AwaitedWork, IsWaitedForByAServerThatCloses) {
  World world;
  std::promise<void> open;
  const std::shared_future<void> gate(open.get_future());
  int saved = 0;
  world.io.on_disconnect([&](Socket, DisconnectReason) -> Task<> {
    const auto save = [gate] {
      gate.wait();
      return 1;
    };
    const Result<int> written = co_await world.io.offload(save);
    saved += written.value_or(0);
  });
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<Client>(world));
    clients.back()->join();
  }
  bool closed = false;
  world.io.close().then([&closed](Result<void>) { closed = true; });
  EXPECT_TRUE(world.until([&clients] {
    return std::all_of(clients.begin(), clients.end(), [](auto& c) { return c->closed(); });
  }));
  EXPECT_TRUE(world.until([&world] { return world.io.stats().connections == 0; }));
  for (int i = 0; i < 20; ++i) world.turn();  // more than closing takes
  EXPECT_FALSE(closed);
  open.set_value();
  EXPECT_TRUE(world.until([&closed] { return closed; }));
  EXPECT_EQ(saved, 5);
}

// Not for ever.
TEST(AwaitedWork, IsWaitedForUntilCloseTimeout) {
  World world({.close_timeout = std::chrono::milliseconds(20)});
  std::promise<void> open;
  const std::shared_future<void> gate(open.get_future());
  ASSERT_TRUE(world.io.offload([gate] { gate.wait(); }, [] {}));
  bool closed = false;
  world.io.close().then([&closed](Result<void>) { closed = true; });
  EXPECT_TRUE(world.until([&closed] { return closed; }));
  open.set_value();  // the worker is joined when the server is destroyed
}

// Work that has not begun when the server is destroyed never does; who waits for it is freed.
TEST(AwaitedWork, EndsWithTheServer) {
  const auto in_frame = std::make_shared<int>(0);
  std::promise<void> open;
  const std::shared_future<void> gate(open.get_future());
  Pending<int> pending;
  {
    World world;
    std::promise<void> begun;
    world.io.on_event("wait", [&, in_frame](int) -> Task<> {
      const std::shared_ptr<int> kept = in_frame;
      const Result<int> result = co_await world.io.offload([] { return 1; });
      ADD_FAILURE() << "went on";
      static_cast<void>(result);
    });
    Client client(world);
    client.join();
    ASSERT_TRUE(world.io.offload(
        [&begun, gate] {
          begun.set_value();
          gate.wait();
        },
        [] {}));
    begun.get_future().wait();
    pending = world.io.offload([] { return 1; });
    client.send(R"(2["wait",1])");
    EXPECT_TRUE(world.until([&] { return in_frame.use_count() == 3; }));
    open.set_value();
  }
  EXPECT_EQ(in_frame.use_count(), 1);
}

}  // namespace
}  // namespace socketio
