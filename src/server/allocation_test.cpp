// Memory over a server's life, counted at operator new: an event in steady state allocates nothing,
// and what a burst took comes back. The client is a socket and two fixed buffers, so whatever is
// counted is the server's.
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <crypt.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <socketio/admin.hpp>

#include "server/handlers.hpp"
#include "support/folder.hpp"
#include "support/own_new.hpp"
#include "support/sio_client.hpp"
#include "support/upgrade_request.hpp"

namespace {

std::atomic<std::uint64_t> allocations{0};
std::atomic<std::uint64_t> allocated_bytes{0};
std::atomic<std::int64_t> live_bytes{0};
constexpr std::size_t kNone = SIZE_MAX;
std::atomic<std::size_t> refused_size{kNone};  // the next one of that size is not to be had
std::atomic<bool> refused_any{false};          // nor the next one of any

}  // namespace

void* socketio::test::allocate(std::size_t size, std::size_t alignment) {
  if (std::size_t refused = size; refused_size.compare_exchange_strong(refused, kNone))
    throw std::bad_alloc();
  if (refused_any.exchange(false)) throw std::bad_alloc();
  const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) throw std::bad_alloc();
  allocations.fetch_add(1, std::memory_order_relaxed);
  allocated_bytes.fetch_add(size, std::memory_order_relaxed);
  live_bytes.fetch_add(static_cast<std::int64_t>(malloc_usable_size(memory)),
                       std::memory_order_relaxed);
  return memory;
}

void socketio::test::release(void* memory) noexcept {
  if (memory == nullptr) return;
  live_bytes.fetch_sub(static_cast<std::int64_t>(malloc_usable_size(memory)),
                       std::memory_order_relaxed);
  std::free(memory);
}

namespace {

using socketio::Socket;

// A connection to the server that runs on the same thread.
class Peer {
 public:
  explicit Peer(socketio::Server& io) : io_(io), fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(io.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Peer() { ::close(fd_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
      io_.process();
    }
  }
  // Turns the server until `n` more bytes have come.
  void read(std::size_t n) {
    while (n > 0) n -= std::min(n, receive());
  }
  void until(std::string_view text) {
    do {
      receive();
    } while (last_.find(text) == std::string_view::npos);
  }

 private:
  std::size_t receive() {
    for (;;) {
      io_.process();
      const ssize_t n = ::recv(fd_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (n <= 0) continue;
      last_ = {buffer_.data(), static_cast<std::size_t>(n)};
      return last_.size();
    }
  }

  socketio::Server& io_;
  int fd_;
  std::array<char, 4096> buffer_{};
  std::string_view last_;
};

// On WebSocket. Its masking key is zero, so its frames are their payloads with a header in front.
class Client : public Peer {
 public:
  explicit Client(socketio::Server& io, const std::string& auth = {}) : Peer(io) {
    write(socketio::test::upgrade_request());
    until("\"maxPayload\"");
    send("40" + auth);
    until("40{\"sid\"");
  }

  void send(std::string_view text) {
    std::array<char, 14> header{};
    std::size_t size = 2;
    header[0] = static_cast<char>(0x81);
    if (text.size() < 126) {
      header[1] = static_cast<char>(0x80 | text.size());
    } else {
      header[1] = static_cast<char>(0xFF);
      for (; size < 10; ++size)
        header[size] = static_cast<char>(std::uint64_t{text.size()} >> (8 * (9 - size)));
    }
    write({header.data(), size + 4});
    write(text);
  }
};

constexpr std::string_view kEvent = "42[\"m\",\"0123456789abcdefghijklmnopqrstuv\"]";

void echo(Client& client, int times) {
  for (int i = 0; i < times; ++i) {
    client.send(kEvent);
    client.read(kEvent.size() + 2);
  }
}

// A message with a text so long, which is freed again.
void echo_long(Client& client, std::string_view begin, std::size_t size) {
  const std::string big = "42[\"m\",\"" + std::string(begin) + std::string(size, 'x') + "\"]";
  client.send(big);
  client.read(big.size() + 10);
}

struct Echo {
  Echo() {
    io.on_event("m", [](Socket socket, std::string_view text) { socket.emit("m", text); });
    io.listen(0);
  }
  socketio::Server io;
};

TEST(Allocation, NoneForAnEventInSteadyState) {
  Echo server;
  Client client(server.io);
  echo(client, 100);
  const std::uint64_t before = allocations;
  echo(client, 1000);
  EXPECT_EQ(allocations - before, 0U);
}

void expect_no_allocations_for_acks(socketio::Server& io) {
  io.listen(0);
  Client client(io);
  const auto ask = [&client](int times) {
    for (int i = 0; i < times; ++i) {
      client.send("420[\"m\",\"abc\"]");
      client.until("430[3]");
    }
  };
  ask(100);
  const std::uint64_t before = allocations;
  ask(1000);
  EXPECT_EQ(allocations - before, 0U);
}

TEST(Allocation, NoneForAnAcknowledgedEventInSteadyState) {
  socketio::Server io;
  io.on_event("m", [](std::string_view text) { return text.size(); });
  expect_no_allocations_for_acks(io);
}

TEST(Allocation, NoneForAnAckThatIsAnsweredInItsHandler) {
  socketio::Server io;
  io.on_event("m", [](std::string_view text, socketio::Ack ack) { ack(text.size()); });
  expect_no_allocations_for_acks(io);
}

TEST(Allocation, OneMessageForABroadcast) {
  socketio::Server io;
  io.on_event("m", [&io](std::string_view text) { io.emit("m", text); });
  io.listen(0);
  Client client(io);
  Client other(io);
  const auto run = [&](int times) {
    for (int i = 0; i < times; ++i) {
      client.send(kEvent);
      client.read(kEvent.size() + 2);
      other.read(kEvent.size() + 2);
    }
  };
  run(100);
  const std::uint64_t before = allocations;
  run(1000);
  // The shared message and its frame.
  EXPECT_LE(allocations - before, 2000U);
}

TEST(Allocation, AllIsGivenBackAfterABurst) {
  Echo server;
  Client client(server.io);
  echo(client, 100);
  const std::int64_t before = live_bytes;
  echo_long(client, "", 500'000);
  for (int i = 0; i < 1000; ++i) client.send(kEvent);
  client.read(1000 * (kEvent.size() + 2));
  echo(client, 100);
  EXPECT_LE(live_bytes - before, 4096);
}

// It is sent from the memory it was written in.
TEST(Allocation, ALongTextLeavesNothingBehind) {
  Echo server;
  Client client(server.io);
  echo(client, 100);
  const std::int64_t before = live_bytes;
  echo_long(client, "", 900'000);
  EXPECT_LE(live_bytes - before, 4096);
}

TEST(Allocation, AllIsGivenBackWithoutAnotherMessage) {
  Echo server;
  Client client(server.io);
  echo(client, 100);
  const std::int64_t before = live_bytes;
  echo_long(client, "\\n", 900'000);  // with an escape, so that it is read with buffers
  EXPECT_GT(live_bytes - before, 4096);
  while (live_bytes - before > 4096) server.io.process();
}

const std::string& long_auth() {
  static const std::string auth = [] {
    std::string text = R"({"a":[0)";
    while (text.size() < 90'000) text += ",0";
    return text + "]}";
  }();
  return auth;
}

// A list of sockets does not copy what their clients sent in CONNECT, which as values would be
// twenty times as long.
TEST(Allocation, LittleForAListOfSockets) {
  constexpr std::size_t kClients = 20;
  const std::string auth = long_auth();
  socketio::Server io;
  io.listen(0);
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < kClients; ++i) clients.push_back(std::make_unique<Client>(io, auth));
  const std::uint64_t before = allocated_bytes;
  auto found = io.fetch_sockets();
  EXPECT_LT(allocated_bytes - before, kClients * auth.size() / 10);
  const auto sockets = found.get().value();
  ASSERT_EQ(sockets.size(), kClients);
  clients.clear();
  while (io.stats().clients > 0) io.process();
  EXPECT_EQ(sockets[0].handshake().auth.to_json(), auth);
  EXPECT_EQ(sockets[0].handshake().header("host"), "test");
}

// Nor is it made a value for a namespace that nobody has to be asked about.
TEST(Allocation, LittleForANamespaceThatIsNone) {
  socketio::Server io;
  io.of(socketio::NamespacePattern("^/other-"));
  io.listen(0);
  Client client(io);
  const auto connect = [&] {
    client.send("40/none," + long_auth());
    client.until("44/none,");
  };
  connect();
  const std::uint64_t before = allocated_bytes;
  connect();
  EXPECT_LT(allocated_bytes - before, 8 * long_auth().size());
}

// Nor is the browser client's file copied for who asks how long it is, or whether it has changed.
TEST(Allocation, LittleForAHeadOfTheBrowserClient) {
  constexpr std::size_t kBytes = 1'000'000;
  std::string folder = (std::filesystem::temp_directory_path() / "sio-allocation-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/socket.io.js.map") << std::string(kBytes, 'x');
  socketio::ServerOptions options;
  options.client_dist = folder;
  socketio::Server io(options);
  io.listen(0);
  Peer peer(io);
  const auto ask = [&peer](const std::string& method, const std::string& headers = {}) {
    peer.write(method + " /socket.io/socket.io.js.map HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n");
  };
  ask("GET");  // from the worker
  peer.until("\r\n\r\n");
  peer.until("xxx");
  const auto measured = [&](const auto& what) {
    for (int i = 0; i < 3; ++i) io.process();
    const std::uint64_t before = allocated_bytes;
    what();
    return allocated_bytes - before;
  };
  const auto head = [&](const std::string& headers, std::string_view expected) {
    ask("HEAD", headers);
    peer.until(expected);
  };
  head({}, "Content-Length: 1000000\r\n");
  EXPECT_LT(measured([&] { head({}, "Content-Length: 1000000\r\n"); }), 4096U);
  // Nor is a body copied to be sent: all are sent the same memory.
  const std::uint64_t whole = measured([&] {
    ask("GET");
    peer.read(kBytes);
  });
  EXPECT_LT(whole, 4096U);
  std::filesystem::remove_all(folder);
}

// Nor does a file cost more when there is a fallback for what is none.
TEST(Allocation, NothingForAFallbackThatIsNotAsked) {
  const socketio::test::Folder folder;
  folder.write("x", "xxx");
  const auto bytes_of = [&folder](bool with_fallback) {
    socketio::Server io;
    io.http().serve("/", folder.path());
    if (with_fallback)
      io.http().fallback([](const socketio::HttpRequest&) { return socketio::HttpReply{}; });
    io.listen(0);
    Peer peer(io);
    std::string request = "GET /x?a=b&c=d HTTP/1.1\r\nHost: a\r\n";
    for (int i = 0; i < 20; ++i)
      request += "X-" + std::to_string(i) + ": some value of a header\r\n";
    const auto ask = [&] {
      for (int i = 0; i < 100; ++i) {
        peer.write(request + "\r\n");
        peer.until("xxx");
      }
    };
    ask();
    const std::uint64_t before = allocated_bytes;
    ask();
    return allocated_bytes - before;
  };
  const std::uint64_t without = bytes_of(false);
  EXPECT_LT(bytes_of(true), without + without / 10);
}

// Memory for a hash that is not to be had costs the login it was for, and none that come later.
TEST(Allocation, OneFailsAndTheNextLoginIsHeard) {
  socketio::test::World world;
  socketio::AdminOptions options;
  options.auth = {.username = "admin",
                  .password_hash = "$2b$04$abcdefghijklmnopqrstuudwGrhhx5JklpO9.j/ckWDCf3exvs1/2"};
  options.max_waiting_logins = 1;
  socketio::instrument(world.io, options);
  const std::string login = R"({"username":"admin","password":"changeit"})";
  socketio::test::Client first(world);
  refused_size = sizeof(crypt_data);
  EXPECT_EQ(first.join("/admin", login), "");
  EXPECT_EQ(refused_size, kNone);
  EXPECT_EQ(first.refusal, R"(4/admin,{"message":"internal error"})");
  socketio::test::Client second(world);
  EXPECT_NE(second.join("/admin", login), "");
}

// Nor does it leave a request unanswered, when a route's coroutine ends on another thread.
TEST(Allocation, OneFailsAndARouteThatThrewElsewhereIsAnswered) {
  constexpr std::size_t kText = 12'345;
  socketio::test::World world;
  const socketio::Pending<int> gate;
  world.io.http().get("/slow",
                      [gate](socketio::HttpRequest) -> socketio::Task<socketio::HttpReply> {
                        const std::runtime_error error(std::string(kText, 'x'));
                        static_cast<void>(co_await gate);
                        refused_size = kText + 1;  // to copy what it says
                        throw error;
                      });
  socketio::test::HttpPeer peer(world);
  peer.send("GET", "/slow");
  world.settle();
  std::thread([&gate] { gate.state()->finish(1); }).join();
  EXPECT_EQ(refused_size, kNone);
  EXPECT_EQ(peer.answer().status, 500);
}

// A namespace is there as a whole or not at all, so that its first client does not meet half of it.
TEST(Allocation, OneFailsAndTheNamespaceIsMadeForItsFirstClient) {
  socketio::test::World world;
  refused_size = sizeof(socketio::server::NamespaceExtras);
  const socketio::Namespace late = world.io.of("/late");
  EXPECT_EQ(refused_size, kNone);
  socketio::test::Client client(world);
  EXPECT_NE(client.join("/late"), "");
  late.emit("hi");
  EXPECT_EQ(client.next(), R"(2/late,["hi"])");
}

// The last holder of an event goes where nothing may be thrown: only its client pays.
TEST(Allocation, OneFailsAndTheHolderOfAnEventCanGo) {
  socketio::ServerOptions options;
  options.max_running_handlers = 1;
  socketio::Server io(options);
  std::vector<socketio::Next> held;
  io.on_connection([&held](Socket socket) {
    socket.use(
        [&held](socketio::Packet&, socketio::Next next) { held.push_back(std::move(next)); });
  });
  io.listen(0);
  Client first(io);
  Client second(io);
  for (Client* client : {&first, &second}) {
    for (int i = 0; i < 3; ++i) client->send("42[\"e\"]");
    for (int i = 0; i < 20; ++i) io.process();
  }
  ASSERT_EQ(held.size(), 2U);
  std::vector<socketio::Next> gone = std::exchange(held, {});
  held.reserve(4);
  refused_any = true;
  gone.clear();
  EXPECT_FALSE(refused_any);
  for (int i = 0; i < 20; ++i) io.process();
  EXPECT_EQ(held.size(), 1U) << "the other one is read again";
}

}  // namespace
