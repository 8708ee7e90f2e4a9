#include "net/uring_ring.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <sys/mman.h>
#include <time.h>

#include "base/check.hpp"
#include "net/sys.hpp"

namespace socketio::net {
namespace {

constexpr std::size_t kBufferRingBytes = UringRing::kBuffers * sizeof(io_uring_buf);

// After an enter() that failed.
constexpr base::Duration kFirstEnterPause = std::chrono::milliseconds(1);
constexpr base::Duration kLongestEnterPause = std::chrono::milliseconds(16);

template <class Timespec>
Timespec timespec_of(base::Duration time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  return {seconds.count(), (time - seconds).count()};
}

// Of io_uring_enter(): nothing that passes.
bool is_our_fault(int error) {
  return error == EBADF || error == EBADFD || error == EEXIST || error == EFAULT ||
         error == EINVAL || error == ENXIO || error == EOPNOTSUPP;
}

void require(int result, const char* what) {
  if (result < 0) throw std::system_error(-result, std::system_category(), what);
}

}  // namespace

void UringRing::Unmap::operator()(io_uring_buf_ring* ring) const {
  ::munmap(ring, kBufferRingBytes);
}

// Single issuer and deferred task work: completions are gathered when we ask for them, by our
// thread, which is worth 20–30 %. It begins disabled because the thread that enables it becomes
// that issuer.
UringRing::UringRing() {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
                 IORING_SETUP_R_DISABLED;
  params.cq_entries = kCompletions;
  require(io_uring_queue_init_params(kSubmissions, &ring_, &params), "io_uring_setup");
  try {
    void* pages = ::mmap(nullptr, kBufferRingBytes, PROT_READ | PROT_WRITE,
                         MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (pages == MAP_FAILED) throw std::system_error(errno, std::system_category(), "mmap");
    buffers_.reset(static_cast<io_uring_buf_ring*>(pages));
    memory_ = std::make_unique<char[]>(std::size_t{kBuffers} * kStride);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(pages);
    registration.ring_entries = kBuffers;
    require(io_uring_register_buf_ring(&ring_, &registration, 0), "io_uring_register_buf_ring");
  } catch (...) {
    io_uring_queue_exit(&ring_);
    throw;
  }
  for (std::uint32_t i = 0; i < kBuffers; ++i) {
    recycle(i << IORING_CQE_BUFFER_SHIFT | IORING_CQE_F_BUFFER);
  }
}

UringRing::~UringRing() {
  // Left to the end of the ring, which happens behind our back, a listening port would stay taken
  // and a peer would wait for our FIN.
  cancel_now(0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
  io_uring_queue_exit(&ring_);
}

void UringRing::enable() {
  // liburing 2.3 forgot to export io_uring_enable_rings.
  require(io_uring_register(static_cast<unsigned>(ring_.ring_fd), IORING_REGISTER_ENABLE_RINGS,
                            nullptr, 0),
          "io_uring_enable_rings");
  owner_ = std::this_thread::get_id();
  enabled_ = true;
}

std::uint64_t UringRing::tag(UringOp op, std::uint64_t subject) {
  SIO_CHECK(subject >> 60 == 0);
  return static_cast<std::uint64_t>(op) << 60 | subject;
}

io_uring_sqe* UringRing::prepare_in_next() {
  io_uring_submit(&ring_);
  return io_uring_get_sqe(&ring_);
}

int UringRing::submit_and_wait(bool may_block, base::Time deadline) {
  if (may_block && deadline == base::kNever) return io_uring_submit_and_wait(&ring_, 1);
  base::Duration left{};
  if (may_block && deadline != base::Time::min()) left = deadline - system_now();
  if (left > base::Duration::zero()) {
    __kernel_timespec timeout = timespec_of<__kernel_timespec>(left);
    io_uring_cqe* first = nullptr;
    return io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
  }
  return busy() ? io_uring_submit_and_get_events(&ring_) : 0;
}

bool UringRing::enter(bool may_block, base::Time deadline) {
  const int result = submit_and_wait(may_block, deadline);
  if (io_uring_sq_ready(&ring_) == 0 && (result >= 0 || result == -ETIME)) [[likely]] {
    pause_ = {};
    return true;
  }
  return enter_again(result, deadline);
}

// A signal, or the kernel has no memory for all of it, or (EBUSY) no room for completions before
// some are taken out. A submission that goes on is repeated at once.
bool UringRing::enter_again(int result, base::Time deadline) {
  constexpr int kTries = 8;
  for (int i = 0; i < kTries && io_uring_sq_ready(&ring_) != 0; ++i) {
    if (result < 0 && result != -EINTR && result != -ETIME) break;
    result = io_uring_submit(&ring_);
  }
  const bool all = io_uring_sq_ready(&ring_) == 0;
  if (all && (result >= 0 || result == -EINTR || result == -ETIME)) {
    pause_ = {};
    return true;
  }
  // Of nothing to submit, it may be a program that calls process() on another thread.
  SIO_CHECK(all || !is_our_fault(-result));
  pause_ = std::clamp(pause_ * 2, kFirstEnterPause, kLongestEnterPause);
  if (ready() != 0) return all;
  base::Duration pause = pause_;
  if (deadline != base::kNever && deadline != base::Time::min())
    pause = std::clamp(deadline - system_now(), base::Duration::zero(), pause);
  const timespec time = timespec_of<timespec>(pause);
  ::nanosleep(&time, nullptr);
  return all;
}

void UringRing::make_nothing(io_uring_sqe& sqe) {
  io_uring_prep_nop(&sqe);
  sqe.flags = IOSQE_CQE_SKIP_SUCCESS;
  io_uring_sqe_set_data64(&sqe, tag(UringOp::cancel, 0));  // of no stream
}

void UringRing::cancel_now(std::uint64_t tag) {
  cancel_now(tag, 0);
}

void UringRing::cancel_now(std::uint64_t tag, unsigned flags) {
  if (!on_own_thread()) return;
  revise([=](UringOp op, std::uint64_t subject) { return UringRing::tag(op, subject) == tag; });
  io_uring_sync_cancel_reg request{};
  request.addr = tag;
  request.fd = -1;
  request.flags = flags;
  request.timeout = {-1, -1};
  io_uring_register_sync_cancel(&ring_, &request);
  io_uring_get_events(&ring_);  // only now the kernel lets go of the descriptor
}

bool UringRing::settled() const {
  return (IO_URING_READ_ONCE(*ring_.sq.kflags) & IORING_SQ_CQ_OVERFLOW) == 0;
}

bool UringRing::busy() const {
  constexpr unsigned kKernelHasMore = IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN;
  return io_uring_sq_ready(&ring_) != 0 || ready() != 0 ||
         (IO_URING_READ_ONCE(*ring_.sq.kflags) & kKernelHasMore) != 0;
}

unsigned UringRing::ready() const {
  return io_uring_cq_ready(&ring_);
}

const io_uring_cqe& UringRing::at(unsigned i) const {
  return ring_.cq.cqes[(*ring_.cq.khead + i) & ring_.cq.ring_mask];
}

io_uring_cqe UringRing::pop() {
  const io_uring_cqe first = at(0);
  io_uring_cq_advance(&ring_, 1);
  return first;
}

void UringRing::recycle(std::uint32_t flags) {
  if ((flags & IORING_CQE_F_BUFFER) == 0) return;
  io_uring_buf_ring_add(buffers_.get(), buffer(flags), kBufferSize,
                        static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT),
                        io_uring_buf_ring_mask(kBuffers), 0);
  io_uring_buf_ring_advance(buffers_.get(), 1);
}

bool UringRing::notify_with(int event_fd) {
  return io_uring_register_eventfd(&ring_, event_fd) == 0;
}

}  // namespace socketio::net
