// Events with declared arguments: what compiles, what does not, and that what does arrives.
#include <gtest/gtest.h>

#include "support/sio_client.hpp"

namespace socketio {
namespace {

using namespace std::chrono_literals;
using test::Client;
using test::World;
using Strings = std::vector<std::string>;

struct Point {
  int x = 0;
  int y = 0;
};
SOCKETIO_FIELDS(Point, x, y)

// -- Handlers.

using Add = ClientEvent<int(int, int)>;
using Said = ClientEvent<void(std::string, std::optional<int>)>;
using Picture = ClientEvent<bool(Binary)>;

template <class E, class F>
constexpr bool handles(F) {
  return detail::Handles<F, E>;
}
// The declared types, fewer of them, views of them, whole events, and whoever sends them.
static_assert(handles<Add>([](int a, int b) { return a + b; }));
static_assert(handles<Add>([](Socket, int a) { return a; }));
static_assert(handles<Add>([] { return 1; }));
static_assert(handles<Add>([](const Args&) { return 1; }));
static_assert(handles<Add>([](const Value&, RawView) { return 1; }));
static_assert(handles<Add>([](int, Ack) {}));
static_assert(handles<Add>([](int a, int b) -> Task<int> { co_return a + b; }));
static_assert(handles<ClientEvent<double(int)>>([](int a) { return a; }));
static_assert(handles<Said>([](std::string_view, std::optional<int>) {}));
static_assert(handles<Said>([](Socket, const std::string&) {}));
static_assert(handles<Picture>([](BinaryView) { return true; }));
// Other types, more of them, an answer too many, no answer.
static_assert(!handles<Add>([](std::string, int) { return 1; }));
static_assert(!handles<Add>([](double, int) { return 1; }));
static_assert(!handles<Add>([](int, int, int) { return 1; }));
static_assert(!handles<Add>([](int, int) {}));
static_assert(!handles<Add>([](int, int) -> Task<> { co_return; }));
static_assert(!handles<Add>([](int, int) { return std::string(); }));
static_assert(!handles<Add>([](int, int) { return true; }));
static_assert(!handles<Said>([](std::string, int) {}));  // which may be missing
static_assert(!handles<Said>([](std::string) { return 1; }));
static_assert(!handles<Said>([](std::string, Ack) {}));
static_assert(!handles<Picture>([](std::string) { return true; }));

// -- Emitting, to one (true) and to many.

using Moved = ServerEvent<void(std::string, double)>;
using Ask = ServerEvent<std::string(int)>;
static_assert(detail::Carries<true, Moved, std::string, double>);
static_assert(detail::Carries<false, Moved, const char*, int>);
static_assert(detail::Carries<false, Moved, std::string_view, float>);
static_assert(detail::Carries<true, ServerEvent<void()>>);
static_assert(detail::Carries<true, ServerEvent<void(Value)>, const char*>);
static_assert(detail::Carries<true, ServerEvent<void(std::optional<int>)>, int>);
static_assert(!detail::Carries<true, Moved, std::string>);
static_assert(!detail::Carries<true, Moved, std::string, double, int>);
static_assert(!detail::Carries<true, Moved, double, std::string>);
static_assert(!detail::Carries<true, Moved, std::string, bool>);
static_assert(!detail::Carries<true, Ask, double>);
static_assert(!detail::Carries<true, ServerEvent<void(Value)>, Strings>);
static_assert(!detail::Carries<true, Ask, std::string>);

// Acknowledgements: of events that have an answer only.
template <bool kSingle, class E, class... A, class F>
constexpr bool asks(F) {
  return detail::Carries<kSingle, E, A..., F>;
}
static_assert(asks<true, Ask, int>([](std::string) {}));
static_assert(asks<true, Ask, int>([](Result<std::string>) {}));
static_assert(asks<true, Ask, int>([] {}));
static_assert(asks<false, Ask, int>([](std::error_code, std::vector<std::string>) {}));
static_assert(!asks<true, Ask, int>([](int) {}));
static_assert(!asks<true, Ask, int>([](Result<int>) {}));
static_assert(!asks<true, Ask, int>([](std::error_code, std::vector<std::string>) {}));
static_assert(!asks<false, Ask, int>([](std::string) {}));
static_assert(!asks<false, Ask, int>([](std::error_code, std::vector<int>) {}));
static_assert(!asks<true, Moved, std::string, double>([] {}));
static_assert(detail::Asks<Ask, int>);
static_assert(!detail::Asks<Ask>);
static_assert(!detail::Asks<Ask, std::string>);
static_assert(!detail::Asks<Moved, std::string, double>);

// What clients send cannot be sent to them, what they are sent not be listened to.
template <class E>
constexpr bool can_emit = requires(const Socket& socket, const E& event) {
  socket.emit(event);
};
template <class E>
constexpr bool can_listen = requires(const Socket& socket, const E& event, void (*handler)()) {
  socket.on(event, handler);
};
static_assert(can_emit<ServerEvent<void()>> && can_listen<ClientEvent<void()>>);
static_assert(!can_emit<ClientEvent<void()>> && !can_listen<ServerEvent<void()>>);
static_assert(!can_emit<PeerEvent<void()>> && !can_listen<PeerEvent<void()>>);

constexpr Add kAdd{"add"};
constexpr Said kSaid{"said"};
constexpr ClientEvent<void(Point)> kDraw{"draw"};
constexpr ServerEvent<void(Point, std::string)> kDrawn{"drawn"};
constexpr Ask kAsk{"ask"};

TEST(TypedEvents, Arrive) {
  World world;
  Strings seen;
  world.io.on_event(kAdd, [](int a, int b) { return a + b; });
  world.io.sockets().on_event(kDraw, [](Socket socket, Point point) {
    socket.emit(kDrawn, point, "me");
    socket.nsp().emit(kDrawn, Point{point.y, point.x}, std::string_view("all"));
  });
  world.io.on_connection([&seen](const Socket& socket) {
    socket.on(kSaid, [&seen](std::string_view text) { seen.emplace_back(text); });
    socket.once(kSaid, [&seen] { seen.emplace_back("once"); });
  });
  Client client(world);
  client.join();
  client.send(R"(27["add",1,2])");
  EXPECT_EQ(client.next(), "37[3]");
  client.send(R"(2["draw",{"x":1,"y":2}])");
  EXPECT_EQ(client.next(), R"(2["drawn",{"x":1,"y":2},"me"])");
  EXPECT_EQ(client.next(), R"(2["drawn",{"x":2,"y":1},"all"])");
  client.send(R"(2["said","a"])");
  client.send(R"(2["said","b",1])");
  client.rest();
  EXPECT_EQ(seen, (Strings{"a", "once", "b"}));
}

TEST(TypedEvents, AreAnswered) {
  World world;
  Strings seen;
  std::vector<Socket> sockets;
  world.io.on_connection([&sockets](const Socket& socket) { sockets.push_back(socket); });
  Client client(world);
  client.join();
  sockets.at(0).emit(kAsk, 1, [&seen](std::string answer) { seen.push_back(std::move(answer)); });
  EXPECT_EQ(client.next(), R"(20["ask",1])");
  client.send(R"(30["one"])");
  sockets.at(0).emit_with_ack(kAsk, 2).then(
      [&seen](const Result<std::string>& answer) { seen.push_back(answer.value_or("none")); });
  EXPECT_EQ(client.next(), R"(21["ask",2])");
  client.send(R"(31["two"])");
  world.io.timeout(10s).emit_with_ack(kAsk, 3).then([&seen](const Result<Strings>& answers) {
    for (const std::string& answer : answers.value()) seen.push_back(answer);
  });
  EXPECT_EQ(client.next(), R"(22["ask",3])");
  client.send(R"(32["three"])");
  client.rest();
  EXPECT_EQ(seen, (Strings{"one", "two", "three"}));
}

// A literal is not read after the call has let go of the pointer it decays to.
TEST(TypedEvents, TextsAreWrittenWithACallback) {
  constexpr ServerEvent<int(std::string, std::string)> kRename{"rename"};
  World world;
  std::vector<Socket> sockets;
  world.io.on_connection([&sockets](const Socket& socket) { sockets.push_back(socket); });
  Client client(world);
  client.join();
  const auto one = [](const Result<int>&) {};
  const auto many = [](std::error_code, const std::vector<int>&) {};
  sockets.at(0).emit("a", "first", 1, "second", one);
  EXPECT_EQ(client.next(), R"(20["a","first",1,"second"])");
  sockets.at(0).timeout(10s).emit("b", "first", one);
  EXPECT_EQ(client.next(), R"(21["b","first"])");
  sockets.at(0).emit(kRename, "from", "to", one);
  EXPECT_EQ(client.next(), R"(22["rename","from","to"])");
  world.io.timeout(10s).emit("c", "first", "second", many);
  EXPECT_EQ(client.next(), R"(23["c","first","second"])");
  world.io.timeout(10s).emit(kRename, "from", "to", many);
  EXPECT_EQ(client.next(), R"(24["rename","from","to"])");
}

TEST(TypedEvents, BetweenServers) {
  constexpr PeerEvent<int(std::string)> kCount{"count"};
  World world;
  world.io.on_server_event(kCount,
                           [](std::string_view text) { return static_cast<int>(text.size()); });
  EXPECT_FALSE(world.io.server_side_emit(kCount, "alone"));
  EXPECT_EQ(world.io.server_side_emit_with_ack(kCount, "alone").get().error(),
            make_error_code(Errc::unsupported));
}

}  // namespace
}  // namespace socketio
