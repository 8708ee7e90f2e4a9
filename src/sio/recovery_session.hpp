// What a recoverable socket would leave behind, kept up to date while it is connected: who it is,
// what it has been sent, and which rooms it was in when. It decides which packets of the log are
// its own: those that an always connected socket would have got.
//
//   log       1  2  3  4  5  6  7  8        "at" is always the number of the last packet delivered
//   in "a"       |—————|                    on the socket's shard: joined at 1, left at 4
//   is sent      2     4
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <socketio/value.hpp>

#include "base/bytes.hpp"
#include "eio/sid.hpp"

namespace socketio::sio {

struct Attachment;
struct LogEntry;

// A public or private id.
using IdText = std::array<char, eio::kSidSize>;
inline base::Bytes view(const IdText& id) {
  return {id.data(), id.size()};
}

// What a client says in CONNECT to get its session back.
struct RecoveryRequest {
  std::string pid;
  // Of the last packet it got; none: it got no packet.
  std::optional<std::string> offset;
};
// Nullopt: it says nothing of the kind, or nothing that can be trusted (an offset that is no text).
std::optional<RecoveryRequest> read_recovery_request(const Value& auth);

class RecoverySession {
 public:
  // Rooms that were left are remembered for what may have been lost on the way to the client: for
  // seconds. Beyond so many changes a client that misses packets from before them starts anew.
  static constexpr std::size_t kMaxStays = 64;

  RecoverySession(const IdText& private_id, const IdText& public_id, std::uint64_t in,
                  std::uint64_t at)
      : pid(private_id), sid(public_id), nsp(in), start(at), sent(at), detached(at) {}

  void join(base::Bytes room, std::uint64_t at);
  void leave(base::Bytes room, std::uint64_t at);
  // Whether the packet is its own.
  bool wants(const LogEntry& entry) const;
  const std::map<std::string, std::uint64_t, std::less<>>& rooms() const { return open_; }
  // Every room whose packets may be its own.
  std::vector<base::Bytes> all_rooms() const;

  IdText pid;
  IdText sid;
  std::uint64_t nsp;
  std::uint64_t start;     // it began behind this packet
  std::uint64_t sent;      // none of its own behind this one has been handed to its connection…
  std::uint64_t detached;  // …up to this one, where the connection ended
  // While it is restored.
  std::uint64_t has = 0;   // the client has got everything up to here
  std::uint64_t from = 0;  // what it misses is behind this
  bool recovered = false;
  std::shared_ptr<Attachment> kept;                     // the user's data, without a socket
  std::vector<std::shared_ptr<const LogEntry>> missed;  // what accept() sends first

  // Where to go on for a client that has got everything up to `offset`; nullopt: what it may have
  // missed is no longer known.
  std::optional<std::uint64_t> resume(std::uint64_t offset) const;

 private:
  struct Stay {
    std::string room;
    std::uint64_t from;
    std::uint64_t to;
  };
  bool in_room(base::Bytes room, std::uint64_t number) const;

  std::map<std::string, std::uint64_t, std::less<>> open_;  // room -> joined at
  std::vector<Stay> past_;                                  // oldest first
  std::uint64_t forgotten_ = 0;  // stays that ended by then may be missing
};

}  // namespace socketio::sio
