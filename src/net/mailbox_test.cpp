#include "net/mailbox.hpp"

#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "net/backend_test_harness.hpp"

namespace socketio::net {
namespace {

TEST(Mailbox, RunsInOrderWhatWasThereWhenTheCallBegan) {
  Mailbox mailbox;
  std::string order;
  EXPECT_TRUE(mailbox.empty());
  EXPECT_TRUE(mailbox.post([&] {
    order += 'a';
    EXPECT_TRUE(mailbox.post([&] { order += 'c'; }));
  }));
  EXPECT_TRUE(mailbox.post([&] { order += 'b'; }));
  EXPECT_FALSE(mailbox.empty());
  EXPECT_EQ(mailbox.run(), 2u);
  EXPECT_EQ(order, "ab");
  EXPECT_FALSE(mailbox.empty());
  EXPECT_EQ(mailbox.run(), 1u);
  EXPECT_EQ(mailbox.run(), 0u);
  EXPECT_EQ(order, "abc");
}

TEST(Mailbox, RefusesVolatileJobsAtTheSoftLimitAndAllAtTheHardOne) {
  Mailbox mailbox({.soft = 2, .hard = 3});
  const auto nothing = [] {};
  EXPECT_TRUE(mailbox.post(nothing, true));
  EXPECT_TRUE(mailbox.post(nothing, true));
  EXPECT_FALSE(mailbox.post(nothing, true));
  EXPECT_TRUE(mailbox.post(nothing));
  EXPECT_FALSE(mailbox.post(nothing));
  EXPECT_TRUE(mailbox.post_always(nothing));
  EXPECT_EQ(mailbox.run(), 4u);
  EXPECT_TRUE(mailbox.post(nothing, true));
}

// Posts again when it dies: deadlocks if that happens under the lock.
struct PostsWhenDestroyed {
  explicit PostsWhenDestroyed(Mailbox& box, int& count) : mailbox(box), destroyed(count) {}
  ~PostsWhenDestroyed() {
    ++destroyed;
    EXPECT_FALSE(mailbox.post([] {}));
  }
  Mailbox& mailbox;
  int& destroyed;
};

TEST(Mailbox, DestroysRefusedAndClosedJobsUnrunAndOutsideTheLock) {
  Mailbox mailbox({.soft = 1, .hard = 1});
  int destroyed = 0;
  bool ran = false;
  const auto job = [&] {
    return [&ran, guard = std::make_shared<PostsWhenDestroyed>(mailbox, destroyed)] { ran = true; };
  };
  EXPECT_TRUE(mailbox.post(job()));
  EXPECT_FALSE(mailbox.post(job()));
  EXPECT_EQ(destroyed, 1);
  mailbox.close();
  EXPECT_EQ(destroyed, 2);
  EXPECT_FALSE(mailbox.post(job()));
  EXPECT_FALSE(mailbox.post_always(job()));
  EXPECT_EQ(mailbox.run(), 0u);
  EXPECT_FALSE(ran);
}

TEST(Mailbox, AReservedJobComesBehindTheOthers) {
  Mailbox mailbox({.soft = 1, .hard = 1});
  std::string ran;
  mailbox.post([&] { ran += 'a'; });
  EXPECT_TRUE(mailbox.post_reserved([&] {
    ran += 'b';
    mailbox.post_reserved([&] { ran += 'd'; });
  }));
  EXPECT_FALSE(mailbox.empty());
  mailbox.post_always([&] { ran += 'c'; });
  EXPECT_EQ(mailbox.run(), 3u);
  EXPECT_EQ(ran, "acb");
  EXPECT_EQ(mailbox.run(), 1u);
  EXPECT_EQ(ran, "acbd");
  mailbox.close();
  EXPECT_FALSE(mailbox.post_reserved([] {}));
}

TEST(Mailbox, ClosingInsideAJobDropsTheRest) {
  Mailbox mailbox;
  bool ran = false;
  mailbox.post([&] { mailbox.close(); });
  mailbox.post([&] { ran = true; });
  EXPECT_EQ(mailbox.run(), 1u);
  EXPECT_FALSE(ran);
  EXPECT_TRUE(mailbox.empty());
}

// Sleeps for ever whenever the mailbox looks empty: a lost wake-up would hang.
TEST(Mailbox, NoWakeUpIsLost) {
  const std::unique_ptr<Backend> backend = make_epoll_backend();
  testing::TestSink sink;
  Mailbox mailbox;
  constexpr std::size_t kThreads = 3;
  constexpr std::size_t kJobs = 2000;
  std::size_t done = 0;
  std::vector<std::thread> posters;
  for (std::size_t i = 0; i < kThreads; ++i) {
    posters.emplace_back([&] {
      for (std::size_t job = 0; job < kJobs; ++job) {
        EXPECT_TRUE(mailbox.post([&done] { ++done; }));
        if (job % 16 == 0) std::this_thread::yield();
      }
    });
  }
  while (done < kThreads * kJobs) {
    mailbox.set_waker(backend.get(), true);
    if (mailbox.empty()) backend->wait(base::kNever, sink);
    mailbox.set_waker(nullptr);
    mailbox.run();
  }
  for (std::thread& poster : posters) poster.join();
  EXPECT_EQ(done, kThreads * kJobs);
}

}  // namespace
}  // namespace socketio::net
