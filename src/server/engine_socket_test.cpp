// EngineSocket: what is seen below the namespaces, with both transports.
#include <algorithm>

#include <gtest/gtest.h>

#include "support/sio_client.hpp"
#include "support/upgrade_request.hpp"

namespace socketio {
namespace {

using namespace std::chrono_literals;
using test::Client;
using test::PollingClient;
using test::World;
using Texts = std::vector<std::string>;

// Lets a test send on the session of the client that comes next.
struct Session {
  explicit Session(World& world) {
    world.io.engine().on_connection([this](EngineSocket socket) {
      engine = socket;
      if (opened) opened();
    });
  }
  EngineSocket engine;
  std::function<void()> opened;
};

std::string kind(const EnginePacket& packet) {
  constexpr std::string_view kDigits = "0123456";
  return kDigits[static_cast<std::size_t>(packet.type)] + std::string(packet.data);
}

// covers eio/server: packet › should emit when socket receives packet
TEST(EngineSocket, SeesPacketsBeforeTheHandlersDo) {
  World world;
  Texts seen;
  world.io.engine().on_connection([&seen](const EngineSocket& engine) {
    engine.on_packet([&seen](const EnginePacket& packet) { seen.push_back(kind(packet)); });
  });
  world.io.on_event("m", [&seen](const std::string& text) { seen.push_back(text); });
  {
    Client client(world);
    ASSERT_NE(client.join(), "");
    client.send(R"(2["m","a"])");
    client.rest();
  }
  EXPECT_EQ(seen, (Texts{"40", R"(42["m","a"])", "a"}));
  seen.clear();
  PollingClient polling(world);
  ASSERT_TRUE(polling.join());
  EXPECT_EQ(polling.post("42[\"m\",\"b\"]"), 200);
  EXPECT_EQ(seen, (Texts{"40", R"(42["m","b"])", "b"}));
}

ServerOptions with_fast_pings() {
  ServerOptions options;
  options.ping_interval = 4ms;
  return options;
}

// covers eio/server: packet › should emit when receives pong
// covers eio/server: packetCreate › should emit before send pong
TEST(EngineSocket, SeesTheHeartbeat) {
  World world(with_fast_pings());
  Texts seen;
  world.io.engine().on_connection([&seen](const EngineSocket& engine) {
    engine.on_packet([&seen](const EnginePacket& packet) { seen.push_back("in " + kind(packet)); });
    engine.on_packet_create(
        [&seen](const EnginePacket& packet) { seen.push_back("out " + kind(packet)); });
  });
  Client client(world);
  ASSERT_TRUE(world.until([&seen] { return seen.size() >= 4; }));
  seen.resize(4);
  EXPECT_EQ(seen, (Texts{"out 2", "in 3", "out 2", "in 3"}));
}

TEST(EngineSocket, TellsMessagesAndSignsOfLifeApart) {
  World world(with_fast_pings());
  Texts seen;
  world.io.engine().on_connection([&seen](const EngineSocket& engine) {
    engine.on_message([&seen](const EnginePacket& packet) { seen.push_back(kind(packet)); });
    engine.on_heartbeat([&seen] { seen.emplace_back("beat"); });
  });
  Client client(world);
  ASSERT_NE(client.join(), "");
  ASSERT_TRUE(world.until([&seen] { return seen.size() >= 3; }));
  seen.resize(3);
  std::sort(seen.begin(), seen.end());  // a beat may come before the message
  EXPECT_EQ(seen, (Texts{"40", "beat", "beat"}));
}

// covers eio/server: packetCreate › should emit before socket send message
TEST(EngineSocket, SeesWhatIsSent) {
  World world;
  Session session(world);
  Texts created;
  session.opened = [&] {
    session.engine.on_packet_create(
        [&created](const EnginePacket& packet) { created.push_back(kind(packet)); });
    EXPECT_TRUE(session.engine.send("a"));
    EXPECT_TRUE(session.engine.send(Binary("by")));
  };
  Client client(world);
  // "4a" is no packet of Socket.IO: the client of this test hands out what it gets.
  EXPECT_EQ(client.next(), "a");
  EXPECT_EQ(client.next(), "<by>");
  EXPECT_EQ(created, (Texts{"4a", "4by"}));
}

// covers eio/server: messages › should trigger a flush/drain event
TEST(EngineSocket, TellsWhenPacketsLeave) {
  World world;
  Session session(world);
  Texts seen;
  session.opened = [&] {
    session.engine.on_flush(
        [&seen](std::size_t n) { seen.push_back("flush " + std::to_string(n)); });
    session.engine.on_drain([&seen, &session] {
      seen.push_back("drain " + std::to_string(session.engine.queued_bytes()));
    });
    session.engine.send("aaaa");
  };
  Client client(world);
  ASSERT_TRUE(world.until([&seen] { return seen.size() >= 2; }));
  EXPECT_EQ(seen, (Texts{"flush 1", "drain 0"}));
  seen.clear();
  PollingClient polling(world);  // its handshake and "aaaa" are one answer
  ASSERT_TRUE(world.until([&seen] { return seen.size() >= 2; }));
  EXPECT_EQ(seen, (Texts{"flush 2", "drain 0"}));
}

// As `once` of Node is ported: with one that registers itself again.
TEST(EngineSocket, AListenerMayRegisterAnother) {
  World world;
  Session session(world);
  int drains = 0;
  std::function<void()> more = [&] {
    ++drains;
    session.engine.on_drain(more);
  };
  session.opened = [&] {
    session.engine.on_drain(more);
    session.engine.send("aaaa");
  };
  Client client(world);
  ASSERT_TRUE(world.until([&drains] { return drains > 0; }));
  EXPECT_EQ(drains, 1);
}

TEST(EngineSocket, AHookMayRegisterOthers) {
  World world;
  int called = 0;
  int late = 0;
  world.io.engine().on_connection([&](const EngineSocket&) {
    for (int i = 0; i < 400; ++i)
      world.io.engine().on_connection([&late](const EngineSocket&) { ++late; });
  });
  for (int i = 0; i < 40; ++i)
    world.io.engine().on_connection([&called](const EngineSocket&) { ++called; });
  EXPECT_NE(Client(world).join(), "");
  EXPECT_EQ(called, 40);
  EXPECT_EQ(late, 0);
}

// covers eio/server: send › callback › should execute when message sent (websocket)
// covers eio/server: send › callback › should execute in multipart packet (websocket)
TEST(EngineSocket, CallbacksRunWhenTheWebSocketHasTaken) {
  World world;
  Session session(world);
  Texts sent;
  session.opened = [&] {
    for (const char* text : {"d", "c", "b", "a"})
      session.engine.send(text, [&sent, text] { sent.emplace_back(text); });
    EXPECT_EQ(sent, Texts{});
  };
  Client client(world);
  for (const char* text : {"d", "c", "b", "a"}) EXPECT_EQ(client.next(), text);
  ASSERT_TRUE(world.until([&sent] { return sent.size() >= 4; }));
  EXPECT_EQ(sent, (Texts{"d", "c", "b", "a"}));
}

// covers eio/server: send › callback › should execute when message sent (polling)
// covers eio/server: send › callback › should execute in multipart packet (polling)
TEST(EngineSocket, CallbacksRunWhenAPollHasTaken) {
  World world;
  Session session(world);
  PollingClient client(world);
  Texts sent;
  for (const char* text : {"d", "c", "b", "a"})
    session.engine.send(text, [&sent, text] { sent.emplace_back(text); });
  world.settle();
  EXPECT_EQ(sent, Texts{});
  client.start_poll();
  EXPECT_EQ(client.poll(),
            "4d\x1e"
            "4c\x1e"
            "4b\x1e"
            "4a");
  EXPECT_EQ(sent, (Texts{"d", "c", "b", "a"}));
}

// covers eio/server: send › callback › should not execute when it is not actually sent (polling)
TEST(EngineSocket, CallbacksOfWhatIsNotSentDoNotRun) {
  World world;
  Session session(world);
  PollingClient client(world);
  bool sent = false;
  const auto kept = std::make_shared<int>();
  session.engine.send("b", [&sent, kept] { sent = true; });
  std::string end;
  session.engine.on_close([&end](std::string_view reason, std::string_view) { end = reason; });
  EXPECT_EQ(client.post("1"), 200);
  EXPECT_EQ(end, "transport close");
  EXPECT_FALSE(sent);
  EXPECT_EQ(kept.use_count(), 1);  // nobody keeps it
  EXPECT_FALSE(session.engine.open());
  EXPECT_FALSE(session.engine.send("c"));
}

// A WebSocket whose frames the test writes, with a mask that changes nothing.
class Probe final : public test::Peer {
 public:
  Probe(World& world, const std::string& sid) : Peer(world) {
    write(test::upgrade_request(test::kEngineSocket + ("&sid=" + sid)));
  }
  void send(const std::string& text) {
    write(std::string("\x81") + static_cast<char>(0x80U | text.size()) + std::string(4, '\0') +
          text);
  }
  bool wait_for(std::string_view text) {
    return world().until([&] { return in_.find(text) != std::string::npos; });
  }

 private:
  void on_bytes(char* bytes, std::size_t size) override { in_.append(bytes, size); }
  std::string in_;
};

// covers eio/server: send › callback › should execute when message sent during polling upgrade
// window
TEST(EngineSocket, CallbacksRunForWhatAnUpgradeTakesAlong) {
  World world;
  Session session(world);
  PollingClient client(world);
  Texts seen;
  session.engine.on_upgrading([&] {
    seen.emplace_back("upgrading");
    session.engine.send("a", [&] { seen.emplace_back("sent"); });
  });
  session.engine.on_upgrade([&] { seen.push_back(std::string(session.engine.transport())); });
  EXPECT_FALSE(session.engine.upgraded());
  Probe probe(world, client.sid);
  probe.send("2probe");
  ASSERT_TRUE(probe.wait_for("3probe"));
  EXPECT_EQ(seen, Texts{"upgrading"});
  probe.send("5");
  ASSERT_TRUE(probe.wait_for("4a"));
  ASSERT_TRUE(world.until([&seen] { return seen.size() >= 3; }));
  EXPECT_EQ(seen, (Texts{"upgrading", "websocket", "sent"}));
  EXPECT_TRUE(session.engine.upgraded());
}

TEST(EngineSocket, AListenerMayEndTheSession) {
  for (const bool discard : {false, true}) {
    World world;
    Session session(world);
    bool handled = false;
    world.io.on_connection([&handled](const Socket&) { handled = true; });
    session.opened = [&] {
      session.engine.on_packet([&](const EnginePacket&) { session.engine.close(discard); });
    };
    Client client(world);
    EXPECT_EQ(client.join(), "");
    EXPECT_TRUE(client.wait_closed());
    EXPECT_FALSE(handled);
    EXPECT_EQ(session.engine.transport(), "");
  }
}

TEST(EngineSocket, SaysWhatItIs) {
  World world;
  std::vector<EngineSocket> all;
  world.io.on_connection([&all](const Socket& socket) { all.push_back(socket.engine()); });
  Client client(world);
  client.join();
  PollingClient polling(world);
  polling.join();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].transport(), "websocket");
  EXPECT_NE(client.open_packet.find(all[0].id()), std::string::npos);
  EXPECT_EQ(all[1].transport(), "polling");
  EXPECT_EQ(all[1].id(), polling.sid);
  EXPECT_EQ(all[1].protocol(), 4);
  EXPECT_EQ(all[1].remote_address(), "127.0.0.1");
  EXPECT_FALSE(all[0].upgraded());
  const HttpRequest request = all[0].request();
  EXPECT_EQ(request.method(), "GET");
  EXPECT_EQ(request.path(), "/socket.io/");
  EXPECT_EQ(request.query("transport"), "websocket");
  EXPECT_EQ(request.header("Upgrade"), "websocket");
  EXPECT_EQ(request.address(), "127.0.0.1");
  EXPECT_FALSE(request.secure());
  EXPECT_TRUE(all[1].open());
  EXPECT_FALSE(all[0] == all[1]);
  const EngineSocket none;
  EXPECT_FALSE(none);
  EXPECT_FALSE(none.open() || none.send("x") || none.close() || none.on_drain([] {}));
  EXPECT_EQ(none.id(), "");
  EXPECT_EQ(none.protocol(), 0);
  EXPECT_FALSE(none.upgraded() || none.on_message([](const EnginePacket&) {}));
  EXPECT_EQ(none.request().url(), "");
}

}  // namespace
}  // namespace socketio
