// Connection state recovery, as far as it is the whole server's: the log of packets, the table of
// sessions, and one queue per shard that keeps the log's order. Everything is under one lock: a
// packet is numbered, logged and queued for every shard in one step, so all shards give their
// sockets the same packets in the same order, and the number of the last one says exactly what a
// client has got, wherever it comes back.
//
//   emit (any thread) -> lock { number, log, queue 0 … queue n } -> each shard: pull()
//
// The shard that emits pulls its queue at once, up to its packet: its own sockets get what others
// queued before, and then the packet, before emit() returns, as without recovery. Commands of other
// threads (joins, acknowledgements, …) take the same queue, so that a thread's calls keep their
// order; not what the user posts, which may run between handlers only. What others queue while a
// shard pulls is for a later turn: they may be faster than it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "server/options.hpp"
#include "sio/core.hpp"
#include "sio/recovery_store.hpp"

namespace socketio::detail {
struct Hub;
struct Target;
}  // namespace socketio::detail

namespace socketio::server {

class Shard;

class Recovery {
 public:
  using Job = std::function<void(Shard&)>;
  using Place = sio::RecoveryStore::Place;

  Recovery(detail::Hub& hub, const ConnectionStateRecoveryOptions& options, std::size_t shards,
           base::Random& random);
  ~Recovery();

  // -- Sending, on any thread. unknown_socket: a single receiver without a session (it is still
  // connecting, or gone for good), for whom nothing is kept. refused: it cannot be said, which has
  // been reported.
  enum class Sent : std::uint8_t { yes, no, refused, unknown_socket };
  Sent emit(const detail::Target& target, std::string_view event, detail::ArgsRef args);
  // A command in its place among the packets. False: the shard's queue is full, or it is gone.
  bool post(std::size_t shard, Job job, bool is_volatile);
  // On the shard's thread: does what is queued for it when the call begins, and what it emits
  // itself meanwhile. Not reentrant (the outer one goes on).
  void pull(Shard& shard);
  bool pulling(const Shard& shard) const;

  // -- Sessions, on the thread of the shard that has the socket.
  struct Claim {
    std::unique_ptr<sio::RecoverySession> session;
    bool wait = false;  // another socket has it: Dispatcher::reconnect() follows
  };
  // A connecting socket asks for its session; null when there is none it could go on with.
  // `again`: it has waited, and reconnect() was called.
  Claim claim(Shard& shard, const sio::Socket& socket, const sio::RecoveryRequest& request,
              bool again);
  // A connecting socket is about to be accepted: fills in what it has missed, and from then on it
  // is found. Everything queued for the shard has been pulled. No: it has missed more than is
  // still known. Later: others queue as fast as the shard pulls, and it has more to do.
  enum class Admitted : std::uint8_t { yes, no, later };
  Admitted admit(Shard& shard, sio::Socket& socket);
  // The socket is gone; `keep`: its client may come back.
  void leave(Shard& shard, std::unique_ptr<sio::RecoverySession> session, bool keep);

  // -- The first shard's timer. Returns when to be called again.
  base::Time expire(base::Time now);
  // The shard takes nothing any more; what is queued for it may still be pulled.
  void close(std::size_t shard);
  // Or never is.
  void drop(std::size_t shard);
  void add_stats(Stats& all) const;

 private:
  struct Queued {
    Job job;
    bool own = false;  // of what the shard itself is doing: not a dispatch of its own
  };
  struct Queue {
    std::vector<Queued> jobs;
    // Of `jobs`, from the front: to be done before the pull that is under way, or about to begin,
    // returns.
    std::size_t due = 0;
    bool woken = false;  // a job in the mailbox will pull what is there when it runs
    bool closed = false;
    // The shard's own.
    bool pulling = false;
    bool chained = false;  // what is emitted now is due
  };
  // Under the lock.
  Sent append(const detail::Target& target, std::string_view event, sio::Encoder& encoder,
              Writer& writer, const Shard* here);
  sio::LogEntryPtr number(const detail::Target& target, base::Bytes nsp, sio::Selection selection,
                          sio::Encoder& encoder, Writer& writer);
  void wake_expiry();
  bool has_room(const Queue& queue, bool is_volatile) const;
  void put(std::size_t shard, Job job, const Shard* here);
  // Without it.
  std::vector<Queued> take_due(Queue& queue);
  void pull_due(Shard& shard);
  void pull_woken(Shard& shard);
  void retry(std::optional<Place> waiter, bool anew = false);

  detail::Hub& hub_;
  const base::Duration interval_;  // between two expire()
  mutable std::mutex mutex_;
  sio::RecoveryStore store_;
  std::vector<Queue> queues_;
  bool ticking_ = false;
};

}  // namespace socketio::server
