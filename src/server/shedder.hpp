// The two limits of the whole server, and who has to go when it holds too much: the clients of this
// shard that hold most. The shard asks before it reads and answers; at the end of a turn too much
// output is shed.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ledger.hpp"
#include "server/connection.hpp"

namespace socketio::server {

class Shard;

class Shedder {
 public:
  using Connections = base::Slab<Connection>;
  using Sessions = base::Slab<SessionRecord>;
  Shedder(Shard& shard, Connections& connections, Sessions& sessions);

  bool too_much_input() const { return ledger_.input() > input_.limit; }
  // Until the end of the turn, where it is shed: then nobody is answered before that.
  bool too_much_output() const { return ledger_.output() > output_.again; }
  // WebSockets that have taken everything they were sent are answered even then, within a reserve,
  // lest they wait in line with those who take nothing. (An HTTP connection may be new.)
  bool has_reserve(const Connection& c) const;
  bool has_room_for(std::size_t output) const {
    return ledger_.output() + static_cast<std::int64_t>(output) <= output_.again;
  }
  bool may_wait(std::size_t bytes) const;  // an event, in a middleware

  bool make_room(Connection& c);  // of input; false: `c` itself had to go
  void end_turn();
  void on_closed(const Connection& c) {
    if (c.shed) --under_way_;
  }

 private:
  struct Holder {
    std::size_t held;
    std::uint64_t id;
    bool is_session;  // else a connection
  };
  struct Quota {
    explicit Quota(std::size_t bytes) : limit(static_cast<std::int64_t>(bytes)), again(limit) {}
    void relax(std::int64_t total) {
      if (total <= limit) again = limit;
    }
    bool exceeded(std::int64_t total) {
      relax(total);
      return total > again;
    }
    std::int64_t limit;
    std::int64_t again;  // when shedding did not help: from here on it is tried again
  };

  void shed_input();
  void shed_output();
  std::size_t input_of(const Connection& c) const;
  std::size_t input_of(const SessionRecord& record) const;
  std::size_t output_of(const Connection& c) const;
  std::vector<Holder> output_holders(bool waiting);
  bool shed(std::vector<Holder>& holders, std::int64_t total, const Quota& quota, const char* why);
  void shed_connection(ConnectionId id);
  void shed_session(SessionId id);
  void ask_others_to_shed(void (Shedder::*how)());

  Shard& shard_;
  Connections& connections_;
  Sessions& sessions_;
  base::Ledger& ledger_;
  Quota input_;
  Quota output_;
  std::size_t under_way_ = 0;  // connections that are shed and not yet closed
};

}  // namespace socketio::server
