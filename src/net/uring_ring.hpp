// The ring itself: set-up, submission, completions, and the buffers that the kernel receives into.
// Knows nothing of streams. Private to uring_*.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <thread>

#include <liburing.h>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "net/uring_records.hpp"

namespace socketio::net {

class UringRing {
 public:
  // Small on purpose: an ordinary user's locked memory has room for 64 of these, and larger ones
  // gain nothing. A full submission queue is submitted on the way.
  static constexpr unsigned kSubmissions = 256;
  static constexpr unsigned kCompletions = 4096;
  static constexpr unsigned kBuffers = 256;
  static constexpr unsigned kBufferSize = 2048;

  // The ring begins disabled and belongs to no thread. Throws std::system_error when the kernel
  // refuses it.
  UringRing();
  ~UringRing();
  UringRing(const UringRing&) = delete;
  UringRing& operator=(const UringRing&) = delete;

  // From now on the ring belongs to this thread.
  void enable();
  bool enabled() const { return enabled_; }
  bool on_own_thread() const { return enabled_ && owner_ == std::this_thread::get_id(); }

  static std::uint64_t tag(UringOp op, std::uint64_t subject);
  static UringOp op_of(std::uint64_t tag) { return static_cast<UringOp>(tag >> 60); }
  static std::uint64_t subject_of(std::uint64_t tag) { return tag << 4 >> 4; }

  // Null when the queue is full and the kernel takes nothing at the moment: try again at the next
  // wait().
  io_uring_sqe* prepare() {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    return sqe != nullptr ? sqe : prepare_in_next();
  }
  // Submits everything and gathers what has completed; waits for a completion until `deadline` if
  // it may. False when the kernel has not taken everything, for want of memory mostly: the rest is
  // tried again by the next enter(). Has slept then, the longer the longer that lasts, unless there
  // are completions; so who enters again and again does not spin.
  bool enter(bool may_block, base::Time deadline);
  // Of what the kernel has not taken: `take_back(op, subject)` says whether that need not be done
  // any more.
  template <class TakeBack>
  void revise(TakeBack&& take_back) {
    for (unsigned i = ring_.sq.sqe_tail - io_uring_sq_ready(&ring_); i != ring_.sq.sqe_tail; ++i) {
      io_uring_sqe& sqe = ring_.sq.sqes[i & ring_.sq.ring_mask];
      if (take_back(op_of(sqe.user_data), subject_of(sqe.user_data))) make_nothing(sqe);
    }
  }
  // Cancels at once, without submitting anything: for what cannot wait for enter().
  void cancel_now(std::uint64_t tag);
  // No completion is hidden, so that a send that was submitted and says nothing has succeeded.
  bool settled() const;
  // enter() would find something to do.
  bool busy() const;

  // Completions that are there: read with at(0 … n-1) or pop() them.
  unsigned ready() const;
  const io_uring_cqe& at(unsigned i) const;
  io_uring_cqe pop();

  char* buffer(std::uint32_t flags) { return memory_.get() + offset(flags); }
  // Gives the kernel its buffer back, if the completion has one.
  void recycle(std::uint32_t flags);

  // Rings `event_fd` when there is something to enter for, between notify(true) and notify(false).
  bool notify_with(int event_fd);
  void notify(bool on) { io_uring_cq_eventfd_toggle(&ring_, on); }

 private:
  // Behind each buffer: what we promise to those above.
  static constexpr unsigned kStride = kBufferSize + base::kPadding;
  static std::size_t offset(std::uint32_t flags) {
    return std::size_t{flags >> IORING_CQE_BUFFER_SHIFT} * kStride;
  }
  // The queue is full: submits it, to begin the next.
  io_uring_sqe* prepare_in_next();
  void cancel_now(std::uint64_t tag, unsigned flags);
  static void make_nothing(io_uring_sqe& sqe);
  int submit_and_wait(bool may_block, base::Time deadline);
  [[gnu::noinline]] bool enter_again(int result, base::Time deadline);
  struct Unmap {
    void operator()(io_uring_buf_ring* ring) const;
  };

  io_uring ring_{};
  bool enabled_ = false;
  base::Duration pause_{};  // after the last enter() that failed; zero after a success
  std::thread::id owner_{};
  std::unique_ptr<io_uring_buf_ring, Unmap> buffers_;
  std::unique_ptr<char[]> memory_;
};

}  // namespace socketio::net
