// Memory runs out on the offload worker: every allocation that it makes for an answer fails once,
// and the answer comes all the same, if only to say that it cannot be had.
#include <iostream>

#include <gtest/gtest.h>

#include <socketio/admin.hpp>

#include "support/sio_client.hpp"
#include "torture/allocations.hpp"

namespace socketio::torture {
namespace {

using test::HttpPeer;
using test::World;

constexpr const char* kTarget = "/socket.io/?EIO=4&transport=polling";

class WorkerTorture : public ::testing::Test {
 protected:
  // What the worker is needed for; says what went wrong.
  using Script = std::string (*)(World& world);

  // The allocation of that number fails; nothing but the worker's counts.
  static std::string run(Script script, std::uint64_t at) {
    ServerOptions options;
    options.log_level = LogLevel::error;
    World world(std::move(options));
    world.io.http().serve("/files", SOCKETIO_TORTURE_FOLDER);
    world.io.on_event("big", [](const Socket&, Ack ack) { ack(std::string(300'000, 'z')); });
    fail_allocation(at);
    if (!on_worker(world, [] { arm_thread(true); })) return "no worker";
    std::string failure = script(world);
    if (!on_worker(world, [] { arm_thread(false); })) return "the worker is gone";
    if (failure.empty() && !world.until([&] { return world.io.stats().connections == 0; }))
      failure = "connections stay";
    return failure;
  }
  static void every_allocation_fails(Script script) {
    ASSERT_EQ(run(script, kNever), "");
    ASSERT_EQ(run(script, kNever), "");  // what is allocated once and kept is there now
    const std::uint64_t count = allocations();
    ASSERT_GT(count, 0U);
    for (std::uint64_t at = 0; at < count; ++at) EXPECT_EQ(run(script, at), "") << at;
    fail_allocation(kNever);
    std::cout << count << " allocations\n";
  }

  static bool on_worker(World& world, void (*job)()) {
    bool done = false;
    return world.io.offload(job, [&done] { done = true; }) && world.until([&] { return done; });
  }
};

TEST_F(WorkerTorture, AFileIsServedOrRefused) {
  every_allocation_fails([](World& world) -> std::string {
    HttpPeer peer(world);
    int refused = 0;
    for (int i = 0; i < 3; ++i) {
      const int status = peer.request("GET", "/files/worker_test.cpp").status;
      if (status != 200 && status != 503) return "status " + std::to_string(status);
      if (status == 503) ++refused;
    }
    if (refused > 1) return "refused for good";
    return {};
  });
}

// A login whose password could not be looked at does not count as one that waits for ever.
TEST_F(WorkerTorture, AdminsCanLogInAgain) {
  every_allocation_fails([](World& world) -> std::string {
    AdminOptions options;
    options.auth = {"admin", "", "$2b$04$abcdefghijklmnopqrstuudwGrhhx5JklpO9.j/ckWDCf3exvs1/2"};
    options.max_waiting_logins = 1;
    options.max_failed_logins = 100;
    instrument(world.io, options);
    int refused = 0;
    for (int i = 0; i < 3; ++i) {
      test::Client client(world);
      client.send(R"(0/admin,{"username":"admin","password":"changeit"})");
      world.settle();
      if (!on_worker(world, [] {})) return "no worker";
      const std::vector<std::string> heard = client.rest();
      if (heard.empty() || !heard.front().starts_with("0/admin,")) ++refused;
    }
    if (refused > 1) return "refused for good";
    return {};
  });
}

TEST_F(WorkerTorture, ALongPollIsAnsweredIfNotCompressed) {
  every_allocation_fails([](World& world) -> std::string {
    HttpPeer peer(world);
    const std::string body = peer.request("GET", kTarget).body;
    const std::string target = kTarget + ("&sid=" + body.substr(body.find("sid") + 6, 20));
    peer.request("POST", target, "Content-Type: text/plain\r\n", "40");
    peer.request("GET", target);
    peer.request("POST", target, "Content-Type: text/plain\r\n", "421[\"big\"]");
    const test::HttpAnswer answer = peer.request("GET", target, "Accept-Encoding: gzip\r\n");
    if (answer.status != 200) return "status " + std::to_string(answer.status);
    const bool packed = answer.header("Content-Encoding") == "gzip";
    if (!packed && answer.body.size() < 300'000) return "not all of it";
    return {};
  });
}

}  // namespace
}  // namespace socketio::torture
