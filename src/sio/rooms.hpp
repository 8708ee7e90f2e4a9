// Who is in which room of one namespace, on one shard. Two indexes that mirror each other; every
// step is O(1) and a broadcast walks members without building a set: a socket already seen in this
// selection carries its epoch number. A socket's own id is a room too, but an implicit one (it
// costs nothing).
//
//   room  "lobby" -> members [socket, slot] …        socket -> slots [room, position] …
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/counter.hpp"
#include "base/few.hpp"
#include "base/random.hpp"

namespace socketio::sio {

struct Socket;

// A socket's side of the index; lives in the socket.
struct Memberships {
  struct Slot {
    std::uint32_t room;
    std::uint32_t position;
  };
  std::uint32_t seen = 0;  // epoch of the last selection that took it or left it out
  base::Few<Slot> slots;
  // Room -> slot, once there are so many that looking through them is no longer cheap.
  struct Finder;
  std::unique_ptr<Finder> finder;
  Memberships();
  ~Memberships();
};

// A socket that is not in its namespace's list (it is still connecting).
inline constexpr std::uint32_t kUnlisted = ~std::uint32_t{0};

// What a broadcast names. Empty rooms: everybody.
struct Selection {
  std::vector<std::string> rooms;
  std::vector<std::string> except;
};

// The same in somebody else's memory.
struct Selected {
  Selected(const Selection& all) : rooms(all.rooms), except(all.except) {}
  Selected(std::span<const std::string> of, std::span<const std::string> without, base::Bytes id)
      : rooms(of), except(without), sender(id) {}
  std::span<const std::string> rooms;
  std::span<const std::string> except;
  base::Bytes sender{};  // this id is left out as well
};

class Rooms {
 public:
  // `random` keys the hash of client-chosen names; `count` is room_count() of all who share it.
  explicit Rooms(base::Random& random, base::Counter* count = nullptr);
  ~Rooms();

  // Sockets of the namespace (connected ones). Others may join rooms but are not selected.
  void add(Socket& socket);
  void remove(Socket& socket);  // leaves all rooms
  std::size_t sockets() const;
  Socket* find(base::Bytes id) const;

  // False when it was there already / not there. Its own id's room is not to be joined or left.
  bool join(Socket& socket, base::Bytes room);
  bool leave(Socket& socket, base::Bytes room);
  void leave_all(Socket& socket);
  bool contains(const Socket& socket, base::Bytes room) const;
  // Without the implicit own-id room.
  std::vector<std::string> rooms_of(const Socket& socket) const;
  std::size_t room_count() const;               // explicit rooms with members
  std::size_t members(base::Bytes room) const;  // listed or not
  // Gives back what a crowd that is gone has left. Cannot fail. O(rooms there have been since).
  void shrink();

  // Every selected socket once, except any in `except`. The visitor must not change rooms or
  // sockets.
  template <class F>
  void select(const Selected& selection, F&& visit) {
    select_in_groups(selection, [&](Group group) {
      for (Socket* socket : group) visit(*socket);
    });
  }
  // The same, some at a time, so that the visitor can look ahead.
  using Group = std::span<Socket* const>;
  template <class F>
  void select_in_groups(const Selected& selection, F&& visit) {
    struct Call final : Visitor {
      explicit Call(F& the_function) : function(the_function) {}
      void visit(Group group) override { function(group); }
      F& function;
    } call(visit);
    walk(selection, call);
  }

 private:
  struct Visitor {
    virtual void visit(Group group) = 0;

   protected:
    ~Visitor() = default;
  };
  void walk(const Selected& selection, Visitor& visitor);
  class Collector;
  struct Index;
  std::unique_ptr<Index> index_;
};

}  // namespace socketio::sio
