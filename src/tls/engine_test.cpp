// The engine's contract: two of them joined in memory, every split, what a peer may break.
#include "tls/engine.hpp"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "support/tls_pair.hpp"

namespace socketio::tls {
namespace {

using testing::End;
using testing::talk;
using testing::World;

struct Pair {
  explicit Pair(ServerConfig server = World::get().server_config(),
                ClientConfig client = World::get().client_config(),
                const std::string& host = "example.com", TicketKeys* tickets = nullptr)
      : server_end(World::server(server), Role::server, {}, tickets),
        client_end(World::client(client), Role::client, host) {}
  void shake(std::size_t piece = 1 << 20) {
    client_end.start();
    talk(client_end, server_end, piece);
  }
  bool open() const {
    return server_end.engine.state() == State::open && client_end.engine.state() == State::open;
  }
  End server_end;
  End client_end;
};

ClientConfig only(Version version) {
  ClientConfig config = World::get().client_config();
  config.minimum = config.maximum = version;
  return config;
}

class EveryVersion : public ::testing::TestWithParam<Version> {};
INSTANTIATE_TEST_SUITE_P(Engine, EveryVersion, ::testing::Values(Version::tls1_2, Version::tls1_3),
                         [](const auto& version) {
                           return version.param == Version::tls1_2 ? "tls1_2" : "tls1_3";
                         });

TEST_P(EveryVersion, CarriesBytesBothWays) {
  Pair pair(World::get().server_config(), only(GetParam()));
  pair.shake();
  ASSERT_TRUE(pair.open()) << pair.server_end.engine.failure() << pair.client_end.engine.failure();
  EXPECT_EQ(pair.server_end.engine.version(),
            GetParam() == Version::tls1_2 ? "TLSv1.2" : "TLSv1.3");
  EXPECT_EQ(pair.server_end.engine.protocol(), "http/1.1");
  std::string large(300'000, 'x');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 7);
  pair.client_end.say("hello");
  pair.server_end.say(large);
  talk(pair.client_end, pair.server_end);
  EXPECT_EQ(pair.server_end.received, "hello");
  EXPECT_EQ(pair.client_end.received, large);
}

// The same bytes, cut in two at every position, give the same plaintext and the same end.
TEST_P(EveryVersion, AnySplitOfTheClientsBytesIsTheSame) {
  Pair recorded(World::get().server_config(), only(GetParam()));
  recorded.client_end.start();
  const std::string hello = recorded.client_end.sent();
  for (std::size_t at = 0; at <= hello.size(); ++at) {
    End server(World::server(World::get().server_config()), Role::server);
    server.take(base::Bytes(hello).substr(0, at));
    EXPECT_EQ(server.engine.state(), State::handshaking);
    EXPECT_EQ(server.unsent() > 0, at == hello.size());
    server.take(base::Bytes(hello).substr(at));
    EXPECT_GT(server.unsent(), 0U) << at;
    EXPECT_EQ(server.engine.state(), State::handshaking) << server.engine.failure();
  }
}

TEST_P(EveryVersion, AnySplitOfRecordsIsTheSame) {
  for (std::size_t piece : {1U, 2U, 3U, 5U, 7U, 64U, 1000U}) {
    Pair pair(World::get().server_config(), only(GetParam()));
    pair.shake(piece);
    ASSERT_TRUE(pair.open()) << piece;
    pair.client_end.say("first");
    pair.client_end.say(std::string(40'000, 'y'));
    pair.client_end.close();
    talk(pair.client_end, pair.server_end, piece);
    EXPECT_EQ(pair.server_end.received, "first" + std::string(40'000, 'y')) << piece;
    EXPECT_EQ(pair.server_end.engine.state(), State::finished);
  }
}

TEST_P(EveryVersion, ARecordMayEndAnywhere) {
  Pair pair(World::get().server_config(), only(GetParam()));
  pair.shake();
  ASSERT_TRUE(pair.open());
  for (std::size_t at = 1; at < 200; ++at) {
    pair.client_end.say(std::string(150, 'z'));
    const std::string record = pair.client_end.sent();
    if (at >= record.size()) break;
    pair.server_end.received.clear();
    pair.server_end.take(base::Bytes(record).substr(0, at));
    EXPECT_EQ(pair.server_end.received, "");
    EXPECT_TRUE(pair.server_end.engine.holds_input());
    pair.server_end.take(base::Bytes(record).substr(at));
    EXPECT_EQ(pair.server_end.received, std::string(150, 'z'));
    EXPECT_FALSE(pair.server_end.engine.holds_input());
  }
}

// Whatever bit is turned: no plaintext, an alert, and silence from then on.
TEST_P(EveryVersion, ATamperedRecordFails) {
  for (std::size_t at = 0; at < 30; ++at) {
    Pair pair(World::get().server_config(), only(GetParam()));
    pair.shake();
    ASSERT_TRUE(pair.open());
    pair.client_end.say("secret");
    std::string record = pair.client_end.sent();
    if (at >= record.size()) break;
    record[at] = static_cast<char>(record[at] ^ 0x10);
    pair.client_end.say("more");
    pair.server_end.take(record + pair.client_end.sent() + std::string(70'000, 'x'));
    EXPECT_EQ(pair.server_end.received, "") << at;
    EXPECT_EQ(pair.server_end.engine.state(), State::failed) << at;
    EXPECT_STRNE(pair.server_end.engine.failure(), "");
    pair.server_end.sent();
    pair.server_end.take("anything");
    pair.server_end.say("anything");
    pair.server_end.close();
    EXPECT_EQ(pair.server_end.unsent(), 0U);
    EXPECT_EQ(pair.server_end.unsaid(), 0U);
  }
}

TEST_P(EveryVersion, ATruncatedHandshakeStaysAHandshake) {
  Pair pair(World::get().server_config(), only(GetParam()));
  pair.client_end.start();
  pair.server_end.take(pair.client_end.sent());
  pair.client_end.take(pair.server_end.sent());
  const std::string last = pair.client_end.sent();
  pair.server_end.take(base::Bytes(last).substr(0, last.size() - 1));
  EXPECT_EQ(pair.server_end.engine.state(), State::handshaking);
  pair.server_end.say("too early");
  EXPECT_EQ(pair.server_end.unsaid(), 9U);
  pair.server_end.close();
  pair.server_end.take(base::Bytes(last).substr(last.size() - 1));
  EXPECT_EQ(pair.server_end.engine.state(), State::open);
  pair.server_end.seal(1 << 20);
  talk(pair.client_end, pair.server_end);
  EXPECT_EQ(pair.client_end.received, "too early");
}

TEST_P(EveryVersion, DataBehindTheClientsLastFlightIsNotLost) {
  Pair pair(World::get().server_config(), only(GetParam()));
  pair.client_end.start();
  while (pair.client_end.engine.state() != State::open) {
    pair.server_end.take(pair.client_end.sent());
    pair.client_end.take(pair.server_end.sent());
  }
  pair.client_end.say("GET / HTTP/1.1");
  talk(pair.client_end, pair.server_end);
  EXPECT_EQ(pair.server_end.received, "GET / HTTP/1.1");
}

TEST_P(EveryVersion, AfterCloseNotifyWeMayStillAnswer) {
  Pair pair(World::get().server_config(), only(GetParam()));
  pair.shake();
  pair.client_end.say("request");
  pair.client_end.close();
  talk(pair.client_end, pair.server_end);
  EXPECT_EQ(pair.server_end.engine.state(), State::finished);
  pair.server_end.say("answer");
  pair.server_end.close();
  pair.server_end.close();
  talk(pair.client_end, pair.server_end);
  EXPECT_EQ(pair.client_end.received, "answer");
  EXPECT_EQ(pair.client_end.engine.state(), State::finished);
  pair.server_end.take("data after the end");
  EXPECT_EQ(pair.server_end.received, "request");
}

TEST_P(EveryVersion, CiphertextIsBounded) {
  Pair pair(World::get().server_config(), only(GetParam()));
  pair.shake();
  constexpr std::size_t kLimit = 50'000;
  pair.server_end.say(std::string(1'000'000, 'x'), kLimit);
  EXPECT_GE(pair.server_end.unsent(), kLimit);
  EXPECT_LT(pair.server_end.unsent(), kLimit + Engine::kMaxRecord + 256);
  while (pair.server_end.unsaid() > 0) {
    pair.client_end.take(pair.server_end.sent());
    pair.server_end.seal(kLimit);
    EXPECT_LT(pair.server_end.unsent(), kLimit + Engine::kMaxRecord + 256);
  }
  pair.client_end.take(pair.server_end.sent());
  EXPECT_EQ(pair.client_end.received.size(), 1'000'000U);
}

TEST(Engine, SmallWritesShareARecord) {
  Pair pair;
  pair.shake();
  base::Arena arena;
  base::OutQueue plain;
  for (int i = 0; i < 20; ++i) {
    const base::Chunk chunk = base::Chunk::copy("tiny");
    plain.push(chunk);
  }
  base::OutQueue out;
  testing::CountingRandom random;
  pair.server_end.engine.seal(plain, {out, arena, random}, 1 << 20);
  EXPECT_LT(out.bytes(), 20 * 4 + 40);  // one header and one tag
}

TEST(Engine, ACloseIsOnlySaidAfterTheHandshake) {
  Pair pair;
  pair.client_end.start();
  pair.server_end.take(pair.client_end.sent());
  pair.server_end.sent();
  pair.server_end.close();
  EXPECT_EQ(pair.server_end.unsent(), 0U);
}

TEST(Engine, PlainHttpGetsAnAnswerItUnderstands) {
  for (const char* method : {"GET", "POST", "OPTIONS", "PRI"}) {
    End server(World::server(World::get().server_config()), Role::server);
    server.take(method[0] == 'G' ? "G" : std::string(method) + " / HTTP/1.1\r\n");
    EXPECT_EQ(server.engine.state(), State::failed);
    EXPECT_STREQ(server.engine.failure(), "plain HTTP on the TLS port");
    EXPECT_EQ(server.sent(),
              "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: "
              "close\r\nContent-Length: 35\r\n\r\nplain HTTP was sent to a TLS port.\n");
  }
}

TEST(Engine, NoiseFails) {
  const std::string data_first("\x17\x03\x03\x00\x02hi", 7);
  const std::string sslv2 = "\x80\x2e\x01" + std::string("\x00\x02", 2) + std::string(50, '\1');
  for (const std::string& noise : {std::string(6, '\0'), std::string("\x16\x03\x01\xff\xff junk"),
                                   data_first, sslv2, std::string("\xff\xff\xff\xff\xff\xff")}) {
    End server(World::server(World::get().server_config()), Role::server);
    server.take(noise);
    EXPECT_EQ(server.engine.state(), State::failed) << ::testing::PrintToString(noise);
    EXPECT_EQ(server.received, "");
  }
}

TEST(Engine, OldVersionsAreRefused) {
  ServerConfig config = World::get().server_config();
  config.minimum = Version::tls1_3;
  Pair pair(config, only(Version::tls1_2));
  pair.shake();
  EXPECT_EQ(pair.server_end.engine.state(), State::failed);
  EXPECT_STREQ(pair.server_end.engine.failure(), "unsupported protocol");
  EXPECT_EQ(pair.client_end.engine.state(), State::failed);
}

// L19
TEST(Engine, AFloodOfKeyUpdatesEnds) {
  Pair pair;
  pair.shake();
  const auto update = [&pair] {
    SSL_key_update(pair.client_end.engine.native(), SSL_KEY_UPDATE_REQUESTED);
    pair.client_end.say("x");
    pair.server_end.take(pair.client_end.sent());
    pair.client_end.take(pair.server_end.sent());
  };
  for (std::uint32_t i = 0; i < Engine::kMaxControls; ++i) update();
  EXPECT_EQ(pair.server_end.engine.state(), State::open);
  EXPECT_EQ(pair.server_end.received, std::string(Engine::kMaxControls, 'x'));
  update();
  EXPECT_EQ(pair.server_end.engine.state(), State::failed);
  EXPECT_STREQ(pair.server_end.engine.failure(), "too many key updates or renegotiations");
}

TEST(Engine, KeyUpdatesOverTimeAreFine) {
  Pair pair;
  pair.shake();
  for (int i = 0; i < 200; ++i) {
    pair.server_end.now += std::chrono::seconds(3);
    SSL_key_update(pair.client_end.engine.native(), SSL_KEY_UPDATE_NOT_REQUESTED);
    pair.client_end.say("x");
    talk(pair.client_end, pair.server_end);
  }
  EXPECT_EQ(pair.server_end.received, std::string(200, 'x'));
}

// All in one piece: the rest of the flood is not even looked at.
TEST(Engine, AFloodOfKeyUpdatesInOnePieceEnds) {
  Pair pair;
  pair.shake();
  std::string flood;
  for (int i = 0; i < 1000; ++i) {
    SSL_key_update(pair.client_end.engine.native(), SSL_KEY_UPDATE_REQUESTED);
    pair.client_end.say("x");
    flood += pair.client_end.sent();
  }
  pair.server_end.take(flood);
  EXPECT_EQ(pair.server_end.engine.state(), State::failed);
  EXPECT_LT(pair.server_end.received.size(), 40U);
  EXPECT_LT(pair.server_end.unsent(), 4096U);
}

// While a message of the handshake is half here OpenSSL encrypts nothing.
TEST(Engine, OutputWaitsForTheRestOfATicket) {
  TicketKeys tickets(TicketSeed{}, std::chrono::hours(1));
  Pair pair(World::get().server_config(), only(Version::tls1_3), "example.com", &tickets);
  pair.shake();
  ASSERT_TRUE(pair.open());
  SSL* server = pair.server_end.engine.native();
  const std::string large(2000, 'x');
  ASSERT_EQ(SSL_SESSION_set1_ticket_appdata(SSL_get_session(server), large.data(), large.size()),
            1);
  ASSERT_EQ(SSL_ctrl(server, SSL_CTRL_SET_MAX_SEND_FRAGMENT, 512, nullptr), 1);
  ASSERT_EQ(SSL_new_session_ticket(server), 1);
  pair.server_end.say("behind the ticket");
  const std::string records = pair.server_end.sent();
  ASSERT_GT(records.size(), large.size());
  pair.client_end.take(base::Bytes(records).substr(0, 1000));
  pair.client_end.say("patient");
  EXPECT_EQ(pair.client_end.engine.state(), State::open) << pair.client_end.engine.failure();
  EXPECT_EQ(pair.client_end.unsaid(), 7U);
  EXPECT_EQ(pair.client_end.unsent(), 0U);
  EXPECT_TRUE(pair.client_end.engine.stuck());
  pair.client_end.take(base::Bytes(records).substr(1000));
  EXPECT_FALSE(pair.client_end.engine.stuck());
  pair.client_end.seal(1 << 20);
  talk(pair.client_end, pair.server_end);
  EXPECT_EQ(pair.client_end.received, "behind the ticket");
  EXPECT_EQ(pair.server_end.received, "patient");
}

// L08
TEST(Engine, NegotiatingAgainIsRefused) {
  Pair pair(World::get().server_config(), only(Version::tls1_2));
  pair.shake();
  ASSERT_TRUE(pair.open());
  SSL* client = pair.client_end.engine.native();
  SSL_clear_options(client, SSL_OP_NO_RENEGOTIATION);
  ASSERT_EQ(SSL_renegotiate(client), 1);
  pair.client_end.start();  // does not: it has been open
  pair.client_end.say("x");
  pair.server_end.take(pair.client_end.sent());
  EXPECT_EQ(pair.server_end.received, "");
  EXPECT_NE(pair.server_end.engine.state(), State::failed);
  talk(pair.client_end, pair.server_end);
  EXPECT_EQ(pair.client_end.engine.state(), State::failed);  // "no renegotiation"
}

TEST(Engine, AnIdleConnectionHoldsNoInput) {
  Pair pair;
  pair.shake();
  pair.client_end.say("x");
  talk(pair.client_end, pair.server_end);
  EXPECT_FALSE(pair.server_end.engine.holds_input());
  EXPECT_FALSE(pair.client_end.engine.holds_input());
}

TEST(Engine, AClientInsistsOnTheNameAndTheAuthority) {
  Pair wrong_name(World::get().server_config(), World::get().client_config(), "example.org");
  wrong_name.shake();
  EXPECT_EQ(wrong_name.client_end.engine.state(), State::failed);
  ClientConfig trusting_others = World::get().client_config();
  trusting_others.ca = World::get().stranger.certificate();
  Pair wrong_authority(World::get().server_config(), trusting_others);
  wrong_authority.shake();
  EXPECT_EQ(wrong_authority.client_end.engine.state(), State::failed);
  EXPECT_STREQ(wrong_authority.client_end.engine.failure(), "certificate verify failed");
  trusting_others.verify = false;
  Pair unconcerned(World::get().server_config(), trusting_others);
  unconcerned.shake();
  EXPECT_TRUE(unconcerned.open());
}

}  // namespace
}  // namespace socketio::tls
