// TLS without a server: every allocation of the server's end of a connection fails once, while it
// shakes hands, turns to a new ticket key, takes a client back by its ticket, is shown a
// certificate, echoes and closes. The connection may fail; the next one must do all of it.
//   SOCKETIO_TORTURE_EVERY=1   every place (./dev torture); the default is a sample
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "support/tls_pair.hpp"
#include "torture/allocations.hpp"

namespace socketio::torture {
namespace {

using tls::Role;
using tls::testing::CountingRandom;
using tls::testing::End;
using tls::testing::World;

constexpr std::chrono::hours kLifetime{2};

tls::TicketSeed seed() {
  CountingRandom random;
  return tls::TicketSeed::draw(random, base::Time{});
}

class TlsTorture : public ::testing::TestWithParam<tls::Version> {
 protected:
  TlsTorture() {
    tls::ServerConfig server = World::get().server_config();
    server.clients = tls::Clients::optional;
    server.ca = World::get().authority.certificate();
    server_ = World::server(server);
    tls::ClientConfig client = World::get().client_config();
    client.minimum = client.maximum = GetParam();
    client.identity = {World::get().alice.certificate, World::get().alice.private_key, {}, {}};
    client_ = World::client(client);
  }
  ~TlsTorture() override { SSL_SESSION_free(session_); }

  // A connection at `now`, by the last ticket if there is one: "" when all of it went well.
  std::string connect(base::Time now) {
    End here(client_, Role::client, "example.com");
    std::optional<End> there;
    if (!serve([&] { there.emplace(server_, Role::server, std::string(), &keys_); })) return "none";
    there->now = now;
    if (session_ != nullptr) SSL_set_session(here.engine.native(), session_);
    here.start();
    talk(here, *there);
    here.say("hello");
    talk(here, *there);
    if (there->engine.state() != tls::State::open || there->received != "hello") return "not open";
    std::string shown;
    if (!serve([&] {
          const auto certificate = there->engine.peer_certificate();
          if (certificate && certificate->verified) shown = certificate->subject;
          there->say(there->received);
        }))
      return "no answer";
    talk(here, *there);
    if (here.received != "hello" || shown != "CN=alice") return "answered " + here.received;
    SSL_SESSION_free(session_);
    session_ = SSL_get1_session(here.engine.native());
    resumed_ = SSL_session_reused(there->engine.native()) == 1;
    here.close();
    talk(here, *there);
    return there->engine.state() == tls::State::finished ? "" : "not closed";
  }

  // The server at work. False: it threw, and that is the connection's end.
  template <class Work>
  static bool serve(Work&& work) {
    try {
      const Armed armed;
      work();
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }
  static void talk(End& here, End& there) {
    for (;;) {
      const std::string up = here.sent();
      if (!serve([&] { there.take(up); })) return;
      const std::string down = there.sent();
      here.take(down);
      if (up.empty() && down.empty()) return;
    }
  }
  void forget() { SSL_SESSION_free(std::exchange(session_, nullptr)); }

  std::shared_ptr<const tls::Context> server_;
  std::shared_ptr<const tls::Context> client_;
  tls::TicketKeys keys_{seed(), kLifetime};
  SSL_SESSION* session_ = nullptr;
  bool resumed_ = false;
};
INSTANTIATE_TEST_SUITE_P(All, TlsTorture,
                         ::testing::Values(tls::Version::tls1_2, tls::Version::tls1_3),
                         [](const auto& given) {
                           return given.param == tls::Version::tls1_2 ? "tls1_2" : "tls1_3";
                         });

TEST_P(TlsTorture, EveryAllocationFailsOnce) {
  const char* text = std::getenv("SOCKETIO_TORTURE_EVERY");
  const std::uint64_t every = text == nullptr ? 37 : std::stoull(text);
  base::Time now{};
  // The first connection of a client, and one that comes back with the last key's ticket.
  for (const bool back : {false, true}) {
    std::uint64_t count = 1;
    std::int64_t before = 0;
    std::map<std::string, std::uint64_t> ends;
    for (std::uint64_t at = 0; at < count; at += every) {
      if (!back) forget();
      // Each turns to a new key.
      fail_allocation(at == 0 ? kNever : at - 1);
      ++ends[connect(now += kLifetime)];
      if (at == 0) count = allocations() + 1;
      fail_allocation(kNever);
      forget();
      ASSERT_EQ(connect(now), "") << "after the allocation " << at;
      EXPECT_FALSE(resumed_);
      ASSERT_EQ(connect(now), "") << "by a ticket, after the allocation " << at;
      EXPECT_TRUE(resumed_) << "after the allocation " << at;
      // OpenSSL may keep something, and forget to free something, when memory has run out; never as
      // much as a connection.
      const std::int64_t left = live_pieces() - std::exchange(before, live_pieces());
      if (at > 0) {
        EXPECT_LE(left, 3) << "memory left by the allocation " << at;
      }
    }
    std::cout << count - 1 << " allocations:";
    for (const auto& [what, n] : ends) std::cout << " " << n << " \"" << what << "\"";
    std::cout << "\n";
  }
}

}  // namespace
}  // namespace socketio::torture
