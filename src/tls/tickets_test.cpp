#include "tls/tickets.hpp"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "support/tls_pair.hpp"

namespace socketio::tls {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::End;
using testing::World;

base::Bytes name(const TicketKey& key) {
  return {reinterpret_cast<const char*>(key.name.data()), key.name.size()};
}

TicketSeed seed() {
  testing::CountingRandom random;
  return TicketSeed::draw(random, base::Time{} + hours(5));
}

TEST(TicketKeys, TurnTheSameWayEverywhere) {
  TicketKeys one(seed(), hours(2));
  TicketKeys other(seed(), hours(2));
  const base::Time start = seed().made;
  for (const int at : {0, 1, 2, 3, 9, 100}) {
    const TicketKey key = *one.current(start + hours(at));
    const TicketKeys::Found found = other.find(name(key), start + hours(at));
    ASSERT_NE(found.key, nullptr) << at;
    EXPECT_FALSE(found.old);
    EXPECT_EQ(found.key->cipher, key.cipher);
    EXPECT_EQ(found.key->mac, key.mac);
  }
}

TEST(TicketKeys, TheLastKeyOpensAndNoOlderOne) {
  TicketKeys keys(seed(), hours(2));
  const base::Time start = seed().made;
  const TicketKey first = *keys.current(start);
  EXPECT_FALSE(keys.find(name(first), start + hours(2) - seconds(1)).old);
  EXPECT_TRUE(keys.find(name(first), start + hours(2)).old);
  EXPECT_EQ(keys.find(name(first), start + hours(4)).key, nullptr);
  EXPECT_EQ(keys.find("", start).key, nullptr);
  EXPECT_EQ(keys.find("0123456789abcdef", start).key, nullptr);
}

TEST(TicketKeys, KeysDiffer) {
  TicketKeys keys(seed(), hours(2));
  const TicketKey first = *keys.current(seed().made);
  const TicketKey second = *keys.current(seed().made + hours(2));
  EXPECT_NE(first.name, second.name);
  EXPECT_NE(first.cipher, second.cipher);
  EXPECT_NE(first.cipher, first.mac);
}

// A client that comes back to servers (of one context) with the session it was given.
class Returning {
 public:
  explicit Returning(Version version) {
    ClientConfig config = World::get().client_config();
    config.minimum = config.maximum = version;
    context_ = World::client(config);
  }
  ~Returning() { SSL_SESSION_free(session_); }
  Returning(const Returning&) = delete;
  Returning& operator=(const Returning&) = delete;

  // Whether the session was taken up again.
  bool come(const std::shared_ptr<const Context>& server, TicketKeys* keys, base::Time now) {
    End there(server, Role::server, {}, keys);
    End here(context_, Role::client, "example.com");
    there.now = now;
    if (session_ != nullptr) {
      EXPECT_EQ(SSL_set_session(here.engine.native(), session_), 1);
    }
    here.start();
    testing::talk(here, there);
    EXPECT_EQ(there.engine.state(), State::open);
    there.say("hello");
    testing::talk(here, there);
    EXPECT_EQ(here.received, "hello");
    const bool resumed = SSL_session_reused(there.engine.native()) == 1;
    EXPECT_EQ(SSL_session_reused(here.engine.native()) == 1, resumed);
    SSL_SESSION_free(session_);
    session_ = SSL_get1_session(here.engine.native());
    here.close();  // who is cut off must not come back with its session
    return resumed;
  }

 private:
  std::shared_ptr<const Context> context_;
  SSL_SESSION* session_ = nullptr;
};

class Resumption : public ::testing::TestWithParam<Version> {};
INSTANTIATE_TEST_SUITE_P(All, Resumption, ::testing::Values(Version::tls1_2, Version::tls1_3));

TEST_P(Resumption, WorksOnEveryShard) {
  const auto server = World::server(World::get().server_config());
  TicketKeys one(seed(), hours(2));
  TicketKeys other(seed(), hours(2));
  Returning client(GetParam());
  const base::Time now = seed().made;
  EXPECT_FALSE(client.come(server, &one, now));
  EXPECT_TRUE(client.come(server, &other, now));
  EXPECT_TRUE(client.come(server, &one, now + hours(3)));  // by the last key; a new ticket follows
  EXPECT_TRUE(client.come(server, &other, now + hours(5)));
  EXPECT_FALSE(client.come(server, &other, now + hours(20)));
  // L23
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(client.come(server, &one, now + hours(20))) << i;
}

TEST_P(Resumption, NeedsTheServersKeys) {
  const auto server = World::server(World::get().server_config());
  TicketKeys own(seed(), hours(2));
  TicketSeed stranger = seed();
  stranger.secret[0] = static_cast<char>(stranger.secret[0] + 1);
  TicketKeys foreign(stranger, hours(2));
  Returning client(GetParam());
  const base::Time now = seed().made;
  EXPECT_FALSE(client.come(server, &foreign, now));
  EXPECT_FALSE(client.come(server, &own, now));
  EXPECT_FALSE(client.come(server, nullptr, now));
  EXPECT_FALSE(client.come(server, nullptr, now));
}

TEST_P(Resumption, SurvivesNewCertificatesButNotNewRules) {
  TicketKeys keys(seed(), hours(2));
  const base::Time now = seed().made;
  Returning client(GetParam());
  EXPECT_FALSE(client.come(World::server(World::get().server_config()), &keys, now));
  EXPECT_TRUE(client.come(World::server(World::get().server_config()), &keys, now));
  ServerConfig asking = World::get().server_config();
  asking.clients = Clients::optional;
  asking.ca = World::get().authority.certificate();
  EXPECT_FALSE(client.come(World::server(asking), &keys, now));
  EXPECT_TRUE(client.come(World::server(asking), &keys, now));
}

TEST_P(Resumption, CanBeOff) {
  ServerConfig config = World::get().server_config();
  config.ticket_lifetime = seconds(0);
  Returning client(GetParam());
  EXPECT_FALSE(client.come(World::server(config), nullptr, {}));
  EXPECT_FALSE(client.come(World::server(config), nullptr, {}));
}

}  // namespace
}  // namespace socketio::tls
