// The kernel refuses io_uring, or a limit does: which backend a server gets, and what its log says.
#include <cerrno>

#include <gtest/gtest.h>

#include <socketio/server.hpp>

#include "server/backends.hpp"
#include "torture/kernel_calls.hpp"

namespace socketio::torture {
namespace {

class Fallback : public ::testing::Test {
 protected:
  ~Fallback() override { allow(); }
  // Rings from that number on.
  static void refuse(std::uint64_t from, int error) {
    fail_calls_from(KernelCall::ring, from, error);
    arm_calls(true);
  }
  static void allow() {
    arm_calls(false);
    fail_call(KernelCall::send, ~std::uint64_t{0}, 0);
  }
  // What each shard of a server runs on.
  std::vector<std::string> kinds(Backend wanted) {
    base::Logger logger(
        [this](const base::LogLine& line) { lines_.emplace_back(line.level, line.text); },
        base::LogLevel::debug);
    std::vector<std::string> names;
    for (const auto& backend : server::make_backends(wanted, kShards, logger, net::kMaxReceive))
      names.emplace_back(backend->name());
    return names;
  }
  static std::string reason(int error) { return std::system_category().message(error); }

  static constexpr std::size_t kShards = 3;
  std::vector<std::pair<base::LogLevel, std::string>> lines_;
};

#if SOCKETIO_HAS_URING
const std::vector<std::string> kEpoll(3, "epoll");

// Kernels and containers that have none: nothing is wrong there, and nobody there can mend it.
TEST_F(Fallback, AKernelWithoutItIsNoWarning) {
  for (const int error : {ENOSYS, EPERM, EINVAL}) {
    refuse(0, error);
    EXPECT_EQ(kinds(Backend::automatic), kEpoll);
    ASSERT_EQ(lines_.size(), 1U);
    EXPECT_EQ(lines_[0].first, base::LogLevel::info);
    EXPECT_EQ(lines_[0].second, "epoll is used, because io_uring cannot be: " + reason(error));
    EXPECT_EQ(calls(KernelCall::ring), 1U);
    lines_.clear();
  }
}

TEST_F(Fallback, ALimitIsAWarning) {
  for (const int error : {ENOMEM, EMFILE, ENFILE}) {
    refuse(0, error);
    EXPECT_EQ(kinds(Backend::automatic), kEpoll);
    ASSERT_EQ(lines_.size(), 1U);
    EXPECT_EQ(lines_[0].first, base::LogLevel::warn);
    EXPECT_EQ(lines_[0].second, "epoll is used, because io_uring cannot be: " + reason(error));
    lines_.clear();
  }
}

// Whatever the reason is said to be: the kernel has io_uring.
TEST_F(Fallback, ALaterRingThatIsRefusedIsALimitAndAllAreOnEpoll) {
  for (const std::uint64_t from : {1U, 2U}) {
    for (const int error : {ENOMEM, EPERM}) {
      refuse(from, error);
      const std::vector<std::string> got = kinds(Backend::automatic);
      if (got == std::vector<std::string>(3, "epoll") && calls(KernelCall::ring) == 1)
        return;  // this kernel has none
      EXPECT_EQ(got, kEpoll);
      ASSERT_EQ(lines_.size(), 1U);
      EXPECT_EQ(lines_[0].first, base::LogLevel::warn);
      EXPECT_EQ(lines_[0].second,
                "epoll is used, because not every thread can have io_uring: " + reason(error));
      EXPECT_EQ(calls(KernelCall::ring), from + 1);
      lines_.clear();
    }
  }
}

TEST_F(Fallback, WhoAskedForItIsToldByAnException) {
  for (const std::uint64_t from : {0U, 2U}) {
    refuse(from, ENOMEM);
    EXPECT_THROW(kinds(Backend::io_uring), std::system_error);
    EXPECT_TRUE(lines_.empty());
  }
}

TEST_F(Fallback, AServerRunsOnEpollThen) {
  refuse(0, ENOMEM);  // the first, so that it is the same on kernels that have none
  ServerOptions options;
  options.threads = 3;
  std::vector<std::string> said;
  options.log = [&](const LogLine& line) { said.emplace_back(line.text); };
  const Server io(std::move(options));
  EXPECT_EQ(io.stats().backend, "epoll");
  EXPECT_EQ(said.size(), 1U);  // by default
}
#endif

TEST_F(Fallback, WhoAsksForEpollGetsItWithoutAWord) {
  refuse(0, ENOMEM);
  EXPECT_EQ(kinds(Backend::epoll), std::vector<std::string>(3, "epoll"));
  EXPECT_TRUE(lines_.empty());
  EXPECT_EQ(calls(KernelCall::ring), 0U);
}

}  // namespace
}  // namespace socketio::torture
