// Handlers of every signature: what they may take, what fits, what they give back.
#include <deque>
#include <list>
#include <set>
#include <variant>

#include <gtest/gtest.h>

#include <socketio/nlohmann.hpp>

#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Client;
using test::World;
using Strings = std::vector<std::string>;

struct Point {
  double x = 0;
  double y = 0;
  std::optional<std::string> label{};
};
SOCKETIO_FIELDS(Point, x, y, label)

struct Shape {
  std::string name;
  std::vector<Point> points;
};
SOCKETIO_FIELDS(Shape, name, points)

enum class Colour : std::uint8_t { red, green };

// A handler's value comes back as the acknowledgement: one round trip tests both directions.
class Echo : public ::testing::Test {
 protected:
  Echo() : client_(world_) { client_.join(); }

  template <class T>
  void listen() {
    world_.io.sockets().off("echo");
    world_.io.on_event("echo", [](const T& value) { return value; });
  }
  // The acknowledgement of an event with these arguments, or "" when none came.
  std::string answer(std::string_view args) {
    client_.send("21[\"echo\"" + std::string(args.empty() ? "" : ",") + std::string(args) + "]");
    Strings all = client_.rest();
    return all.empty() ? "" : all.front().substr(1);
  }
  template <class T>
  void expect_same(std::string_view json) {
    listen<T>();
    EXPECT_EQ(answer(json), "1[" + std::string(json) + "]");
  }
  template <class T>
  void expect_refused(std::string_view json) {
    listen<T>();
    const std::uint64_t before = world_.io.stats().mismatched_events;
    EXPECT_EQ(answer(json), "") << json;
    EXPECT_EQ(world_.io.stats().mismatched_events, before + 1) << json;
    ASSERT_FALSE(world_.errors.empty());
    EXPECT_EQ(world_.errors.back().kind, ErrorReport::Kind::payload_mismatch);
    EXPECT_EQ(world_.errors.back().event, "echo");
    EXPECT_EQ(world_.errors.back().message, "argument 0 does not fit the handler");
  }

  World world_;
  Client client_;
};

TEST_F(Echo, EveryKindOfTypeGoesThereAndBack) {
  expect_same<bool>("true");
  expect_same<std::int8_t>("-128");
  expect_same<std::uint16_t>("65535");
  expect_same<int>("-2147483648");
  expect_same<std::int64_t>("-9223372036854775808");
  expect_same<std::uint64_t>("18446744073709551615");
  expect_same<double>("1.5");
  expect_same<float>("0.25");
  expect_same<Colour>("1");
  expect_same<std::string>(R"("text \" — ")");
  expect_same<Value>(R"({"a":[1,null,"x",{"b":1.5}]})");
  expect_same<Object>(R"({"z":1,"a":2})");
  expect_same<Raw>(R"({"a":[1,2.5]})");
  expect_same<std::optional<int>>("3");
  expect_same<std::optional<int>>("null");
  expect_same<std::vector<int>>("[1,2,3]");
  expect_same<std::vector<std::vector<std::string>>>(R"([["a"],[]])");
  expect_same<std::deque<bool>>("[true,false]");
  expect_same<std::list<int>>("[1]");
  expect_same<std::set<std::string>>(R"(["a","b"])");
  expect_same<std::array<int, 2>>("[1,2]");
  expect_same<std::map<std::string, int>>(R"({"a":1,"b":2})");
  expect_same<std::pair<int, std::string>>(R"([1,"x"])");
  expect_same<std::tuple<int, bool, std::string>>(R"([1,true,"x"])");
  expect_same<std::variant<int, std::string>>("1");
  expect_same<std::variant<int, std::string>>(R"("x")");
  expect_same<std::monostate>("null");
  expect_same<Point>(R"({"x":1.5,"y":-2,"label":"here"})");
  expect_same<Point>(R"({"x":1.5,"y":-2})");
  expect_same<Shape>(R"({"name":"line","points":[{"x":0,"y":0},{"x":1,"y":1}]})");
  expect_same<nlohmann::json>(R"({"a":[1,null,"x"],"b":1.5})");
  EXPECT_TRUE(world_.errors.empty());
}

TEST_F(Echo, WhatDoesNotFitIsReportedAndNotAcknowledged) {
  expect_refused<bool>("1");
  expect_refused<std::int8_t>("128");
  expect_refused<std::uint64_t>("-1");
  expect_refused<int>("1.5");
  expect_refused<int>(R"("1")");
  expect_refused<int>("");  // missing
  expect_refused<double>("true");
  expect_refused<std::string>("5");
  expect_refused<std::string>("null");
  expect_refused<Binary>(R"("text")");
  expect_refused<std::vector<int>>(R"([1,"2"])");
  expect_refused<std::array<int, 2>>("[1,2,3]");
  expect_refused<std::map<std::string, int>>("[1]");
  expect_refused<std::pair<int, int>>("[1]");
  expect_refused<std::variant<int, bool>>(R"("x")");
  expect_refused<Point>(R"({"x":1})");
  expect_refused<Point>(R"({"x":1,"y":"2"})");
  expect_refused<Object>("[]");
  EXPECT_FALSE(client_.closed());
  expect_same<int>("1");
}

TEST_F(Echo, BinaryInItsForms) {
  world_.io.on_event("bytes", [](const Binary& a, const std::vector<std::byte>& b, BinaryView c) {
    return Value::array({Value(a), Value(static_cast<int>(b.size())), Value(c.bytes)});
  });
  client_.send(R"(53-2["bytes",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1},)"
               R"({"_placeholder":true,"num":2}])");
  client_.send_binary("first");
  client_.send_binary("two");
  client_.send_binary("third");
  EXPECT_EQ(client_.rest(),
            (Strings{R"(61-2[[{"_placeholder":true,"num":0},3,"third"]])", "<first>"}));
}

TEST_F(Echo, OptionalArgumentsMayBeMissing) {
  std::string seen;
  world_.io.on_event("opt", [&seen](int a, std::optional<std::string> b, std::optional<int> c) {
    seen = std::to_string(a) + b.value_or("-") + std::to_string(c.value_or(-1));
  });
  client_.send(R"(2["opt",1])");
  client_.rest();
  EXPECT_EQ(seen, "1--1");
  client_.send(R"(2["opt",1,"b",2,"more","than","asked"])");
  client_.rest();
  EXPECT_EQ(seen, "1b2");
}

TEST_F(Echo, TheReportNamesTheArgument) {
  world_.io.on_event("two", [](const Socket&, int, int, const Ack&) {});
  client_.send(R"(21["two",1,"x"])");
  EXPECT_EQ(client_.rest(), Strings{});
  ASSERT_EQ(world_.errors.size(), 1U);
  EXPECT_EQ(world_.errors[0].message, "argument 1 does not fit the handler");
}

// Those that are answered at once serve later events; those that are kept are theirs for ever.
TEST_F(Echo, AcksThatAreKeptAreNotConfusedWithLaterOnes) {
  std::vector<std::pair<int, Ack>> kept;
  world_.io.on_event("n", [&kept](int n, const Ack& ack) {
    if (n % 3 == 0) return kept.emplace_back(n, ack), void();
    EXPECT_TRUE(ack(n));
    EXPECT_FALSE(ack(n));
  });
  const auto ask = [this](int n) {
    client_.send("2" + std::to_string(n) + "[\"n\"," + std::to_string(n) + "]");
  };
  Strings expected;
  for (int n = 0; n < 12; ++n) {
    ask(n);
    if (n % 3 != 0) expected.push_back("3" + std::to_string(n) + "[" + std::to_string(n) + "]");
  }
  EXPECT_EQ(client_.rest(), expected);
  expected.clear();
  while (!kept.empty()) {
    const auto& [n, ack] = kept.back();
    EXPECT_TRUE(ack(-n));
    EXPECT_FALSE(ack);
    expected.push_back("3" + std::to_string(n) + "[" + std::to_string(-n) + "]");
    kept.pop_back();
  }
  EXPECT_EQ(client_.rest(), expected);
}

TEST_F(Echo, SocketFirstAckLastAndValuesBack) {
  world_.io.on_event("add", [](const Socket& socket, int a, int b) {
    EXPECT_TRUE(socket.connected());
    return a + b;
  });
  world_.io.on_event("later", [](Socket socket, std::string text, Ack ack) {
    EXPECT_TRUE(socket.post([ack, text] { EXPECT_TRUE(ack("later", text)); }));
  });
  world_.io.on_event("none", [](int) {});
  client_.send(R"(21["add",1,2])");
  EXPECT_EQ(client_.next(), "31[3]");
  client_.send(R"(2["add",1,2])");  // nobody waits
  client_.send(R"(22["later","x"])");
  EXPECT_EQ(client_.next(), R"(32["later","x"])");
  client_.send(R"(23["none",1])");
  EXPECT_EQ(client_.rest(), Strings{});
}

// However many handlers an event has, its acknowledgement is sent once.
TEST_F(Echo, TheFirstAnswerOfSeveralHandlersCounts) {
  Ack kept;
  world_.io.on_event("both", [&kept](const Ack& ack) { kept = ack; });
  world_.io.on_event("both", [] { return 1; });
  world_.io.on_event("both", [] { return 2; });
  client_.send(R"(21["both"])");
  EXPECT_EQ(client_.rest(), Strings{"31[1]"});
  EXPECT_FALSE(kept);
  EXPECT_FALSE(kept(3));
  EXPECT_EQ(client_.rest(), Strings{});
}

TEST_F(Echo, TheWholeEvent) {
  Strings seen;
  world_.io.on_event("whole", [&seen](const Socket&, const EventView& event, const Ack& ack) {
    int number = 0;
    std::string_view text;
    EXPECT_TRUE(event.get(0, number));
    EXPECT_FALSE(event.get(0, text));
    EXPECT_TRUE(event[1].as_string(text));
    EXPECT_FALSE(event[7].exists());
    EXPECT_TRUE(event.wants_ack());
    seen.push_back(std::string(event.name()) + std::to_string(event.size()) +
                   std::to_string(number) + std::string(text) + std::string(event.raw()));
    ack(Spread(event.values()));
  });
  client_.send(R"(21["whole", 5 ,"x",[true]])");
  EXPECT_EQ(client_.next(), R"(31[5,"x",[true]])");
  EXPECT_EQ(seen, Strings{R"(whole35x5 ,"x",[true])"});
}

TEST_F(Echo, ArgsAndSpreadAndRawPassOnWhatCame) {
  world_.io.on_event("args", [](const Socket& socket, const Args& all) {
    socket.emit("back", Spread(all));
    socket.emit("count", all.size());
  });
  world_.io.on_event("raw", [](const Socket& socket, RawView raw) { socket.emit("back", raw); });
  client_.send(R"(2["args",1,"two",{"three":3}])");
  EXPECT_EQ(client_.next(), R"(2["back",1,"two",{"three":3}])");
  EXPECT_EQ(client_.next(), R"(2["count",3])");
  client_.send(R"(2["args"])");
  EXPECT_EQ(client_.rest(), (Strings{R"(2["back"])", R"(2["count",0])"}));
  client_.send(R"(2["raw",{"a" : 1.50}])");
  EXPECT_EQ(client_.next(), R"(2["back",{"a" : 1.50}])");
}

int twice(int a) {
  return 2 * a;
}

TEST_F(Echo, FunctionsFunctionObjectsAndMutableLambdas) {
  world_.io.on_event("function", twice);
  world_.io.on_event("object", std::function<int(int)>(twice));
  world_.io.on_event("mutable", [n = 0]() mutable { return ++n; });
  world_.io.on_event("moveonly", [p = std::make_unique<int>(7)] { return *p; });
  client_.send(R"(21["function",2])");
  client_.send(R"(22["object",3])");
  client_.send(R"(23["mutable"])");
  client_.send(R"(24["mutable"])");
  client_.send(R"(25["moveonly"])");
  EXPECT_EQ(client_.rest(), (Strings{"31[4]", "32[6]", "33[1]", "34[2]", "35[7]"}));
}

// covers siop/parser: encodes an event (with an integer as event name)
TEST_F(Echo, AnEventMayBeCalledByANumber) {
  std::string name;
  world_.io.on_event("1", [&name](const EventView& event) { name = event.name(); });
  client_.send(R"(2[1,"a",{}])");
  client_.rest();
  EXPECT_EQ(name, "1");
}

}  // namespace
}  // namespace socketio
