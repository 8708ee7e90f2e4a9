// https and wss, with real sockets: what a user of the options and a peer can notice.

#include <gtest/gtest.h>

#include "support/secure_world.hpp"
#include "support/upgrade_request.hpp"

namespace socketio {
namespace {

using std::chrono::milliseconds;
using test::Certificates;
using test::Client;
using test::client_context;
using test::HttpPeer;
using test::SecureWorld;
using test::tls_options;
using test::with_tls;
using test::World;

// Bytes as they are.
class RawPeer final : public test::Peer {
 public:
  using Peer::Peer;
  std::string in;

 private:
  void on_bytes(char* bytes, std::size_t size) override { in.append(bytes, size); }
};

std::string refusal(const std::function<void(TlsOptions&)>& change) {
  TlsOptions options = tls_options();
  change(options);
  try {
    const Server io(with_tls(std::move(options)));
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

TEST(TlsOptions, AWrongOneIsNamed) {
  using O = TlsOptions;
  const test::Certified& other = Certificates::get().other;
  const std::pair<const char*, std::function<void(O&)>> wrong[] = {
      {"certificates must not be empty", [](O& o) { o.certificates.clear(); }},
      {"certificates[0].certificate must not be empty",
       [](O& o) { o.certificates[0].certificate.clear(); }},
      {"certificates[0].private_key must not be empty",
       [](O& o) { o.certificates[0].private_key.clear(); }},
      {"certificates[0].certificate: /nowhere/cert.pem: No such file or directory",
       [](O& o) { o.certificates[0].certificate = "/nowhere/cert.pem"; }},
      {"certificates[0].private_key: /: Is a directory",
       [](O& o) { o.certificates[0].private_key = "/"; }},
      {"certificates[0].certificate holds no certificate",
       [](O& o) { o.certificates[0].certificate = o.certificates[0].private_key; }},
      {"certificates[0].private_key holds no private key",
       [](O& o) { o.certificates[0].private_key = o.certificates[0].certificate; }},
      {"certificates[0].private_key holds no private key",
       [](O& o) { o.certificates[0].private_key = "/dev/null"; }},
      {"certificates[0].private_key does not belong to the certificate",
       [&other](O& o) { o.certificates[0].private_key = other.private_key; }},
      {"certificates[1].private_key is encrypted, and there is no passphrase",
       [&other](O& o) {
         o.certificates.push_back({other.certificate, other.encrypted_key});
       }},
      {"certificates[0].private_key does not open with the passphrase",
       [&other](O& o) {
         o.certificates = {{other.certificate, other.encrypted_key, "wrong"}};
       }},
      {"ciphers names no cipher that OpenSSL knows", [](O& o) { o.ciphers = "ROT13"; }},
      {"minimum_version must be one of the enumerators",
       [](O& o) { o.minimum_version = static_cast<TlsVersion>(7); }},
      {"client_certificates must be one of the enumerators",
       [](O& o) { o.client_certificates = static_cast<ClientCertificates>(7); }},
      {"ca must say whose client certificates are accepted",
       [](O& o) { o.client_certificates = ClientCertificates::required; }},
      {"ca is for client certificates, and client_certificates is none",
       [](O& o) { o.ca = Certificates::get().authority.certificate(); }},
      {"ca holds no certificate",
       [](O& o) {
         o.client_certificates = ClientCertificates::optional;
         o.ca = o.certificates[0].private_key;
       }},
      {"crl needs a ca", [](O& o) { o.crl = o.certificates[0].certificate; }},
      {"crl holds no certificate revocation list",
       [](O& o) {
         o.client_certificates = ClientCertificates::optional;
         o.ca = Certificates::get().authority.certificate();
         o.crl = o.ca;
       }},
      {"handshake_timeout must be positive", [](O& o) { o.handshake_timeout = milliseconds(0); }},
      {"handshake_timeout must be at most 2^31-1 milliseconds",
       [](O& o) { o.handshake_timeout = milliseconds::max(); }},
      {"max_handshakes must be positive", [](O& o) { o.max_handshakes = 0; }},
      {"session_lifetime must be 0, or between a minute and seven days",
       [](O& o) { o.session_lifetime = std::chrono::seconds(59); }},
      {"session_lifetime must be 0, or between a minute and seven days",
       [](O& o) { o.session_lifetime = std::chrono::days(8); }},
  };
  for (const auto& [text, change] : wrong)
    EXPECT_EQ(refusal(change), std::string("socketio::ServerOptions::tls.") + text);
  EXPECT_EQ(refusal([](O&) {}), "");
  EXPECT_EQ(refusal([&other](O& o) {
              o.certificates.push_back({other.certificate, other.encrypted_key, "open sesame"});
            }),
            "");
}

TEST(Tls, WebSocketAndPollingWork) {
  SecureWorld world;
  Handshake seen;
  world.io.on_connection([&seen](const Socket& socket) { seen = socket.handshake(); });
  world.io.on_event("add", [](int a, int b) { return a + b; });
  Client client(world);
  EXPECT_NE(client.join(), "");
  client.send(R"(27["add",1,2])");
  EXPECT_EQ(client.next(), "37[3]");
  EXPECT_TRUE(seen.secure);
  EXPECT_FALSE(seen.certificate);
  seen = {};
  test::PollingClient polling(world);
  EXPECT_TRUE(polling.join());
  EXPECT_TRUE(seen.secure);
  polling.start_poll();
  EXPECT_EQ(polling.post(R"(427["add",3,4])"), 200);
  EXPECT_EQ(polling.poll(), "437[7]");
}

TEST(Tls, LargeMessagesGoBothWays) {
  SecureWorld world;
  world.io.on_event("echo", [](const std::string& text) { return text; });
  Client client(world);
  client.join();
  const std::string text(700'000, 'x');
  for (int i = 0; i < 3; ++i) {
    client.send("21[\"echo\",\"" + text + "\"]");
    EXPECT_EQ(client.next(), "31[\"" + text + "\"]");
  }
}

// What a client does not take stays plaintext, is counted, and ends it at the hard limit.
TEST(Tls, AClientThatDoesNotReadIsBounded) {
  ServerOptions options = with_tls();
  options.max_http_buffer_size = 100'000;
  options.send_queue_hard = 4 * 1024 * 1024;
  SecureWorld world(std::move(options));
  std::optional<Socket> socket;
  std::string why;
  world.io.on_connection([&socket, &why](const Socket& s) {
    socket = s;
    s.on_disconnect([&why](DisconnectReason, std::string_view detail) { why = detail; });
  });
  Client client(world);
  client.shrink_receive_buffer();
  client.join();
  client.reading = false;
  const std::string text(90'000, 'x');
  for (int i = 0; i < 2000 && why.empty(); ++i) {
    socket->emit("noise", text);
    world.turn();
    EXPECT_LT(world.io.stats().output_bytes, 8U * 1024 * 1024);
  }
  EXPECT_EQ(why, "send buffer limit");
}

TEST(Tls, AClosedServerSaysSo) {
  SecureWorld world;
  Client client(world);
  client.join();
  world.io.close();
  EXPECT_TRUE(client.wait_closed());
  EXPECT_EQ(client.tls()->engine().state(), tls::State::finished);
}

TEST(Tls, ClosingIsHeardFromTheClientToo) {
  SecureWorld world;
  std::optional<DisconnectReason> why;
  world.io.on_connection([&why](const Socket& socket) {
    socket.on_disconnect([&why](DisconnectReason reason) { why = reason; });
  });
  Client client(world);
  client.join();
  client.say_close_notify();
  EXPECT_TRUE(client.wait_closed());
  EXPECT_EQ(why, DisconnectReason::transport_close);
}

// It comes in the same piece as what is before it, and that is more than a turn's share.
TEST(Tls, ClosingComesBehindWhatWaitsForItsTurn) {
  constexpr int kEvents = 200;
  SecureWorld world;
  int events = 0;
  std::optional<DisconnectReason> why;
  world.io.on_event("x", [&events] { ++events; });
  world.io.on_disconnect([&why](const Socket&, DisconnectReason reason) { why = reason; });
  Client client(world);
  client.join();
  for (int i = 0; i < kEvents; ++i) client.send(R"(2["x"])");
  client.say_close_notify();
  EXPECT_TRUE(client.wait_closed());
  EXPECT_EQ(events, kEvents);
  EXPECT_EQ(why, DisconnectReason::transport_close);
}

TEST(Tls, ClosingAPlainWebSocketComesBehindItsMessages) {
  constexpr int kMessages = 200;
  SecureWorld world;
  int messages = 0;
  int closes = 0;
  world.io.http().websocket(
      "/plain",
      {.message = [&messages](const WebSocket&, std::string_view, bool) { ++messages; },
       .close = [&closes](const WebSocket&, std::uint16_t, std::string_view, bool) { ++closes; }});
  HttpPeer peer(world);
  ASSERT_EQ(peer.request("GET", "/plain", test::kUpgradeLines).status, 101);
  std::string frames;
  for (int i = 0; i < kMessages; ++i) frames += std::string("\x81\x81\0\0\0\0n", 7);
  peer.write(frames);
  peer.say_close_notify();
  EXPECT_TRUE(peer.wait_closed());
  EXPECT_EQ(messages, kMessages);
  EXPECT_EQ(closes, 1);
}

TEST(Tls, ClosingWaitsForWhatHandlersHoldBack) {
  ServerOptions options = with_tls();
  options.max_running_handlers = 1;
  SecureWorld world(std::move(options));
  std::vector<Pending<void>> running;
  std::optional<DisconnectReason> why;
  world.io.on_event("x", [&running]() -> Task<void> {
    const Pending<void> one = running.emplace_back();
    co_await one;
  });
  world.io.on_disconnect([&why](const Socket&, DisconnectReason reason) { why = reason; });
  Client client(world);
  client.join();
  for (int i = 0; i < 3; ++i) client.send(R"(2["x"])");
  client.say_close_notify();
  for (std::size_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(world.until([&] { return running.size() == i; }));
    world.settle();
    EXPECT_FALSE(why.has_value());
    const Pending<void> last = running.back();
    last.state()->finish(Result<void>());
  }
  EXPECT_TRUE(client.wait_closed());
  EXPECT_EQ(running.size(), 3U);
  EXPECT_EQ(why, DisconnectReason::transport_close);
}

TEST(Tls, ATamperedRecordIsATransportError) {
  SecureWorld world;
  std::optional<DisconnectReason> why;
  int events = 0;
  world.io.on_connection([&why](const Socket& socket) {
    socket.on_disconnect([&why](DisconnectReason reason) { why = reason; });
  });
  world.io.on_event("x", [&events] { ++events; });
  Client client(world);
  client.join();
  std::string record;
  client.tls()->write("some bytes", record);
  record.back() = static_cast<char>(record.back() ^ 1);
  client.write_raw(record);
  EXPECT_TRUE(client.wait_closed());
  EXPECT_EQ(why, DisconnectReason::transport_error);
  EXPECT_EQ(events, 0);
  EXPECT_STREQ(client.tls()->engine().failure(), "sslv3 alert bad record mac");
}

TEST(Tls, PlainHttpIsToldWhatIsWrong) {
  World world(with_tls());
  const test::HttpAnswer answer = test::http_get(world, "/socket.io/?EIO=4&transport=polling");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.body, "plain HTTP was sent to a TLS port.\n");
}

// L03, L04
TEST(Tls, AHandshakeHasATimeLimit) {
  TlsOptions options = tls_options();
  options.handshake_timeout = milliseconds(50);
  World world(with_tls(std::move(options)));
  RawPeer silent(world);
  RawPeer slow(world);
  slow.write("\x16\x03\x01");
  EXPECT_TRUE(silent.wait_closed());
  EXPECT_TRUE(slow.wait_closed());
  EXPECT_EQ(silent.in + slow.in, "");
  EXPECT_TRUE(world.until([&world] { return world.io.stats().connections == 0; }));
  EXPECT_EQ(world.io.stats().input_bytes, 0U);
}

TEST(Tls, TooManyHandshakesCostTheOldest) {
  TlsOptions options = tls_options();
  options.max_handshakes = 3;
  SecureWorld world(with_tls(std::move(options)));
  Client settled(world);
  settled.join();
  world.tls.reset();
  std::vector<std::unique_ptr<RawPeer>> idle;
  for (std::uint64_t i = 0; i < 3; ++i) {
    idle.push_back(std::make_unique<RawPeer>(world));
    ASSERT_TRUE(world.until([&] { return world.io.stats().connections == i + 2; }));
  }
  world.settle();
  EXPECT_FALSE(idle[0]->closed());
  world.tls = client_context();
  Client another(world);
  EXPECT_NE(another.join(), "");
  EXPECT_TRUE(idle[0]->wait_closed());
  world.settle();
  EXPECT_FALSE(idle[1]->closed());
  EXPECT_FALSE(idle[2]->closed());
  EXPECT_FALSE(settled.closed());
}

TEST(Tls, ABeginningOfARecordIsCounted) {
  SecureWorld world;
  {
    HttpPeer peer(world);
    EXPECT_EQ(peer.request("GET", "/").status, 404);
    EXPECT_EQ(world.io.stats().input_bytes, 0U);
    peer.write_raw(std::string("\x17\x03\x03\x40\x00", 5));
    EXPECT_TRUE(world.until([&] { return world.io.stats().input_bytes >= 16 * 1024; }));
  }
  EXPECT_TRUE(world.until([&] { return world.io.stats().connections == 0; }));
  EXPECT_EQ(world.io.stats().input_bytes, 0U);
}

TEST(Tls, BeginningsOfRecordsAreBounded) {
  ServerOptions options = with_tls();
  options.max_input_bytes = 10'000;
  SecureWorld world(std::move(options));
  HttpPeer first(world);
  HttpPeer second(world);
  EXPECT_EQ(first.request("GET", "/").status, 404);
  EXPECT_EQ(second.request("GET", "/").status, 404);
  first.write_raw(std::string("\x17\x03\x03\x40\x00", 5));
  EXPECT_TRUE(world.until([&] { return world.io.stats().input_bytes > 10'000; }));
  second.write_raw(std::string("\x17\x03\x03\x40\x00", 5));
  EXPECT_TRUE(first.wait_closed());
  EXPECT_FALSE(second.closed());
}

TEST(Tls, ATruncatedPostIsNotDispatched) {
  SecureWorld world;
  int events = 0;
  world.io.on_event("x", [&events] { ++events; });
  std::optional<DisconnectReason> why;
  world.io.on_connection([&why](const Socket& socket) {
    socket.on_disconnect([&why](DisconnectReason reason) { why = reason; });
  });
  test::PollingClient client(world);
  client.join();
  HttpPeer post(world);
  EXPECT_EQ(post.request("GET", "/").status, 404);
  const std::uint64_t kept = world.io.stats().input_bytes;  // the handshake's head
  post.write("POST /socket.io/?EIO=4&transport=polling&sid=" + client.sid +
             " HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n42[\"x\"]");
  EXPECT_TRUE(world.until([&] { return world.io.stats().input_bytes > kept; }));
  post.end_writing();
  EXPECT_TRUE(world.until([&] { return why.has_value(); }));
  EXPECT_EQ(why, DisconnectReason::transport_error);
  EXPECT_EQ(events, 0);
}

}  // namespace
}  // namespace socketio
