// What options do that no other test shows: see docs/reference/option-tests.md.
#include <filesystem>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <socketio/admin.hpp>

#include "support/secure_world.hpp"

namespace socketio {
namespace {

using namespace std::chrono_literals;
using test::Client;
using test::World;

TEST(OptionEffects, LogLevel) {
  for (const LogLevel level : {LogLevel::warn, LogLevel::error}) {
    std::size_t lines = 0;
    ServerOptions options;
    options.log_level = level;
    options.log = [&lines](const LogLine& line) {
      EXPECT_EQ(line.level, LogLevel::warn);
      ++lines;
    };
    options.max_connections = 1;
    World world(options);
    Client first(world);
    Client second(world);  // refused, which is a warning
    EXPECT_TRUE(second.wait_closed());
    EXPECT_EQ(lines, level == LogLevel::warn ? 1U : 0U);
  }
}

TEST(OptionEffects, EncryptedKeysOpenWithTheirPassphrase) {
  const test::Certified& other = test::Certificates::get().other;
  TlsOptions tls;
  tls.certificates = {{other.certificate, other.encrypted_key, "open sesame"}};
  test::SecureWorld world(test::with_tls(std::move(tls)));
  Client client(world);
  EXPECT_NE(client.join(), "");
}

// Of the listening socket of that port in this process, as the kernel has it.
int backlog_of(std::uint16_t port) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename().string());
    int listens = 0;
    socklen_t size = sizeof listens;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) continue;
    sockaddr_storage address{};
    size = sizeof address;
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    // The port is at the same place for both families.
    if (ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port) != port) continue;
    tcp_info info{};
    size = sizeof info;
    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
    return static_cast<int>(info.tcpi_sacked);  // the queue's limit, where a socket listens
  }
  return -1;
}

TEST(OptionEffects, Backlog) {
  ServerOptions options;
  options.backlog = 17;
  Server io(options);
  io.listen(0, "127.0.0.1");
  EXPECT_EQ(backlog_of(io.port()), 17);
}

// A peer that does not take its farewell is waited for no longer.
TEST(OptionEffects, CloseTimeout) {
  for (const auto timeout : {1ms, std::chrono::milliseconds(1h)}) {
    ServerOptions options;
    options.close_timeout = timeout;
    World world(options);
    Client client(world, {.small_buffer = true});
    client.join();
    client.reading = false;
    world.io.emit("m", std::string(8'000'000, 'x'));
    world.settle();
    bool closed = false;
    world.io.close().then([&closed](const Result<void>&) { closed = true; });
    if (timeout == 1ms) {
      EXPECT_TRUE(world.until([&closed] { return closed; }));
    } else {
      world.settle();
      EXPECT_FALSE(closed);
    }
  }
}

TEST(OptionEffects, MaxAttachments) {
  ServerOptions options;
  options.max_attachments = 1;
  World world(options);
  std::size_t seen = 0;
  world.io.on_event("m", [&seen](const Args& args) { seen += args.size(); });
  Client one(world);
  one.join();
  one.send(R"(51-["m",{"_placeholder":true,"num":0}])");
  one.send_binary("a");
  one.rest();
  EXPECT_EQ(seen, 1U);
  EXPECT_TRUE(world.io.emit("m", Binary("a")));
  EXPECT_FALSE(world.io.emit("m", Binary("a"), Binary("b")));
  Client two(world);
  two.join();
  two.send(R"(52-["m",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}])");
  EXPECT_TRUE(two.wait_closed());
  EXPECT_EQ(seen, 1U);
}

// How many packets are kept for a client that is away.
TEST(OptionEffects, RecoveryLogIsBounded) {
  for (const bool by_bytes : {false, true}) {
    ServerOptions options;
    auto& recovery = options.connection_state_recovery.emplace();
    recovery.max_log_packets = by_bytes ? 1'000 : 2;
    recovery.max_log_bytes = by_bytes ? 4'000 : 1'000'000;
    World world(options);
    {
      Client client(world);
      client.join();
      client.cut();
      world.until([&world] { return world.io.stats().recovery_sessions == 1; });
    }
    for (int i = 0; i < 10; ++i) world.io.emit("m", std::string(1'000, 'x'));
    EXPECT_LE(world.io.stats().recovery_packets, by_bytes ? 4U : 2U);
    EXPECT_GE(world.io.stats().recovery_packets, 2U);
  }
}

std::string login(World& world, const std::string& auth) {
  Client client(world);
  if (client.join("/admin", auth).empty()) return client.refusal;
  std::string packet = client.next();
  while (!packet.starts_with('(') && !packet.starts_with(R"(2/admin,["session",)"))
    packet = client.next();
  return packet.substr(0, packet.size() - 1).substr(packet.find(',', 8) + 1);  // as JSON
}

AdminOptions with_password() {
  AdminOptions options;
  options.auth = AdminLogin{"admin", "changeit", ""};
  options.max_failed_logins = 100;
  return options;
}
constexpr const char* kLogin = R"({"username":"admin","password":"changeit"})";
constexpr const char* kRefused = R"(4/admin,{"message":"invalid credentials"})";

TEST(OptionEffects, AdminSessionsEnd) {
  World world;
  AdminOptions options = with_password();
  options.session_duration = 1ms;
  instrument(world.io, options);
  const std::string session = R"({"sessionId":)" + login(world, kLogin) + "}";
  const auto ended = [&] {
    Client client(world);
    return client.join("/admin", session).empty() && client.refusal == kRefused;
  };
  EXPECT_TRUE(world.until(ended));
}

TEST(OptionEffects, AdminSessionsAreCounted) {
  World world;
  AdminOptions options = with_password();
  options.max_sessions = 1;
  instrument(world.io, options);
  const std::string first = R"({"sessionId":)" + login(world, kLogin) + "}";
  Client back(world);
  EXPECT_NE(back.join("/admin", first), "");
  const std::string second = R"({"sessionId":)" + login(world, kLogin) + "}";
  Client late(world);
  EXPECT_EQ(late.join("/admin", first), "");
  EXPECT_EQ(late.refusal, kRefused);
  EXPECT_NE(late.join("/admin", second), "");
}

}  // namespace
}  // namespace socketio
