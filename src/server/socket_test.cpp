// Sockets as users see them: events, acknowledgements, binary, listeners, rooms and ends. The names
// in quotes are the titles of socket.io's own tests (packages/socket.io/test).
#include <gtest/gtest.h>

#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Client;
using test::only;
using test::World;
using Strings = std::vector<std::string>;

// The server's side of the only client.
// covers sio/socket: should receive events
TEST(Sockets, HandlersGetWhatTheClientSends) {
  World world;
  std::string seen;
  world.io.on_connection([&seen](const Socket& socket) {
    socket.on("random", [&seen](int a, std::string_view b, const std::vector<int>& c) {
      seen = std::to_string(a) + std::string(b) + std::to_string(c.at(0));
    });
  });
  Client client(world);
  const std::string id = client.join();
  EXPECT_EQ(id.size(), 20U);
  client.send(R"(2["random",1,"2",[3]])");
  EXPECT_EQ(client.rest(), Strings{});
  EXPECT_EQ(seen, "123");
}

// covers sio/socket: should receive message events through `send`
// covers sio/socket: should emit message events through `send`
TEST(Sockets, SendIsTheMessageEvent) {
  World world;
  int got = 0;
  world.io.on_event("message", [&got](const Socket& socket, int value) {
    got = value;
    socket.send("a", 1);
  });
  Client client(world);
  client.join();
  client.send(R"(2["message",1337])");
  EXPECT_EQ(client.next(), R"(2["message","a",1])");
  EXPECT_EQ(got, 1337);
}

// covers sio/socket: should error with null messages
TEST(Sockets, NullArrivesAsNull) {
  World world;
  Value got = 1;
  world.io.on_event("message", [&got](const Value& value) { got = value; });
  Client client(world);
  client.join();
  client.send(R"(2["message",null])");
  client.rest();
  EXPECT_TRUE(got.is_null());
}

// covers sio/socket: should emit events
// covers sio/socket: should emit events with utf8 multibyte character
TEST(Sockets, EmitsEventsOfSeveralTypes) {
  World world;
  Client client(world);
  client.join();
  const Socket socket = only(world);
  EXPECT_TRUE(socket.emit("woot", 1, "two", true, nullptr, 1.5, std::vector<int>{3, 4}));
  EXPECT_EQ(client.next(), R"(2["woot",1,"two",true,null,1.5,[3,4]])");
  for (int i = 0; i < 3; ++i) socket.emit("hoot", "utf8 — string");
  EXPECT_EQ(client.rest(), Strings(3, R"(2["hoot","utf8 — string"])"));
}

// covers sio/socket: should emit events with binary data
// covers sio/socket: should emit events with several types of data (including binary)
TEST(Sockets, EmitsBinaryAsAttachments) {
  World world;
  Client client(world);
  client.join();
  only(world).emit("doge", Binary("jpg"));
  EXPECT_EQ(client.next(), R"(51-["doge",{"_placeholder":true,"num":0}])");
  EXPECT_EQ(client.next(), "<jpg>");
  only(world).emit(
      "multiple", 1, "2", Binary("a"),
      Value::object({{"x", Value::array({Value(Binary("b")), Value("t")})}, {"y", Binary("c")}}));
  EXPECT_EQ(client.next(), R"(53-["multiple",1,"2",{"_placeholder":true,"num":0},)"
                           R"({"x":[{"_placeholder":true,"num":1},"t"],)"
                           R"("y":{"_placeholder":true,"num":2}}])");
  EXPECT_EQ(client.rest(), (Strings{"<a>", "<b>", "<c>"}));
}

// covers sio/socket: should receive events with binary data
// covers sio/socket: should receive events with several types of data (including binary)
TEST(Sockets, ReceivesBinary) {
  World world;
  Args got;
  world.io.on_event("multiple", [&got](const Args& args) { got = args; });
  Client client(world);
  client.join();
  client.send(R"(52-["multiple",1,{"_placeholder":true,"num":0},)"
              R"({"n":[{"_placeholder":true,"num":1}]}])");
  client.send_binary("first");
  client.send_binary("second");
  client.rest();
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(got[0], Value(1));
  EXPECT_EQ(got[1], Value(Binary("first")));
  EXPECT_EQ(got[2]["n"][0U], Value(Binary("second")));
}

// covers sio/socket: should receive event with callbacks
// covers sio/socket: should receive events with args and callback
// covers sio/socket: should receive events with binary args and callbacks
// covers sio/socket: should receive events and pass binary data in a callback
TEST(Sockets, ClientsGetTheirAcknowledgement) {
  World world;
  world.io.on_event("woot", [](const Ack& ack) {
    EXPECT_TRUE(ack);
    EXPECT_TRUE(ack(1, 2));
    EXPECT_FALSE(ack);
    EXPECT_FALSE(ack(3));  // at most one is sent
  });
  world.io.on_event("args", [](int a, const Ack& ack) { ack("got", a); });
  world.io.on_event("bytes", [](const Binary& bytes, const Ack& ack) { ack(bytes); });
  world.io.on_event("quiet", [](const Ack& ack) {
    EXPECT_FALSE(ack);
    EXPECT_FALSE(ack(1));
  });
  Client client(world);
  client.join();
  client.send(R"(20["woot"])");
  EXPECT_EQ(client.next(), "30[1,2]");
  client.send(R"(21["args",5])");
  EXPECT_EQ(client.next(), R"(31["got",5])");
  client.send(R"(51-2["bytes",{"_placeholder":true,"num":0}])");
  client.send_binary("b");
  EXPECT_EQ(client.rest(), (Strings{R"(61-2[{"_placeholder":true,"num":0}])", "<b>"}));
  client.send(R"(2["quiet"])");
  EXPECT_EQ(client.rest(), Strings{});
}

// covers sio/socket: should receive all events emitted from namespaced client immediately and in
// order
TEST(Sockets, EventsKeepTheirOrder) {
  World world;
  std::vector<int> seen;
  world.io.of("/chat").on_event("n", [&seen](int n) { seen.push_back(n); });
  Client client(world);
  client.join("/chat");
  std::vector<int> expected;
  for (int i = 0; i < 100; ++i) {
    client.send("2/chat,[\"n\"," + std::to_string(i) + "]");
    expected.push_back(i);
  }
  client.rest();
  EXPECT_EQ(seen, expected);
}

// covers sio/socket: should emit events with callbacks
// covers sio/socket: should emit events with args and callback
// covers sio/socket: should emit events with binary args and callback
// covers sio/socket: should emit events and receive binary data in a callback
// covers sio/socket: should emit an event and wait for the acknowledgement
TEST(Sockets, ServersGetTheirAcknowledgement) {
  World world;
  Client client(world);
  client.join();
  const Socket socket = only(world);
  int called = 0;
  Binary bytes;
  std::string text;
  EXPECT_TRUE(socket.emit("hi", [&called] { ++called; }));
  EXPECT_TRUE(socket.emit("hi", 1, Binary("x"), [&bytes](const Binary& b) { bytes = b; }));
  Pending<std::string> pending = socket.emit_with_ack<std::string>("hi", 2);
  EXPECT_FALSE(pending.ready());
  EXPECT_EQ(client.rest(), (Strings{R"(20["hi"])", R"(51-1["hi",1,{"_placeholder":true,"num":0}])",
                                    "<x>", R"(22["hi",2])"}));
  client.send("30[]");
  client.send(R"(61-1[{"_placeholder":true,"num":0}])");
  client.send_binary("pong");
  client.send(R"(32["reply","second"])");
  client.send("30[]");   // answered already
  client.send("399[]");  // never asked
  client.rest();
  EXPECT_EQ(called, 1);
  EXPECT_EQ(bytes, Binary("pong"));
  ASSERT_TRUE(pending.ready());
  EXPECT_EQ(pending.get().value(), "reply");
  EXPECT_TRUE(world.errors.empty());
}

TEST(Sockets, AReplyMayHaveSeveralValues) {
  World world;
  Client client(world);
  client.join();
  const Socket socket = only(world);
  std::vector<std::string> got;
  const auto note = [&got](int a, const std::string& b, std::optional<bool> c) {
    got.push_back(std::to_string(a) + b + (c ? "c" : "-"));
  };
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(socket.emit("hi", note));
  client.rest();
  client.send(R"(30[5,"b",true])");
  client.send(R"(31[6,"b"])");
  client.send(R"(32["5","b"])");  // does not fit
  client.send("33[5]");           // too few
  client.rest();
  EXPECT_EQ(got, (std::vector<std::string>{"5bc", "6b-"}));
}

TEST(Sockets, AReplyThatDoesNotFitIsAnError) {
  World world;
  Client client(world);
  client.join();
  std::error_code error;
  only(world).emit("hi", [&error](const Result<int>& r) { error = r.error(); });
  EXPECT_EQ(client.next(), R"(20["hi"])");
  client.send(R"(30["no number"])");
  client.rest();
  EXPECT_EQ(error, Errc::unexpected_reply);
}

// Every wait ends: with what cannot be sent, at once.
TEST(Sockets, AnEventWithTooManyAttachmentsIsNotAwaited) {
  World world;
  Client client(world);
  client.join();
  const std::vector<Binary> eleven(11, Binary("x"));
  EXPECT_FALSE(only(world).emit("many", eleven));
  auto pending = only(world).emit_with_ack<int>("many", eleven);
  ASSERT_TRUE(world.until([&] { return pending.ready(); }));
  EXPECT_EQ(pending.get().error(), Errc::too_many);
  EXPECT_EQ(client.rest(), Strings{});
}

TEST(Sockets, PendingAcknowledgementsAreLimited) {
  World world;
  Client client(world);
  client.join();
  std::error_code error;
  bool refused = false;
  for (int i = 0; i < 200'000 && !refused; ++i)
    refused = !only(world).emit("hi", [&error](const Result<int>& r) { error = r.error(); });
  EXPECT_TRUE(refused);
  EXPECT_EQ(error, Errc::too_many);
}

// covers sio/socket: should see query parameters in the request
// covers sio/socket: should see query parameters sent from secondary namespace connections in
// handshake object
TEST(Sockets, TheHandshakeHasTheRequestAndTheAuth) {
  World world;
  world.io.of("/second");
  Client client(
      world, {.query = "&key1=1&key2=2%26%3D", .headers = "X-Token: abc\r\nOrigin: http://a\r\n"});
  client.join();
  client.join("/second", R"({"token":"123"})");
  const Handshake first = only(world).handshake();
  EXPECT_EQ(first.query.at("key1"), "1");
  EXPECT_EQ(first.query.at("key2"), "2&=");
  EXPECT_EQ(first.query.at("EIO"), "4");
  EXPECT_EQ(first.header("x-token"), "abc");
  EXPECT_EQ(first.header("absent"), "");
  EXPECT_EQ(first.address, "127.0.0.1");
  EXPECT_EQ(first.url, "/socket.io/?EIO=4&transport=websocket&key1=1&key2=2%26%3D");
  EXPECT_EQ(first.auth, Value(Object()));
  EXPECT_GT(first.issued, 1'600'000'000'000);
  EXPECT_TRUE(first.xdomain);
  EXPECT_FALSE(first.secure);
  const auto second = world.io.of("/second").sockets();
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].handshake().auth["token"], Value("123"));
  EXPECT_EQ(second[0].handshake().query.at("key1"), "1");
  // Also of a copy that is gone.
  const auto token = second[0].handshake().header("x-token");
  const auto absent = second[0].handshake().header("absent");
  EXPECT_EQ(token, "abc");
  EXPECT_EQ(absent, "");
  static_assert(std::is_same_v<decltype(first.header("")), std::string_view>);
  static_assert(std::is_same_v<decltype(second[0].handshake().header("")), std::string>);
}

// covers sio/socket: should handle very large json
// covers sio/socket: should handle very large binary data
TEST(Sockets, LargePayloadsArriveWhole) {
  World world;
  std::size_t text = 0;
  std::size_t bytes = 0;
  world.io.on_event("text", [&text](const std::string& s) { text += s.size(); });
  world.io.on_event("bytes", [&bytes](const Socket& socket, const Binary& b) {
    bytes += b.view().size();
    socket.emit("back", b);
  });
  Client client(world);
  client.join();
  const std::string big(900'000, 'x');
  for (int i = 0; i < 3; ++i) client.send("2[\"text\",\"" + big + "\"]");
  for (int i = 0; i < 3; ++i) {
    client.send(R"(51-["bytes",{"_placeholder":true,"num":0}])");
    client.send_binary(big);
  }
  const Strings all = client.rest();
  EXPECT_EQ(text, 3 * big.size());
  EXPECT_EQ(bytes, 3 * big.size());
  ASSERT_EQ(all.size(), 6U);
  EXPECT_EQ(all.back(), "<" + big + ">");
}

// covers sio/socket: should throw on reserved event
TEST(Sockets, ReservedEventsThrow) {
  World world;
  Client client(world);
  client.join();
  const Socket socket = only(world);
  for (const char* name : {"connect", "connect_error", "disconnect", "disconnecting", "newListener",
                           "removeListener"}) {
    EXPECT_THROW(socket.emit(name), std::invalid_argument);
    EXPECT_THROW(socket.on(name, [] {}), std::invalid_argument);
    EXPECT_THROW(socket.timeout(std::chrono::seconds(1)).emit(name, [](const Result<int>&) {}),
                 std::invalid_argument);
  }
  try {
    socket.emit("connect");
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "\"connect\" is a reserved event name");
  }
}

TEST(Sockets, CompressIsAccepted) {
  World world;
  Client client(world);
  client.join();
  only(world).compress(false).emit("a", 1);
  only(world).compress(true).emit("b");
  world.io.compress(false).emit("c");
  EXPECT_EQ(client.rest(), (Strings{R"(2["a",1])", R"(2["b"])", R"(2["c"])"}));
}

// covers sio/socket-timeout: should timeout if the client does not acknowledge the event
// covers sio/socket-timeout: should timeout if the client does not acknowledge the event in time
// covers sio/socket-timeout: should timeout if the client does not acknowledge the event (promise)
TEST(SocketTimeout, TheAcknowledgementMayBeLate) {
  World world;
  Client client(world);
  client.join();
  const Socket socket = only(world);
  int ends = 0;
  std::error_code error;
  const auto note = [&](const Result<int>& r) {
    ++ends;
    error = r.error();
  };
  socket.timeout(std::chrono::milliseconds(20)).emit("unknown", note);
  EXPECT_TRUE(world.until([&] { return ends == 1; }));
  EXPECT_EQ(error, Errc::timeout);
  EXPECT_EQ(error.message(), "operation has timed out");
  socket.timeout(std::chrono::milliseconds(0)).emit("echo", 42, note);
  EXPECT_TRUE(world.until([&] { return ends == 2; }));
  client.rest();
  client.send("31[42]");  // too late
  client.rest();
  EXPECT_EQ(ends, 2);
  auto pending = socket.timeout(std::chrono::milliseconds(20)).emit_with_ack<int>("unknown");
  EXPECT_TRUE(world.until([&] { return pending.ready(); }));
  EXPECT_EQ(pending.get().error(), Errc::timeout);
}

// covers sio/socket-timeout: should not timeout if the client does acknowledge the event
// covers sio/socket-timeout: should not timeout if the client does acknowledge the event (promise)
TEST(SocketTimeout, TheAcknowledgementMayBeInTime) {
  World world;
  Client client(world);
  client.join();
  std::optional<int> value;
  const SocketEmitter in_time = only(world).timeout(std::chrono::seconds(10));
  in_time.emit("echo", 42, [&value](int reply) { value = reply; });
  auto pending = in_time.emit_with_ack<int>("echo", 43);
  EXPECT_EQ(client.next(), R"(20["echo",42])");
  EXPECT_EQ(client.next(), R"(21["echo",43])");
  client.send("30[42]");
  client.send("31[43]");
  client.rest();
  EXPECT_EQ(value, 42);
  EXPECT_EQ(pending.get().value(), 43);
}

// As in JS: what is left until a moment that has passed.
TEST(SocketTimeout, ANegativeOneIsOver) {
  World world;
  Client client(world);
  client.join();
  auto pending = only(world).timeout(std::chrono::nanoseconds::min()).emit_with_ack<int>("unknown");
  EXPECT_TRUE(world.until([&pending] { return pending.ready(); }));
  EXPECT_EQ(pending.get().error(), Errc::timeout);
}

}  // namespace
}  // namespace socketio
