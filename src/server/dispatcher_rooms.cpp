// Rooms, and the facts of those that somebody watches.
#include <algorithm>

#include "base/raised.hpp"
#include "server/shard.hpp"

namespace socketio::server {

namespace {

void tell_adapter(Adapter& adapter, RoomFact fact, std::string_view room, std::string_view id) {
  switch (fact) {
    case RoomFact::created:
      return adapter.on_create_room(room);
    case RoomFact::joined:
      return adapter.on_join_room(room, id);
    case RoomFact::left:
      return adapter.on_leave_room(room, id);
    case RoomFact::deleted:
      return adapter.on_delete_room(room);
  }
}

}  // namespace

bool Dispatcher::join(sio::Socket& socket, base::Bytes room) {
  if (!extras(socket.nsp).watched) [[likely]]
    return core_.join(socket, room);
  const bool was_in = core_.rooms(socket.nsp).contains(socket, room);
  if (!core_.join(socket, room)) return false;
  if (!was_in && room != socket.id_view()) room_changed(socket, room, true);
  return true;
}

bool Dispatcher::leave(sio::Socket& socket, base::Bytes room) {
  if (!extras(socket.nsp).watched) [[likely]]
    return core_.leave(socket, room);
  const bool was_in = core_.rooms(socket.nsp).contains(socket, room);
  if (!core_.leave(socket, room)) return false;
  if (was_in && room != socket.id_view()) room_changed(socket, room, false);
  return true;
}

// The rooms of a socket that leaves them all, when somebody wants to know.
std::vector<std::string> Dispatcher::rooms_to_leave(const sio::Socket& socket) {
  if (!extras(socket.nsp).watched) [[likely]]
    return {};
  std::vector<std::string> rooms = core_.rooms(socket.nsp).rooms_of(socket);
  if (socket.position != sio::kUnlisted) rooms.emplace_back(socket.id_view());
  return rooms;
}

void Dispatcher::room_changed(const sio::Socket& socket, std::string_view room, bool joined) {
  // Whatever is called here may end the socket.
  room_changes_.push_back(
      {extras(socket.nsp).entry, std::string(room), std::string(socket.id_view()), joined});
  if (telling_) return;
  const base::Raised raised(telling_);
  while (!room_changes_.empty()) {
    const RoomChange change = std::move(room_changes_.front());
    room_changes_.pop_front();
    tell(change);
  }
}

void Dispatcher::tell(const RoomChange& change) {
  const sio::NamespaceIndex nsp = change.entry->index;
  const std::shared_ptr<Adapter> adapter = hub_->names.adapter(nsp);
  const std::lock_guard lock(change.entry->rooms.mutex);
  const bool edge = change.entry->rooms.change(change.room, change.joined);
  const auto tell_all = [&](RoomFact fact) {
    if (adapter != nullptr)
      guarded("room", [&] { tell_adapter(*adapter, fact, change.room, change.socket); });
    if (!core_.has_namespace(nsp)) return;
    extras(nsp).room_facts[static_cast<std::size_t>(fact)].each(
        [&](const auto& run) { guarded("room", [&] { run(change.room, change.socket); }); });
  };
  if (change.joined && edge) tell_all(RoomFact::created);
  tell_all(change.joined ? RoomFact::joined : RoomFact::left);
  if (!change.joined && edge) tell_all(RoomFact::deleted);
}

// Of a socket that has taken up its session, and with it rooms.
void Dispatcher::tell_rooms(const sio::Socket& socket) {
  if (!extras(socket.nsp).watched) return;
  for (const std::string& room : core_.rooms(socket.nsp).rooms_of(socket))
    room_changed(socket, room, true);
}

// Told after the rooms are gone, though they are known before only.
void Dispatcher::remember_rooms(const sio::Socket& socket) {
  if (extras(socket.nsp).watched) leaving_.emplace_back(socket.self, rooms_to_leave(socket));
}

void Dispatcher::left_rooms(const sio::Socket& socket) {
  const auto found = std::find_if(leaving_.begin(), leaving_.end(),
                                  [&](const auto& entry) { return entry.first == socket.self; });
  if (found == leaving_.end()) return;
  const std::vector<std::string> rooms = std::move(found->second);
  leaving_.erase(found);
  for (const std::string& room : rooms) room_changed(socket, room, false);
}

void Dispatcher::vanished(const sio::Event& event) {
  const sio::Socket& socket = *core_.get(event.socket);
  for (const std::string& room : rooms_to_leave(socket)) room_changed(socket, room, false);
  kept_packets_.forget(event.socket);
  if (hub_->recovery != nullptr) end_session(event.socket, true, true);
  client_left(extras(event.nsp));
}

}  // namespace socketio::server
