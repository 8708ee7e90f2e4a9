#include "server/handlers.hpp"

#include <algorithm>

namespace socketio::server {

void add_listener(ListenersPtr& list, Listener listener, bool first) {
  auto copy = list ? std::make_shared<Listeners>(*list) : std::make_shared<Listeners>();
  copy->insert(first ? copy->begin() : copy->end(), std::move(listener));
  list = std::move(copy);
}

bool remove_listener(ListenersPtr& list, ListenerId id) {
  if (!list) return false;
  const auto has_id = [id](const Listener& listener) { return listener.id == id; };
  if (std::none_of(list->begin(), list->end(), has_id)) return false;
  auto copy = std::make_shared<Listeners>(*list);
  std::erase_if(*copy, has_id);
  list = copy->empty() ? nullptr : std::move(copy);
  return true;
}

void EventMap::add(std::string_view name, Listener listener) {
  add_listener(map_[std::string(name)], std::move(listener));
}

bool EventMap::remove(std::string_view name) {
  const auto it = map_.find(name);
  if (it == map_.end()) return false;
  map_.erase(it);
  return true;
}

bool EventMap::remove(ListenerId id) {
  for (auto it = map_.begin(); it != map_.end(); ++it) {
    if (!remove_listener(it.value(), id)) continue;
    if (!it->second) map_.erase(it);
    return true;
  }
  return false;
}

ListenersPtr EventMap::find(std::string_view name) const {
  const auto it = map_.find(name);
  return it == map_.end() ? nullptr : it->second;
}

namespace {
template <class List>
bool remove_pair(List& list, ListenerId id) {
  return std::erase_if(list, [id](const auto& entry) { return entry.first == id; }) > 0;
}
}  // namespace

bool SocketExtras::remove(ListenerId id) {
  return events.remove(id) || remove_listener(any, id) || remove_listener(any_outgoing, id) ||
         disconnecting.remove(id) || disconnected.remove(id) || error.remove(id);
}

bool NamespaceHandlers::remove(ListenerId id) {
  return events.remove(id) || remove_listener(any, id) || connection.remove(id) ||
         disconnected.remove(id) || server_events.remove(id) ||
         std::any_of(room_facts.begin(), room_facts.end(),
                     [id](auto& list) { return remove_pair(list, id); });
}

}  // namespace socketio::server
