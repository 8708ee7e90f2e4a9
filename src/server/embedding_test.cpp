// The server inside a loop that is not its own. World turns the server in the same way, only when
// poll_fd() asks, so every other test of this folder is one of embedding too.
#include <atomic>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>

#include "support/sio_client.hpp"

namespace socketio {
namespace {

using std::chrono::milliseconds;
using test::Client;
using test::World;

// Nothing but poll() and process(): what is emitted between two calls of process() wakes the loop.
TEST(Embedding, APlainPollLoopIsEnough) {
  Server io;
  io.listen(0, "127.0.0.1");
  const auto turn = [&io] {
    pollfd watched{io.poll_fd(), POLLIN, 0};
    const int ready = ::poll(&watched, 1, 5000);
    io.process();
    return ready == 1;
  };
  EXPECT_TRUE(turn());
  bool ran = false;
  EXPECT_TRUE(io.post([&ran] { ran = true; }));
  EXPECT_TRUE(turn());
  EXPECT_TRUE(ran);
}

TEST(Embedding, WhatIsEmittedBetweenTurnsMakesTheDescriptorReadable) {
  World world;
  Client client(world);
  client.join();
  world.settle();
  const auto readable = [&world] {
    pollfd watched{world.io.poll_fd(), POLLIN, 0};
    return ::poll(&watched, 1, 0) == 1;
  };
  for (int i = 0; i < 10 && readable(); ++i) world.io.process();
  ASSERT_FALSE(readable());
  const Socket socket = world.io.sockets().sockets().at(0);
  EXPECT_FALSE(readable());
  socket.emit("x");
  EXPECT_TRUE(readable());
  EXPECT_EQ(client.next(), R"(2["x"])");
  world.settle();
  auto timed = socket.timeout(milliseconds(1)).emit_with_ack<int>("ask");
  client.next();
  while (!timed.ready()) {  // only when poll() says so
    pollfd watched{world.io.poll_fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&watched, 1, 5000), 1);
    world.io.process();
  }
  world.io.disconnect_sockets();
  EXPECT_TRUE(readable());
}

// A handler that waits for something may be tempted. Both events come, one after the other.
TEST(Embedding, ProcessInsideAHandlerDoesNothing) {
  World world;
  int inside = 0;
  std::vector<int> order;
  world.io.on_connection([&](Socket socket) {
    socket.on("x", [&](int number) {
      EXPECT_EQ(inside++, 0);
      for (int i = 0; i < 3; ++i) world.io.process();
      order.push_back(number);
      --inside;
    });
  });
  Client one(world);
  Client other(world);
  one.join();
  other.join();
  world.settle();
  one.send(R"(2["x",1])");
  other.send(R"(2["x",2])");
  EXPECT_TRUE(world.until([&order] { return order.size() == 2; }));
}

// Sleeps for ever (nearly) whenever nothing asks: a lost wake-up would show.
TEST(Embedding, NoPostFromAnotherThreadIsLost) {
  Server io;
  constexpr int kThreads = 3;
  constexpr int kRounds = 2'000;
  int ran = 0;
  const auto watched = io.poll_fd();
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&io, &ran] {
      for (int round = 0; round < kRounds; ++round) {
        while (!io.post([&ran] { ++ran; })) std::this_thread::yield();
        if (round % 16 == 0) std::this_thread::yield();
      }
    });
  }
  int offloaded = 0;
  const auto again = [&io, &offloaded](auto& self) -> void {
    io.offload([] {},
               [&offloaded, &self] {
                 if (++offloaded < kRounds) self(self);
               });
  };
  again(again);
  while (ran < kThreads * kRounds || offloaded < kRounds) {
    pollfd entry{watched, POLLIN, 0};
    ASSERT_EQ(::poll(&entry, 1, 20'000), 1) << ran << " ran, " << offloaded << " offloaded";
    io.process();
  }
}

// Between two turns the thread is the loop's as well: nobody else could end what it would wait for.
TEST(Embedding, WaitingOnTheLoopsThreadIsRefusedBetweenTurnsToo) {
  const Pending<int> never;
  {
    Server io;
    Server other;
    io.process();
    other.process();
    EXPECT_EQ(never.get().error(), Errc::wrong_thread);
    EXPECT_EQ(io.close().get().error(), Errc::wrong_thread);
    std::jthread([&never, &io] {  // the loop moves, and this thread is the other server's still
      io.process();
      EXPECT_EQ(never.get().error(), Errc::wrong_thread);
    })
        .join();
    EXPECT_EQ(never.get().error(), Errc::wrong_thread);
  }
  const std::jthread finisher([&never] { never.state()->finish(7); });
  EXPECT_EQ(never.get().value(), 7);
}

TEST(Embedding, AThreadThatHandedTheLoopOnMayWait) {
  Server io;
  io.process();
  Pending<int> answer;
  const std::jthread runner([&io] { io.run(); });
  Pending<void> running;
  io.post([running] { running.state()->finish(Result<void>()); });
  while (!running.ready()) std::this_thread::yield();
  io.post([answer] { answer.state()->finish(7); });
  EXPECT_EQ(answer.get().value(), 7);
  EXPECT_TRUE(io.close().get().has_value());
}

TEST(Embedding, WhereAServerHasEndedTheThreadMayWait) {
  Server io;
  io.process();
  EXPECT_FALSE(detail::may_block());
  bool closed = false;
  bool within = false;
  io.close().then([&](const Result<void>&) {
    closed = true;
    within = detail::may_block();
  });
  while (!closed) io.process();
  EXPECT_TRUE(within);
  EXPECT_TRUE(detail::may_block());
  io.process();
  EXPECT_TRUE(detail::may_block());
}

// A handler that the program itself has caused, by what it did between two turns, tries to turn the
// loop although its socket's client has gone.
class Inside : public ::testing::Test {
 protected:
  // Connects a client, whose handlers are set by `prepare`, and cuts it off behind the server's
  // back.
  void connect(const std::function<void(const Socket&)>& prepare) {
    world_.io.on_disconnect([this](const Socket&, DisconnectReason) { ++gone_; });
    world_.io.on_connection([this, prepare](const Socket& socket) {
      if (socket_) return;
      socket_ = socket;
      prepare(socket);
    });
    client_.emplace(world_);
    client_->join();
    world_.settle();
    world_.io.post([this] { ++gone_; });
    client_->cut(true);
  }
  void turn_inside() {
    ++inside_;
    for (int i = 0; i < 20; ++i) world_.io.process();
    EXPECT_EQ(gone_, 0);
    EXPECT_TRUE(socket_.connected());
  }
  void expect_gone() {
    EXPECT_EQ(inside_, 1);
    EXPECT_TRUE(world_.until([this] { return gone_ == 2; }));
  }

  World world_;
  std::optional<Client> client_;
  Socket socket_;
  int inside_ = 0;
  int gone_ = 0;
};

TEST_F(Inside, AListenerOfWhatIsSent) {
  connect([this](const Socket& socket) {
    socket.on_any_outgoing([this](const EventView&) { turn_inside(); });
  });
  socket_.emit("secret", 1);
  expect_gone();
}

TEST_F(Inside, AListenerOfWhatIsAsked) {
  connect([this](const Socket& socket) {
    socket.on_any_outgoing([this](const EventView&) { turn_inside(); });
  });
  const auto answer = socket_.emit_with_ack<int>("secret", 1);
  expect_gone();
  EXPECT_TRUE(world_.until([&answer] { return answer.ready(); }));
  EXPECT_EQ(answer.get().error(), Errc::disconnected);
}

TEST_F(Inside, AListenerOfRooms) {
  world_.io.sockets().on_join_room([this](std::string_view room, std::string_view) {
    if (room == "room") turn_inside();
  });
  connect([](const Socket&) {});
  socket_.join("room");
  expect_gone();
}

TEST_F(Inside, AnErrorHook) {
  world_.io.on_error([this](const ErrorReport&) { turn_inside(); });
  connect([](const Socket&) {});
  const Binary one("x");
  socket_.emit("many", one, one, one, one, one, one, one, one, one, one, one);
  expect_gone();
}

TEST_F(Inside, AHandlerThatAMiddlewareHasKeptBack) {
  std::optional<Next> kept;
  connect([this, &kept](const Socket& socket) {
    socket.use([&kept](Packet&, Next next) { kept = std::move(next); });
    socket.on("x", [this] { turn_inside(); });
    client_->send(R"(2["x"])");
  });
  ASSERT_TRUE(kept);
  (*kept)();
  expect_gone();
}

}  // namespace
}  // namespace socketio
