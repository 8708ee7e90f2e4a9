// Sending on io_uring; see uring_backend.hpp for the plan.
//
// A batched send carries MSG_DONTWAIT and MSG_WAITALL and skips its completion on success. It runs
// inside the submit, so when the submit has returned and no completion speaks of it, everything was
// taken and its memory is free. A completion brings a short count or an error. (With DONTWAIT alone
// a short count would be a success.)
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>

#include "base/check.hpp"
#include "net/socket_calls.hpp"
#include "net/sys.hpp"
#include "net/uring_backend.hpp"

namespace socketio::net {
// One small part of a stream that has nothing else under way is what most sends are.
std::size_t UringBackend::send(StreamId id, std::span<const base::Bytes> parts) {
  UringStream* stream = find(id);
  if (stream == nullptr || parts.size() != 1 || !stream->may_batch(wave_) || !batches())
    return send_unusual(id, parts);
  const std::size_t size = parts[0].size();
  if (size - 1 >= std::min(kCopy, kScratch - scratch_used_)) return send_unusual(id, parts);
  char* copy = scratch_.get() + scratch_used_;
  // What many are sent is copied once.
  if (scratch_used_ >= size && std::memcmp(copy - size, parts[0].data(), size) == 0) {
    copy -= size;
  } else {
    std::memcpy(copy, parts[0].data(), size);
  }
  if (!submit_send(*stream, id, copy, size, true)) [[unlikely]]
    return send_unusual(id, parts);
  scratch_used_ = static_cast<std::size_t>(copy - scratch_.get()) + size;
  return size;
}

std::size_t UringBackend::send_unusual(StreamId id, std::span<const base::Bytes> parts) {
  UringStream* stream = find_open(id);
  if (stream == nullptr) return 0;
  SIO_CHECK(!stream->sending && parts.size() <= kMaxParts);
  const std::size_t total = total_of(parts);
  if (total == 0) return 0;
  stream->sending = true;
  if (stream->state == State::connecting || stream->rest) return 0;
  if (stream->wave == wave_) {
    second_.push_back(id);
    return 0;
  }
  // Before the ring has a thread, and when nobody may call wait() soon, there is nothing to batch.
  if (!batches()) return send_at_once(*stream, id, parts, total);
  if (total <= kCopy && total <= kScratch - scratch_used_) {
    char* const copy = scratch_.get() + scratch_used_;
    char* end = copy;
    for (const base::Bytes& part : parts) end = std::copy(part.begin(), part.end(), end);
    if (!submit_send(*stream, id, copy, total, true))
      return send_at_once(*stream, id, parts, total);
    scratch_used_ += total;
    stream->sending = false;
    return total;
  }
  if (parts.size() == 1 && total < kSentAtOnce &&
      submit_send(*stream, id, parts[0].data(), total, false))
    return 0;
  // The call is little beside so many bytes, and their memory is free for the next ones, and hot. A
  // sendmsg in the ring would need its vectors to be kept as well.
  return send_at_once(*stream, id, parts, total);
}

std::size_t UringBackend::send_at_once(UringStream& stream, StreamId id,
                                       std::span<const base::Bytes> parts, std::size_t total) {
  const ssize_t n = send_now(stream.fd, parts);
  if (n < 0) {
    wait_or_leave(stream, id, errno);
    return 0;
  }
  const auto taken = static_cast<std::size_t>(n);
  stream.sending = taken < total;
  if (stream.sending) want_out(stream, id);
  return taken;
}

bool UringBackend::submit_send(UringStream& stream, StreamId id, const char* data, std::size_t size,
                               bool copied) {
  constexpr std::size_t kLongest = 1U << 30;  // what a result can say
  size = std::min(size, kLongest);
  io_uring_sqe* sqe = ring_.prepare();
  if (sqe == nullptr) return false;
  io_uring_prep_send(sqe, stream.fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  io_uring_sqe_set_data64(sqe, UringRing::tag(UringOp::send, sends_.size()));
  sends_.push_back(
      {id, data, static_cast<std::uint32_t>(size), static_cast<std::int32_t>(size), copied});
  stream.wave = wave_;
  if (!copied) ++direct_;
  return true;
}

void UringBackend::want_out(UringStream& stream, StreamId id) {
  stream.want_out = true;
  change(stream, id);
}

// The socket is writable: waiting for that would spin.
void UringBackend::starve(UringStream& stream, StreamId id) {
  if (stream.starved) return;
  stream.starved = true;
  if (starved_.empty()) timer_.ring_by(base::after(system_now(), kStarvedPause));
  starved_.push_back(id);
}

void UringBackend::wait_or_leave(UringStream& stream, StreamId id, int error) {
  if (wants_memory(error)) return starve(stream, id);
  if (wants_room(error)) return want_out(stream, id);
  leave(stream, id, State::closing, error);
}

void UringBackend::retry_sends(Sink& sink) {
  retrying_.clear();
  retrying_.swap(starved_);
  for (std::size_t i = 0; i < retrying_.size(); ++i) {  // by number: a fact may add a stream
    const StreamId id = retrying_[i];
    UringStream* stream = find(id);
    if (stream == nullptr || !stream->starved) continue;
    stream->starved = false;
    complete_out(*stream, id, sink);
  }
}

// Before any fact: a fact may send, and that would reuse scratch_.
void UringBackend::note_short_sends() {
  const unsigned count = ring_.ready();
  for (unsigned i = 0; i < count; ++i) {
    const io_uring_cqe& cqe = ring_.at(i);
    if (UringRing::op_of(cqe.user_data) != UringOp::send) continue;
    const std::uint64_t index = UringRing::subject_of(cqe.user_data);
    SIO_CHECK(index < sends_.size());
    sends_[index].result = cqe.res;
    fell_short_ = true;
  }
}

// The memory of sends is free when wait() has returned, so those that the kernel has not taken from
// us fall short, and are tried again like those that it had no memory for.
void UringBackend::take_back_sends() {
  ring_.revise([this](UringOp op, std::uint64_t index) {
    if (op != UringOp::send) return false;
    sends_[index].result = -ENOMEM;
    return fell_short_ = true;
  });
}

// The wave is over: every send has been submitted, and what fell short has said so.
void UringBackend::settle(Sink& sink) {
  if (sends_.empty() && second_.empty() && shut_later_.empty() && leaving_.empty()) return;
  ++wave_;
  settling_.clear();
  settling_.swap(sends_);
  if (fell_short_) {
    for (const Send& send : settling_) {
      if (send.copied) settle_copied(send);
    }
  }
  scratch_used_ = 0;
  fell_short_ = false;
  std::size_t direct = std::exchange(direct_, 0);
  for (std::size_t i = 0; direct > 0; ++i) {
    const Send send = settling_[i];  // a fact may add a stream, and with it room
    if (send.copied) continue;
    --direct;
    settle_direct(send, sink);
  }
  settling_.clear();
  for (const StreamId id : take(shut_later_)) {
    UringStream* stream = find(id);
    if (stream == nullptr || !stream->shut_later || stream->rest) continue;
    stream->shut_later = false;
    ::shutdown(stream->fd, SHUT_WR);
  }
  const std::vector<StreamId>& again = take(second_);
  for (std::size_t i = 0; i < again.size(); ++i) {
    const StreamId id = again[i];
    UringStream* stream = find_open(id);
    if (stream != nullptr && stream->sending && !stream->rest) writable(*stream, id, 0, sink);
  }
}

void UringBackend::settle_copied(const Send& send) {
  if (send.result == static_cast<std::int32_t>(send.size)) return;
  UringStream* stream = find(send.id);
  if (stream == nullptr || stream->state == State::closing) return;
  const auto taken = static_cast<std::uint32_t>(std::max(send.result, 0));
  const int error = send.result < 0 ? -send.result : EAGAIN;
  if (wants_room(error) || wants_memory(error)) {
    try {
      stream->rest = std::make_unique<std::string>(send.data + taken, send.size - taken);
    } catch (const std::bad_alloc&) {  // we have said that it was taken
      return leave(*stream, send.id, State::closing, ENOMEM);
    }
  }
  wait_or_leave(*stream, send.id, error);
}

void UringBackend::settle_direct(const Send& send, Sink& sink) {
  UringStream* stream = find(send.id);
  if (stream == nullptr || stream->state == State::closing) return;
  if (send.result > 0)
    return writable(*stream, send.id, static_cast<std::size_t>(send.result), sink);
  wait_or_leave(*stream, send.id, -send.result);
}

// True when nothing is left of it.
bool UringBackend::send_rest(UringStream& stream, StreamId id) {
  std::string& rest = *stream.rest;
  const base::Bytes part = rest;
  const ssize_t n = send_now(stream.fd, {&part, 1});
  if (n < 0) {
    wait_or_leave(stream, id, errno);
    return false;
  }
  rest.erase(0, static_cast<std::size_t>(n));
  if (!rest.empty()) {
    want_out(stream, id);
    return false;
  }
  stream.rest.reset();
  if (stream.shut_later) ::shutdown(stream.fd, SHUT_WR);
  stream.shut_later = false;
  return true;
}

void UringBackend::writable(UringStream& stream, StreamId id, std::size_t n, Sink& sink) {
  stream.sending = false;
  sink.on_sent(id, stream.owner, n);
}

}  // namespace socketio::net
