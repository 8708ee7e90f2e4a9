// The packets that clients may have missed, oldest first; one log for the whole server, so that
// every packet has one number and one order. A packet is found by its rooms without looking at
// those of others: each room's last packet is known, and each packet knows the one before it in
// each of its rooms.
//
//   number   1       2       3       4            heads: everybody -> 4, "a" -> 3, "b" -> 3
//   to       "a"     all     "a","b"  all
//            ^---------------'
//                    ^----------------'
//
// Bounded by bytes, by packets and by age; what falls out is the oldest.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tsl/robin_map.h>

#include "base/random.hpp"
#include "base/time.hpp"
#include "sio/encoder.hpp"
#include "sio/keyed_hash.hpp"
#include "sio/recovery_session.hpp"
#include "sio/rooms.hpp"

namespace socketio::sio {

// A packet on its way to the shards, and kept for those who miss it.
struct LogEntry {
  std::uint64_t number = 0;
  std::uint64_t nsp = 0;
  Selection selection;
  SharedPacket packet;
  bool compress = true;
  // For each of its rooms (once), the packet before it.
  struct Link {
    std::uint64_t key;
    std::uint64_t previous;
  };
  std::vector<Link> links;
  std::size_t size = 0;  // bytes it is counted for
};
using LogEntryPtr = std::shared_ptr<const LogEntry>;

class RecoveryLog {
 public:
  struct Limits {
    std::size_t bytes;
    std::size_t packets;
    base::Duration age;
    bool compressed = false;  // messages keep a compressed copy of themselves
  };
  RecoveryLog(base::Random& random, Limits limits);

  // The number of the newest packet, kept or not; 0: there was none.
  std::uint64_t last() const { return last_; }
  // How the wire names a packet: eleven letters, different in every process, that do not tell how
  // many packets there are (of all rooms and namespaces, most of which are others').
  std::string offset(std::uint64_t number) const;
  // Nullopt: not one of ours, or not yet.
  std::optional<std::uint64_t> find(base::Bytes offset) const;

  // The next packet, which is numbered here; its text ends with offset(last() + 1). `keep` false:
  // nobody could miss it.
  LogEntryPtr append(LogEntry packet, bool keep);
  // Everything behind this packet is still there.
  bool reaches(std::uint64_t number) const { return number + 1 >= first_; }
  // What a session wants of the packets behind `from`, in order. O(packets to its rooms).
  std::vector<LogEntryPtr> missed(const RecoverySession& session, std::uint64_t from) const;

  // Ages by calls: a packet is as old as the first call after it, and goes with the call that finds
  // it older than the limit.
  void expire(base::Time now);
  void clear();
  std::size_t packets() const { return entries_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Mark {
    std::uint64_t last;
    base::Time time;
  };
  std::uint64_t veil(std::uint64_t number) const;
  std::uint64_t unveil(std::uint64_t veiled) const;
  std::uint32_t round(std::uint64_t number, std::uint32_t half) const;
  std::uint64_t key(std::uint64_t nsp, base::Bytes room, bool everybody) const;
  void link(LogEntry& entry, std::uint64_t key);
  std::size_t size_of(const LogEntry& entry) const;
  std::size_t size_of(const eio::Message& message) const;
  void pop_front();

  Limits limits_;
  KeyedHash hash_;
  std::deque<LogEntryPtr> entries_;  // numbered first_ … last_
  std::uint64_t first_ = 1;
  std::uint64_t last_ = 0;
  std::size_t bytes_ = 0;
  tsl::robin_map<std::uint64_t, std::uint64_t> heads_;  // of a room: its newest packet
  std::deque<Mark> marks_;
};

}  // namespace socketio::sio
