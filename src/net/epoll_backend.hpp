// The seam over epoll: level-triggered, one receive per readable stream and wait(), sends tried at
// once. Private to epoll_backend.cpp; everybody else uses make_epoll_backend().
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include <sys/epoll.h>

#include "base/slab.hpp"
#include "net/accept.hpp"
#include "net/backend.hpp"
#include "net/epoll_records.hpp"

namespace socketio::net {

class EpollBackend final : public Backend, private Acceptor::Watcher {
 public:
  explicit EpollBackend(std::size_t max_receive);
  ~EpollBackend() override;
  EpollBackend(const EpollBackend&) = delete;
  EpollBackend& operator=(const EpollBackend&) = delete;

  const char* name() const override { return "epoll"; }
  void accept_start(int listen_fd, std::uint32_t listener) override {
    acceptor_.start(listen_fd, listener);
  }
  void accept_stop(std::uint32_t listener) override { acceptor_.stop(listener); }
  StreamId connect(const Address& to, Owner owner) override;
  StreamId adopt(int fd, Owner owner) override;
  void set_owner(StreamId id, Owner owner) override;
  void recv_start(StreamId id) override;
  void recv_stop(StreamId id) override;
  std::size_t send(StreamId id, std::span<const base::Bytes> parts) override;
  bool flushed(StreamId) override { return true; }
  void shutdown_write(StreamId id) override;
  void detach(StreamId id) override;
  void close(StreamId id) override;
  void wake() override;
  void wait(base::Time deadline, Sink& sink) override;
  int poll_fd() const override;
  void shrink() override;
  std::size_t streams() const override { return streams_.size(); }

 private:
  using State = EpollStream::State;
  static constexpr std::size_t kEvents = 512;  // per wait()

  EpollStream* find(StreamId id) { return streams_.get({id.index, id.generation}); }
  // Null as well when the stream is on its way out.
  EpollStream* find_open(StreamId id);
  // Null when memory runs out; then the descriptor is closed.
  StreamId add(int fd, Owner owner, State state);
  int poll(base::Time deadline, bool may_block);
  [[gnu::noinline]] std::size_t send_unusual(StreamId id, std::span<const base::Bytes> parts);
  // `n`: as from send_now().
  [[gnu::noinline]] std::size_t sent_part(StreamId id, ssize_t n, std::size_t total);
  void starve(EpollStream& stream, StreamId id);

  bool arm(EpollStream& stream, StreamId id, bool in, bool out);
  void disarm(EpollStream& stream);
  void close_fd(EpollStream& stream);
  // Ends a stream from a verb: the fact waits for wait().
  void fail_later(EpollStream& stream, StreamId id, int error);
  void leave_later(EpollStream& stream, StreamId id, State state);

  // Facts; called by wait() only.
  bool deliver_queued(Sink& sink);
  void deliver(StreamId id, Sink& sink);
  void ready(StreamId id, std::uint32_t events, Sink& sink);
  void finish_connect(EpollStream& stream, StreamId id, Sink& sink);
  void receive(EpollStream& stream, StreamId id, Sink& sink);
  void hung_up(EpollStream& stream, StreamId id, std::uint32_t events, Sink& sink);
  void retry_sends(Sink& sink);
  void end(StreamId id, int error, Sink& sink);

  bool watch(int fd, std::uint32_t listener) override;
  void unwatch(int fd, std::uint32_t listener) override;

  int epoll_ = -1;
  int wake_ = -1;  // eventfd, edge-triggered: never read
  bool has_pwait2_ = true;
  std::atomic<bool> woken_{false};
  mutable bool nested_ = false;  // somebody polls poll_fd(): queued facts must make it readable

  base::Slab<EpollStream> streams_;
  RetryTimer timer_;
  Acceptor acceptor_{*this, timer_};
  // All with room for every stream (add()).
  std::vector<StreamId> queued_;      // streams with a fact for the next wait()
  std::vector<StreamId> delivering_;  // keeps its capacity
  std::vector<StreamId> starved_;     // sends to try again when the timer rings; may be gone since
  std::vector<StreamId> retrying_;    // keeps its capacity
  std::size_t max_receive_;
  std::unique_ptr<char[]> buffer_;
  std::array<epoll_event, kEvents> events_;
};

}  // namespace socketio::net
