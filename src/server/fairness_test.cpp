// Nobody is served at the cost of others, on the real kernels: io_uring hands out what has come in
// pieces, epoll up to 72 KiB at once. (In virtual time: tests/sim/fairness_test.cpp.)
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "support/shards_fixture.hpp"
#include "support/upgrade_request.hpp"

namespace socketio {
namespace {

using test::Client;
using test::World;

// A text of one letter; the mask is zero.
constexpr std::string_view kFrame("\x81\x81\0\0\0\0n", 7);

class Fairness : public ::testing::TestWithParam<Backend> {};
INSTANTIATE_TEST_SUITE_P(All, Fairness, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

TEST_P(Fairness, ANeighbourIsHeardBeforeAllOfAFlood) {
  constexpr int kFlood = 2'000;
  ServerOptions options;
  options.backend = GetParam();
  World world(std::move(options));
  std::string seen;  // a letter for each event: of the flood, of the neighbour
  world.io.on_event("f", [&seen] { seen += 'f'; });
  world.io.on_event("n", [&seen] { seen += 'n'; });
  Client flood(world);
  Client neighbour(world);
  flood.join();
  neighbour.join();
  world.settle();
  for (int i = 0; i < kFlood; ++i) flood.send("2[\"f\"]");
  neighbour.send("2[\"n\"]");
  ASSERT_TRUE(world.until([&] { return seen.size() == kFlood + 1; }));
  EXPECT_LE(seen.find('n'), 64U);
}

// More than a turn's share, and the end right behind it: nothing of it is lost.
TEST_P(Fairness, TheEndComesBehindWhatWaitsForItsTurn) {
  constexpr int kEvents = 200;
  ServerOptions options;
  options.backend = GetParam();
  World world(std::move(options));
  int events = 0;
  std::optional<DisconnectReason> why;
  world.io.on_event("n", [&events] { ++events; });
  world.io.on_disconnect([&why](const Socket&, DisconnectReason reason) { why = reason; });
  Client client(world);
  client.join();
  world.settle();
  for (int i = 0; i < kEvents; ++i) client.send("2[\"n\"]");
  client.end_writing();
  ASSERT_TRUE(world.until([&why] { return why.has_value(); }));
  EXPECT_EQ(events, kEvents);
  EXPECT_EQ(why, DisconnectReason::transport_close);
  EXPECT_TRUE(client.wait_closed());
}

TEST_P(Fairness, TheEndOfAPlainWebSocketComesBehindItsMessages) {
  constexpr int kMessages = 200;
  ServerOptions options;
  options.backend = GetParam();
  World world(std::move(options));
  int messages = 0;
  int closes = 0;
  world.io.http().websocket(
      "/plain",
      {.message = [&messages](const WebSocket&, std::string_view, bool) { ++messages; },
       .close = [&closes](const WebSocket&, std::uint16_t, std::string_view, bool) { ++closes; }});
  test::HttpPeer peer(world);
  ASSERT_EQ(peer.request("GET", "/plain", test::kUpgradeLines).status, 101);
  for (int i = 0; i < kMessages; ++i) peer.write(kFrame);
  peer.end_writing();
  ASSERT_TRUE(world.until([&closes] { return closes == 1; }));
  EXPECT_EQ(messages, kMessages);
  EXPECT_TRUE(peer.wait_closed());
}

// Its handlers do not end: the heartbeat does not wait for what is unread.
TEST_P(Fairness, AnEndBehindWhatHandlersHoldBackIsATimeout) {
  ServerOptions options;
  options.backend = GetParam();
  options.max_running_handlers = 1;
  options.ping_interval = std::chrono::milliseconds(50);
  options.ping_timeout = std::chrono::milliseconds(50);
  World world(std::move(options));
  std::vector<Pending<void>> running;
  std::optional<DisconnectReason> why;
  world.io.on_event("n", [&running]() -> Task<void> {
    const Pending<void> one = running.emplace_back();
    co_await one;
  });
  world.io.on_disconnect([&why](const Socket&, DisconnectReason reason) { why = reason; });
  Client client(world);
  client.join();
  world.settle();
  for (int i = 0; i < 3; ++i) client.send("2[\"n\"]");
  client.end_writing();
  ASSERT_TRUE(world.until([&why] { return why.has_value(); }));
  EXPECT_EQ(why, DisconnectReason::ping_timeout);
  EXPECT_EQ(running.size(), 1U);
  EXPECT_TRUE(world.until([&world] { return world.io.stats().connections == 0; }));
  for (const Pending<void>& one : running) one.state()->finish(Result<void>());
}

}  // namespace
}  // namespace socketio
