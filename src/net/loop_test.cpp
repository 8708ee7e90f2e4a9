#include "net/loop.hpp"

#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/backend_test_places.hpp"
#include "net/sys.hpp"

namespace socketio::net {
namespace {

using std::chrono::milliseconds;

class TestDriver final : public Driver {
 public:
  std::string order;
  bool work = false;
  bool closed = false;
  std::function<void()> on_flush;
  std::function<void(Timer&)> timer;
  std::function<void(StreamId, base::MutBytes)> received;
  std::function<void(Owner)> on_close;

  void on_accepted(std::uint32_t, int fd, const Address&) override { ::close(fd); }
  void on_accept_paused(std::uint32_t, std::error_code) override {}
  void on_connected(StreamId, Owner, std::error_code) override {}
  void on_received(StreamId id, Owner, base::MutBytes bytes) override {
    order += 'r';
    if (received) received(id, bytes);
  }
  void on_eof(StreamId, Owner) override { order += 'e'; }
  void on_sent(StreamId, Owner, std::size_t) override {}
  void on_detached(StreamId, Owner, int) override {}
  void on_closed(StreamId, Owner owner, std::error_code) override {
    closed = true;
    if (on_close) on_close(owner);
  }
  bool has_work() const override { return work; }
  void on_timer(Timer& expired) override {
    order += 't';
    if (timer) timer(expired);
  }
  void flush() override {
    order += 'f';
    if (on_flush) on_flush();
  }
};

struct Pair {
  Pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0); }
  ~Pair() { ::close(fds[0]); }  // the other belongs to the backend
  void write(std::string_view text) const {
    EXPECT_EQ(::send(fds[0], text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  int fds[2] = {-1, -1};
};

class LoopTest : public ::testing::TestWithParam<testing::BackendFactory> {
 protected:
  bool readable(int timeout_ms) const {
    pollfd entry{loop_.poll_fd(), POLLIN, 0};
    return ::poll(&entry, 1, timeout_ms) == 1;
  }
  // Somebody else's loop: poll, then process.
  bool until(const std::function<bool()>& condition) {
    const base::Time give_up = base::after(system_now(), std::chrono::seconds(20));
    while (!condition()) {
      if (system_now() > give_up) return false;
      if (readable(20'000)) loop_.process(driver_);
    }
    return true;
  }
  // Until there is nothing to do.
  void quiet() {
    while (readable(0)) loop_.process(driver_);
    driver_.order.clear();
  }

  Loop loop_{GetParam().place()->make_backend()};
  TestDriver driver_;
};
INSTANTIATE_TEST_SUITE_P(All, LoopTest, ::testing::ValuesIn(testing::kernel_backends()),
                         testing::backend_name);

TEST_P(LoopTest, ATurnIsFactsTimersJobsFlush) {
  const Pair pair;
  const StreamId id = loop_.backend().adopt(pair.fds[1], 1);
  loop_.backend().recv_start(id);
  Timer timer;
  loop_.timers().arm(timer, loop_.now());
  loop_.mailbox().post([&] { driver_.order += 'j'; });
  pair.write("x");
  const base::Time passed = base::after(loop_.now(), milliseconds(2));
  while (system_now() < passed) std::this_thread::yield();
  loop_.process(driver_);
  EXPECT_EQ(driver_.order, "rtjf");
}

TEST_P(LoopTest, RunsUntilStoppedFromAnotherThread) {
  int flushes = 0;
  driver_.on_flush = [&] { ++flushes; };
  std::promise<void> running;
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) loop_.mailbox().post([&] { driver_.order += 'j'; });
    loop_.mailbox().post([&] {
      EXPECT_TRUE(loop_.thread()->is_this());
      driver_.order += '.';
      running.set_value();
    });
    running.get_future().wait();
    EXPECT_FALSE(loop_.thread()->is_this());
    loop_.mailbox().post([&] { loop_.stop(); });
  });
  loop_.run(driver_);
  other.join();
  EXPECT_GT(flushes, 0);
  EXPECT_NE(driver_.order.find('.'), std::string::npos);
}

TEST_P(LoopTest, IsOnTheThreadThatMadeItUntilHandedOver) {
  EXPECT_TRUE(loop_.thread()->is_this());
  std::thread([&] { EXPECT_FALSE(loop_.thread()->is_this()); }).join();
  loop_.hand_over();
  EXPECT_FALSE(loop_.thread()->is_this());
  std::thread([&] {
    EXPECT_FALSE(loop_.thread()->is_this());
    loop_.mailbox().post([&] {
      EXPECT_TRUE(loop_.thread()->is_this());
      loop_.stop();
    });
    loop_.run(driver_);
  }).join();
  EXPECT_FALSE(loop_.thread()->is_this());
}

// A thread is somebody else than one that has ended, whatever it takes over from it.
TEST(Loop, IsOnNoThreadWhenItsOwnHasEnded) {
  std::optional<Loop> loop;
  std::thread([&] { loop.emplace(make_epoll_backend()); }).join();
  for (int i = 0; i < 100; ++i)
    std::thread([&] { EXPECT_FALSE(loop->thread()->is_this()); }).join();
}

TEST_P(LoopTest, StopEndsARunThatHasNotBegunAndOnlyThatOne) {
  loop_.stop();
  loop_.run(driver_);
  EXPECT_EQ(driver_.order, "");
  loop_.mailbox().post([&] { loop_.stop(); });
  loop_.run(driver_);
  EXPECT_NE(driver_.order, "");
}

TEST_P(LoopTest, StopsASleepingRun) {
  std::atomic<bool> flushed{false};
  driver_.on_flush = [&] { flushed = true; };
  loop_.mailbox().post([] {});
  std::thread other([&] {
    while (!flushed) std::this_thread::yield();
    loop_.stop();
  });
  loop_.run(driver_);
  other.join();
}

TEST_P(LoopTest, TimersEndTheSleepAndAreNeverEarly) {
  Timer timer(4, 2);
  const base::Time deadline = base::after(system_now(), milliseconds(15));
  loop_.timers().arm(timer, deadline);
  driver_.timer = [&](Timer& expired) {
    EXPECT_EQ(&expired, &timer);
    EXPECT_GE(loop_.now(), deadline);
    loop_.stop();
  };
  loop_.run(driver_);
  EXPECT_GE(system_now(), deadline);
}

TEST_P(LoopTest, TheTimeOfAFactIsAfterTheSleep) {
  const Pair pair;
  loop_.backend().recv_start(loop_.backend().adopt(pair.fds[1], 1));
  base::Time written{};
  std::thread other([&] {
    const base::Time start = system_now();
    while (system_now() < start + milliseconds(5)) std::this_thread::yield();
    written = system_now();
    pair.write("x");
  });
  base::Time seen{};
  driver_.received = [&](StreamId, base::MutBytes) {
    seen = loop_.now();
    loop_.stop();
  };
  loop_.run(driver_);
  other.join();
  EXPECT_GE(seen, written);
}

TEST_P(LoopTest, ProcessBlocksNoLongerThanItMay) {
  const base::Time before = system_now();
  loop_.process(driver_);
  loop_.process(driver_, milliseconds(5));
  EXPECT_EQ(driver_.order, "ff");
  EXPECT_LT(system_now() - before, std::chrono::seconds(10));
}

TEST_P(LoopTest, WorksInsideSomebodyElsesLoop) {
  const Pair pair;
  const StreamId id = loop_.backend().adopt(pair.fds[1], 1);
  loop_.backend().recv_start(id);
  std::string got;
  driver_.received = [&](StreamId, base::MutBytes bytes) {
    got.append(bytes.data(), bytes.size());
  };
  quiet();
  EXPECT_FALSE(readable(0));

  pair.write("hello");  // a fact
  EXPECT_TRUE(until([&] { return got == "hello"; }));
  quiet();
  EXPECT_FALSE(readable(0));

  std::thread poster([&] { loop_.mailbox().post([&] { driver_.order += 'j'; }); });
  EXPECT_TRUE(until([&] { return driver_.order.find('j') != std::string::npos; }));
  poster.join();
  quiet();

  loop_.mailbox().post([&] { driver_.order += 'o'; });  // from this thread, outside process()
  EXPECT_TRUE(readable(0));
  EXPECT_TRUE(until([&] { return driver_.order.find('o') != std::string::npos; }));
  quiet();

  loop_.backend().close(id);  // a fact that waits for the next process()
  EXPECT_TRUE(readable(0));
  EXPECT_TRUE(until([&] { return driver_.closed; }));
  quiet();
  EXPECT_FALSE(readable(0));
}

// The close is queued by a fact that comes before the wake-up of the same wait().
TEST_P(LoopTest, SomebodyElsesLoopHearsOfWhatAFactClosed) {
  const Pair pair;
  const StreamId id = loop_.backend().adopt(pair.fds[1], 1);
  loop_.backend().recv_start(id);
  driver_.received = [&](StreamId stream, base::MutBytes) { loop_.backend().close(stream); };
  quiet();
  pair.write("x");
  loop_.mailbox().post([] {});
  EXPECT_TRUE(until([&] { return driver_.closed; }));
  quiet();
  EXPECT_FALSE(readable(0));
}

TEST_P(LoopTest, SomebodyElsesLoopHearsOfWhatAnEndClosed) {
  constexpr Owner kLast = 3;
  const Pair pairs[kLast];
  StreamId ids[kLast];
  for (Owner i = 0; i < kLast; ++i) ids[i] = loop_.backend().adopt(pairs[i].fds[1], i);
  Owner ended = 0;
  driver_.on_close = [&](Owner owner) {
    EXPECT_EQ(owner, ended);
    if (++ended < kLast) loop_.backend().close(ids[ended]);
  };
  quiet();
  loop_.backend().close(ids[0]);
  EXPECT_TRUE(until([&] { return ended == kLast; }));
  quiet();
  EXPECT_FALSE(readable(0));
}

TEST_P(LoopTest, SomebodyElsesLoopIsWokenByTimersAndWork) {
  quiet();
  Timer timer;
  base::Time deadline{};
  driver_.timer = [&](Timer& expired) {
    EXPECT_GE(loop_.now(), deadline);
    // Armed inside process(), as everything is.
    deadline = base::after(loop_.now(), milliseconds(3));
    if (driver_.order.size() < 8) loop_.timers().arm(expired, deadline);
  };
  loop_.mailbox().post([&] {
    deadline = base::after(loop_.now(), milliseconds(3));
    loop_.timers().arm(timer, deadline);
  });
  EXPECT_TRUE(until([&] { return driver_.order.size() >= 8 && !timer.armed(); }));
  quiet();
  EXPECT_FALSE(readable(0));
  driver_.on_flush = [&] { driver_.work = driver_.order.size() < 3; };
  loop_.process(driver_);
  EXPECT_TRUE(readable(20'000));
  loop_.process(driver_);
  EXPECT_TRUE(readable(20'000));
  loop_.process(driver_);
  EXPECT_FALSE(readable(0));
}

TEST_P(LoopTest, WhatWasArmedBeforePollFdIsFound) {
  Timer timer;
  loop_.timers().arm(timer, loop_.now());
  EXPECT_TRUE(until([&] { return !timer.armed(); }));
}

TEST(Loop, TakesItsTimeFromTheClockItWasGiven) {
  static base::Time fake{std::chrono::hours(1)};
  Loop loop(make_epoll_backend(), [] { return fake; });
  TestDriver driver;
  Timer timer;
  loop.timers().arm(timer, fake + milliseconds(10));
  loop.process(driver);
  EXPECT_EQ(driver.order, "f");
  fake += milliseconds(10);
  loop.process(driver);
  EXPECT_EQ(driver.order, "ftf");
  EXPECT_EQ(loop.now(), fake);
}

}  // namespace
}  // namespace socketio::net
