// The namespaces of a server: which index a name has (the same on every shard), which are children
// of which parent, and which are going. Shared by the shards and thread-safe; what a shard itself
// keeps of a namespace (rooms, handlers) it makes from the entry when it first hears of it.
//
//   add() -> entry, being set up -> ready(): clients are let in -> …
//         -> remove(): the name is free again -> recycle(): so is the place
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <socketio/adapter.hpp>
#include <socketio/parent_namespace.hpp>

#include "sio/core.hpp"

namespace socketio::server {

struct NamespaceHandlers;

// Parents are no namespaces a client could join: their indexes are numbers of their own.
inline constexpr sio::NamespaceIndex kParentBit = sio::NamespaceIndex{1} << 63;
inline constexpr sio::NamespaceIndex kNoParent = ~sio::NamespaceIndex{0};
constexpr bool is_parent(sio::NamespaceIndex index) {
  return (index & kParentBit) != 0;
}

// Asked in order about names that nobody has created.
struct Parent {
  sio::NamespaceIndex index = kParentBit;
  std::optional<NamespacePattern> pattern;  // or
  detail::NamespaceDecision decide;
};

// Members of rooms on all shards, of a namespace whose rooms somebody watches.
struct RoomCounts {
  // Held while listeners run, so that their order is that of the facts. No thread holds two of
  // these: see Dispatcher::room_changed().
  std::mutex mutex;
  std::map<std::string, std::size_t, std::less<>> members;

  // True: the room is new, or was left by its last member. One that was joined before somebody
  // watched may be unknown.
  bool change(const std::string& room, bool joined);
};

struct NamespaceEntry {
  std::string name;
  sio::NamespaceIndex index = 0;
  sio::NamespaceIndex parent = kNoParent;
  std::shared_ptr<const NamespaceHandlers> inherited;  // the parent's, as they were; may be null
  bool counted = false;                                // goes with its last client
  std::atomic<std::size_t> sockets{0};                 // connected ones, on all shards
  RoomCounts rooms;

  // Of a counted one: a client comes (false: too late, it is going) and leaves (true: it was the
  // last, and the caller is to remove the namespace). Clients in a middleware count.
  bool enter();
  bool leave();

 private:
  static constexpr std::int64_t kGoing = -1;
  std::atomic<std::int64_t> clients_{0};
};
using NamespaceEntryPtr = std::shared_ptr<NamespaceEntry>;

class NamespaceNames {
 public:
  NamespaceNames();

  struct Added {
    NamespaceEntryPtr entry;  // null: there are too many
    bool is_new = false;
  };
  // Finds or adds. A new one lets nobody in before ready().
  Added add(std::string_view name, sio::NamespaceIndex parent = kNoParent,
            std::shared_ptr<const NamespaceHandlers> inherited = {}, bool counted = false,
            std::size_t max_children = ~std::size_t{0});
  // The creator has told every shard what it had to; those who waited go on, on this thread.
  void ready(const NamespaceEntry& entry);
  // With its index when it is ready, with none when it has gone before that.
  using GoOn = std::function<void(std::optional<sio::NamespaceIndex>)>;
  // False: nobody has created it. Else `go_on` is called, now or later.
  bool await(std::string_view name, GoOn go_on);

  std::optional<sio::NamespaceIndex> find(std::string_view name) const;
  NamespaceEntryPtr entry(sio::NamespaceIndex index) const;  // null: gone
  std::string name(sio::NamespaceIndex index) const;         // empty: gone
  std::size_t sockets(sio::NamespaceIndex index) const;
  std::uint32_t size() const;

  // False: it is not taken, since the namespace is gone or the server closes its adapters.
  bool set_adapter(sio::NamespaceIndex index, std::shared_ptr<Adapter> adapter);
  std::shared_ptr<Adapter> adapter(sio::NamespaceIndex index) const;
  // The first one from `place` on, which is then behind it: it is nobody's any more, and is to be
  // closed, or to go. Null: there are no more.
  std::shared_ptr<Adapter> take_adapter(std::size_t& place);
  // No adapter is taken any more.
  void refuse_adapters();

  // The server is gone, and with it whoever called what its user had given it: the functions of
  // parents, the handlers of their children, and who waits for a namespace. They die unlocked.
  void forget_user_code();

  // From now on the name is unknown; its place is not used again before recycle(), when no shard
  // has anything of it any more.
  // Its adapter, to be closed when every shard has dropped it.
  std::shared_ptr<Adapter> remove(const NamespaceEntry& entry);
  void recycle(sio::NamespaceIndex index);

  sio::NamespaceIndex add_parent(std::optional<NamespacePattern> pattern,
                                 detail::NamespaceDecision decide);
  using Parents = std::vector<Parent>;
  std::shared_ptr<const Parents> parents() const;
  std::vector<sio::NamespaceIndex> children(sio::NamespaceIndex parent) const;

  void forget_sockets();  // the server is gone

 private:
  struct Slot {
    NamespaceEntryPtr entry;  // null: free, or going
    std::shared_ptr<Adapter> adapter;
    std::uint64_t uses = 0;
    std::uint32_t next_free = 0;
    bool is_ready = false;
    std::vector<GoOn> waiting;
  };
  const Slot* find_slot(sio::NamespaceIndex index) const;
  std::optional<sio::NamespaceIndex> free_index();

  mutable std::mutex mutex_;
  bool adapters_refused_ = false;
  // One piece of memory: in many small ones, a flood of names would pin as many pages for good.
  std::vector<Slot> slots_;
  // Those that are free, linked: first in, first out, so that each rests as long as can be.
  static constexpr std::uint32_t kNoSlot = ~std::uint32_t{0};
  std::uint32_t first_free_ = kNoSlot;
  std::uint32_t last_free_ = kNoSlot;
  std::map<std::string, sio::NamespaceIndex, std::less<>> index_;
  std::size_t children_ = 0;
  std::shared_ptr<const Parents> parents_ = std::make_shared<Parents>();
};

}  // namespace socketio::server
