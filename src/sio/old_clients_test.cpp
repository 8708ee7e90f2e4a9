#include "sio/old_clients.hpp"

#include <gtest/gtest.h>

#include "sio/testing.hpp"

namespace socketio::sio {
namespace {

using testing::Lines;
using testing::World;

constexpr eio::Dialect kV3{.v3 = true};

std::string sid(World& world, std::size_t peer) {
  return std::string(world.peer(peer).session->sid().view());
}

TEST(OldClients, AQueryBehindTheNamespace) {
  const auto split = [](base::Bytes nsp) {
    const ConnectV3 connect = split_connect_v3(nsp);
    const std::string auth = connect.auth();
    return std::string(connect.nsp) + " " + (auth.empty() ? "none" : auth);
  };
  EXPECT_EQ(split("/chat"), "/chat none");
  EXPECT_EQ(split("/chat?"), "/chat none");
  EXPECT_EQ(split("/?a=1"), "/ {\"a\":\"1\"}");
  EXPECT_EQ(split("/chat?token=a%20b+c&x"), R"(/chat {"token":"a b c","x":""})");
  EXPECT_EQ(split("/chat?q=%22%5C%0A?"), R"(/chat {"q":"\"\\\n?"})");
  EXPECT_EQ(split("/chat?a=%ff"), "/chat {\"a\":\"\xEF\xBF\xBD\"}");
}

TEST(OldClients, AQueryHasAtMostSoManyPairs) {
  std::string query = "/chat?";
  for (std::size_t i = 0; i <= eio::kMaxQueryPairs; ++i) query += "k" + std::to_string(i) + "=&";
  const std::string auth = split_connect_v3(query).auth();
  EXPECT_NE(auth.find("\"k999\""), std::string::npos);
  EXPECT_EQ(auth.find("\"k1000\""), std::string::npos);
}

TEST(OldClients, TheMainNamespaceIsJoinedWithoutAsking) {
  World world;
  const std::size_t peer = world.connect(kV3);
  EXPECT_EQ(world.take_log(), Lines{"0 connecting /"});
  EXPECT_EQ(world.received(peer), Lines{"0"});
  EXPECT_EQ(world.id(peer), sid(world, peer));
  EXPECT_EQ(world.socket(peer)->auth, nullptr);
  world.text(peer, "2[\"hi\",1]");
  EXPECT_EQ(world.take_log(), Lines{"0 event hi [\"hi\",1]"});
  // Joined: the connect timeout is off.
  EXPECT_EQ(world.core().deadline(), base::kNever);
}

TEST(OldClients, NamespacesAreJoinedWithAQuery) {
  World world;
  world.core().create_namespace("/chat");
  const std::size_t peer = world.connect(kV3);
  world.received(peer);
  world.take_log();
  world.text(peer, "0/chat?token=1,");
  EXPECT_EQ(world.take_log(), Lines{"0 connecting /chat"});
  EXPECT_EQ(world.received(peer), Lines{"0/chat,"});
  EXPECT_EQ(world.id(peer, "/chat"), "/chat#" + sid(world, peer));
  EXPECT_EQ(world.socket(peer, "/chat")->auth->value().to_json(), "{\"token\":\"1\"}");
  world.text(peer, "2/chat,7[\"hi\"]");
  EXPECT_EQ(world.take_log(), Lines{"0 event hi [\"hi\"] ack 7"});
  world.text(peer, "1/chat");
  EXPECT_EQ(world.take_log(), (Lines{"0 disconnecting client namespace disconnect",
                                     "0 disconnected client namespace disconnect"}));
  EXPECT_NE(world.socket(peer), nullptr);
}

TEST(OldClients, ANamespaceThatIsCreatedForIt) {
  World world;
  world.create_all = true;
  const std::size_t peer = world.connect(kV3);
  world.received(peer);
  world.text(peer, "0/new?a=b");
  EXPECT_EQ(world.received(peer), Lines{"0/new,"});
  EXPECT_EQ(world.socket(peer, "/new")->auth->value().to_json(), "{\"a\":\"b\"}");
}

TEST(OldClients, BinaryEventsInANamespace) {
  World world;
  world.core().create_namespace("/chat");
  const std::size_t peer = world.connect(kV3);
  world.text(peer, "0/chat");
  world.take_log();
  world.text(peer, "51-/chat,[\"hi\",{\"_placeholder\":true,\"num\":0}]");
  world.binary(peer, "\x04z");  // with its type
  EXPECT_EQ(world.take_log().size(), 1U);
  world.received(peer);
  const Encoded packet{"51-/chat,", "[\"x\",{\"_placeholder\":true,\"num\":0}]", {}};
  const base::Bytes bytes = "z";
  Encoded with{packet.head, packet.body, {&bytes, 1}};
  world.core().emit(*world.socket(peer, "/chat"), with, {});
  EXPECT_EQ(world.received(peer).back(), "<\x04z>");
}

TEST(OldClients, RefusalsAreBare) {
  World world;
  world.accept_all = false;
  const std::size_t peer = world.connect(kV3);
  world.core().refuse(world.socket(peer)->self, "no", {});
  EXPECT_EQ(world.received(peer), Lines{"4\"no\""});
  for (const auto& [data, said] :
       std::vector<std::pair<const char*, const char*>>{{"{\"a\":1}", "{\"a\":1}"},
                                                        {"\"x\"", "\"x\""},
                                                        {"1", "1"},
                                                        {"true", "true"},
                                                        // What JavaScript takes for nothing.
                                                        {"null", "\"no\""},
                                                        {"false", "\"no\""},
                                                        {"0", "\"no\""},
                                                        {"\"\"", "\"no\""}}) {
    const std::size_t other = world.connect(kV3);
    world.core().refuse(world.socket(other)->self, "no", Value::parse(data).value());
    EXPECT_EQ(world.received(other), Lines{"4" + std::string(said)}) << data;
  }
}

TEST(OldClients, ARefusedClientHasUntilTheConnectTimeout) {
  World world;
  world.accept_all = false;
  const std::size_t peer = world.connect(kV3);
  world.core().refuse(world.socket(peer)->self, "no", {});
  world.advance(world.options.connect_timeout);
  EXPECT_TRUE(world.peer(peer).gone);
}

TEST(OldClients, AnUnknownNamespaceIsAnObject) {
  World world;
  const std::size_t peer = world.connect(kV3);
  world.received(peer);
  world.text(peer, "0/nowhere?a=1,");
  EXPECT_EQ(world.received(peer), Lines{"4/nowhere,{\"message\":\"Invalid namespace\"}"});
}

TEST(OldClients, TheMainNamespaceIsJoinedOnce) {
  for (const char* packet : {"0", "0/?a=1,", "0/,"}) {
    World world;
    const std::size_t peer = world.connect(kV3);
    world.text(peer, packet);
    EXPECT_TRUE(world.peer(peer).gone) << packet;
  }
}

// Of new clients nothing changes: a '?' is a character of the namespace's name.
TEST(OldClients, NewClientsHaveNoQuery) {
  World world;
  world.core().create_namespace("/chat");
  const std::size_t peer = world.connect();
  world.text(peer, "0/chat?a=1,");
  EXPECT_EQ(world.received(peer), Lines{"4/chat?a=1,{\"message\":\"Invalid namespace\"}"});
}

TEST(OldClients, RoomsAndIdsOfAnyLength) {
  World world;
  const NamespaceIndex chat = world.core().create_namespace("/chat");
  const std::size_t a = world.connect(kV3);
  const std::size_t b = world.connect();
  for (const std::size_t peer : {a, b}) world.text(peer, "0/chat,");
  const std::string id = world.id(a, "/chat");
  EXPECT_EQ(id.size(), 26U);
  EXPECT_EQ(world.core().rooms(chat).find(id), world.socket(a, "/chat"));
  EXPECT_EQ(world.core().select(chat, {{id}, {}}).size(), 1U);
  EXPECT_EQ(world.core().select(chat, {{}, {id}}).size(), 1U);
  world.core().join(*world.socket(a, "/chat"), id);  // its own room: no other one
  EXPECT_EQ(world.core().rooms(chat).room_count(), 0U);
  world.drop(a);
  EXPECT_EQ(world.core().rooms(chat).find(id), nullptr);
}

TEST(PublicIds, KeepAnyLength) {
  PublicId id;
  EXPECT_EQ(id.view().size(), eio::kSidSize);
  id.assign("abcdefghijklmnopqrst");
  EXPECT_EQ(id.view(), "abcdefghijklmnopqrst");
  EXPECT_EQ(id.shared(), nullptr);
  for (const std::string text : {"", "x", "/chat#abcdefghijklmnopqrst"}) {
    id.assign(text);
    EXPECT_EQ(id.view(), text);
    ASSERT_NE(id.shared(), nullptr);
    EXPECT_EQ(**id.shared(), text);
  }
  id.assign("abcdefghijklmnopqrst");
  EXPECT_EQ(id.view(), "abcdefghijklmnopqrst");
}

}  // namespace
}  // namespace socketio::sio
