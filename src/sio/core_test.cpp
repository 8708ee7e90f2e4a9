// Dialogues with the core: connecting, events, disconnecting, and what clients are closed for.
#include "sio/core.hpp"

#include <gtest/gtest.h>

#include "sio/testing.hpp"

namespace socketio::sio {
namespace {

using testing::Lines;
using testing::World;

std::string sid_packet(World& world, std::size_t peer, base::Bytes nsp = "/") {
  return (nsp == "/" ? "0" : "0" + std::string(nsp) + ",") + "{\"sid\":\"" + world.id(peer, nsp) +
         "\"}";
}

// covers siop/parser: encodes connection
TEST(Core, ConnectIsAnsweredAfterTheHandler) {
  World world;
  const std::size_t peer = world.connect();
  world.handler = [&](const Event& event) {
    if (event.kind != EventKind::connecting) return;
    Socket* socket = world.core().get(event.socket);
    ASSERT_NE(socket, nullptr);
    EXPECT_EQ(socket->state, SocketState::connecting);
    EXPECT_EQ(world.core().rooms(0).sockets(), 0U);
    EXPECT_EQ(socket->auth->value().to_json(), "{\"token\":\"123\"}");
    // Goes out before the CONNECT packet, as JS does it.
    EXPECT_TRUE(world.core().emit(*socket, world.encoded("early"), {}));
  };
  world.text(peer, "0{\"token\": \"123\"}");
  EXPECT_EQ(world.take_log(), Lines{"0 connecting /"});
  EXPECT_EQ(world.received(peer), (Lines{"2[\"early\"]", sid_packet(world, peer)}));
  EXPECT_EQ(world.socket(peer)->state, SocketState::connected);
  EXPECT_EQ(world.core().rooms(0).sockets(), 1U);
  EXPECT_NE(world.id(peer), std::string(world.peer(peer).session->sid().view()));
}

TEST(Core, EventsAndAcks) {
  World world;
  const std::size_t peer = world.join();
  std::string rest;
  world.handler = [&](const Event& event) {
    rest = event.rest;
    if (!event.ack_id) return;
    Encoder encoder;
    encoder.begin_ack().raw(event.rest);
    EXPECT_TRUE(world.core().send_ack(
        *world.core().get(event.socket),
        encoder.finish(PacketType::ack, "/", event.ack_id, world.options.max_attachments)));
  };
  world.text(peer, "2[\"chat\",\"hi\",{\"a\":1}]");
  EXPECT_EQ(world.take_log(), Lines{"0 event chat [\"chat\",\"hi\",{\"a\":1}]"});
  EXPECT_EQ(rest, "\"hi\",{\"a\":1}");
  world.text(peer, "2[1,2]");
  EXPECT_EQ(world.take_log(), Lines{"0 event 1 [1,2]"});
  EXPECT_EQ(world.received(peer), Lines{});
  // S41, S69: leading zeros, and the same id twice.
  world.text(peer, "207[\"a\",1]");
  world.text(peer, "27[\"b\",2]");
  EXPECT_EQ(world.take_log(), (Lines{"0 event a [\"a\",1] ack 7", "0 event b [\"b\",2] ack 7"}));
  EXPECT_EQ(world.received(peer), (Lines{"37[1]", "37[2]"}));
}

// Long texts leave in the memory they were written in: nobody may write into it before.
TEST(Core, LongTextsInARow) {
  World world;
  const std::size_t peer = world.join();
  world.received(peer);
  const std::string first = '"' + std::string(50'000, 'a') + '"';
  const std::string second = '"' + std::string(40'000, 'b') + '"';
  EXPECT_TRUE(world.core().emit(*world.socket(peer), world.encoded("x", first), {}));
  EXPECT_TRUE(world.core().emit(*world.socket(peer), world.encoded("y", second), {}));
  EXPECT_TRUE(world.core().emit(*world.socket(peer), world.encoded("z", "1"), {}));
  const Encoded twice = world.encoded("t", first);
  EXPECT_TRUE(world.core().emit(*world.socket(peer), twice, {}));
  EXPECT_TRUE(world.core().emit(*world.socket(peer), twice, {}));
  EXPECT_EQ(world.received(peer),
            (Lines{"2[\"x\"," + first + "]", "2[\"y\"," + second + "]", "2[\"z\",1]",
                   "2[\"t\"," + first + "]", "2[\"t\"," + first + "]"}));
}

TEST(Core, BinaryEvents) {
  World world;
  const std::size_t peer = world.join();
  std::string bytes;
  world.handler = [&](const Event& event) {
    std::string_view view;
    if (event.kind == EventKind::event && event.args.at(1).as_binary(view)) bytes = view;
    EXPECT_TRUE(event.rest.empty());
  };
  world.text(peer, "51-[\"b\",{\"_placeholder\":true,\"num\":0}]");
  EXPECT_EQ(world.take_log(), Lines{});
  EXPECT_EQ(world.core().deadline(), world.now + world.options.packet_timeout);
  world.binary(peer, "bytes");
  EXPECT_EQ(world.take_log(), Lines{"0 event b (binary)"});
  EXPECT_EQ(bytes, "bytes");
  EXPECT_EQ(world.ledger.input(), 0);
  EXPECT_EQ(world.core().deadline(), base::kNever);

  Encoder encoder;
  Writer& writer = encoder.begin_event("out");
  writer.binary("xyz");
  world.core().emit(*world.socket(peer), encoder.finish(PacketType::event, "/", {}, 10), {});
  EXPECT_EQ(world.received(peer),
            (Lines{"51-[\"out\",{\"_placeholder\":true,\"num\":0}]", "<xyz>"}));
}

// S62: the attachments of what nobody waits for are taken and dropped.
TEST(Core, UnknownAcksAreIgnored) {
  World world;
  const std::size_t peer = world.join();
  for (const char* packet : {"3", "3[1]", "399[1]", "39"}) world.text(peer, packet);
  world.text(peer, "61-99[{\"_placeholder\":true,\"num\":0}]");
  world.binary(peer, "x");
  EXPECT_EQ(world.take_log(), Lines{});
  EXPECT_EQ(world.ledger.input(), 0);
  EXPECT_TRUE(world.peer(peer).session->open());
}

// Disconnected by the server, which has not told it yet: what comes is ignored, attachments too.
TEST(Core, BinaryBehindAnEndThatIsNotToldIsIgnored) {
  World world;
  const std::size_t peer = world.join();
  world.core().disconnect(*world.socket(peer), false, world.now);
  world.text(peer, "51-[\"b\",{\"_placeholder\":true,\"num\":0}]");
  world.binary(peer, "late");
  EXPECT_EQ(world.take_log(), (Lines{"0 disconnecting server namespace disconnect",
                                     "0 disconnected server namespace disconnect"}));
  EXPECT_EQ(world.ledger.input(), 0);
  EXPECT_FALSE(world.peer(peer).gone);
}

// Decoder errors: the socket hears of it, then "forced close" (S06, S58, S59 and their like).
TEST(Core, BrokenPacketsCloseTheClient) {
  const std::pair<const char*, const char*> table[] = {
      {"2{}", "invalid payload"},
      {"abc", "unknown packet type NaN"},
      {"2[\"connect\"]", "invalid payload"},
      {"5", "Illegal attachments"},
      {"511-[\"a\"]", "too many attachments"},
  };
  for (const auto& [packet, error] : table) {
    World world;
    const std::size_t peer = world.join();
    world.text(peer, packet);
    EXPECT_EQ(world.take_log(),
              (Lines{"0 error " + std::string(error), "0 disconnecting forced close",
                     "0 disconnected forced close"}))
        << packet;
    EXPECT_EQ(world.core().clients(), 0U);
    EXPECT_TRUE(world.peer(peer).gone);
  }
}

TEST(Core, EverySocketOfTheClientSeesTheError) {
  World world;
  world.core().create_namespace("/a");
  const std::size_t peer = world.join();
  world.text(peer, "0/a,");
  world.take_log();
  world.binary(peer, "x");
  const std::string error = "got binary data when not reconstructing a packet";
  EXPECT_EQ(world.take_log(),
            (Lines{"0 error " + error, "0 error " + error, "0 disconnecting forced close",
                   "0 disconnected forced close", "0 disconnecting forced close",
                   "0 disconnected forced close"}));
}

// S22, S30, S33, S70 and a header for a namespace not joined.
TEST(Core, ViolationsCloseTheClient) {
  for (const char* packet :
       {"0", "0{}", "2/a,[\"x\"]", "3/a,1[]", "1/a", "4{}", "4/a,{}", "51-/a,[\"x\"]"}) {
    World world;
    world.core().create_namespace("/a");
    const std::size_t peer = world.join();
    world.text(peer, packet);
    EXPECT_EQ(world.take_log(),
              (Lines{"0 disconnecting forced close", "0 disconnected forced close"}))
        << packet;
    EXPECT_TRUE(world.peer(peer).gone) << packet;
    EXPECT_EQ(world.ledger.input(), 0);
  }
}

// S70, S71.
TEST(Core, NothingButConnectBeforeConnect) {
  for (const char* packet : {"2[\"x\"]", "3[]", "1", "51-[\"x\"]", "61-1[]", "abc"}) {
    World world;
    const std::size_t peer = world.connect();
    world.text(peer, packet);
    EXPECT_TRUE(world.peer(peer).gone) << packet;
    EXPECT_EQ(world.take_log(), Lines{});
    EXPECT_EQ(world.core().clients(), 0U);
  }
}

// S64: also while the first is still connecting; and events do not overtake the CONNECT.
TEST(Core, SecondConnectWhileConnecting) {
  for (const char* packet : {"0", "2[\"x\"]", "1"}) {
    World world;
    world.accept_all = false;
    const std::size_t peer = world.connect();
    world.text(peer, "0");
    const SocketId first = world.socket(peer)->self;
    world.text(peer, packet);
    EXPECT_EQ(world.take_log(), (Lines{"0 connecting /", "0 vanished"}));
    EXPECT_TRUE(world.peer(peer).gone);
    EXPECT_EQ(world.core().get(first), nullptr);
    EXPECT_FALSE(world.core().accept(first, world.now));
  }
}

TEST(Core, UnknownNamespaces) {
  World world;
  const std::size_t peer = world.connect();
  world.text(peer, "0/random");
  EXPECT_EQ(world.received(peer), Lines{"4/random,{\"message\":\"Invalid namespace\"}"});
  EXPECT_EQ(world.take_log(), Lines{"0 unknown /random"});
  world.create_all = true;
  std::string auth;
  world.handler = [&](const Event& event) {
    if (event.kind == EventKind::unknown_namespace && event.auth != nullptr)
      auth = event.auth->value().to_json();
  };
  world.text(peer, "0/random,{\"a\":1}");
  EXPECT_EQ(auth, "{\"a\":1}");
  EXPECT_EQ(world.socket(peer, "/random")->auth->value().to_json(), "{\"a\":1}");
  EXPECT_EQ(world.received(peer), Lines{sid_packet(world, peer, "/random")});
  EXPECT_EQ(world.take_log(), (Lines{"0 unknown /random", "0 connecting /random"}));
  // Twice while nobody has decided.
  world.create_all = world.accept_all = false;
  world.text(peer, "0/other");
  world.text(peer, "0/other");
  EXPECT_TRUE(world.peer(peer).gone);
  world.core().create_namespace("/other");
  world.core().admit(world.peer(peer).client, "/other", world.now);
  world.core().reject_namespace(world.peer(peer).client, "/other");
  EXPECT_EQ(world.core().clients(), 0U);
}

TEST(Core, Refuse) {
  World world;
  world.accept_all = false;
  const std::size_t peer = world.connect();
  world.text(peer, "0");
  Socket* socket = world.socket(peer);
  const SocketId id = socket->self;
  EXPECT_TRUE(world.core().join(*socket, "room"));
  EXPECT_TRUE(world.core().refuse(id, "Not \"you\"", Value::object({{"code", 7}})));
  EXPECT_FALSE(world.core().refuse(id, "again", {}));
  EXPECT_FALSE(world.core().accept(id, world.now));
  world.settle();
  EXPECT_EQ(world.core().get(id), nullptr);
  EXPECT_EQ(world.core().rooms(0).room_count(), 0U);
  EXPECT_EQ(world.received(peer),
            Lines{"4{\"message\":\"Not \\\"you\\\"\",\"data\":{\"code\":7}}"});
  // It may try again.
  world.accept_all = true;
  world.text(peer, "0");
  EXPECT_EQ(world.received(peer), Lines{sid_packet(world, peer)});
}

// S31.
TEST(Core, ClientDisconnects) {
  World world;
  world.core().create_namespace("/a");
  const std::size_t peer = world.join();
  world.text(peer, "0/a");
  world.take_log();
  world.text(peer, "1/a");
  EXPECT_EQ(world.take_log(), (Lines{"0 disconnecting client namespace disconnect",
                                     "0 disconnected client namespace disconnect"}));
  EXPECT_EQ(world.socket(peer, "/a"), nullptr);
  world.text(peer, "2[\"still\"]");
  EXPECT_EQ(world.take_log(), Lines{"0 event still [\"still\"]"});
  world.text(peer, "0/a,");
  EXPECT_EQ(world.take_log(), Lines{"0 connecting /a"});
  // Once it has left, its own events there are a violation.
  world.text(peer, "1/a,");
  world.take_log();
  world.text(peer, "2/a,[\"x\"]");
  EXPECT_TRUE(world.peer(peer).gone);
}

TEST(Core, RoomsAreFullWhileDisconnecting) {
  World world;
  const std::size_t peer = world.join();
  world.core().join(*world.socket(peer), "room");
  std::vector<std::size_t> rooms;
  world.handler = [&](const Event& event) {
    Socket* socket = world.core().get(event.socket);
    ASSERT_NE(socket, nullptr);
    rooms.push_back(world.core().rooms(0).rooms_of(*socket).size());
    EXPECT_FALSE(world.core().join(*socket, "late"));
    EXPECT_FALSE(world.core().emit(*socket, world.encoded("late"), {}));
    world.core().disconnect(*socket, true, world.now);
  };
  world.drop(peer);
  EXPECT_EQ(rooms, (std::vector<std::size_t>{1, 0}));
  EXPECT_EQ(world.take_log(),
            (Lines{"0 disconnecting transport error", "0 disconnected transport error"}));
  EXPECT_EQ(world.core().clients(), 0U);
}

TEST(Core, ServerDisconnectsOneNamespace) {
  World world;
  world.core().create_namespace("/a");
  const std::size_t peer = world.join();
  world.text(peer, "0/a");
  world.received(peer);
  world.take_log();
  world.core().disconnect(*world.socket(peer, "/a"), false, world.now);
  world.settle();
  EXPECT_EQ(world.take_log(), (Lines{"0 disconnecting server namespace disconnect",
                                     "0 disconnected server namespace disconnect"}));
  EXPECT_EQ(world.received(peer), Lines{"1/a,"});
  // What the client sent before it knew is ignored, attachments included; it may come back.
  world.text(peer, "2/a,[\"x\"]");
  world.text(peer, "51-/a,[\"x\",{\"_placeholder\":true,\"num\":0}]");
  world.binary(peer, "y");
  EXPECT_EQ(world.ledger.input(), 0);
  EXPECT_EQ(world.take_log(), Lines{});
  world.text(peer, "0/a");
  EXPECT_EQ(world.take_log(), Lines{"0 connecting /a"});
  world.text(peer, "2[\"still\"]");
  EXPECT_EQ(world.take_log(), Lines{"0 event still [\"still\"]"});
}

TEST(Core, ServerClosesTheClient) {
  World world;
  world.core().create_namespace("/a");
  const std::size_t peer = world.join();
  world.text(peer, "0/a");
  world.received(peer);
  world.take_log();
  world.core().disconnect(*world.socket(peer), true, world.now);
  world.settle();
  EXPECT_EQ(world.take_log(), (Lines{"0 disconnecting server namespace disconnect",
                                     "0 disconnected server namespace disconnect",
                                     "0 disconnecting server namespace disconnect",
                                     "0 disconnected server namespace disconnect"}));
  const Lines sent = world.received(peer);
  ASSERT_GE(sent.size(), 2U);
  EXPECT_EQ(sent[0], "1");
  EXPECT_EQ(sent[1], "1/a,");
  EXPECT_TRUE(world.peer(peer).gone);
  EXPECT_EQ(world.core().clients(), 0U);
}

TEST(Core, CommandsOnGoneSockets) {
  World world;
  const std::size_t peer = world.join();
  Socket* socket = world.socket(peer);
  const SocketId id = socket->self;
  world.core().disconnect(*socket, false, world.now);
  world.core().disconnect(*socket, false, world.now);
  EXPECT_FALSE(world.core().emit(*socket, world.encoded("x"), {}));
  auto waiter = world.waiters.make("w");
  EXPECT_EQ(world.core().expect_ack(*socket, waiter, base::kNever), std::nullopt);
  ASSERT_NE(waiter, nullptr);
  waiter->finish(AckEnd::disconnected, {});
  world.settle();
  EXPECT_EQ(world.core().get(id), nullptr);
  EXPECT_FALSE(world.core().accept(id, world.now));
  EXPECT_FALSE(world.core().refuse(id, "x", {}));
  EXPECT_EQ(world.core().owner({}), 0U);
  world.core().on_session_closed({}, eio::CloseReason::transport_close, {}, world.now);
  world.core().admit({}, "/x", world.now);
}

TEST(Core, ReasonsOfTheTransport) {
  const std::pair<eio::CloseReason, const char*> table[] = {
      {eio::CloseReason::transport_close, "transport close"},
      {eio::CloseReason::transport_error, "transport error"},
      {eio::CloseReason::ping_timeout, "ping timeout"},
      {eio::CloseReason::parse_error, "parse error"},
      {eio::CloseReason::forced_close, "forced close"},
  };
  for (const auto& [reason, name] : table) {
    World world;
    const std::size_t peer = world.join();
    world.core().on_session_closed(world.peer(peer).client, reason, "why", world.now);
    world.drain();
    EXPECT_EQ(world.take_log(), (Lines{std::string("0 disconnecting ") + name,
                                       std::string("0 disconnected ") + name}));
  }
}

TEST(Core, ShutDown) {
  World world;
  world.core().create_namespace("/a");
  const std::size_t first = world.join();
  world.text(first, "0/a");
  const std::size_t second = world.join();
  const std::size_t idle = world.connect();
  auto waiter = world.waiters.make("one");
  world.core().expect_ack(*world.socket(first), waiter, world.now + std::chrono::seconds(9));
  const std::uint64_t id = world.core().next_ack_id(0);
  world.core().broadcast_with_ack(0, {}, world.packet("q", {}, id), {}, id,
                                  world.waiters.make("all"), base::kNever, world.now);
  world.take_log();
  world.core().shut_down(world.now);
  world.core().shut_down(world.now);
  world.settle();
  EXPECT_EQ(world.take_log(),
            (Lines{"0 disconnecting server shutting down", "0 disconnected server shutting down",
                   "0 disconnecting server shutting down", "0 disconnected server shutting down",
                   "1 disconnecting server shutting down", "1 disconnected server shutting down"}));
  std::sort(world.waiters.log.begin(), world.waiters.log.end());
  EXPECT_EQ(world.waiters.log, (Lines{"all: shut down -", "one: shut down -"}));
  EXPECT_EQ(world.core().clients(), 0U);
  EXPECT_EQ(world.core().deadline(), base::kNever);
  for (const std::size_t peer : {first, second, idle}) EXPECT_TRUE(world.peer(peer).gone);
  world.connect();
  EXPECT_EQ(world.core().clients(), 0U);
  world.waiters.log.clear();
  world.core().await_deadline(world.waiters.make("late"), base::kNever);
  world.settle();
  EXPECT_EQ(world.waiters.log, Lines{"late: shut down -"});
}

TEST(Core, SmallRecords) {
  EXPECT_LE(sizeof(Socket), 176U);
  EXPECT_LE(sizeof(Decoder), 16U);
}

}  // namespace
}  // namespace socketio::sio
