#include "sio/rooms.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include <tsl/robin_map.h>
#include <tsl/robin_set.h>

#include "base/check.hpp"
#include "base/hash_index.hpp"
#include "base/prefetch.hpp"
#include "base/shrink.hpp"
#include "sio/core.hpp"
#include "sio/keyed_hash.hpp"

namespace socketio::sio {

namespace {

constexpr std::size_t kFinderFrom = 32;
// The hash is stored and well spread: the library's 0.5 only costs memory.
constexpr float kMostLoad = 0.8F;

}  // namespace

struct Memberships::Finder {
  tsl::robin_map<std::uint32_t, std::uint32_t> slots;
};

Memberships::Memberships() = default;
Memberships::~Memberships() = default;

struct Rooms::Index {
  struct Member {
    Socket* socket;
    std::uint32_t slot;
  };
  struct Room {
    std::string name;
    std::vector<Member> members;
    std::uint32_t number = 0;
  };

  // The table holds the rooms themselves and finds them by name: no name is stored twice.
  struct Hash {
    KeyedHash keyed;
    std::size_t operator()(base::Bytes name) const { return keyed(name); }
    std::size_t operator()(const Room* room) const { return keyed(room->name); }
  };
  struct Equal {
    using is_transparent = void;
    static base::Bytes name(base::Bytes text) { return text; }
    static base::Bytes name(const Room* room) { return room->name; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return name(a) == name(b);
    }
  };
  Index(base::Random& random, base::Counter* counter)
      : by_name(0, Hash{KeyedHash(random)}), keyed(random), count(counter) {
    by_name.max_load_factor(kMostLoad);
    by_name.min_load_factor(base::kLeastLoad);
  }

  std::vector<std::unique_ptr<Room>> rooms;  // null: free
  std::vector<std::uint32_t> free;
  tsl::robin_set<Room*, Hash, Equal, std::allocator<Room*>, true> by_name;
  std::vector<Socket*> sockets;
  base::HashIndex by_id;  // places in `sockets`
  KeyedHash keyed;        // of by_id
  std::uint32_t epoch = 0;
  base::Counter* count;

  Room* find(base::Bytes name) const {
    const auto found = by_name.find(name);
    return found == by_name.end() ? nullptr : *found;
  }
  std::uint32_t hash(base::Bytes id) const { return static_cast<std::uint32_t>(keyed(id)); }
  Socket* find_socket(base::Bytes id) const {
    const auto place = by_id.find(
        hash(id), [&](std::uint32_t candidate) { return sockets[candidate]->id_view() == id; });
    return place ? sockets[*place] : nullptr;
  }

  Room& create(base::Bytes name);
  void erase(Room& room);
  void shrink();
  std::size_t slot_of(const Socket& socket, std::uint32_t room) const;
  void enter(Socket& socket, Room& room);
  void leave(Socket& socket, std::size_t slot);
  std::uint32_t next_epoch();
  template <class F>
  void each(const Selected& selection, F take);
  void visit_all(Visitor& visitor) const;
  void leave_out(base::Bytes name, std::uint32_t in_epoch);
};

Rooms::Index::Room& Rooms::Index::create(base::Bytes name) {
  if (free.empty()) {
    // All of them may become free, and erase() cannot fail.
    if (free.capacity() <= rooms.size()) free.reserve(2 * rooms.size() + 1);
    rooms.emplace_back();
    free.push_back(static_cast<std::uint32_t>(rooms.size() - 1));
  }
  auto room = std::make_unique<Room>();
  room->name = name;
  room->number = free.back();
  by_name.insert(room.get());
  free.pop_back();
  if (count != nullptr) count->add();
  return *(rooms[room->number] = std::move(room));
}

void Rooms::Index::erase(Room& room) {
  by_name.erase(&room);
  free.push_back(room.number);
  rooms[room.number].reset();
  if (count != nullptr) count->subtract();
}

// Numbers above the last room's are forgotten.
void Rooms::Index::shrink() {
  std::size_t used = rooms.size();
  while (used > 0 && rooms[used - 1] == nullptr) --used;
  if (rooms.capacity() <= base::kKept || used > rooms.capacity() / 4) return;
  try {
    std::vector<std::uint32_t> left;
    left.reserve(2 * used + 1);  // as create() needs it
    for (const std::uint32_t number : free) {
      if (number < used) left.push_back(number);
    }
    free.swap(left);
  } catch (const std::bad_alloc&) {
    return;
  }
  rooms.resize(used);
  rooms.shrink_to_fit();
}

// slots.size() when the socket is not in that room.
std::size_t Rooms::Index::slot_of(const Socket& socket, std::uint32_t room) const {
  const Memberships& own = socket.memberships;
  if (own.finder != nullptr) {
    const auto found = own.finder->slots.find(room);
    return found == own.finder->slots.end() ? own.slots.size() : found->second;
  }
  std::size_t slot = 0;
  while (slot < own.slots.size() && own.slots[slot].room != room) ++slot;
  return slot;
}

// Completely, or (when memory runs out) not at all.
void Rooms::Index::enter(Socket& socket, Room& room) {
  Memberships& own = socket.memberships;
  const auto slot = static_cast<std::uint32_t>(own.slots.size());
  const auto position = static_cast<std::uint32_t>(room.members.size());
  room.members.push_back({&socket, slot});
  try {
    if (own.finder != nullptr) {
      own.finder->slots[room.number] = slot;
    } else if (own.slots.size() >= kFinderFrom) {
      auto finder = std::make_unique<Memberships::Finder>();
      for (std::uint32_t i = 0; i < slot; ++i) finder->slots[own.slots[i].room] = i;
      finder->slots[room.number] = slot;
      own.finder = std::move(finder);
    }
    own.slots.push_back({room.number, position});
  } catch (...) {
    if (own.finder != nullptr) own.finder->slots.erase(room.number);
    room.members.pop_back();
    throw;
  }
}

// Takes the last one's place on both sides; whoever moved is told its new place.
void Rooms::Index::leave(Socket& socket, std::size_t slot) {
  Memberships& own = socket.memberships;
  const Memberships::Slot left = own.slots[slot];
  Room& room = *rooms[left.room];

  const Member moved = room.members.back();
  room.members[left.position] = moved;
  moved.socket->memberships.slots[moved.slot].position = left.position;
  room.members.pop_back();

  const Memberships::Slot last = own.slots.back();
  own.slots[slot] = last;
  own.slots.pop_back();
  if (own.finder != nullptr) own.finder->slots.erase(left.room);
  if (slot < own.slots.size()) {
    rooms[last.room]->members[last.position].slot = static_cast<std::uint32_t>(slot);
    if (own.finder != nullptr) own.finder->slots[last.room] = static_cast<std::uint32_t>(slot);
  }
  if (room.members.empty()) erase(room);
}

std::uint32_t Rooms::Index::next_epoch() {
  if (++epoch == 0) {
    for (Socket* socket : sockets) socket->memberships.seen = 0;
    epoch = 1;
  }
  return epoch;
}

Rooms::Rooms(base::Random& random, base::Counter* count)
    : index_(std::make_unique<Index>(random, count)) {}
Rooms::~Rooms() = default;

void Rooms::add(Socket& socket) {
  SIO_CHECK(socket.position == kUnlisted);
  index_->sockets.push_back(&socket);
  const auto position = static_cast<std::uint32_t>(index_->sockets.size() - 1);
  try {
    index_->by_id.insert(index_->hash(socket.id_view()), position);
  } catch (...) {
    index_->sockets.pop_back();
    throw;
  }
  socket.position = position;
  socket.memberships.seen = 0;
}

void Rooms::remove(Socket& socket) {
  leave_all(socket);
  if (socket.position == kUnlisted) return;
  index_->by_id.erase(index_->hash(socket.id_view()), socket.position);
  Socket* last = index_->sockets.back();
  if (last != &socket)
    index_->by_id.move(index_->hash(last->id_view()), last->position, socket.position);
  index_->sockets[socket.position] = last;
  last->position = socket.position;
  index_->sockets.pop_back();
  socket.position = kUnlisted;
}

std::size_t Rooms::sockets() const {
  return index_->sockets.size();
}

Socket* Rooms::find(base::Bytes id) const {
  return index_->find_socket(id);
}

bool Rooms::join(Socket& socket, base::Bytes name) {
  if (name == socket.id_view()) return false;
  Memberships& own = socket.memberships;
  Index::Room* room = index_->find(name);
  if (room == nullptr) {
    room = &index_->create(name);
  } else if (index_->slot_of(socket, room->number) < own.slots.size()) {
    return false;
  }
  try {
    index_->enter(socket, *room);
  } catch (...) {
    if (room->members.empty()) index_->erase(*room);
    throw;
  }
  return true;
}

bool Rooms::leave(Socket& socket, base::Bytes name) {
  const Index::Room* room = index_->find(name);
  if (room == nullptr) return false;
  const std::size_t slot = index_->slot_of(socket, room->number);
  if (slot == socket.memberships.slots.size()) return false;
  index_->leave(socket, slot);
  return true;
}

void Rooms::leave_all(Socket& socket) {
  Memberships& own = socket.memberships;
  while (!own.slots.empty()) index_->leave(socket, own.slots.size() - 1);
  own.slots.clear();
  own.finder.reset();
}

bool Rooms::contains(const Socket& socket, base::Bytes name) const {
  if (name == socket.id_view()) return socket.position != kUnlisted;
  const Index::Room* room = index_->find(name);
  return room != nullptr && index_->slot_of(socket, room->number) < socket.memberships.slots.size();
}

std::vector<std::string> Rooms::rooms_of(const Socket& socket) const {
  std::vector<std::string> names;
  names.reserve(socket.memberships.slots.size());
  for (const Memberships::Slot& slot : socket.memberships.slots)
    names.push_back(index_->rooms[slot.room]->name);
  return names;
}

std::size_t Rooms::room_count() const {
  return index_->by_name.size();
}

std::size_t Rooms::members(base::Bytes name) const {
  const Index::Room* room = index_->find(name);
  const std::size_t own = index_->find_socket(name) != nullptr ? 1 : 0;
  return own + (room == nullptr ? 0 : room->members.size());
}

void Rooms::shrink() {
  base::shrink_list(index_->sockets);
  base::shrink_table(index_->by_name);
  index_->shrink();
}

namespace {

constexpr std::size_t kGroup = 16;

// What a group's sockets say is on its way from memory before the group is given.
void expect(const Socket& socket) {
  base::prefetch<sizeof(eio::Session) / 2>(socket.session);
}

}  // namespace

// Collects what is selected, and gives it on in groups.
class Rooms::Collector {
 public:
  explicit Collector(Visitor& visitor) : visitor_(visitor) {}
  void take(Socket& socket) {
    expect(socket);
    group_[count_++] = &socket;
    if (count_ == group_.size()) flush();
  }
  void flush() {
    if (count_ > 0) visitor_.visit({group_.data(), std::exchange(count_, 0)});
  }

 private:
  Visitor& visitor_;
  std::size_t count_ = 0;
  std::array<Socket*, kGroup> group_;
};

// What the selection's rooms hold, some of it perhaps twice, and nobody left out.
template <class F>
void Rooms::Index::each(const Selected& selection, F take) {
  constexpr std::size_t kAhead = 8;  // so many places ahead memory is asked for a socket
  if (selection.rooms.empty()) {
    for (std::size_t i = 0; i < sockets.size(); ++i) {
      if (i + kAhead < sockets.size()) base::prefetch<sizeof(Socket) / 2>(sockets[i + kAhead]);
      take(*sockets[i]);
    }
  }
  for (const std::string& name : selection.rooms) {
    if (Socket* own = find_socket(name); own != nullptr) take(*own);
    const Room* room = find(name);
    if (room == nullptr) continue;
    const std::vector<Member>& members = room->members;
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i + kAhead < members.size())
        base::prefetch<sizeof(Socket) / 2>(members[i + kAhead].socket);
      take(*members[i].socket);
    }
  }
}

// Everybody, in groups of the list itself.
void Rooms::Index::visit_all(Visitor& visitor) const {
  for (Group rest = sockets; !rest.empty();) {
    const Group group = rest.first(std::min(kGroup, rest.size()));
    rest = rest.subspan(group.size());
    for (const Socket* next : rest.first(std::min(kGroup, rest.size())))
      base::prefetch<sizeof(Socket) / 2>(next);
    for (const Socket* socket : group) expect(*socket);
    visitor.visit(group);
  }
}

// Marks them as if they had been visited.
void Rooms::Index::leave_out(base::Bytes name, std::uint32_t in_epoch) {
  if (Socket* own = find_socket(name); own != nullptr) own->memberships.seen = in_epoch;
  const Room* room = find(name);
  if (room == nullptr) return;
  for (const Member& member : room->members) member.socket->memberships.seen = in_epoch;
}

void Rooms::walk(const Selected& selection, Visitor& visitor) {
  // Everybody, or one room: nobody comes twice, and nobody has to be marked.
  const bool nobody_left_out = selection.except.empty() && selection.sender.empty();
  if (nobody_left_out && selection.rooms.empty()) return index_->visit_all(visitor);
  Collector collector(visitor);
  if (nobody_left_out && selection.rooms.size() == 1) {
    index_->each(selection, [&collector](Socket& socket) {
      if (socket.position != kUnlisted) collector.take(socket);
    });
    return collector.flush();
  }
  const std::uint32_t epoch = index_->next_epoch();
  for (const std::string& name : selection.except) index_->leave_out(name, epoch);
  if (!selection.sender.empty()) index_->leave_out(selection.sender, epoch);
  index_->each(selection, [epoch, &collector](Socket& socket) {
    if (socket.memberships.seen == epoch || socket.position == kUnlisted) return;
    socket.memberships.seen = epoch;
    collector.take(socket);
  });
  collector.flush();
}

}  // namespace socketio::sio
