// What options do that no other test shows: see docs/reference/option-tests.md.
#include <filesystem>
#include <functional>

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

// One below each range, and one above it where there is an end; the ends themselves are good.
TEST(Options, AWrongLimitIsNamed) {
  using L = LimitOptions;
  struct Row {
    const char* text;
    std::vector<std::function<void(L&)>> wrong;
    std::vector<std::function<void(L&)>> good;
  };
  const Row rows[] = {
      {"max_head must be between 1 KiB and 1 MiB",
       {[](L& l) { l.max_head = 1023; }, [](L& l) { l.max_head = 1024 * 1024 + 1; }},
       {[](L& l) { l.max_head = l.max_line = 1024; },
        [](L& l) { l.max_head = l.max_pipelined = 1024 * 1024; }}},
      {"max_line must be between 256 and limits.max_head",
       {[](L& l) { l.max_line = 255; }, [](L& l) { l.max_line = l.max_head + 1; }},
       {[](L& l) { l.max_line = 256; }, [](L& l) { l.max_line = l.max_head; }}},
      {"max_headers must be at least 16", {[](L& l) { l.max_headers = 15; }}, {[](L& l) {
         l.max_headers = 16;
       }}},
      {"max_pipelined must hold at least limits.max_head",
       {[](L& l) { l.max_pipelined = l.max_head - 1; }},
       {[](L& l) { l.max_pipelined = l.max_head; }}},
      {"head_timeout must be positive", {[](L& l) { l.head_timeout = 0ms; }}, {}},
      {"body_timeout must be positive", {[](L& l) { l.body_timeout = 0ms; }}, {}},
      {"idle_timeout must be positive", {[](L& l) { l.idle_timeout = 0ms; }}, {}},
      {"send_timeout must be positive", {[](L& l) { l.send_timeout = 0ms; }}, {}},
      {"max_fragments must be positive", {[](L& l) { l.max_fragments = 0; }}, {}},
      {"message_timeout must be positive", {[](L& l) { l.message_timeout = 0ms; }}, {}},
      {"max_pending_pongs must be positive", {[](L& l) { l.max_pending_pongs = 0; }}, {}},
      {"max_packets_per_payload must be between 1 and 65,535",
       {[](L& l) { l.max_packets_per_payload = 0; },
        [](L& l) { l.max_packets_per_payload = 65'536; }},
       {[](L& l) { l.max_packets_per_payload = 1; },
        [](L& l) { l.max_packets_per_payload = 65'535; }}},
      {"max_depth must be between 16 and 512",
       {[](L& l) { l.max_depth = 15; }, [](L& l) { l.max_depth = 513; }},
       {[](L& l) { l.max_depth = 16; }, [](L& l) { l.max_depth = 512; }}},
      {"max_namespace_length must be positive", {[](L& l) { l.max_namespace_length = 0; }}, {}},
      {"max_namespaces_per_client must be positive",
       {[](L& l) { l.max_namespaces_per_client = 0; }},
       {}},
      {"packet_timeout must be positive", {[](L& l) { l.packet_timeout = 0ms; }}, {}},
      {"max_events_per_turn must be between 16 and 4,096",
       {[](L& l) { l.max_events_per_turn = 15; }, [](L& l) { l.max_events_per_turn = 4'097; }},
       {[](L& l) { l.max_events_per_turn = 16; }, [](L& l) { l.max_events_per_turn = 4'096; }}},
      {"max_read_per_turn must be between 16 KiB and 1 MiB",
       {[](L& l) { l.max_read_per_turn = 16 * 1024 - 1; },
        [](L& l) { l.max_read_per_turn = 1024 * 1024 + 1; }},
       {[](L& l) { l.max_read_per_turn = 16 * 1024; },
        [](L& l) { l.max_read_per_turn = 1024 * 1024; }}},
      {"max_log_lines must be positive", {[](L& l) { l.max_log_lines = 0; }}, {}},
      {"max_log_text must be between 16 bytes and 64 KiB",
       {[](L& l) { l.max_log_text = 15; }, [](L& l) { l.max_log_text = 64 * 1024 + 1; }},
       {[](L& l) { l.max_log_text = 16; }, [](L& l) { l.max_log_text = 64 * 1024; }}},
  };
  const auto refusal = [](const std::function<void(L&)>& change) -> std::string {
    ServerOptions options;
    change(options.limits);
    try {
      const Server io(options);
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "";
  };
  for (const Row& row : rows) {
    for (const auto& change : row.wrong)
      EXPECT_EQ(refusal(change), std::string("socketio::ServerOptions::limits.") + row.text);
    for (const auto& change : row.good) EXPECT_EQ(refusal(change), "") << row.text;
  }
}

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

TEST(OptionEffects, MaxReadPerTurn) {
  constexpr std::size_t kLeast = 16 * 1024;
  ServerOptions options;
  options.limits.max_read_per_turn = kLeast;
  World world(options);
  std::size_t seen = 0;
  world.io.on_event("m", [&seen](const std::string& text) { seen = text.size(); });
  Client client(world);
  client.join();
  client.send(R"(2["m",")" + std::string(200'000, 'x') + R"("])");
  std::uint64_t before = world.io.stats().bytes_in;
  EXPECT_TRUE(world.until([&] {
    const std::uint64_t now = world.io.stats().bytes_in;
    EXPECT_LE(now - before, kLeast);
    before = now;
    return seen == 200'000;
  }));
}

// Requests behind a poll that has no answer yet.
TEST(OptionEffects, MaxPipelined) {
  constexpr std::size_t kFlood = 400'000;
  for (const std::size_t limit : {std::size_t{16 * 1024}, std::size_t{1024 * 1024}}) {
    ServerOptions options;
    options.limits.max_pipelined = limit;
    World world(options);
    test::PollingClient client(world);
    test::HttpPeer peer(world);
    peer.send("GET", "/socket.io/?EIO=4&transport=polling&sid=" + client.sid);
    world.settle();
    const std::uint64_t before = world.io.stats().bytes_in;
    peer.write(std::string("GET /") + std::string(1'000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n");
    peer.write(std::string(kFlood, '\n'));
    const auto received = [&] { return world.io.stats().bytes_in - before; };
    if (limit > kFlood) {
      EXPECT_TRUE(world.until([&] { return received() > kFlood; }));
    } else {
      world.settle();
      EXPECT_LE(received(), limit + 128 * 1024);  // and what was read in one go
    }
  }
}

TEST(OptionEffects, MaxPendingPongs) {
  const std::string payload(100, 'p');
  std::size_t most[2] = {};
  for (const bool few : {false, true}) {
    ServerOptions options;
    if (few) options.limits.max_pending_pongs = 3;
    World world(options);
    Client client(world);
    client.join();
    const std::uint64_t start = world.io.stats().bytes_out;
    std::string flood;
    for (int i = 0; i < 40; ++i) flood += std::string("\x89\xE4\0\0\0\0", 6) + payload;
    client.write(flood);
    std::uint64_t before = start;
    EXPECT_TRUE(world.until([&] {
      const std::uint64_t now = world.io.stats().bytes_out;
      most[few] = std::max<std::size_t>(most[few], now - before);
      before = now;
      return now - start >= 40 * (2 + payload.size());
    }));
  }
  EXPECT_EQ(most[false], 40 * (2 + payload.size()));
  EXPECT_EQ(most[true], 3 * (2 + payload.size()));
}

TEST(OptionEffects, HttpCompressionLevel) {
  std::string text;
  for (unsigned i = 0, random = 1; i < 20'000; ++i, random = random * 69069 + 1)
    text += "event message client server"[random >> 24 & 15];
  std::size_t sizes[2] = {};
  for (const int level : {1, 9}) {
    ServerOptions options;
    options.http_compression->level = level;
    World world(options);
    test::PollingClient client(world);
    client.join();
    world.io.emit("m", text);
    test::HttpPeer peer(world);
    const test::HttpAnswer answer =
        peer.request("GET", "/socket.io/?EIO=4&transport=polling&sid=" + client.sid,
                     "Accept-Encoding: gzip\r\n");
    EXPECT_EQ(answer.header("Content-Encoding"), "gzip");
    sizes[level == 9] = answer.body.size();
  }
  EXPECT_LT(sizes[1], sizes[0]);
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

// A peer that takes nothing any more is given up by the kernel, long before its ping times out.
// reliability: T14
TEST(OptionEffects, TcpUserTimeout) {
  ServerOptions options;
  options.tcp_user_timeout = 100ms;
  World world(options);
  Client client(world, {.small_buffer = true});
  client.join();
  client.reading = false;
  std::string reason;
  world.io.on_disconnect(
      [&reason](const Socket&, DisconnectReason why) { reason = to_string(why); });
  world.io.emit("m", std::string(8'000'000, 'x'));
  EXPECT_TRUE(world.until([&reason] { return !reason.empty(); }));
  EXPECT_EQ(reason, "transport close");
}

// A peer that does not take its farewell is waited for no longer.
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
