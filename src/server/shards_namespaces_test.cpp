// Namespaces that clients of several shards ask for, and leave, at the same time.
#include <semaphore>

#include <gtest/gtest.h>

#include "support/shards_fixture.hpp"

namespace socketio {
namespace {

using test::Client;
class ShardsNamespaces : public test::ShardsTest {};
INSTANTIATE_TEST_SUITE_P(All, ShardsNamespaces, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

TEST_P(ShardsNamespaces, ANamespaceIsCreatedOnce) {
  std::mutex mutex;
  std::map<std::string, int> created;
  std::atomic<int> connections{0};
  world_.io.on_new_namespace([&](const Namespace& nsp) {
    {
      const std::lock_guard lock(mutex);
      ++created[nsp.name()];
    }
    // Known to every shard before anybody is let in.
    nsp.on_connection([&connections](const Socket&) { ++connections; });
  });
  world_.io.of([](std::string_view name, const Value&) { return name != "/no"; });
  world_.start();
  auto clients = join(16);
  constexpr int kNames = 40;
  for (int n = 0; n < kNames; ++n) {
    for (const auto& client : clients) client->send("0/n" + std::to_string(n) + ",");
  }
  for (int n = 0; n < kNames; ++n) {
    for (const auto& client : clients) {
      const std::string packet = client->next();
      EXPECT_EQ(packet.find(R"({"sid":")"), packet.find(',') + 1) << packet;
    }
  }
  {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(created.size(), std::size_t{kNames});
    for (const auto& [name, times] : created) EXPECT_EQ(times, 1) << name;
  }
  EXPECT_EQ(hub()->names.size(), std::size_t{kNames} + 1);
  for (int n = 0; n < kNames; ++n)
    EXPECT_EQ(hub()->names.sockets(*hub()->names.find("/n" + std::to_string(n))), clients.size());
  EXPECT_TRUE(
      world_.until([&] { return connections == kNames * static_cast<int>(clients.size()); }));
  for (const auto& client : clients) {
    EXPECT_TRUE(client->join("/no").empty());
    EXPECT_EQ(client->refusal, R"(4/no,{"message":"Invalid namespace"})");
  }
  clients.clear();
  world_.stop();  // before what its threads have used goes
}

ServerOptions cleaning() {
  ServerOptions options;
  options.cleanup_empty_child_namespaces = true;
  options.max_child_namespaces = 4;
  return options;
}

class ShardsCleanupTest : public test::ShardsTest {
 protected:
  ShardsCleanupTest() : ShardsTest(cleaning()) {}
};

INSTANTIATE_TEST_SUITE_P(All, ShardsCleanupTest, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

// Clients of all shards go in and out of few namespaces, which come and go meanwhile.
TEST_P(ShardsCleanupTest, NamespacesComeAndGoUnderTheirClients) {
  std::atomic<int> created{0};
  std::atomic<int> answered{0};
  world_.io.on_new_namespace([&created](const Namespace&) { ++created; });
  const ParentNamespace parent = world_.io.of(NamespacePattern("^/n[0-3]$"));
  parent.on_event("ask", [&answered](const Socket& socket) {
    ++answered;
    return socket.nsp().name();
  });
  world_.start();
  auto clients = join(12);
  constexpr int kRounds = 60;
  for (int round = 0; round < kRounds; ++round) {
    const std::string nsp = "/n" + std::to_string(round % 4);
    for (const auto& client : clients) client->send("0" + nsp + ",");
    for (const auto& client : clients) {
      const std::string packet = client->next();
      ASSERT_TRUE(packet.starts_with("0" + nsp + R"(,{"sid":")")) << packet;
      client->send("2" + nsp + ",1[\"ask\"]");
      client->send("1" + nsp + ",");
    }
    for (const auto& client : clients) ASSERT_EQ(client->next(), "3" + nsp + ",1[\"" + nsp + "\"]");
  }
  EXPECT_EQ(answered, kRounds * static_cast<int>(clients.size()));
  EXPECT_GE(created, 4);
  EXPECT_TRUE(world_.until([&parent] { return parent.children().empty(); }));
  EXPECT_EQ(hub()->names.size(), 1U);
  clients.clear();
  expect_empty();
  world_.stop();
}

class TwoShardsCleanupTest : public test::ShardsTest {
 protected:
  TwoShardsCleanupTest() : ShardsTest(cleaning(), 2) {}
};

INSTANTIATE_TEST_SUITE_P(All, TwoShardsCleanupTest, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

// Whom a namespace would let in is on its way when it goes; in its successor nobody is before what
// its hook registers.
TEST_P(TwoShardsCleanupTest, NobodyComesInBeforeTheHookHasRun) {
  std::atomic<int> created{0};
  std::atomic<int> waits{0};
  std::binary_semaphore next{0};
  std::binary_semaphore hook{0};
  world_.io.on_new_namespace([&](const Namespace& nsp) {
    if (++created == 2) hook.acquire();
    nsp.use([](const Socket& socket) -> std::optional<ConnectError> {
      if (socket.handshake().auth["bad"].is_null()) return {};
      return ConnectError{"bad"};
    });
  });
  world_.io.of(NamespacePattern("^/n$"));
  world_.io.on_event("wait", [&] {
    ++waits;
    next.acquire();
  });
  world_.start();
  auto clients = join(2);
  Client& a = *clients[0];
  Client& b = *clients[1];
  const std::uint32_t shard = socket(ids_[1]).shard();
  ASSERT_NE(socket(ids_[0]).shard(), shard);
  // b asks for it before its shard has heard that it is there, and is let in by mail that waits
  // behind its second handler.
  b.send(R"(2["wait"])");
  b.send(R"(0/n,{"bad":1})");
  b.send(R"(2["wait"])");
  ASSERT_TRUE(world_.until([&] { return waits == 1; }));
  ASSERT_NE(a.join("/n"), "");
  next.release();
  ASSERT_TRUE(world_.until([&] { return waits == 2; }));
  a.send("1/n,");
  a.send("0/n,");
  EXPECT_TRUE(world_.until([&] { return created == 2; }));
  next.release();
  std::atomic<bool> heard{false};
  hub()->post(shard, detail::Mail::always, [&heard](server::Shard&) { heard = true; });
  EXPECT_TRUE(world_.until([&] { return heard.load(); }));
  hook.release();
  EXPECT_EQ(b.next(), R"(4/n,{"message":"bad"})");
  EXPECT_EQ(a.next().substr(0, 12), R"(0/n,{"sid":")");
  clients.clear();
  expect_empty();
  world_.stop();
}

}  // namespace
}  // namespace socketio
