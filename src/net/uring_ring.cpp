#include "net/uring_ring.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <sys/mman.h>

#include "base/check.hpp"
#include "net/sys.hpp"

namespace socketio::net {
namespace {

constexpr std::size_t kBufferRingBytes = UringRing::kBuffers * sizeof(io_uring_buf);

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

void UringRing::enter(bool may_block, base::Time deadline) {
  base::Duration left{};
  if (may_block && deadline == base::kNever) {
    io_uring_submit_and_wait(&ring_, 1);
    return;
  }
  if (may_block && deadline != base::Time::min()) left = deadline - system_now();
  if (left > base::Duration::zero()) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    __kernel_timespec timeout{seconds.count(), (left - seconds).count()};
    io_uring_cqe* first = nullptr;
    io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
  } else if (busy()) {
    io_uring_submit_and_get_events(&ring_);
  }
  // What was not submitted (a signal, want of memory) must be: the memory of sends is free after
  // this.
  for (int tries = 0; io_uring_sq_ready(&ring_) != 0; ++tries) {
    SIO_CHECK(tries < 1000);
    io_uring_submit(&ring_);
  }
}

void UringRing::cancel_now(std::uint64_t tag) {
  cancel_now(tag, 0);
}

void UringRing::cancel_now(std::uint64_t tag, unsigned flags) {
  if (!on_own_thread()) return;
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
