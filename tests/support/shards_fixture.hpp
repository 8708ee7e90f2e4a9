// What the tests of several shards share: a server with four of them in threads of their own, on
// every backend there is.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

#include "server/hub.hpp"
#include "support/sio_client.hpp"

namespace socketio::test {

inline std::vector<Backend> backends_here() {
  std::vector<Backend> all{Backend::epoll};
  try {
    ServerOptions options;
    options.backend = Backend::io_uring;
    const Server probe(options);
    all.push_back(Backend::io_uring);
  } catch (const std::system_error&) {  // this machine has none
  }
  return all;
}

inline std::string backend_named(const ::testing::TestParamInfo<Backend>& info) {
  return info.param == Backend::epoll ? "epoll" : "io_uring";
}

class ShardsTest : public ::testing::TestWithParam<Backend> {
 protected:
  static constexpr std::size_t kThreads = 4;

  explicit ShardsTest(ServerOptions options = {}, std::size_t threads = kThreads)
      : world_(with_threads(std::move(options), threads), World::Mode::own_thread) {
    world_.io.on_connection([this](const Socket& socket) {
      const std::lock_guard lock(mutex_);
      sockets_.insert_or_assign(std::string(socket.id()), socket);
      hub_ = socket.hub();
    });
    world_.io.sockets().on_disconnect([this](const Socket&, DisconnectReason) { ++disconnects_; });
  }

  Socket socket(const std::string& id) {
    const std::lock_guard lock(mutex_);
    return sockets_.at(id);
  }
  // After the first connection.
  std::shared_ptr<detail::Hub> hub() {
    const std::lock_guard lock(mutex_);
    return hub_;
  }
  // One client after the other goes to the emptiest shard: n of them, spread evenly.
  std::vector<std::unique_ptr<Client>> join(std::size_t n) {
    std::vector<std::unique_ptr<Client>> all;
    for (std::size_t i = 0; i < n; ++i) {
      all.push_back(std::make_unique<Client>(world_));
      ids_.push_back(all.back()->join());
      EXPECT_FALSE(ids_.back().empty());
    }
    return all;
  }
  // Nothing may be left when nobody is.
  void expect_empty() {
    EXPECT_TRUE(world_.until([this] {
      const Stats stats = world_.io.stats();
      return stats.connections == 0 && stats.clients == 0 && stats.input_bytes == 0 &&
             stats.output_bytes == 0;
    }));
    const Stats stats = world_.io.stats();
    EXPECT_EQ(stats.connections, 0U);
    EXPECT_EQ(stats.clients, 0U);
    EXPECT_EQ(stats.input_bytes, 0U);
    EXPECT_EQ(stats.output_bytes, 0U);
  }

  std::mutex mutex_;
  std::map<std::string, Socket> sockets_;
  std::shared_ptr<detail::Hub> hub_;
  std::vector<std::string> ids_;  // of join(), in order
  std::atomic<int> disconnects_{0};
  World world_;

 private:
  static ServerOptions with_threads(ServerOptions options, std::size_t threads) {
    options.threads = threads;
    options.backend = GetParam();
    options.close_timeout = std::chrono::seconds(1);  // some of the clients do not read
    return options;
  }
};

}  // namespace socketio::test
