// A TCP connection in the simulated world that says what it is told, and remembers what it heard
// and when it ended.
#pragma once

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "sim/stage.hpp"

namespace socketio::sim {

class Peer {
 public:
  explicit Peer(Stage& stage) : stage_(stage), fd_(stage.world.connect(kServer, net::SimLink{})) {
    read_again();
    stage_.run(std::chrono::milliseconds(1));
    began_ = stage_.now();
  }
  ~Peer() { stage_.world.close(fd_); }
  void say(const std::string& text) {
    EXPECT_EQ(stage_.world.send(fd_, text), static_cast<std::int64_t>(text.size()));
  }
  void stop_reading() { stage_.world.watch(fd_, nullptr); }
  void read_again() {
    stage_.world.watch(fd_, [this] { read(); });
    read();
  }
  int fd() const { return fd_; }
  base::Duration ended_after() const { return ended_ - began_; }
  bool ended() const { return ended_ != base::kNever; }
  void begin() { began_ = stage_.now(); }
  std::string got;

 private:
  void read() {
    std::string bytes(65536, '\0');
    std::int64_t n = 0;
    while ((n = stage_.world.recv(fd_, bytes)) > 0)
      got.append(bytes, 0, static_cast<std::size_t>(n));
    if ((n == 0 || stage_.world.error(fd_) != 0) && ended_ == base::kNever) ended_ = stage_.now();
  }
  Stage& stage_;
  int fd_;
  base::Time began_{};
  base::Time ended_ = base::kNever;
};

}  // namespace socketio::sim
