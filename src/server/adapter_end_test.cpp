// Adapters when their server ends: what they fail at, and what is asked through them then.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "support/sio_client.hpp"

namespace socketio {
namespace {

using namespace std::chrono_literals;
using test::Client;
using test::World;
using Strings = std::vector<std::string>;

// Throws what is no std::exception.
class FailsToClose : public LocalAdapter {
 public:
  using LocalAdapter::LocalAdapter;
  void close() override { throw 42; }
};

TEST(AdaptersEnd, OneThatFailsToCloseDoesNotHoldTheServer) {
  for (const std::size_t threads : {1U, 2U}) {
    Strings lines;
    ServerOptions options;
    options.threads = threads;
    options.log = [&lines](const LogLine& line) { lines.emplace_back(line.text); };
    options.adapter = [](const Namespace& nsp) { return std::make_shared<FailsToClose>(nsp); };
    World world(options);
    std::optional<Client> client;
    client.emplace(world);
    client->join();
    const Pending<void> closed = world.io.close();
    client.reset();  // the last connection: its end is the adapter's
    EXPECT_TRUE(world.until([&closed] { return closed.ready(); }));
    EXPECT_EQ(lines, Strings{"an adapter failed to close: unknown exception"});
  }
}

// Knows of another server, which never answers.
class HasSilentPeer : public LocalAdapter {
 public:
  using LocalAdapter::LocalAdapter;
  Pending<std::size_t> server_count() override { return Pending<std::size_t>(std::size_t{2}); }
};

TEST(AdaptersEnd, WhatIsAskedBehindTheGoodbyesEnds) {
  ServerOptions options;
  options.adapter = [](const Namespace& nsp) { return std::make_shared<HasSilentPeer>(nsp); };
  World world(options);
  std::vector<std::error_code> errors;
  const auto ask = [&] {
    world.io.timeout(1h).emit("ask", [&errors](std::error_code error, const std::vector<int>&) {
      errors.push_back(error);
    });
  };
  world.io.on_disconnect([&ask](const Socket&, DisconnectReason) { ask(); });
  Client client(world);
  client.join();
  ask();
  const Pending<void> closed = world.io.close();
  EXPECT_TRUE(world.until([&closed] { return closed.ready(); }));
  EXPECT_EQ(errors, std::vector<std::error_code>(2, Errc::shutting_down));
}

// Tells when it opens and when it closes.
class Watched : public LocalAdapter {
 public:
  Watched(const Namespace& nsp, std::function<void(int)> told)
      : LocalAdapter(nsp), told_(std::move(told)) {}
  void init() override { told_(1); }
  void close() override { told_(-1); }

 private:
  std::function<void(int)> told_;
};

// The first thread goes on while the others end.
TEST(AdaptersEnd, OneOfANamespaceMadeBehindTheGoodbyesIsClosedToo) {
  std::atomic<int> open = 0;
  std::atomic<bool> made = false;
  World* server = nullptr;
  ServerOptions options;
  options.threads = 2;
  options.adapter = [&](const Namespace& nsp) {
    return std::make_shared<Watched>(nsp, [&](int change) {
      open += change;
      if (change > 0 || made) return;
      server->io.post([&] {
        server->io.of("/late");
        made = true;
      });
    });
  };
  World world(options, World::Mode::own_thread);
  server = &world;
  world.start();
  world.stop();
  EXPECT_TRUE(made);
  EXPECT_EQ(open, 0);
}

TEST(AdaptersEnd, AThreadThatAsksBehindTheGoodbyesIsReleased) {
  ServerOptions options;
  options.adapter = [](const Namespace& nsp) { return std::make_shared<HasSilentPeer>(nsp); };
  std::error_code error;
  std::atomic<bool> asked = false;
  std::atomic<bool> released = false;
  std::optional<std::jthread> asker;  // joined behind the server
  World world(options);
  world.io.on_disconnect([&](const Socket&, DisconnectReason) {
    asker.emplace([&] {
      const auto answers = world.io.timeout(1h).emit_with_ack<int>("ask");
      asked = true;
      error = answers.get().error();
      released = true;
    });
    while (!asked) std::this_thread::yield();
  });
  Client client(world);
  client.join();
  const Pending<void> closed = world.io.close();
  ASSERT_TRUE(world.until([&] { return closed.ready() && released; }));
  EXPECT_EQ(error, Errc::shutting_down);
}

// A server that is destroyed without close() calls nobody, nor do the coroutines that are freed
// then.
TEST(AdaptersEnd, FreesWhoWaitsForThemInSilence) {
  class Keeping : public LocalAdapter {
   public:
    using LocalAdapter::LocalAdapter;
    Pending<std::vector<RemoteSocket>> fetch_sockets(const Delivery&) override {
      Pending<std::vector<RemoteSocket>> asked;
      asked_.emplace_back(asked.state());
      return asked;
    }

   private:
    std::vector<detail::Finisher<std::vector<RemoteSocket>>> asked_;
  };
  int errors = 0;
  const auto alive = std::make_shared<int>();
  {
    ServerOptions options;
    options.adapter = [](const Namespace& nsp) { return std::make_shared<Keeping>(nsp); };
    World world(std::move(options));
    world.io.on_error([&errors](const ErrorReport&) { ++errors; });
    world.io.on_event("ask", [&io = world.io, alive](Socket) -> Task<> {
      static_cast<void>(co_await io.fetch_sockets());
    });
    Client client(world);
    client.join();
    client.send(R"(2["ask"])");
    client.rest();
  }
  EXPECT_EQ(errors, 0);
  EXPECT_EQ(alive.use_count(), 1);
}

}  // namespace
}  // namespace socketio
