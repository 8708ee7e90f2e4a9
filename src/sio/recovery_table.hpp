// Where each recoverable session is: with a socket, on its way to one, or kept for a client to come
// back for. One table for the whole server; whoever shares it between threads locks it.
//
//   open -> live --save--> saved --claim--> moving --settle--> live …
//                 `-erase-> gone   `-expire/evicted-> gone
//
// A claim that comes while the session is live or moving waits: its place is handed out by what
// ends that state, and claims again. One waits, the last that came: a client has one connection at
// a time, and were all to wait, each end would have all of them claim again. Who claims again while
// a later one has come gets nothing.
#pragma once

#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include <tsl/robin_map.h>

#include "base/list.hpp"
#include "base/time.hpp"
#include "sio/recovery_session.hpp"

namespace socketio::sio {

class RecoveryTable {
 public:
  struct Place {
    std::size_t shard = 0;
    std::uint64_t socket = 0;  // packed id
    bool operator==(const Place&) const = default;
  };
  using Sessions = std::vector<std::unique_ptr<RecoverySession>>;

  RecoveryTable(std::size_t max_saved, base::Duration keep);
  ~RecoveryTable();

  void open(const RecoverySession& session, Place place);
  struct Claim {
    std::unique_ptr<RecoverySession> session;  // yours; settle(), save() or erase() follows
    bool wait = false;                         // you will be handed out as the waiter
    std::optional<Place> holder;               // wait, first: a live socket that should end
    std::optional<Place> displaced;            // waits no longer: a new session is all it gets
  };
  // `again`: `waiter` has waited, and was handed out.
  Claim claim(base::Bytes pid, std::uint64_t nsp, Place waiter, base::Time now, bool again);
  // The claimed session has a socket again. Returns who waited.
  std::optional<Place> settle(const IdText& pid, Place place);
  // The socket is gone, or did not come to be. `dropped`: an older one that had to make room (its
  // data is the user's: destroy it where user code may run).
  std::optional<Place> save(std::unique_ptr<RecoverySession> session, base::Time now,
                            Sessions& dropped);
  std::optional<Place> erase(const IdText& pid);

  enum class State : std::uint8_t { live, moving, saved };
  struct Whereabouts {
    State state;
    Place place;  // live
  };
  // By the public id.
  std::optional<Whereabouts> find(base::Bytes sid) const;
  Sessions expire(base::Time now);
  Sessions clear();
  bool empty() const { return by_pid_.empty(); }
  std::size_t saved() const { return saved_count_; }

 private:
  // The ids are random already, and unknown ones only look up.
  struct Hash {
    std::size_t operator()(const IdText& id) const {
      std::uint64_t word = 0;
      std::memcpy(&word, id.data(), sizeof word);
      word *= 0x9E3779B97F4A7C15;
      return static_cast<std::size_t>(word ^ word >> 32);
    }
  };
  struct Slot : base::ListNode<Slot> {
    IdText pid{};
    IdText sid{};
    std::uint64_t nsp = 0;
    State state = State::live;
    Place place{};
    std::unique_ptr<RecoverySession> session;
    base::Time expires{};
    std::optional<Place> waiter;
    bool called = false;  // the waiter was handed out, and has not claimed again
  };
  using Map = tsl::robin_map<IdText, std::unique_ptr<Slot>, Hash>;
  std::unique_ptr<RecoverySession> remove(Slot& slot);
  static std::optional<Place> call_waiter(Slot& slot);

  std::size_t max_saved_;
  base::Duration keep_;
  Map by_pid_;
  tsl::robin_map<IdText, Slot*, Hash> by_sid_;
  base::List<Slot> saved_;  // oldest first
  std::size_t saved_count_ = 0;
};

}  // namespace socketio::sio
