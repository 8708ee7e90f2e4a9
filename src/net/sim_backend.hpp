// The simulator behind the I/O seam: net::Backend over a SimWorld. Everything a kernel may do to a
// server happens here on the world's dice: pieces of any size, facts in any order, sends taken in
// part, at once (as epoll) or while they are in flight (as io_uring does, whose memory must then
// stay), accepts that fail.
//
// Two ways to run. Stepped: somebody moves the world and calls Loop::process() of every loop with
// ready() (several shards, one thread). Blocking: wait() moves the world itself until there is a
// fact or the deadline (one backend alone, the conformance tests).
#pragma once

#include <memory>
#include <vector>

#include "net/backend.hpp"
#include "net/sim_world.hpp"

namespace socketio::net {

class SimBackend final : public Backend {
 public:
  explicit SimBackend(SimWorld& world) : world_(world) {}
  ~SimBackend() override;

  const char* name() const override { return "simulator"; }
  void accept_start(int listen_fd, std::uint32_t listener) override;
  void accept_stop(std::uint32_t listener) override;
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
  void wake() override { woken_ = true; }
  void wait(base::Time deadline, Sink& sink) override;
  // There is no descriptor in virtual time.
  int poll_fd() const override { return -1; }
  void shrink() override { streams_.shrink(); }
  std::size_t streams() const override { return streams_.size(); }

  // A wait() would find something to do.
  bool ready() const { return woken_ || !ready_.empty() || !ready_listeners_.empty(); }

 private:
  enum class State : std::uint8_t { open, connecting, refused, detaching, closing };
  struct Held {
    std::vector<base::Bytes> parts;  // as given: the caller's memory, read by the next wait()
    std::int64_t taken = 0;
  };
  struct Record {
    Owner owner = 0;
    int fd = -1;
    int error = 0;
    State state = State::open;
    bool receiving = false;
    bool sending = false;
    bool eof = false;
    bool queued = false;
    std::unique_ptr<Held> held;  // a send that the world gets with the next wait()
  };
  struct Listening {
    int fd;
    std::uint32_t id;
    bool paused;
    bool queued;
    base::Duration delay;
  };
  using Records = base::Slab<Record>;

  Record* find(StreamId id) { return streams_.get({id.index, id.generation}); }
  Record* find_open(StreamId id);
  Listening* find_listener(std::uint32_t id);
  StreamId add(int fd, Owner owner, State state);
  void watch(int fd, StreamId id);
  void enqueue(StreamId id);
  void enqueue_in(base::Duration delay, StreamId id);
  void enqueue_listener(std::uint32_t id);
  void fail_later(Record& record, StreamId id, int error);
  // The connection breaks, for its peer as well.
  void break_off(Record& record);

  void submit();
  bool deliver_all(Sink& sink);
  bool deliver(StreamId id, Sink& sink);
  bool deliver_open(StreamId id, Sink& sink);
  bool finish_connect(StreamId id, Sink& sink);
  bool finish_send(Record& record, StreamId id, Sink& sink);
  bool receive(StreamId id, Sink& sink);
  void end(StreamId id, int error, Sink& sink);
  bool accept(std::uint32_t id, Sink& sink);
  std::int64_t take(Record& record, std::span<const base::Bytes> parts);

  SimWorld& world_;
  Records streams_;
  std::vector<Listening> listeners_;
  std::vector<StreamId> ready_;
  std::vector<StreamId> held_;  // their sends wait for the next wait()
  std::vector<std::uint32_t> ready_listeners_;
  bool woken_ = false;
  // Events of the world that outlive the backend find this gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

std::unique_ptr<Backend> make_sim_backend(SimWorld& world);

}  // namespace socketio::net
