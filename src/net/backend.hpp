// THE I/O seam. Verbs go down, facts come up. epoll, io_uring and the simulator stand behind it and
// pass the same conformance test (backend_test.cpp); nothing above this line knows which one runs.
//
// Rules every backend keeps:
//  - Facts are delivered only inside wait(), never from inside a verb; the stack below a fact holds
//    nothing but wait().
//  - on_closed(id) comes exactly once for every stream that was adopted or connected, unless
//    on_detached(id) does; it is the last fact about that id. After close() nothing but on_closed
//    is delivered for the id.
//  - A verb with a stale id is ignored.
//  - A verb on a stream does not throw and does not allocate: what it may need was reserved with
//    the stream. close() is what is called when memory has run out.
//  - Received bytes belong to the backend, are valid during the fact only, may be modified in
//    place, and are followed by base::kPadding readable bytes. At most `max_receive` per stream and
//    wait(), so that one flood cannot starve the others.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <system_error>

#include "base/bytes.hpp"
#include "base/slab.hpp"
#include "base/time.hpp"
#include "net/address.hpp"

namespace socketio::net {

struct Stream;  // a tag for ids; never defined, so that backends cannot clash over their records
using StreamId = base::Id<Stream>;
using Owner =
    std::uint64_t;  // opaque: what the driver wants back with each fact (usually its own packed id)

// A message of 64 KiB with its frame fits, so that it need not be put together from two halves.
inline constexpr std::size_t kMaxReceive = std::size_t{72} * 1024;
// What may be chosen instead: above the pieces io_uring reads in, and of a size that stays hot.
inline constexpr std::size_t kLeastReceive = std::size_t{16} * 1024;
inline constexpr std::size_t kMostReceive = std::size_t{1024} * 1024;
// What is as long as this does not wait for the end of the turn: nothing is saved by sending it
// together with what follows, and its memory, which is hot, can be the next answer's.
inline constexpr std::size_t kSentAtOnce = std::size_t{32} * 1024;

class Sink {
 public:
  // A new descriptor, non-blocking and close-on-exec, not yet adopted; the receiver owns it.
  virtual void on_accepted(std::uint32_t listener, int fd, const Address& peer) = 0;
  // accept failed for want of descriptors or memory; the backend pauses this listener (100 ms,
  // doubling to 1 s) and then goes on by itself. Reported once per pause.
  virtual void on_accept_paused(std::uint32_t listener, std::error_code why) = 0;
  virtual void on_connected(StreamId id, Owner owner, std::error_code error) = 0;
  virtual void on_received(StreamId id, Owner owner, base::MutBytes bytes) = 0;
  // The peer has shut down its writing side; we may still send. Reported once, only while
  // receiving.
  virtual void on_eof(StreamId id, Owner owner) = 0;
  // A send that could not complete at once: `n` more bytes of it have been taken. n == 0 on
  // backends that only say "writable again". The send is over; call send() with what remains.
  virtual void on_sent(StreamId id, Owner owner, std::size_t n) = 0;
  virtual void on_detached(StreamId id, Owner owner, int fd) = 0;
  // `error` is set when the connection broke (ECONNRESET, EPIPE, ETIMEDOUT …), unset after close().
  virtual void on_closed(StreamId id, Owner owner, std::error_code error) = 0;
  // Asked when wait() has delivered what was pending and is about to block: true forbids blocking.
  virtual bool has_work() const = 0;

 protected:
  ~Sink() = default;
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual const char* name() const = 0;

  // Starts accepting on a listening descriptor (stays the caller's). `listener` comes back with
  // each fact.
  virtual void accept_start(int listen_fd, std::uint32_t listener) = 0;
  virtual void accept_stop(std::uint32_t listener) = 0;

  // Starts a non-blocking connect; on_connected follows, or on_connected with the error and then
  // on_closed. Null when memory runs out: no fact follows.
  virtual StreamId connect(const Address& to, Owner owner) = 0;
  // Takes over a connected descriptor (sets it non-blocking). Receives nothing until recv_start().
  // Null when memory runs out: the descriptor is closed, and no fact follows.
  virtual StreamId adopt(int fd, Owner owner) = 0;
  // Changes what facts about the stream carry.
  virtual void set_owner(StreamId id, Owner owner) = 0;

  virtual void recv_start(StreamId id) = 0;
  // No on_received after this returns, except bytes the kernel had already handed over (io_uring).
  virtual void recv_stop(StreamId id) = 0;

  // Sends the concatenation of `parts` (at most kMaxParts). Returns how many bytes were taken at
  // once. Fewer than all: the send is in flight, on_sent() ends it, and no second send() may come
  // before. Its memory must stay and must not change until the next wait() has returned. What the
  // kernel had no memory for counts as not taken, and on_sent() comes after a pause.
  virtual std::size_t send(StreamId id, std::span<const base::Bytes> parts) = 0;
  static constexpr std::size_t kMaxParts = 64;

  // True when the kernel has all that send() has taken. Else on_sent() says when, and no send() may
  // come before. (io_uring takes small ones before it knows whether there is room.)
  virtual bool flushed(StreamId id) = 0;

  virtual void shutdown_write(StreamId id) = 0;
  // Ends with on_detached: the descriptor leaves without a byte lost. A send in flight is ended by
  // on_sent before that; what it had not taken is the caller's again.
  virtual void detach(StreamId id) = 0;
  // Drops unsent bytes of a send in flight, and what is not flushed(). Ends with on_closed.
  virtual void close(StreamId id) = 0;

  // The only call allowed from another thread. A wake() before or during wait() ends that wait.
  virtual void wake() = 0;
  // Delivers facts; blocks until there is one, until `deadline`, or until woken; may also return
  // early. A deadline in the past polls. A wait() that has delivered a fact does not block any
  // more, so time read in the first fact is good for all of them.
  virtual void wait(base::Time deadline, Sink& sink) = 0;
  // A descriptor that is readable when wait() has something to do, for somebody else's loop.
  virtual int poll_fd() const = 0;

  // Gives back what a crowd of streams that are gone has left. Between two wait()s; cannot fail.
  virtual void shrink() = 0;

  // Live streams (for tests and shutdown).
  virtual std::size_t streams() const = 0;
};

std::unique_ptr<Backend> make_epoll_backend(std::size_t max_receive = kMaxReceive);
// Null, and why, when the kernel refuses (containers often do) or the library was built without it.
std::unique_ptr<Backend> make_uring_backend(std::error_code& why_not,
                                            std::size_t max_receive = kMaxReceive);

enum class BackendKind : std::uint8_t { automatic, epoll, io_uring };
// Automatic: io_uring if it can be had, else epoll, and `why_not` says why. Null when what was
// asked for cannot be had.
std::unique_ptr<Backend> make_backend(BackendKind kind, std::error_code& why_not,
                                      std::size_t max_receive = kMaxReceive);

}  // namespace socketio::net
