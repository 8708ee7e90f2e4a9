#include "torture/kernel_calls.hpp"

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <optional>
#include <vector>

#include <sys/socket.h>
#include <sys/syscall.h>
#if SOCKETIO_HAS_URING
#include <liburing.h>
#endif

#include "torture/allocations.hpp"

namespace socketio::torture {
namespace {

struct Plan {
  KernelCall which = KernelCall::send;
  std::uint64_t number = 0;
  int error = 0;
  bool lasts = false;
};
std::optional<Plan> plan;
std::atomic<bool> armed{false};  // the rest is the server's thread's while it runs
bool failed = false;
std::uint64_t counts[5] = {};

// The errno that this call is to fail with, or 0.
int strike(KernelCall which) {
  if (!armed) return 0;
  const std::uint64_t number = counts[static_cast<std::size_t>(which)]++;
  if (!plan || plan->which != which) return 0;
  if (plan->lasts ? number < plan->number : number != plan->number) return 0;
  failed = true;
  return plan->error;
}

}  // namespace

void fail_call(KernelCall which, std::uint64_t number, int error) {
  plan = Plan{which, number, error};
  failed = false;
  for (std::uint64_t& count : counts) count = 0;
}

void fail_calls_from(KernelCall which, std::uint64_t number, int error) {
  fail_call(which, number, error);
  plan->lasts = true;
}

void arm_calls(bool on) {
  armed = on;
}

std::uint64_t calls(KernelCall which) {
  return counts[static_cast<std::size_t>(which)];
}

bool call_failed() {
  return failed;
}

#if SOCKETIO_HAS_URING
namespace {

// Of submissions that were made NOPs in this turn: whose completion is to say what.
struct Lie {
  std::uint64_t user_data;
  int error;
};
std::vector<Lie> lies;

void before_submission(io_uring* ring) {
  for (unsigned at = ring->sq.sqe_head; at != ring->sq.sqe_tail; ++at) {
    io_uring_sqe& sqe = ring->sq.sqes[at & ring->sq.ring_mask];
    int error = 0;
    if (sqe.opcode == IORING_OP_SEND) error = strike(KernelCall::send);
    if (sqe.opcode == IORING_OP_RECV) error = strike(KernelCall::receive);
    if (error == 0) continue;
    const std::uint64_t user_data = sqe.user_data;
    io_uring_prep_nop(&sqe);
    sqe.flags = 0;  // a completion, whether or not success would have had one
    sqe.user_data = user_data;
    const Exempt exempt;
    lies.push_back({user_data, error});
  }
}

void after_submission(io_uring* ring) {
  const unsigned ready = io_uring_cq_ready(ring);
  for (const Lie& lie : lies) {
    for (unsigned i = 0; i < ready; ++i) {
      io_uring_cqe& cqe = ring->cq.cqes[(*ring->cq.khead + i) & ring->cq.ring_mask];
      if (cqe.user_data == lie.user_data) cqe.res = -lie.error;
    }
  }
  lies.clear();
}

// What an io_uring_enter() comes to: it fails, or some of its entries do.
template <class Submit>
int entered(io_uring* ring, Submit&& submit) {
  if (const int error = strike(KernelCall::enter); error != 0) return -error;
  before_submission(ring);
  const int n = submit();
  after_submission(ring);
  return n;
}

}  // namespace
#endif

}  // namespace socketio::torture

extern "C" {

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __real_accept4(int fd, sockaddr* address, socklen_t* length, int flags);
int __wrap_accept4(int fd, sockaddr* address, socklen_t* length, int flags);

long __wrap_syscall(long number, ...) {
  using namespace socketio::torture;
  long a[6];
  va_list list;
  va_start(list, number);
  for (long& argument : a) argument = va_arg(list, long);
  va_end(list);
  int error = 0;
  if (number == SYS_sendto || number == SYS_sendmsg) error = strike(KernelCall::send);
  if (number == SYS_recvfrom) error = strike(KernelCall::receive);
  if (error != 0) {
    errno = error;
    return -1;
  }
  return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int __wrap_accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
  using namespace socketio::torture;
  if (const int error = strike(KernelCall::accept); error != 0) {
    errno = error;
    return -1;
  }
  return __real_accept4(fd, address, length, flags);
}

#if SOCKETIO_HAS_URING
int __real_io_uring_queue_init_params(unsigned entries, io_uring* ring, io_uring_params* params);
int __wrap_io_uring_queue_init_params(unsigned entries, io_uring* ring, io_uring_params* params);
int __real_io_uring_submit(io_uring* ring);
int __wrap_io_uring_submit(io_uring* ring);
int __real_io_uring_submit_and_wait(io_uring* ring, unsigned n);
int __wrap_io_uring_submit_and_wait(io_uring* ring, unsigned n);
int __real_io_uring_submit_and_get_events(io_uring* ring);
int __wrap_io_uring_submit_and_get_events(io_uring* ring);
int __real_io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** cqe, unsigned n,
                                            __kernel_timespec* timeout, sigset_t* mask);
int __wrap_io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** cqe, unsigned n,
                                            __kernel_timespec* timeout, sigset_t* mask);

int __wrap_io_uring_queue_init_params(unsigned entries, io_uring* ring, io_uring_params* params) {
  using namespace socketio::torture;
  if (const int error = strike(KernelCall::ring); error != 0) return -error;
  return __real_io_uring_queue_init_params(entries, ring, params);
}
int __wrap_io_uring_submit(io_uring* ring) {
  return socketio::torture::entered(ring, [=] { return __real_io_uring_submit(ring); });
}
int __wrap_io_uring_submit_and_wait(io_uring* ring, unsigned count) {
  return socketio::torture::entered(ring,
                                    [=] { return __real_io_uring_submit_and_wait(ring, count); });
}
int __wrap_io_uring_submit_and_get_events(io_uring* ring) {
  return socketio::torture::entered(ring,
                                    [=] { return __real_io_uring_submit_and_get_events(ring); });
}
int __wrap_io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** cqe, unsigned count,
                                            __kernel_timespec* timeout, sigset_t* mask) {
  return socketio::torture::entered(ring, [=] {
    return __real_io_uring_submit_and_wait_timeout(ring, cqe, count, timeout, mask);
  });
}
#endif
}
