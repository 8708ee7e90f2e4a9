#include "server/handlers.hpp"

#include <algorithm>
#include <utility>

namespace socketio::server {

void add_listener(ListenersPtr& list, Listener listener, bool first) {
  Listeners copy;
  if (list) copy = *list;
  copy.insert(first ? copy.begin() : copy.end(), std::move(listener));
  list = ListenersPtr::make(std::move(copy));
}

bool remove_listener(ListenersPtr& list, ListenerId id) {
  if (!list) return false;
  const auto has_id = [id](const Listener& listener) { return listener.id == id; };
  if (std::none_of(list->begin(), list->end(), has_id)) return false;
  Listeners copy = *list;
  std::erase_if(copy, has_id);
  list = copy.empty() ? nullptr : ListenersPtr::make(std::move(copy));
  return true;
}

const ListenersPtr& EventMap::nobody() {
  static const ListenersPtr none;
  return none;
}

void EventMap::add(std::string_view name, Listener listener) {
  if (4 * (taken_ + 1) > 3 * slots_.size()) grow();
  const Key key(name);
  Slot& slot = slots_[place_of(key, name)];
  const bool is_new = !slot.list;
  if (is_new) {
    slot.key = key;
    slot.name = name;
  }
  add_listener(slot.list, std::move(listener));
  if (is_new) ++taken_;  // not before: when memory runs out, the slot is still free
}

void EventMap::grow() {
  std::vector<Slot> before(std::max<std::size_t>(4, 2 * slots_.size()));
  before.swap(slots_);
  mask_ = slots_.size() - 1;
  for (Slot& slot : before) {
    if (slot.list) put(std::move(slot));
  }
}

void EventMap::put(Slot slot) {
  const std::size_t place = place_of(slot.key, slot.name);
  slots_[place] = std::move(slot);
}

// What follows may have been pushed on by what goes: it is put anew.
void EventMap::free(std::size_t place) {
  slots_[place] = Slot();
  --taken_;
  for (std::size_t i = (place + 1) & mask_; slots_[i].list; i = (i + 1) & mask_)
    put(std::exchange(slots_[i], Slot()));
}

bool EventMap::remove(std::string_view name) {
  if (taken_ == 0) return false;
  const std::size_t place = place_of(Key(name), name);
  if (!slots_[place].list) return false;
  free(place);
  return true;
}

bool EventMap::remove(ListenerId id) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (!remove_listener(slots_[i].list, id)) continue;
    if (!slots_[i].list) free(i);
    return true;
  }
  return false;
}

bool SocketExtras::remove(ListenerId id) {
  return events.remove(id) || remove_listener(any, id) || remove_listener(any_outgoing, id) ||
         disconnecting.remove(id) || disconnected.remove(id) || error.remove(id);
}

void* SocketExtras::slot(std::type_index type, std::shared_ptr<void> (*make)()) {
  for (auto& [key, value] : data) {
    if (key == type) return value.get();
  }
  return data.emplace_back(type, make()).second.get();
}

bool NamespaceHandlers::remove(ListenerId id) {
  return events.remove(id) || remove_listener(any, id) || connection.remove(id) ||
         disconnected.remove(id) || server_events.remove(id) ||
         std::any_of(room_facts.begin(), room_facts.end(),
                     [id](auto& list) { return list.remove(id); });
}

}  // namespace socketio::server
