// All acknowledgements a shard waits for: found by (namespace, id), by socket when it disconnects,
// and by deadline. Every step is O(1), those with a deadline O(log n); a waiter that leaves takes
// all its entries along.
#pragma once

#include <optional>
#include <vector>

#include "base/list.hpp"
#include "base/slab.hpp"
#include "sio/acks.hpp"
#include "sio/core.hpp"

namespace socketio::sio {

struct PendingAck;

struct Socket::Acks {
  base::List<PendingAck> waiting;  // oldest first
  std::uint32_t count = 0;
  Acks();
  ~Acks();
};

class AckTable {
 public:
  AckTable();
  ~AckTable();

  // Ids are unique in a namespace, whoever is asked.
  std::uint64_t next_id(NamespaceIndex nsp);
  // One socket is to answer. The id it must carry.
  std::uint64_t expect(Socket& socket, std::unique_ptr<AckWaiter> waiter, base::Time deadline);
  // Each of `receivers` (not empty) is to answer once.
  void expect_all(NamespaceIndex nsp, std::uint64_t id, std::vector<SocketId> receivers,
                  std::unique_ptr<AckWaiter> waiter, base::Time deadline);

  // Ends with its deadline.
  void expect_nobody(std::unique_ptr<AckWaiter> waiter, base::Time deadline);

  struct Reply {
    AckWaiter* group = nullptr;           // a broadcast: gets reply()
    std::unique_ptr<AckWaiter> waiter{};  // has got everything: gets finish()
  };
  // Nothing set: nobody waits for that, or not from that socket, or not any more.
  Reply reply(NamespaceIndex nsp, std::uint64_t id, SocketId from);

  // One after the other, null when there is no more: those whose time has come, those of a socket.
  std::unique_ptr<AckWaiter> take_due(base::Time now);
  std::unique_ptr<AckWaiter> take_of(Socket& socket);
  std::vector<std::unique_ptr<AckWaiter>> take_all();

  base::Time deadline() const;
  std::size_t size() const;
  // Gives back what is left of a time when many were awaited. Cannot fail.
  void shrink();

 private:
  struct Index;
  std::unique_ptr<Index> index_;
};

}  // namespace socketio::sio
