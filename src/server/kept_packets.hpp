// What is sent to the sockets of a shard while an adapter looks for the session of one that
// connects. Which rooms it is in is not known before the answer, and the answer may be as old as
// its way is long: so everything is kept until the socket is accepted, and what is its own and not
// among what the adapter says it has missed is sent behind that.
//
//   CONNECT --asked--> … --answer--> middlewares --accepted--> missed, kept, CONNECT
//              wait()    add() add()       add()    give()
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>

#include "sio/core.hpp"
#include "sio/recovery_log.hpp"

namespace socketio::server {

std::size_t wire_size(const sio::SharedPacket& packet);

class KeptPackets {
 public:
  // The bytes that are kept at most, for all who wait, and that one is given, with what it missed.
  explicit KeptPackets(std::size_t most) : most_(most) {}

  bool idle() const { return waiting_.empty(); }
  // From now on for this socket too.
  void wait(sio::SocketId socket);
  void forget(sio::SocketId socket);
  // Beyond the limit the oldest goes. Cannot fail: without memory all are dropped.
  void add(sio::LogEntry packet) noexcept;
  // To a socket that is about to be accepted. False: some of it has been dropped, or it is too
  // much. O(what is kept).
  bool give(sio::SocketId socket, sio::RecoverySession& session);

 private:
  bool append(std::uint64_t from, sio::RecoverySession& session) const;
  void drop_first();
  std::uint64_t end() const { return first_ + packets_.size(); }

  const std::size_t most_;
  std::deque<sio::LogEntryPtr> packets_;  // numbered first_ …
  std::uint64_t first_ = 0;
  std::size_t bytes_ = 0;
  std::map<std::uint64_t, std::uint64_t>
      waiting_;                        // socket -> the first packet that may be its own
  std::multiset<std::uint64_t> from_;  // the same numbers
};

}  // namespace socketio::server
