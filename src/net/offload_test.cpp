#include "net/offload.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace socketio::net {
namespace {

// Holds the worker until it is let go.
struct Gate {
  std::atomic<bool> entered{false};
  std::atomic<bool> open{false};
  void hold() {
    entered = true;
    while (!open) std::this_thread::yield();
  }
  void wait_entered() const {
    while (!entered) std::this_thread::yield();
  }
};

void run_until(Mailbox& mailbox, const std::size_t& count, std::size_t wanted) {
  while (count < wanted) {
    mailbox.run();
    std::this_thread::yield();
  }
}

TEST(Offload, WorksElsewhereAndCompletesHereInOrder) {
  Mailbox mailbox;
  Offload offload(mailbox);
  std::string order;
  std::size_t done = 0;
  const std::thread::id here = std::this_thread::get_id();
  for (char name = 'a'; name < 'f'; ++name) {
    EXPECT_TRUE(offload.run([&] { EXPECT_NE(std::this_thread::get_id(), here); },
                            [&, name] {
                              EXPECT_EQ(std::this_thread::get_id(), here);
                              order += name;
                              ++done;
                            }));
  }
  run_until(mailbox, done, 5);
  EXPECT_EQ(order, "abcde");
}

TEST(Offload, RefusesWhatIsOneTooMany) {
  Mailbox mailbox({.soft = 1, .hard = 1});  // completions pass a full mailbox
  Offload offload(mailbox);
  Gate gate;
  std::size_t done = 0;
  const auto count = [&] { ++done; };
  EXPECT_TRUE(offload.run([&] { gate.hold(); }, count));
  gate.wait_entered();
  for (std::size_t i = 0; i < Offload::kMaxJobs; ++i) EXPECT_TRUE(offload.run([] {}, count));
  bool ran = false;
  EXPECT_FALSE(offload.run([&] { ran = true; }, [&] { ran = true; }));
  gate.open = true;
  run_until(mailbox, done, Offload::kMaxJobs + 1);
  EXPECT_FALSE(ran);
}

TEST(Offload, TheDestructorWaitsForOneAndDropsTheOthers) {
  Mailbox mailbox;
  Gate gate;
  std::atomic<int> worked{0};
  const auto held = std::make_shared<int>(1);
  {
    Offload offload(mailbox);
    EXPECT_TRUE(offload.run(
        [&] {
          gate.hold();
          ++worked;
        },
        [] {}));
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(offload.run([&, held] { ++worked; }, [held] {}));
    gate.wait_entered();
    std::thread opener([&] { gate.open = true; });
    opener.join();
  }
  EXPECT_GE(worked, 1);
  mailbox.close();
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Offload, NeverUsedStartsNoThread) {
  Mailbox mailbox;
  const Offload offload(mailbox);
  EXPECT_TRUE(mailbox.empty());
}

}  // namespace
}  // namespace socketio::net
