#include "net/uring_backend.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.hpp"
#include "net/room.hpp"
#include "net/socket_calls.hpp"
#include "net/sys.hpp"

namespace socketio::net {
UringBackend::UringBackend(std::size_t max_receive)
    : wake_(make_eventfd()),
      max_receive_(max_receive),
      bulk_(std::make_unique<char[]>(max_receive + base::kPadding)),
      scratch_(std::make_unique<char[]>(kScratch)) {}

UringBackend::~UringBackend() {
  acceptor_.stop_all();
  streams_.each([](auto, UringStream& stream) {
    if (stream.fd >= 0) ::close(stream.fd);
  });
  for (const int fd : {wake_, notify_.load()}) {
    if (fd >= 0) ::close(fd);
  }
}

// --- verbs

std::uint64_t UringBackend::tag(UringOp op, StreamId id) {
  return UringRing::tag(op, std::uint64_t{id.index} << 32 | id.generation);
}

UringStream* UringBackend::find_open(StreamId id) {
  UringStream* stream = find(id);
  if (stream == nullptr) return nullptr;
  const bool alive = stream->state == State::open || stream->state == State::connecting;
  return alive ? stream : nullptr;
}

StreamId UringBackend::add(int fd, Owner owner, State state) {
  return add_or_close(fd, [&]() -> StreamId {
    make_room_for_one();
    const auto [handle, stream] = streams_.emplace(fd, owner);
    stream->state = state;
    return {handle.index, handle.generation};
  });
}

// How long each list can become: no stream is in one twice, but changed_ and starved_ remember
// streams that are gone. What is held has a buffer of the ring, or is the last of its stream.
void UringBackend::make_room_for_one() {
  const std::size_t all = streams_.size() + 1;
  for (auto* list : {&ids_, &leaving_, &second_, &shut_later_, &retrying_}) make_room(*list, all);
  for (auto* list : {&changed_, &starved_}) make_room(*list, list->size() + all);
  for (auto* list : {&sends_, &settling_}) make_room(*list, all);
  for (auto* list : {&held_, &delivering_}) make_room(*list, UringRing::kBuffers + all);
}

void UringBackend::shrink() {
  const std::size_t all = streams_.size();
  for (auto* list : {&ids_, &leaving_, &second_, &shut_later_, &retrying_})
    give_room_back(*list, all);
  for (auto* list : {&changed_, &starved_}) give_room_back(*list, list->size() + all);
  for (auto* list : {&sends_, &settling_}) give_room_back(*list, all);
  for (auto* list : {&held_, &delivering_}) give_room_back(*list, UringRing::kBuffers + all);
  streams_.shrink();
}

void UringBackend::change(UringStream& stream, StreamId id) {
  if (stream.changed) return;
  stream.changed = true;
  changed_.push_back(id);
  ring_bell();
}

void UringBackend::leave(UringStream& stream, StreamId id, State state, int error) {
  stream.state = state;
  stream.error = static_cast<std::uint16_t>(error);
  change(stream, id);
  if (stream.leaving) return;
  stream.leaving = true;
  leaving_.push_back(id);
}

StreamId UringBackend::connect(const Address& to, Owner owner) {
  int error = 0;
  const int fd = start_connect(to, error);
  const StreamId id = add(fd, owner, State::connecting);
  if (!id) return id;
  UringStream& stream = *find(id);
  if (error != 0) {
    leave(stream, id, State::refused, error);
  } else {
    want_out(stream, id);
  }
  return id;
}

StreamId UringBackend::adopt(int fd, Owner owner) {
  make_nonblocking(fd);
  const StreamId id = add(fd, owner, State::open);
  if (id) change(*find(id), id);
  return id;
}

void UringBackend::set_owner(StreamId id, Owner owner) {
  if (UringStream* stream = find(id)) stream->owner = owner;
}

void UringBackend::recv_start(StreamId id) {
  UringStream* stream = find_open(id);
  if (stream == nullptr || stream->eof) return;
  stream->receiving = true;
  change(*stream, id);
}

void UringBackend::recv_stop(StreamId id) {
  UringStream* stream = find_open(id);
  if (stream == nullptr) return;
  stream->receiving = false;
  change(*stream, id);
}

bool UringBackend::flushed(StreamId id) {
  UringStream* stream = find_open(id);
  if (stream == nullptr || (stream->wave != wave_ && !stream->rest)) return true;
  stream->sending = true;
  if (stream->rest) return false;
  second_.push_back(id);
  ring_bell();
  return false;
}

void UringBackend::shutdown_write(StreamId id) {
  UringStream* stream = find_open(id);
  if (stream == nullptr || stream->write_shut) return;
  stream->write_shut = true;
  if (stream->wave == wave_ || stream->rest) {  // behind what has been taken
    stream->shut_later = true;
    if (stream->wave != wave_) return;  // send_rest() will
    shut_later_.push_back(id);
    ring_bell();
  } else {
    ::shutdown(stream->fd,
               SHUT_WR);  // when it fails the connection is broken, and the poll says so
  }
}

void UringBackend::detach(StreamId id) {
  if (UringStream* stream = find_open(id)) leave(*stream, id, State::detaching, 0);
}

void UringBackend::close(StreamId id) {
  UringStream* stream = find(id);
  if (stream != nullptr && stream->state != State::closing) leave(*stream, id, State::closing, 0);
}

void UringBackend::wake() {
  if (woken_.exchange(true)) return;  // somebody has, and nobody has looked yet
  // An eventfd that rings inside the ringing of another does so late, so wake_ is not for those who
  // wait for notify_.
  const int notify = notify_.load();
  ring_eventfd(notify >= 0 && !blocking_.load() ? notify : wake_);
}

// --- lists become submissions

void UringBackend::prepare() {
  arm_internal();
  for (const StreamId id : take(changed_)) {
    UringStream* stream = find(id);
    if (stream == nullptr) continue;
    stream->changed = false;
    if (!reconcile(*stream, id)) change(*stream, id);
  }
  ids_.clear();
}

// Brings what the kernel does for the stream in line with what we want. False when the submission
// queue had no room.
bool UringBackend::reconcile(UringStream& stream, StreamId id) {
  const bool open = stream.state == State::open;
  const bool out = stream.want_out && (open || stream.state == State::connecting ||
                                       (stream.state == State::detaching && stream.rest));
  const bool receive = open && stream.receiving;
  const UringOp way = stream.bulk ? UringOp::readable : UringOp::receive;
  const UringOp other = stream.bulk ? UringOp::receive : UringOp::readable;
  // Nobody receives, so nobody would hear that the connection broke. It stays when receiving begins
  // again, where it does no harm.
  const bool hangup = open && !stream.receiving;
  bool ok = cancel(stream, id, other);
  if (!receive) {
    ok = cancel(stream, id, way) && ok;
  } else if ((stream.armed & bit(other)) == 0) {  // or bytes could change places
    ok = arm(stream, id, way) && ok;
  }
  if (hangup) ok = arm(stream, id, UringOp::hangup) && ok;
  if (out) ok = arm(stream, id, UringOp::out) && ok;
  if (open || stream.state == State::connecting) return ok;
  if (!out) ok = cancel(stream, id, UringOp::out) && ok;
  return cancel(stream, id, UringOp::hangup) && ok;
}

bool UringBackend::arm(UringStream& stream, StreamId id, UringOp op) {
  if ((stream.armed & bit(op)) != 0) return true;  // when cancelled: again when that is over
  io_uring_sqe* sqe = ring_.prepare();
  if (sqe == nullptr) return false;
  if (op == UringOp::receive) {
    io_uring_prep_recv_multishot(sqe, stream.fd, nullptr, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
  } else if (op == UringOp::out || op == UringOp::readable) {
    io_uring_prep_poll_add(sqe, stream.fd, op == UringOp::out ? POLLOUT : POLLIN);
  } else {
    io_uring_prep_poll_multishot(sqe, stream.fd, 0);  // errors and POLLHUP come unasked
  }
  io_uring_sqe_set_data64(sqe, tag(op, id));
  stream.armed |= bit(op);
  return true;
}

bool UringBackend::cancel(UringStream& stream, StreamId id, UringOp op) {
  if ((stream.armed & bit(op)) == 0 || (stream.cancelled & bit(op)) != 0) return true;
  io_uring_sqe* sqe = ring_.prepare();
  if (sqe == nullptr) return false;
  io_uring_prep_cancel64(sqe, tag(op, id), 0);
  io_uring_sqe_set_data64(sqe, tag(UringOp::cancel, id));
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  stream.cancelled |= bit(op);
  return true;
}

// What is not about a stream: waking, the timer of paused listeners, listeners.
void UringBackend::arm_internal() {
  const auto poll = [this](int fd, unsigned events, std::uint64_t name) {
    io_uring_sqe* sqe = ring_.prepare();
    if (sqe == nullptr) return false;
    io_uring_prep_poll_multishot(sqe, fd, events);
    io_uring_sqe_set_data64(sqe, name);
    return true;
  };
  if (!wake_armed_) wake_armed_ = poll(wake_, POLLIN, UringRing::tag(UringOp::wake, 0));
  if (!timer_armed_) timer_armed_ = poll(timer_.fd(), POLLIN, UringRing::tag(UringOp::timer, 0));
  for (Watch& watch : watches_) {
    // Exclusive: a connection wakes one of the loops that share the descriptor, not all.
    if (!watch.armed)
      watch.armed =
          poll(watch.fd, POLLIN | EPOLLEXCLUSIVE, UringRing::tag(UringOp::listener, watch.token));
  }
}

// Nothing of the stream is in the ring any more.
bool UringBackend::has_let_go(const UringStream& stream) const {
  return stream.armed == 0 && stream.wave != wave_;
}

// False when there is something to do that no completion will tell of.
bool UringBackend::may_block() const {
  return changed_.empty() && second_.empty() && shut_later_.empty() && held_.empty() &&
         unaccepted_.empty() && direct_ == 0;
}

// --- facts

void UringBackend::wait(base::Time deadline, Sink& sink) {
  if (!ring_.enabled()) ring_.enable();
  bool blocks = begin_nested();
  ++turn_;
  blocks = !deliver_held(sink) && blocks;
  for (std::size_t i = unaccepted_.size(); i > 0; --i) {
    const std::uint32_t listener = unaccepted_.front();
    unaccepted_.erase(unaccepted_.begin());
    if (!acceptor_.accept(listener, sink)) unaccepted_.push_back(listener);
    blocks = false;
  }
  prepare();
  for (const StreamId id : leaving_) blocks = blocks && must_stay(*find(id));
  if (!enter(blocks && may_block() && !sink.has_work(), deadline)) take_back_sends();
  note_short_sends();
  const unsigned count = ring_.ready();
  if (ring_.settled()) settle(sink);
  for (unsigned i = 0; i < count; ++i) {
    const io_uring_cqe cqe = ring_.pop();
    complete({cqe.user_data, cqe.res, cqe.flags}, sink);
  }
  finish_leaving(sink);
  end_nested();
}

bool UringBackend::deliver_held(Sink& sink) {
  if (held_.empty()) return false;
  delivering_.swap(held_);
  const auto stream_of = [this](const Completion& done) {
    const std::uint64_t subject = UringRing::subject_of(done.tag);
    return find({static_cast<std::uint32_t>(subject >> 32), static_cast<std::uint32_t>(subject)});
  };
  for (const Completion& done : delivering_) {
    if (UringStream* stream = stream_of(done)) stream->held = false;
  }
  // By number: a fact may add a stream, and with it room.
  for (std::size_t i = 0; i < delivering_.size(); ++i) complete(Completion(delivering_[i]), sink);
  delivering_.clear();
  return true;
}

void UringBackend::complete(const Completion& done, Sink& sink) {
  const UringOp op = UringRing::op_of(done.tag);
  const std::uint64_t subject = UringRing::subject_of(done.tag);
  const bool more = (done.flags & IORING_CQE_F_MORE) != 0;
  if (op == UringOp::send) return;  // see note_short_sends()
  if (op == UringOp::wake) {
    woken_.exchange(false);  // reads what the last waker wrote, so its work is seen after this
    wake_armed_ = more;
    return;
  }
  if (op == UringOp::timer) {
    timer_armed_ = more;
    timer_.rang();
    acceptor_.resume(sink);
    return retry_sends(sink);
  }
  if (op == UringOp::listener)
    return complete_listener(static_cast<std::uint32_t>(subject), more, sink);
  const StreamId id{static_cast<std::uint32_t>(subject >> 32), static_cast<std::uint32_t>(subject)};
  UringStream* stream = find(id);
  // A cancel that came too late, or what was held for a stream that has been closed since.
  if (stream == nullptr) return ring_.recycle(done.flags);
  if (op == UringOp::cancel) {
    stream->cancelled = 0;  // it found nothing: what is still armed is cancelled once more
    return change(*stream, id);
  }
  if (op == UringOp::receive) return complete_receive(*stream, id, done, sink);
  if (!more) {
    stream->armed &= static_cast<std::uint8_t>(~bit(op));
    stream->cancelled &= static_cast<std::uint8_t>(~bit(op));
    change(*stream, id);
  }
  if (done.result == -ECANCELED) return;
  if (op == UringOp::readable) return receive_bulk(*stream, id, sink);
  if (op == UringOp::out) return complete_out(*stream, id, sink);
  complete_hangup(*stream, id, done.result);
}

void UringBackend::note_turn(UringStream& stream) const {
  if (stream.turn == turn_) return;
  stream.turn = turn_;
  stream.received = 0;
}

void UringBackend::complete_receive(UringStream& stream, StreamId id, const Completion& done,
                                    Sink& sink) {
  const bool wanted = stream.state != State::closing;
  note_turn(stream);
  const std::uint32_t size = done.result > 0 ? static_cast<std::uint32_t>(done.result) : 0;
  if (wanted && (stream.held || stream.received + size > max_receive_)) {
    stream.held = true;
    held_.push_back(done);
    return;
  }
  if ((done.flags & IORING_CQE_F_MORE) == 0) {
    stream.armed &= static_cast<std::uint8_t>(~bit(UringOp::receive));
    stream.cancelled &= static_cast<std::uint8_t>(~bit(UringOp::receive));
    change(stream, id);
  }
  if (wanted && size > 0) {
    stream.received += size;
    if (stream.received > kBulk && !stream.bulk) {
      stream.bulk = true;
      change(stream, id);
    }
    sink.on_received(id, stream.owner, {ring_.buffer(done.flags), size});
  } else if (wanted) {
    receive_ended(stream, id, done.result, sink);
  }
  ring_.recycle(done.flags);
}

// The ring's buffers are small and many, so that large messages would come in dozens of pieces.
// They are read by a call of our own, into memory that is hot: the whole message, most often.
void UringBackend::receive_bulk(UringStream& stream, StreamId id, Sink& sink) {
  if (stream.state != State::open || !stream.receiving) return;
  note_turn(stream);
  const std::size_t room = max_receive_ - stream.received;  // after what the ring brought this turn
  if (room == 0) return;
  const ssize_t n = receive_now(stream.fd, {bulk_.get(), room});
  if (n <= 0) return receive_ended(stream, id, n == 0 ? 0 : -errno, sink);
  const auto size = static_cast<std::size_t>(n);
  stream.received += static_cast<std::uint32_t>(size);
  stream.bulk = stream.received > kBulk;
  sink.on_received(id, stream.owner, {bulk_.get(), size});
}

void UringBackend::receive_ended(UringStream& stream, StreamId id, int result, Sink& sink) {
  if (result == 0) {
    // A new owner will be told again, and so will one who has stopped reading: by what recv_start()
    // begins.
    if (stream.state != State::open || stream.eof || !stream.receiving) return;
    stream.eof = true;
    stream.receiving = false;
    return sink.on_eof(id, stream.owner);
  }
  // Cancelled, out of buffers (which are back by the next wait()), or passing by itself.
  if (result == -ECANCELED || result == -ENOBUFS || result == -EAGAIN || result == -EINTR) return;
  leave(stream, id, State::closing, -result);
}

void UringBackend::complete_out(UringStream& stream, StreamId id, Sink& sink) {
  stream.want_out = false;
  if (stream.state == State::connecting) return finish_connect(stream, id, sink);
  if (stream.state == State::closing || (stream.rest && !send_rest(stream, id))) return;
  if (stream.sending && stream.state == State::open) writable(stream, id, 0, sink);
}

void UringBackend::complete_hangup(UringStream& stream, StreamId id, int result) {
  if (stream.state != State::open || stream.receiving || result < 0) return;
  if ((result & POLLERR) != 0) {
    const int error = take_socket_error(stream.fd);
    return leave(stream, id, State::closing, error != 0 ? error : ECONNRESET);
  }
  // Both directions are over. If we did not end ours the peer is gone altogether (Unix sockets).
  if ((result & POLLHUP) != 0 && stream.eof && !stream.write_shut)
    leave(stream, id, State::closing, ECONNRESET);
}

void UringBackend::finish_connect(UringStream& stream, StreamId id, Sink& sink) {
  const int error = take_socket_error(stream.fd);
  if (error != 0) {
    leave(stream, id, State::closing, error);
    return sink.on_connected(id, stream.owner, errno_code(error));
  }
  stream.state = State::open;
  sink.on_connected(id, stream.owner, {});
  UringStream* still = find_open(id);
  if (still != nullptr && still->sending && !still->want_out && still->wave != wave_)
    writable(*still, id, 0, sink);
}

void UringBackend::finish_leaving(Sink& sink) {
  if (leaving_.empty()) return;
  const std::vector<StreamId>& leavers = take(leaving_);
  for (std::size_t i = 0; i < leavers.size(); ++i) {  // by number, as above
    const StreamId id = leavers[i];
    UringStream& stream = *find(id);
    const bool flushed = stream.state != State::detaching || !stream.rest;
    if (has_let_go(stream) && flushed) {
      finish(stream, id, sink);
    } else {
      leaving_.push_back(id);
    }
  }
  ids_.clear();
}

void UringBackend::finish(UringStream& stream, StreamId id, Sink& sink) {
  const int error = stream.error;
  if (stream.state == State::refused) {
    stream.state = State::closing;
    sink.on_connected(id, stream.owner, errno_code(error));
  }
  if (stream.state == State::detaching && stream.sending) {
    stream.sending = false;
    sink.on_sent(id, stream.owner, 0);
  }
  // A fact may have changed its owner, or closed what was to be detached.
  const Owner owner = stream.owner;
  const int fd = stream.fd;
  const bool closing = stream.state == State::closing;
  streams_.erase({id.index, id.generation});
  if (!closing) return sink.on_detached(id, owner, fd);
  if (fd >= 0) ::close(fd);
  sink.on_closed(id, owner, errno_code(error));
}

std::unique_ptr<Backend> make_uring_backend(std::error_code& error, std::size_t max_receive) {
  try {
    error.clear();
    return std::make_unique<UringBackend>(max_receive);
  } catch (const std::system_error& refused) {
    error = refused.code();
    return nullptr;
  }
}

}  // namespace socketio::net
