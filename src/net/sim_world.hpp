// The simulator's network: sockets without a kernel, in virtual time. One seed decides every delay
// and every fault, so a run can be repeated byte for byte: events happen in order of (time,
// number), nothing depends on an address, a clock or the order of a hash table.
//
//   connect --SYN--> backlog --accept--> open
//   open <== segments, FIN, RST (in order per direction) ==> open
//
// The calls below are the system calls of this kernel, on numbers that no kernel gives out: errors
// are negative errno values. Both ends use them: SimBackend on behalf of a server, scripted clients
// directly. Nothing calls back from inside a call; a socket's watcher runs from step().
//
// What it does not model: congestion, loss (a stream hides it behind delay), more than one route.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "net/address.hpp"
#include "net/seeded_random.hpp"

namespace socketio::net {

// How a connection behaves. Chances are "one in n"; 0 is never.
struct SimLink {
  base::Duration latency = std::chrono::microseconds(100);
  base::Duration jitter{};          // up to this much more, per segment
  std::size_t window = 256 * 1024;  // bytes under way or unread, each direction
  std::size_t segment = 64 * 1024;  // largest piece that arrives at once
  std::uint64_t short_read = 0;     // recv gives less than there is
  std::uint64_t short_write = 0;    // send takes less than there is room for
  std::uint64_t held_send = 0;      // SimBackend completes the send later, as io_uring does
};

// What the kernel under a SimBackend fails at by itself, with any errno that the call may give.
// Chances are "one in n"; 0 is never. On dice of their own: without faults a seed's history is the
// same as ever.
struct SimFaults {
  std::uint64_t seed = 0;
  std::uint64_t send = 0;
  std::uint64_t receive = 0;
  std::uint64_t accept = 0;
};

class SimWorld {
 public:
  using Watcher = std::function<void()>;
  // The first number given to a socket: no kernel gives out numbers as high.
  static constexpr int kFirst = 1 << 30;
  // How long unacknowledged bytes wait for a peer that has vanished (Linux: about 15 minutes).
  static constexpr base::Duration kGiveUp = std::chrono::minutes(15);

  explicit SimWorld(std::uint64_t seed) : random_(seed) {}
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  // -- Time.
  base::Time now() const { return now_; }
  // `action` runs at that time, or at once if it is past; actions of one time in the order given.
  void at(base::Time time, std::function<void()> action);
  void in(base::Duration delay, std::function<void()> action) {
    at(now_ + delay, std::move(action));
  }
  // When the next action is due; kNever when there is none.
  base::Time next() const;
  // Runs the next action, moving time to it. Not from inside an action.
  void step();
  // Moves time on, past nothing that is due.
  void advance(base::Time time);
  SeededRandom& random() { return random_; }

  // -- System calls.
  int listen(const Address& address);
  // An accepted socket, -EAGAIN, or the error that fail_accepts() injects.
  int accept(int listener, Address& peer);
  // The socket connects later: its watcher runs then.
  int connect(const Address& to, const SimLink& link);
  bool connecting(int fd) const;
  std::pair<int, int> pair(const SimLink& link);
  // How many bytes it took; -EAGAIN when there is no room.
  std::int64_t send(int fd, base::Bytes bytes);
  // How many bytes came; 0 at the end; -EAGAIN when there is nothing yet.
  std::int64_t recv(int fd, base::MutBytes out);
  std::size_t room(int fd) const;    // what send() would take, at most
  std::size_t unread(int fd) const;  // what recv() would give, at most
  int error(int fd) const;           // the errno that ended the connection, or 0
  bool ended(int fd) const;          // recv() would give 0
  const SimLink* link(int fd) const;
  Address address(int fd) const;  // its own
  void shutdown_write(int fd);
  // With unread bytes the peer gets a reset, as from Linux.
  void close(int fd);
  void reset(int fd);
  // Runs when there is something to read, room to write or an end to see. One per socket.
  void watch(int fd, Watcher watcher);

  // -- Faults.
  // The other end hears nothing more, and nothing reaches this one: a cable cut, a battery empty.
  void vanish(int fd);
  // accept() fails with this errno until then.
  void fail_accepts(int error, base::Time until);
  void fail_calls(const SimFaults& faults);
  // The errno that this call of a SimBackend fails with; 0: it does not.
  int send_fault();
  int receive_fault();

  // Sockets that somebody has to close (listeners and vanished ones apart).
  std::size_t open_sockets() const { return open_; }
  // A hash of every byte and end that arrived anywhere, with its time: equal histories are equal
  // runs.
  std::uint64_t history() const { return history_; }

 private:
  enum class State : std::uint8_t { listening, connecting, open, vanished };
  struct Socket {
    State state = State::open;
    int peer = -1;
    Address local;
    Address remote;
    SimLink link;
    std::string rx;
    std::size_t rx_at = 0;
    std::size_t outstanding = 0;  // sent and not yet read by the peer
    base::Time last_arrival{};    // of what we sent: arrivals keep their order
    int error = 0;
    bool rx_end = false;
    bool tx_end = false;
    bool giving_up = false;
    bool accepted = true;  // false in a backlog
    Watcher watcher;
    std::deque<int> backlog;  // of a listener
  };

  Socket* find(int fd);
  const Socket* find(int fd) const;
  int add(State state, const SimLink& link);
  void erase(int fd);
  // Later in order with everything sent before.
  base::Time arrival(Socket& from);
  void transmit(int from, base::Bytes bytes);
  void arrive(int from, int to, const std::string& bytes);
  void arrive_end(int from, int to);
  void arrive_reset(int to);
  void fill_backlog(int client, const Address& to);
  void notify(int fd);
  void record(std::uint64_t what, base::Bytes bytes);

  base::Time now_{std::chrono::hours(1)};
  SeededRandom random_;
  std::map<std::pair<base::Time, std::uint64_t>, std::function<void()>> actions_;
  std::uint64_t numbers_ = 0;
  std::map<int, Socket> sockets_;
  int last_ = kFirst;
  std::uint16_t last_port_ = 1024;
  std::size_t open_ = 0;
  int accept_error_ = 0;
  base::Time accept_until_{};
  SimFaults faults_;
  SeededRandom fault_random_{0};
  std::uint64_t history_ = 0xCBF29CE484222325ULL;
};

}  // namespace socketio::net
