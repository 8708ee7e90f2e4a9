// Many receivers: rooms, exceptions, acknowledgements of many, and what is done to sets of sockets.
// The names in quotes are the titles of socket.io's own tests.
#include <algorithm>

#include <gtest/gtest.h>

#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Client;
using test::World;
using Strings = std::vector<std::string>;
const Strings kNothing;
const Strings kOne{R"(2["a"])"};

// Three clients in "/", whose sockets are first, second and third.
class Three : public ::testing::Test {
 protected:
  Three() : a_(world_), b_(world_), c_(world_) {
    world_.io.on_connection([this](const Socket& socket) { sockets_.push_back(socket); });
    for (Client* client : {&a_, &b_, &c_}) client->join();
  }
  Socket first() const { return sockets_.at(0); }
  Socket second() const { return sockets_.at(1); }
  Socket third() const { return sockets_.at(2); }
  void expect(const Strings& a, const Strings& b, const Strings& c) {
    EXPECT_EQ(a_.rest(), a);
    EXPECT_EQ(b_.rest(), b);
    EXPECT_EQ(c_.rest(), c);
  }
  std::size_t found(const Pending<std::vector<RemoteSocket>>& pending) const {
    return pending.get().value().size();
  }

  World world_;
  std::vector<Socket> sockets_;
  Client a_;
  Client b_;
  Client c_;
};

// covers sio/messaging-many: emits to a namespace
// covers sio/messaging-many: emits binary data to a namespace
// covers sio/uws: should broadcast
// covers sio/uws: should broadcast in a namespace
// covers sio/uws: should broadcast binary content
TEST_F(Three, EmitsToANamespace) {
  const Namespace other = world_.io.of("/test");
  b_.join("/test");
  world_.io.emit("a");
  expect(kOne, kOne, kOne);
  other.emit("a", Binary("x"));
  expect(kNothing, {R"(51-/test,["a",{"_placeholder":true,"num":0}])", "<x>"}, kNothing);
  world_.io.sockets().send(1);
  EXPECT_EQ(a_.rest(), Strings{R"(2["message",1])"});
}

// covers sio/messaging-many: emits to the rest
TEST_F(Three, EmitsToTheRest) {
  first().broadcast().emit("a");
  expect(kNothing, kOne, kOne);
  second().volatile_().broadcast().emit("a");
  expect(kOne, kNothing, kOne);
}

// covers sio/messaging-many: emits to rooms
// covers sio/messaging-many: emits to rooms avoiding dupes
// covers sio/messaging-many: broadcasts to rooms
// covers sio/messaging-many: broadcasts binary data to rooms
// covers sio/uws: should broadcast in multiple rooms
// covers sio/uws: should broadcast in a room
// covers sio/uws: should broadcast in multiple rooms
TEST_F(Three, EmitsToRooms) {
  first().join("room");
  second().join({"room", "other"});
  world_.io.in("room").emit("a");
  expect(kOne, kOne, kNothing);
  world_.io.to("room").to("other").emit("a");
  expect(kOne, kOne, kNothing);
  world_.io.in({"room", "other"}).in("unknown").emit("a");
  expect(kOne, kOne, kNothing);
  first().to("room").emit("a");
  expect(kNothing, kOne, kNothing);
  third().to({"room", "other"}).emit("a", Binary("x"));
  const Strings binary{R"(51-["a",{"_placeholder":true,"num":0}])", "<x>"};
  expect(binary, binary, kNothing);
  first().broadcast().in("other").local().emit("a");
  expect(kNothing, kOne, kNothing);
  world_.io.to(third().id()).emit("a");
  expect(kNothing, kNothing, kOne);
  world_.io.to("unknown").emit("a");
  expect(kNothing, kNothing, kNothing);
}

// Rooms are also known at run time only.
TEST_F(Three, TakesListsOfRooms) {
  const Strings rooms{"room", "other"};
  EXPECT_TRUE(first().join(rooms));
  second().join("room");
  world_.io.to(rooms).emit("a");
  expect(kOne, kOne, kNothing);
  first().in(rooms).emit("a");
  expect(kNothing, kOne, kNothing);
  world_.io.except(rooms).emit("a");
  expect(kNothing, kNothing, kOne);
  EXPECT_TRUE(world_.io.in(rooms).sockets_leave({"room", "other"}));
  EXPECT_TRUE(world_.io.sockets_join({"x", "y"}));
  EXPECT_TRUE(first().in_room("y") && third().in_room("x") && !first().in_room("room"));
}

// covers sio/messaging-many: keeps track of rooms
// covers sio/messaging-many: deletes empty rooms
// covers sio/messaging-many: should properly cleanup left rooms
// covers sio/messaging-many: allows to join several rooms at once
// covers sio/uws: should work even after leaving room
TEST_F(Three, KeepsTrackOfRooms) {
  const Socket s = first();
  const std::string id(s.id());
  EXPECT_EQ(s.rooms(), Strings{id});
  EXPECT_TRUE(s.join("a"));
  EXPECT_TRUE(s.join("b"));
  EXPECT_TRUE(s.join({"c", "a"}));
  Strings rooms = s.rooms();
  EXPECT_EQ(rooms.front(), id);
  std::sort(rooms.begin() + 1, rooms.end());
  EXPECT_EQ(rooms, (Strings{id, "a", "b", "c"}));
  EXPECT_TRUE(s.leave("b"));
  EXPECT_TRUE(s.leave("unknown"));
  EXPECT_FALSE(s.in_room("b"));
  EXPECT_TRUE(s.in_room("a"));
  EXPECT_TRUE(s.in_room(id));
  s.leave("a");
  EXPECT_EQ(found(world_.io.in("a").fetch_sockets()), 0U);
}

// covers sio/messaging-many: should exclude specific sockets when broadcasting
// covers sio/messaging-many: should exclude a specific room when broadcasting
// covers sio/namespaces: should exclude a specific socket when emitting
// covers sio/namespaces: should exclude a specific room when emitting
// covers sio/namespaces: should exclude a specific socket when emitting (in a namespace)
// covers sio/uws: should broadcast in all but a given room
TEST_F(Three, ExcludesRoomsAndSockets) {
  second().join("room");
  world_.io.except(first().id()).emit("a");
  expect(kNothing, kOne, kOne);
  world_.io.sockets().except({"room", first().id()}).emit("a");
  expect(kNothing, kNothing, kOne);
  first().broadcast().except("room").emit("a");
  expect(kNothing, kNothing, kOne);
  first().except("room").emit("a");
  expect(kNothing, kNothing, kOne);
}

// covers sio/messaging-many: should return an immutable broadcast operator
// covers sio/namespaces: should return an immutable broadcast operator
TEST_F(Three, ModifiersLeaveTheirOriginAlone) {
  first().join("room");
  const Broadcast all = world_.io.local();
  const Broadcast room = all.to("room");
  const Broadcast rest = all.except("room");
  all.to(second().id()).volatile_().compress(false);
  rest.emit("a");
  expect(kNothing, kOne, kOne);
  room.emit("a");
  expect(kOne, kNothing, kNothing);
  all.emit("a");
  expect(kOne, kOne, kOne);
}

// covers sio/messaging-many: should broadcast and expect multiple acknowledgements
// covers sio/messaging-many: should broadcast and expect multiple acknowledgements (promise)
TEST_F(Three, CollectsTheAcknowledgementsOfMany) {
  std::vector<int> replies;
  std::error_code error = Errc::timeout;
  int ends = 0;
  world_.io.timeout(std::chrono::seconds(10))
      .emit("ask", [&](std::error_code e, std::vector<int> r) {
        error = e;
        replies = std::move(r);
        ++ends;
      });
  for (Client* client : {&a_, &b_, &c_}) EXPECT_EQ(client->next(), R"(20["ask"])");
  a_.send("30[1]");
  a_.rest();
  a_.send("30[7]");  // a second answer counts for nothing
  b_.send("30[2,\"second\"]");
  b_.rest();
  EXPECT_EQ(ends, 0);
  c_.send("30[3]");
  c_.rest();
  EXPECT_EQ(ends, 1);
  EXPECT_FALSE(error);
  std::sort(replies.begin(), replies.end());
  EXPECT_EQ(replies, (std::vector<int>{1, 2, 3}));

  auto pending = first().broadcast().timeout(std::chrono::seconds(10)).emit_with_ack<int>("ask");
  EXPECT_EQ(b_.next(), R"(21["ask"])");
  b_.send("31[5]");
  c_.send("31[5]");
  EXPECT_TRUE(world_.until([&] { return pending.ready(); }));
  EXPECT_EQ(pending.get().value(), (std::vector<int>{5, 5}));
}

// A client that answers with something else than was asked for is not passed over in silence.
TEST_F(Three, RepliesThatDoNotFitAreTold) {
  std::vector<int> replies;
  std::error_code error;
  world_.io.timeout(std::chrono::seconds(10))
      .emit("ask", [&](std::error_code e, std::vector<int> r) {
        error = e;
        replies = std::move(r);
      });
  a_.send("30[1]");
  b_.send(R"(30["one"])");
  c_.send("30[]");
  EXPECT_TRUE(world_.until([&] { return static_cast<bool>(error); }));
  EXPECT_EQ(error, Errc::unexpected_reply);
  EXPECT_EQ(replies, std::vector<int>{1});
}

// covers sio/messaging-many: should fail when a client does not acknowledge the event in the given
// delay covers sio/messaging-many: should fail when a client does not acknowledge the event in the
// given delay (promise)
TEST_F(Three, SilentClientsAreWaitedForOnlySoLong) {
  std::vector<int> replies;
  std::error_code error;
  const Broadcast soon = world_.io.timeout(std::chrono::milliseconds(100));
  soon.emit("ask", [&](std::error_code e, std::vector<int> r) {
    error = e;
    replies = std::move(r);
  });
  auto pending = soon.emit_with_ack<int>("ask");
  a_.send("30[1]");
  b_.send("30[1]");
  EXPECT_TRUE(world_.until([&] { return static_cast<bool>(error) && pending.ready(); }));
  EXPECT_EQ(error, Errc::timeout);
  EXPECT_EQ(replies, (std::vector<int>{1, 1}));
  EXPECT_EQ(pending.get().error(), Errc::timeout);
}

// covers sio/messaging-many: should broadcast and return if the packet is sent to 0 client
TEST_F(Three, NobodyToAskIsAnAnswer) {
  std::error_code error = Errc::timeout;
  std::size_t count = 9;
  const Broadcast nobody = world_.io.to("unknown").timeout(std::chrono::seconds(10));
  nobody.emit("ask", [&](std::error_code e, const std::vector<int>& r) {
    error = e;
    count = r.size();
  });
  auto pending = nobody.emit_with_ack<int>("ask");
  EXPECT_TRUE(world_.until([&] { return pending.ready(); }));
  EXPECT_TRUE(pending.get().value().empty());
  EXPECT_FALSE(error);
  EXPECT_EQ(count, 0U);
}

TEST_F(Three, ANegativeTimeoutIsOver) {
  auto all = world_.io.timeout(std::chrono::milliseconds(-1)).emit_with_ack<int>("ask");
  auto remote = world_.io.fetch_sockets();
  ASSERT_TRUE(remote.ready());
  auto one = remote.get().value().at(0).timeout(std::chrono::milliseconds(-1));
  auto answer = one.emit_with_ack<int>("ask");
  EXPECT_TRUE(world_.until([&] { return all.ready() && answer.ready(); }));
  EXPECT_EQ(all.get().error(), Errc::timeout);
  EXPECT_EQ(answer.get().error(), Errc::timeout);
}

TEST_F(Three, AskingManyNeedsATimeout) {
  const auto take = [](std::error_code, const std::vector<int>&) {};
  EXPECT_THROW(world_.io.emit("ask", take), std::invalid_argument);
  EXPECT_THROW(world_.io.to("x").emit_with_ack<int>("ask"), std::invalid_argument);
}

// covers sio/namespaces: should throw on reserved event
TEST_F(Three, ReservedEventsThrow) {
  EXPECT_THROW(world_.io.emit("connect"), std::invalid_argument);
  EXPECT_THROW(world_.io.to("x").emit("disconnect"), std::invalid_argument);
  EXPECT_THROW(world_.io.on_event("disconnect", [] {}), std::invalid_argument);
}

// covers sio/namespaces: should find all clients in a namespace room
// covers sio/namespaces: should find all clients across namespace rooms
// covers sio/utility-methods: returns all socket instances
// covers sio/utility-methods: returns all socket instances in the given room
// covers sio/namespaces: should find all clients in a namespace
TEST_F(Three, FetchesSockets) {
  first().join({"room", "third"});
  second().join("other");
  EXPECT_EQ(found(world_.io.fetch_sockets()), 3U);
  EXPECT_EQ(found(world_.io.in({"room", "other"}).fetch_sockets()), 2U);
  EXPECT_EQ(found(world_.io.except("room").fetch_sockets()), 2U);
  EXPECT_EQ(found(world_.io.of("/empty").fetch_sockets()), 0U);
  const auto all = world_.io.in("room").fetch_sockets().get().value();
  ASSERT_EQ(all.size(), 1U);
  const RemoteSocket& remote = all[0];
  EXPECT_EQ(remote.id(), first().id());
  EXPECT_EQ(remote.rooms().size(), 3U);
  EXPECT_EQ(remote.handshake().address, "127.0.0.1");
  EXPECT_TRUE(remote.emit("a"));
  expect(kOne, kNothing, kNothing);
  EXPECT_TRUE(remote.join("new"));
  EXPECT_TRUE(first().in_room("new"));
  EXPECT_TRUE(remote.leave("new"));
  EXPECT_FALSE(first().in_room("new"));
  auto asked = remote.timeout(std::chrono::seconds(10)).emit_with_ack<int>("ask");
  EXPECT_EQ(a_.next(), R"(20["ask"])");
  a_.send("30[4]");
  a_.rest();
  EXPECT_EQ(asked.get().value(), 4);
  EXPECT_THROW(static_cast<void>(remote.emit_with_ack<int>("ask")), std::invalid_argument);
  EXPECT_THROW(remote.volatile_().emit("ask", [](int) {}), std::invalid_argument);
  remote.disconnect();
  EXPECT_EQ(a_.next(), "1");
}

// It is one client: words that choose others would say nothing.
template <class T>
concept ChoosesRooms = requires(const T& it) {
  it.to("room");
}
|| requires(const T& it) {
  it.except("room");
}
|| requires(const T& it) {
  it.local();
}
|| requires(const T& it) {
  it.broadcast();
};
template <class T>
constexpr bool kModifiedChoosesRooms =
    ChoosesRooms<decltype(std::declval<T>().volatile_())> ||
    ChoosesRooms<decltype(std::declval<T>().compress(true))> ||
    ChoosesRooms<decltype(std::declval<T>().timeout(std::chrono::seconds(1)).compress(true))>;
static_assert(ChoosesRooms<Socket> && ChoosesRooms<Broadcast> && !ChoosesRooms<RemoteSocket>);
static_assert(kModifiedChoosesRooms<Socket> && !kModifiedChoosesRooms<RemoteSocket>);

// What has been disconnected is not found, even before its handlers have run.
TEST_F(Three, FetchesOnlyWhoIsConnected) {
  first().disconnect();
  EXPECT_EQ(found(world_.io.fetch_sockets()), 2U);
  EXPECT_EQ(world_.io.sockets().sockets().size(), 2U);
}

// covers sio/utility-methods: socketsJoin › makes all socket instances join the given room
// covers sio/utility-methods: socketsJoin › makes all socket instances in a room join the given
// room covers sio/utility-methods: socketsLeave › makes all socket instances leave the given room
// covers sio/utility-methods: socketsLeave › makes all socket instances in a room leave the given
// room
TEST_F(Three, MovesSetsOfSockets) {
  first().join("room");
  EXPECT_TRUE(world_.io.sockets_join("all"));
  EXPECT_TRUE(world_.io.in("room").sockets_join(Strings{"x", "y"}));
  EXPECT_TRUE(first().in_room("all") && first().in_room("x") && first().in_room("y"));
  EXPECT_TRUE(third().in_room("all") && !third().in_room("x"));
  EXPECT_TRUE(world_.io.in("x").sockets_leave("all"));
  EXPECT_TRUE(!first().in_room("all") && second().in_room("all"));
  EXPECT_TRUE(world_.io.sockets_leave(Strings{"all", "y"}));
  EXPECT_TRUE(!second().in_room("all") && !first().in_room("y"));
}

// covers sio/utility-methods: disconnectSockets › makes all socket instances disconnect
// covers sio/utility-methods: disconnectSockets › makes all socket instances in a room disconnect
TEST_F(Three, DisconnectsSetsOfSockets) {
  second().join("room");
  EXPECT_TRUE(world_.io.in("room").disconnect_sockets(true));
  EXPECT_TRUE(b_.wait_closed());
  EXPECT_TRUE(world_.io.except(first().id()).disconnect_sockets());
  EXPECT_EQ(c_.rest(), Strings{"1"});
  EXPECT_FALSE(c_.closed());
  EXPECT_TRUE(world_.io.disconnect_sockets(true));
  EXPECT_TRUE(a_.wait_closed());
}

// To polling and WebSocket clients alike.
// covers sio/uws: should broadcast
TEST_F(Three, PollingClientsTakePart) {
  test::PollingClient polling(world_);
  ASSERT_TRUE(polling.join());
  polling.start_poll();
  world_.settle();
  world_.io.emit("a");
  EXPECT_EQ(polling.poll(), R"(42["a"])");
  expect(kOne, kOne, kOne);
}

}  // namespace
}  // namespace socketio
