// What recovery keeps, and its decisions: the log of packets, the table of sessions, and who gets
// his back. One for the whole server; whoever shares it between threads locks it.
//
//   CONNECT with a pid --claim--> session --Core::adopt, then admit--> its missed packets, CONNECT
//   CONNECT without    ----------------------------------- admit--> a session begins
//   the socket is gone --leave--> kept for its client, or forgotten
#pragma once

#include <memory>

#include "sio/core.hpp"
#include "sio/recovery_log.hpp"
#include "sio/recovery_table.hpp"

namespace socketio::sio {

class RecoveryStore {
 public:
  struct Limits {
    RecoveryLog::Limits log;
    std::size_t sessions;
    std::size_t replay_bytes;  // of missed packets; more would not fit a connection's queue
  };
  using Place = RecoveryTable::Place;

  RecoveryStore(base::Random& random, Limits limits);

  // The offset a packet is to end with: its own, or, when it is not kept (volatile), that of the
  // newest kept one, which whoever gets it has got as well.
  std::string next_offset(bool kept) const;
  // The packet that ends with it. Nobody's when it is not kept.
  LogEntryPtr add(LogEntry packet, bool kept);

  struct Claim {
    std::unique_ptr<RecoverySession> session;  // to adopt; else a new one begins, unless `wait`
    bool wait = false;                         // its place will be somebody's waiter
    std::optional<Place> holder;               // a live socket that should be superseded
    std::optional<Place> waiter;               // to claim again
    std::optional<Place> displaced;            // to begin anew
    std::unique_ptr<RecoverySession> dropped;  // with the user's data: to be destroyed unlocked
  };
  // `again`: it has waited, and was handed out.
  Claim claim(const Socket& socket, Place place, const RecoveryRequest& request, base::Time now,
              bool again);
  // A connecting socket is about to be accepted, on a shard that has delivered every packet there
  // is. False: what it missed is gone meanwhile; leave() is next.
  bool admit(Core& core, Socket& socket, Place place, std::optional<Place>& waiter);
  // Returns who waited for it. `keep`: its client may come back.
  std::optional<Place> leave(std::unique_ptr<RecoverySession> session, bool keep, base::Time now,
                             RecoveryTable::Sessions& dropped);
  std::optional<RecoveryTable::Whereabouts> find(base::Bytes sid) const { return table_.find(sid); }

  RecoveryTable::Sessions expire(base::Time now);
  RecoveryTable::Sessions clear();
  // Something will expire.
  bool holds_anything() const { return table_.saved() > 0 || log_.packets() > 0; }
  std::size_t sessions() const { return table_.saved(); }
  std::size_t packets() const { return log_.packets(); }
  std::size_t bytes() const { return log_.bytes(); }

 private:
  bool resume(RecoverySession& session, const RecoveryRequest& request) const;
  bool fits(const std::vector<LogEntryPtr>& missed) const;

  RecoveryLog log_;
  RecoveryTable table_;
  std::size_t replay_bytes_;
};

}  // namespace socketio::sio
