// Every send, receive and accept of a session fails once on the real kernels, with each errno that
// it may give (accept(2), recv(2), send(2), and what TCP hands through), every io_uring_enter(),
// and every allocation of the server's thread: nobody but whose connection it was may notice, and
// nothing stays behind.
//   SOCKETIO_TORTURE_EVERY=1   every call with every errno (./dev torture); the default is a sample
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>

#include <gtest/gtest.h>

#include "support/sio_client.hpp"
#include "torture/allocations.hpp"
#include "torture/kernel_calls.hpp"

namespace socketio::torture {
namespace {

using test::Client;
using test::HttpPeer;
using test::PollingClient;
using test::World;

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

std::uint64_t every() {
  const char* text = std::getenv("SOCKETIO_TORTURE_EVERY");
  return text == nullptr ? 29 : std::stoull(text);
}

class KernelTorture : public ::testing::TestWithParam<Backend> {
 protected:
  // Says what went wrong; empty: all is well.
  std::string session() {
    ServerOptions options;
    options.backend = GetParam();
    options.log_level = LogLevel::error;
    options.serve_client = false;
    World world(std::move(options), World::Mode::own_thread);
    serve(world);
    world.start();
    const std::size_t descriptors = open_descriptors();
    Client bystander(world);
    if (bystander.join().empty() || !echoes(bystander, 1)) return "no bystander";
    arm_calls(true);
    if (allocations_count_) {
      // What a thread registers once for its end cannot fail: the C library ends the process.
      on_server(world, [&world] { world.io.to("nobody").emit("a word"); });
      on_server(world, [] { arm_thread(true); });
    }
    on_websocket(world);
    on_polling(world);
    on_compressed_polling(world);
    on_upgrade(world);
    on_http(world);
    if (allocations_count_) on_server(world, [] { arm_thread(false); });
    arm_calls(false);
    if (!echoes(bystander, 2)) return "the bystander is not answered any more";
    if (!world.until([&] { return world.io.stats().connections == 1; }))
      return std::to_string(world.io.stats().connections) + " connections stay";
    if (!world.until([&] { return open_descriptors() == descriptors + 2; }))
      return "descriptors stay open";
    bystander.cut();
    world.stop();
    const Stats stats = world.io.stats();
    if (stats.input_bytes + stats.output_bytes != 0) return "bytes stay in the ledger";
    return {};
  }

  void every_call_fails(KernelCall which, std::initializer_list<int> errors) {
    fail_call(which, ~std::uint64_t{0}, 0);
    ASSERT_EQ(session(), "");
    const std::uint64_t count = calls(which);
    ASSERT_GT(count, 2U);
    std::uint64_t runs = 0;
    std::uint64_t at = 0;
    for (const int error : errors) {
      for (at %= count; at < count; at += every()) {
        fail_call(which, at, error);
        EXPECT_EQ(session(), "") << "call " << at << " of " << count << ", errno " << error;
        ++runs;
      }
    }
    std::cout << count << " calls, " << runs << " runs\n";
  }

  bool allocations_count_ = false;

 private:
  static void on_server(World& world, const std::function<void()>& job) {
    Pending<void> done;
    world.io.post([job, done] {
      job();
      const Exempt exempt;
      done.state()->finish(Result<void>());
    });
    static_cast<void>(done.get());
  }
  static void serve(World& world) {
    const Namespace io = world.io.sockets();
    io.on_event("echo", [](const Socket&, Value a, Ack ack) { ack(a); });
    io.on_event("join", [](const Socket& s, const std::string& room) { return s.join(room); });
    io.on_event("shout", [](const Socket& s) { s.nsp().to("room").emit("shouted", 1); });
    io.on_event("big", [](const Socket&, Ack ack) { ack(std::string(300'000, 'z')); });
    world.io.http().get("/hello", [](const HttpRequest&) { return HttpReply::text("hello"); });
    world.io.http().serve("/files", SOCKETIO_TORTURE_FOLDER);
  }
  static bool echoes(Client& client, int n) {
    const std::string number = std::to_string(n);
    client.send("2" + number + "[\"echo\"," + number + "]");
    return client.next() == "3" + number + "[" + number + "]";
  }
  // Whatever it is told: an answer may be what the memory was for.
  static bool hears(Client& victim) {
    victim.rest();
    return !victim.closed();
  }
  static void on_websocket(World& world) {
    Client victim(world);
    if (victim.closed() || victim.join().empty()) return;
    victim.send("21[\"join\",\"room\"]");
    if (!hears(victim)) return;
    victim.send("2[\"shout\"]");
    if (!hears(victim)) return;
    victim.send("51-2[\"echo\",{\"_placeholder\":true,\"num\":0}]");
    victim.send_binary(std::string(100'000, 'b'));
    if (!hears(victim)) return;
    victim.send("23[\"big\"]");
    if (!hears(victim)) return;
    victim.close();
    victim.wait_closed();
  }
  static void on_polling(World& world) {
    PollingClient victim(world);
    // Whose answer never comes has nothing to wait for; its session ends with the heartbeat.
    if (victim.sid.empty() || victim.post("40") != 200) return;
    victim.start_poll();
    if (victim.poll().empty()) return;
    victim.start_poll();
    if (victim.post("421[\"echo\",[1,2]]\x1e"
                    "422[\"big\"]") != 200)
      return;
    if (victim.poll().empty()) return;
    victim.post("1");
  }
  // The worker compresses what is long.
  static void on_compressed_polling(World& world) {
    HttpPeer victim(world);
    std::string target = "/socket.io/?EIO=4&transport=polling";
    const std::string body = victim.request("GET", target).body;
    if (body.empty()) return;
    target += "&sid=" + body.substr(body.find("sid") + 6, 20);
    const char* const type = "Content-Type: text/plain\r\n";
    if (victim.request("POST", target, type, "40").status != 200) return;
    if (victim.request("GET", target).status != 200) return;
    if (victim.request("POST", target, type, "421[\"big\"]").status != 200) return;
    if (victim.request("GET", target, "Accept-Encoding: gzip\r\n").status != 200) return;
    victim.request("POST", target, type, "1");
  }
  // Begins with polling, and is heard on both ways.
  static void on_upgrade(World& world) {
    PollingClient polling(world);
    if (polling.sid.empty() || !polling.join()) return;
    test::ClientOptions probe;
    probe.upgrades = polling.sid;
    Client victim(world, probe);
    if (victim.open_packet.empty()) return;
    victim.send("21[\"echo\",1]");
    if (!hears(victim)) return;
    victim.close();
    victim.wait_closed();
  }
  static void on_http(World& world) {
    HttpPeer victim(world);
    if (victim.request("GET", "/hello").status == 0) return;
    victim.request("GET", "/files/kernel_test.cpp");
  }
};

std::vector<Backend> backends() {
#if SOCKETIO_HAS_URING
  try {
    ServerOptions options;
    options.backend = Backend::io_uring;
    const Server probe(std::move(options));
    return {Backend::epoll, Backend::io_uring};
  } catch (const std::system_error&) {  // many containers forbid it
  }
#endif
  return {Backend::epoll};
}
INSTANTIATE_TEST_SUITE_P(Kernels, KernelTorture, ::testing::ValuesIn(backends()),
                         [](const auto& given) {
                           return given.param == Backend::epoll ? "epoll" : "io_uring";
                         });

TEST_P(KernelTorture, EverySendFailsOnce) {
  every_call_fails(KernelCall::send, {EAGAIN, EINTR, ENOBUFS, ENOMEM, ECONNRESET, EPIPE, ETIMEDOUT,
                                      EHOSTUNREACH, ENETDOWN, ENETUNREACH, EPERM, EIO});
}

TEST_P(KernelTorture, EveryReceiveFailsOnce) {
  every_call_fails(KernelCall::receive, {EAGAIN, EINTR, ECONNRESET, ETIMEDOUT, EHOSTUNREACH,
                                         ENETDOWN, ENOMEM, ECONNREFUSED, EIO});
}

// Not EAGAIN: it says that nobody waits, and a poll in the ring speaks once for each newcomer.
TEST_P(KernelTorture, EveryAcceptFailsOnce) {
  every_call_fails(KernelCall::accept, {EINTR, ECONNABORTED, EPROTO, EPERM, ENETDOWN, EHOSTUNREACH,
                                        ENETUNREACH, EMFILE, ENFILE, ENOBUFS, ENOMEM});
}

#if SOCKETIO_HAS_URING
TEST_P(KernelTorture, EveryEntryFailsOnce) {
  if (GetParam() == Backend::epoll) return;
  every_call_fails(KernelCall::enter, {ENOMEM, EAGAIN, EBUSY, EINTR, EIO});
}
#endif

TEST_P(KernelTorture, EveryAllocationFailsOnce) {
  allocations_count_ = true;
  fail_call(KernelCall::send, ~std::uint64_t{0}, 0);
  fail_allocation(kNever);
  ASSERT_EQ(session(), "");  // what is allocated once and kept is there now
  fail_allocation(kNever);
  const std::int64_t before = live_pieces();
  ASSERT_EQ(session(), "");
  const std::int64_t sound = live_pieces() - before;
  const std::uint64_t count = allocations();
  ASSERT_GT(count, 100U);
  for (std::uint64_t at = 0; at < count; at += every()) {
    fail_allocation(at);
    const std::int64_t start = live_pieces();
    EXPECT_EQ(session(), "") << "allocation " << at << " of " << count;
    EXPECT_LE(live_pieces() - start, sound + 3) << "allocation " << at << " of " << count;
  }
  fail_allocation(kNever);
  std::cout << count << " allocations\n";
}

}  // namespace
}  // namespace socketio::torture
