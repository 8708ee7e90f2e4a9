// The seam over io_uring: one system call a turn submits every send of the turn and gathers what
// has come. Private to uring_*.cpp; everybody else uses make_uring_backend().
//
//   verbs -> lists of streams (changed_, leaving_), sends in the submission queue
//   wait():  held facts -> lists become submissions -> enter -> sends settle -> completions
//            -> leavers
//
// Sends never wait inside the kernel. Small ones are copied to scratch_, which is hot, and taken at
// once; larger ones are read by the kernel straight from the caller's memory during the submit, and
// on_sent() tells what it took. Both complete silently when everything was taken, so that the usual
// send has no completion at all. What did not fit is tried again when a poll says "writable". What
// is very large is not batched, in either direction: one call of our own moves it, and its memory
// is hot.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "base/slab.hpp"
#include "net/accept.hpp"
#include "net/backend.hpp"
#include "net/uring_records.hpp"
#include "net/uring_ring.hpp"

namespace socketio::net {

class UringBackend final : public Backend, private Acceptor::Watcher {
 public:
  explicit UringBackend(std::size_t max_receive);
  ~UringBackend() override;
  UringBackend(const UringBackend&) = delete;
  UringBackend& operator=(const UringBackend&) = delete;

  const char* name() const override { return "io_uring"; }
  void accept_start(int listen_fd, std::uint32_t listener) override;
  void accept_stop(std::uint32_t listener) override;
  StreamId connect(const Address& to, Owner owner) override;
  StreamId adopt(int fd, Owner owner) override;
  void set_owner(StreamId id, Owner owner) override;
  void recv_start(StreamId id) override;
  void recv_stop(StreamId id) override;
  std::size_t send(StreamId id, std::span<const base::Bytes> parts) override;
  bool flushed(StreamId id) override;
  void shutdown_write(StreamId id) override;
  void detach(StreamId id) override;
  void close(StreamId id) override;
  void wake() override;
  void wait(base::Time deadline, Sink& sink) override;
  int poll_fd() const override;
  void shrink() override;
  std::size_t streams() const override { return streams_.size(); }

 private:
  using State = UringStream::State;
  static constexpr std::size_t kBulk = 8 * 1024;      // a stream that brings more at a time
  static constexpr std::size_t kCopy = 1024;          // sends up to this are copied …
  static constexpr std::size_t kScratch = 64 * 1024;  // … as long as there is room in a turn

  // One batched send of the turn.
  struct Send {
    StreamId id;
    const char* data;
    std::uint32_t size;
    std::int32_t result;  // `size` unless its completion says otherwise
    bool copied;
  };
  struct Watch {
    std::uint32_t token;  // unique, so that an old completion cannot be taken for a new one
    std::uint32_t listener;
    int fd;
    bool armed;
  };
  struct Completion {
    std::uint64_t tag;
    std::int32_t result;
    std::uint32_t flags;
  };

  UringStream* find(StreamId id) { return streams_.get({id.index, id.generation}); }
  // Null as well when the stream is on its way out.
  UringStream* find_open(StreamId id);
  // Null when memory runs out; then the descriptor is closed.
  StreamId add(int fd, Owner owner, State state);
  void make_room_for_one();
  // The kernel may have to be told something about the stream, at the next wait().
  void change(UringStream& stream, StreamId id);
  void leave(UringStream& stream, StreamId id, State state, int error);
  // Work was left for the next wait(): somebody else's loop has to hear of it.
  void ring_bell();
  static std::uint64_t tag(UringOp op, StreamId id);

  // Lists become submissions.
  void prepare();
  bool reconcile(UringStream& stream, StreamId id);
  bool arm(UringStream& stream, StreamId id, UringOp op);
  bool cancel(UringStream& stream, StreamId id, UringOp op);
  void arm_internal();
  bool has_let_go(const UringStream& stream) const;
  // A leaver that finish_leaving() can do nothing for yet: a completion or the timer will tell.
  static bool must_stay(const UringStream& stream) {
    return stream.armed != 0 || (stream.state == State::detaching && stream.rest && stream.starved);
  }
  bool may_block() const;
  // The lists are worked off from ids_, so that what a fact adds is for the next time.
  std::vector<StreamId>& take(std::vector<StreamId>& list) {
    ids_.clear();
    ids_.swap(list);
    return ids_;
  }

  // Facts; called by wait() only.
  bool deliver_held(Sink& sink);
  void complete(const Completion& done, Sink& sink);
  void complete_receive(UringStream& stream, StreamId id, const Completion& done, Sink& sink);
  // What was received before this turn does not count any more.
  void note_turn(UringStream& stream) const;
  void receive_bulk(UringStream& stream, StreamId id, Sink& sink);
  void receive_ended(UringStream& stream, StreamId id, int result, Sink& sink);
  void complete_out(UringStream& stream, StreamId id, Sink& sink);
  void complete_hangup(UringStream& stream, StreamId id, int result);
  void finish_connect(UringStream& stream, StreamId id, Sink& sink);
  void finish_leaving(Sink& sink);
  void finish(UringStream& stream, StreamId id, Sink& sink);

  // Sending (uring_send.cpp).
  bool batches() const { return ring_.enabled() && notify_.load() < 0; }
  [[gnu::noinline]] std::size_t send_unusual(StreamId id, std::span<const base::Bytes> parts);
  std::size_t send_at_once(UringStream& stream, StreamId id, std::span<const base::Bytes> parts,
                           std::size_t total);
  bool submit_send(UringStream& stream, StreamId id, const char* data, std::size_t size,
                   bool copied);
  void want_out(UringStream& stream, StreamId id);
  void starve(UringStream& stream, StreamId id);
  // After a send that took nothing: later, or never.
  void wait_or_leave(UringStream& stream, StreamId id, int error);
  void retry_sends(Sink& sink);
  void note_short_sends();
  void take_back_sends();
  void settle(Sink& sink);
  void settle_copied(const Send& send);
  void settle_direct(const Send& send, Sink& sink);
  bool send_rest(UringStream& stream, StreamId id);
  void writable(UringStream& stream, StreamId id, std::size_t n, Sink& sink);

  // Listeners (uring_listeners.cpp).
  bool watch(int fd, std::uint32_t listener) override;
  void unwatch(int fd, std::uint32_t listener) override;
  void complete_listener(std::uint32_t token, bool more, Sink& sink);

  // Somebody else's loop (uring_nested.cpp).
  bool begin_nested();
  bool enter(bool blocks, base::Time deadline);
  void end_nested();

  UringRing ring_;
  int wake_ = -1;            // eventfd, watched edge-triggered: never read
  std::size_t max_receive_;  // per stream and wait()
  std::unique_ptr<char[]> bulk_;
  // eventfd behind poll_fd(); made when first asked for, and then somebody else's loop is around us
  mutable std::atomic<int> notify_{-1};
  std::atomic<bool> blocking_{false};  // … but we sleep in wait() all the same
  bool notifying_ = false;             // the ring knows it
  bool inside_wait_ = false;
  bool wake_armed_ = false;
  bool timer_armed_ = false;
  std::atomic<bool> woken_{false};

  base::Slab<UringStream> streams_;
  RetryTimer timer_;
  Acceptor acceptor_{*this, timer_};
  std::vector<Watch> watches_;
  std::vector<std::uint32_t> unaccepted_;  // listeners that may still be readable
  std::uint32_t next_token_ = 1;

  std::uint32_t turn_ = 0;
  // All lists of streams have room for every stream (make_room_for_one()).
  std::vector<StreamId> changed_;
  std::vector<StreamId> leaving_;
  std::vector<Completion> held_;  // of streams that had their share of a wait()

  // All sends between two submits are a wave; a stream has at most one of them, because the second
  // could succeed where the first fell short.
  std::uint32_t wave_ = 1;
  std::vector<Send> sends_;
  bool fell_short_ = false;           // some send of the wave did
  std::size_t direct_ = 0;            // sends of the wave that end with on_sent()
  std::vector<StreamId> second_;      // streams that want to send again when the wave is over
  std::vector<StreamId> shut_later_;  // … to be shut down
  std::vector<StreamId> starved_;     // sends to try again when the timer rings; may be gone since
  std::size_t scratch_used_ = 0;
  std::unique_ptr<char[]> scratch_;

  // Keep their capacity.
  std::vector<StreamId> ids_;
  std::vector<StreamId> retrying_;
  std::vector<Completion> delivering_;
  std::vector<Send> settling_;
};

}  // namespace socketio::net
