// How many may be there: clients, and the connections and handshakes of peers that share an
// address.
#include "server/peer_limits.hpp"

#include <gtest/gtest.h>

#include "support/sio_client.hpp"

namespace socketio {
namespace {

using server::PeerLimits;
using std::chrono::minutes;
using test::Client;
using test::http_get;
using test::HttpAnswer;
using test::HttpPeer;
using test::kOpen;
using test::World;

constexpr base::Time kStart{};

net::Address at(std::string_view host) {
  return net::Address::parse(host, 80).value();
}
LimitOptions limits(std::uint32_t connections, std::uint32_t handshakes,
                    std::vector<std::string> proxies = {}) {
  LimitOptions options;
  options.max_connections_per_address = connections;
  options.max_handshakes_per_address = handshakes;
  options.trusted_proxies = std::move(proxies);
  return options;
}
ServerOptions with(LimitOptions limits) {
  ServerOptions options;
  options.limits = std::move(limits);
  return options;
}

TEST(PeerLimits, AreOffByDefault) {
  EXPECT_FALSE(PeerLimits::wanted(LimitOptions()));
  EXPECT_TRUE(PeerLimits::wanted(limits(1, 0)));
  EXPECT_TRUE(PeerLimits::wanted(limits(0, 1)));
  World world;
  std::vector<std::unique_ptr<HttpPeer>> many;
  for (int i = 0; i < 50; ++i) {
    many.push_back(std::make_unique<HttpPeer>(world));
    EXPECT_EQ(many.back()->request("GET", kOpen).status, 200);
  }
}

TEST(PeerLimits, CountWhoHasAnAddressAndIsNoProxy) {
  PeerLimits peers(limits(1, 0, {"10.0.0.0/8"}));
  EXPECT_EQ(peers.counted_as(at("10.1.2.3")), "");
  EXPECT_EQ(peers.counted_as(net::Address::unix_path("/run/socket")), "");
  EXPECT_EQ(peers.counted_as(at("192.0.2.1")), server::network_of(at("192.0.2.1")));
  EXPECT_EQ(PeerLimits(limits(0, 1)).counted_as(at("192.0.2.1")), "");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(peers.connect(""));
  peers.disconnect("");
}

TEST(PeerLimits, KnowWhoseHandshakeAProxyBrings) {
  PeerLimits peers(limits(0, 1, {"10.0.0.0/8"}));
  const auto take = [&peers](const net::Address& peer, std::vector<http::Header> headers,
                             base::Time now = kStart) {
    http::Request request;
    request.headers = headers;
    return peers.shake_hands(peer, request, now);
  };
  // Who is no proxy says nothing that counts.
  EXPECT_TRUE(take(at("192.0.2.1"), {{"X-Forwarded-For", "203.0.113.1"}}));
  EXPECT_FALSE(take(at("192.0.2.1"), {{"X-Forwarded-For", "203.0.113.2"}}));
  EXPECT_TRUE(take(at("10.0.0.1"), {{"X-Forwarded-For", "203.0.113.1"}}));
  EXPECT_FALSE(take(at("10.0.0.2"), {{"X-Forwarded-For", "203.0.113.1"}}));
  const std::vector<http::Header> two = {{"x-forwarded-for", "203.0.113.7, 203.0.113.2"},
                                         {"X-Forwarded-For", "10.9.9.9"}};
  EXPECT_TRUE(take(at("10.0.0.1"), two));
  EXPECT_FALSE(take(at("10.0.0.1"), two));
  // Was not counted: it may be forged.
  EXPECT_TRUE(take(at("10.0.0.1"), {{"X-Forwarded-For", "203.0.113.7"}}));
  // A proxy that says nothing is as good as its client.
  EXPECT_TRUE(take(at("10.0.0.1"), {}));
  EXPECT_FALSE(take(at("10.0.0.1"), {}));
  EXPECT_TRUE(take(at("10.0.0.2"), {}));
  EXPECT_TRUE(take(at("10.0.0.1"), {}, kStart + minutes(1)));
}

TEST(PeerLimits, KnowUnixSocketsWhenTheyAreProxies) {
  const net::Address local = net::Address::unix_path("/run/socket");
  const std::vector<http::Header> headers = {{"X-Forwarded-For", "203.0.113.1"}};
  http::Request request;
  request.headers = headers;
  PeerLimits peers(limits(0, 1));
  EXPECT_TRUE(peers.shake_hands(local, request, kStart));
  EXPECT_TRUE(peers.shake_hands(local, request, kStart));
  PeerLimits behind(limits(0, 1, {"unix"}));
  EXPECT_TRUE(behind.shake_hands(local, request, kStart));
  EXPECT_FALSE(behind.shake_hands(local, request, kStart));
}

TEST(MaxConnectionsPerAddress, OneMoreIsClosed) {
  World world(with(limits(3, 0)));
  Client one(world);
  EXPECT_FALSE(one.join().empty());
  HttpPeer two(world);
  EXPECT_EQ(two.request("GET", kOpen).status, 200);
  auto three = std::make_unique<HttpPeer>(world);
  EXPECT_EQ(three->request("GET", kOpen).status, 200);
  HttpPeer four(world);
  EXPECT_TRUE(four.wait_closed());
  EXPECT_EQ(four.answer().status, 0);
  EXPECT_EQ(world.io.stats().refused_connections, 1U);
  one.send(R"(2["nothing"])");
  EXPECT_EQ(two.request("GET", "/nowhere").status, 404);
  three.reset();
  ASSERT_TRUE(world.until([&] { return world.io.stats().connections == 2; }));
  HttpPeer five(world);
  EXPECT_EQ(five.request("GET", kOpen).status, 200);
  HttpPeer six(world);
  EXPECT_TRUE(six.wait_closed());
}

TEST(MaxConnectionsPerAddress, DoesNotCountProxies) {
  World world(with(limits(1, 0, {"127.0.0.0/8"})));
  HttpPeer one(world);
  HttpPeer two(world);
  EXPECT_EQ(one.request("GET", kOpen).status, 200);
  EXPECT_EQ(two.request("GET", kOpen).status, 200);
}

// Sessions count, not connections: with one less, as many, and one more than the limit.
TEST(MaxClients, OneMoreIsRefused) {
  constexpr std::size_t kLimit = 3;
  World world({.max_clients = kLimit});
  std::vector<ConnectionError> refused;
  world.io.engine().on_connection_error(
      [&](const ConnectionError& error) { refused.push_back(error); });
  HttpPeer peer(world);
  std::vector<std::string> sids;
  for (std::size_t i = 0; i < kLimit - 1; ++i) {
    const HttpAnswer answer = peer.request("GET", kOpen);
    EXPECT_EQ(answer.status, 200);
    sids.push_back(answer.body.substr(answer.body.find("\"sid\":\"") + 7, 20));
  }
  Client last(world);
  EXPECT_FALSE(last.join().empty());
  EXPECT_EQ(refused.size(), 0U);
  const HttpAnswer one_more = peer.request("GET", kOpen);
  EXPECT_EQ(one_more.status, 403);
  EXPECT_EQ(one_more.body, R"({"code":4,"message":"Too many clients"})");
  EXPECT_TRUE(Client(world).open_packet.empty());
  ASSERT_EQ(refused.size(), 2U);
  EXPECT_EQ(refused[1].code, 4);
  EXPECT_EQ(refused[1].context["message"].to_string(), "Too many clients");
  EXPECT_EQ(world.io.stats().rejects[4], 2U);
  // Those who are there go on, and make room.
  EXPECT_EQ(peer.request("POST", std::string(kOpen) + "&sid=" + sids[0], "", "40").status, 200);
  EXPECT_EQ(peer.request("POST", std::string(kOpen) + "&sid=" + sids[0], "",
                         "41\x1e"
                         "1")
                .status,
            200);
  EXPECT_EQ(peer.request("GET", kOpen).status, 200);
  EXPECT_EQ(peer.request("GET", kOpen).status, 403);
  last.cut();
  EXPECT_TRUE(world.until([&] { return world.io.stats().connections == 1; }));
  EXPECT_EQ(peer.request("GET", kOpen).status, 200);
}

TEST(MaxClients, IsTwiceMaxConnections) {
  World world({.max_connections = 2});
  HttpPeer peer(world);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(peer.request("GET", kOpen).status, 200);
  EXPECT_EQ(peer.request("GET", kOpen).status, 403);
}

// Before the user is asked, and once more behind that: others may have come meanwhile.
TEST(MaxClients, HoldWhileTheUserDecides) {
  ServerOptions options;
  options.max_clients = 1;
  std::vector<Decide> asked;
  options.engine.allow_request = [&](const HttpRequest&, Decide decide) {
    asked.push_back(std::move(decide));
  };
  World world(std::move(options));
  HttpPeer first(world);
  HttpPeer second(world);
  first.send("GET", kOpen);
  second.send("GET", kOpen);
  ASSERT_TRUE(world.until([&] { return asked.size() == 2; }));
  for (const Decide& one : asked) one(Verdict(true));
  EXPECT_EQ(first.answer().status, 200);
  EXPECT_EQ(second.answer().status, 403);
  EXPECT_EQ(http_get(world, kOpen).status, 403);
  EXPECT_EQ(asked.size(), 2U);
}

TEST(MaxHandshakesPerAddress, OneMoreIsRefused) {
  World world(with(limits(0, 3)));
  std::vector<ConnectionError> refused;
  world.io.engine().on_connection_error(
      [&](const ConnectionError& error) { refused.push_back(error); });
  HttpPeer peer(world);
  const HttpAnswer first = peer.request("GET", kOpen);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(peer.request("GET", kOpen).status, 200);
  EXPECT_EQ(Client(world).join().size(), 20U);
  const HttpAnswer fourth = peer.request("GET", kOpen);
  EXPECT_EQ(fourth.status, 403);
  EXPECT_EQ(fourth.body, R"({"code":4,"message":"Too many handshakes"})");
  EXPECT_TRUE(Client(world).open_packet.empty());
  ASSERT_EQ(refused.size(), 2U);
  EXPECT_EQ(refused[0].code, 4);
  EXPECT_EQ(refused[0].message, "Forbidden");
  EXPECT_EQ(refused[0].context["message"].to_string(), "Too many handshakes");
  // Nothing but handshakes is counted.
  const std::size_t at = first.body.find("\"sid\":\"") + 7;
  const std::string sid = first.body.substr(at, 20);
  EXPECT_EQ(peer.request("POST", std::string(kOpen) + "&sid=" + sid, "", "40").status, 200);
  EXPECT_EQ(peer.request("GET", "/nowhere").status, 404);
}

TEST(MaxHandshakesPerAddress, ComesBeforeTheUserIsAsked) {
  ServerOptions options = with(limits(0, 1));
  int asked = 0;
  options.engine.allow_request = [&](const HttpRequest&) { return ++asked > 0; };
  World world(std::move(options));
  int middlewares = 0;
  world.io.engine().use([&](const EngineRequest&) { ++middlewares; });
  EXPECT_EQ(http_get(world, kOpen).status, 200);
  EXPECT_EQ(http_get(world, kOpen).status, 403);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(middlewares, 2);
}

TEST(MaxHandshakesPerAddress, IsOfWhoStandsBehindTheProxy) {
  World world(with(limits(0, 1, {"127.0.0.1"})));
  EXPECT_EQ(http_get(world, kOpen, "X-Forwarded-For: 203.0.113.1\r\n").status, 200);
  EXPECT_EQ(http_get(world, kOpen, "X-Forwarded-For: 203.0.113.2\r\n").status, 200);
  EXPECT_EQ(http_get(world, kOpen, "X-Forwarded-For: 203.0.113.3, 203.0.113.1\r\n").status, 403);
}

TEST(TrustedProxies, AreAddressesOrPrefixes) {
  for (const char* wrong : {"", "proxy.example", "10.0.0.0/33"}) {
    try {
      const Server io(with(limits(0, 0, {wrong})));
      ADD_FAILURE() << wrong;
    } catch (const std::invalid_argument& e) {
      EXPECT_STREQ(e.what(),
                   "socketio::ServerOptions::limits.trusted_proxies must be addresses, or prefixes "
                   "such as 10.0.0.0/8");
    }
  }
}

}  // namespace
}  // namespace socketio
