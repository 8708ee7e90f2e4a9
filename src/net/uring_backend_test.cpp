// The tests of the backends run on io_uring where it can be made, and take "it cannot" for "this
// kernel has none". Whether that is so is asked of the kernel here: else a fault of our own would
// make all of them vanish.
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <gtest/gtest.h>
#include <liburing.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net/backend.hpp"

namespace socketio::net {
namespace {

TEST(UringBackend, IsThereWhereTheKernelHasIt) {
  io_uring_params params{};
  // Linux 6.1: nothing that we need is newer.
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  const auto ring = static_cast<int>(::syscall(__NR_io_uring_setup, 1, &params));
  if (ring < 0)
    std::printf("no test runs on io_uring here, the kernel refuses it: %s\n", std::strerror(errno));
  std::error_code why_not;
  const std::unique_ptr<Backend> backend = make_uring_backend(why_not);
  EXPECT_EQ(backend != nullptr, ring >= 0) << why_not.message();
  // Last: the end of a ring interrupts its thread's next system call.
  if (ring >= 0) ::close(ring);
}

}  // namespace
}  // namespace socketio::net
