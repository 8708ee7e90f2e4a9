// Registries of user handlers: by event name, per namespace and (lazily) per socket. Dispatching
// copies one pointer, so a handler may register and remove handlers, its own included.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <typeindex>
#include <vector>

#include <socketio/counted.hpp>
#include <socketio/namespace.hpp>

#include "server/namespace_names.hpp"
#include "sio/core.hpp"

namespace socketio::server {

struct Listener {
  ListenerId id = 0;
  bool once = false;
  detail::HandlerPtr handler;
};
using Listeners = std::vector<Listener>;
using ListenersPtr = detail::Counted<Listeners>;

// Handlers by event name: a table with open addressing, at most three quarters full. The names are
// the application's, so the hash needs no key. Names are a word or two, and so short ones are
// compared by what is hashed of them, their first and last eight bytes.
class EventMap {
 public:
  void add(std::string_view name, Listener listener);
  bool remove(std::string_view name);
  bool remove(ListenerId id);
  // Null when there are none.
  [[gnu::always_inline]] const ListenersPtr& find(std::string_view name) const {
    if (taken_ == 0) return nobody();
    const Slot& slot = slots_[place_of(Key(name), name)];
    return slot.list;
  }
  bool empty() const { return taken_ == 0; }

 private:
  struct Key {
    Key() = default;
    [[gnu::always_inline]] explicit Key(std::string_view name) : size(name.size()) {
      constexpr std::size_t kWord = sizeof(std::uint64_t);
      constexpr std::size_t kHalf = kWord / 2;
      if (name.size() >= kWord) {
        std::memcpy(&first, name.data(), kWord);
        std::memcpy(&last, name.data() + name.size() - kWord, kWord);
      } else if (name.size() >= kHalf) {
        std::memcpy(&first, name.data(), kHalf);
        std::memcpy(&last, name.data() + name.size() - kHalf, kHalf);
      } else {
        for (const char c : name) last = last << 8 | static_cast<unsigned char>(c);
      }
    }
    bool operator==(const Key&) const = default;
    bool tells_all() const { return size <= 2 * sizeof(std::uint64_t); }
    std::size_t hash() const {
      constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
      const std::uint64_t mixed = (first ^ (last * kOdd) ^ size) * kOdd;
      return static_cast<std::size_t>(mixed ^ mixed >> 32);
    }
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::size_t size = 0;
  };
  struct Slot {
    Key key;
    ListenersPtr list;  // null: free
    std::string name;
  };

  static const ListenersPtr& nobody();
  // The slot of a name, or the free one where it would be. There is a free one.
  [[gnu::always_inline]] std::size_t place_of(const Key& key, std::string_view name) const {
    for (std::size_t i = key.hash() & mask_;; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (!slot.list || (slot.key == key && (key.tells_all() || slot.name == name))) return i;
    }
  }
  void put(Slot slot);
  void grow();
  void free(std::size_t place);

  std::vector<Slot> slots_;  // none, or a power of two
  std::size_t mask_ = 0;     // one less: counting them is a division
  std::size_t taken_ = 0;
};

// Copy-on-write additions to a list that may be being walked.
void add_listener(ListenersPtr& list, Listener listener, bool first = false);
bool remove_listener(ListenersPtr& list, ListenerId id);

// Who wants to know of one fact. Who walks the list holds it as it was, at the cost of a reference:
// connecting and disconnecting allocate nothing for it, and cannot fail.
template <class F>
class FactListeners {
 public:
  using List = std::vector<std::pair<ListenerId, F>>;
  void add(ListenerId id, F listener) {
    auto copy = list_ ? std::make_shared<List>(*list_) : std::make_shared<List>();
    copy->emplace_back(id, std::move(listener));
    list_ = std::move(copy);
  }
  bool remove(ListenerId id) {
    if (!list_) return false;
    auto copy = std::make_shared<List>(*list_);
    if (std::erase_if(*copy, [id](const auto& entry) { return entry.first == id; }) == 0)
      return false;
    list_ = copy->empty() ? nullptr : std::move(copy);
    return true;
  }
  // f(listener) for each.
  template <class Visit>
  void each(Visit&& visit) const {
    const std::shared_ptr<const List> held = list_;
    if (!held) return;
    for (const auto& [id, listener] : *held) visit(listener);
  }

 private:
  std::shared_ptr<const List> list_;
};

using DisconnectHandler = std::function<void(DisconnectReason, std::string_view)>;

// What a socket keeps for the user; made with its first handler or datum.
struct SocketExtras final : sio::Attachment {
  EventMap events;
  ListenersPtr any;
  ListenersPtr any_outgoing;
  FactListeners<DisconnectHandler> disconnecting;
  FactListeners<DisconnectHandler> disconnected;
  FactListeners<std::function<void(std::string_view)>> error;
  std::shared_ptr<std::vector<std::function<void(Packet&, Next)>>> middlewares;
  std::vector<std::pair<std::type_index, std::shared_ptr<void>>> data;

  bool remove(ListenerId id);
  // The datum of a type, made when there is none.
  void* slot(std::type_index type, std::shared_ptr<void> (*make)());
};

// Null when it has none.
inline SocketExtras* extras_of(const sio::Socket& socket) {
  return static_cast<SocketExtras*>(socket.attachment.get());
}

enum class RoomFact : std::uint8_t { created, joined, left, deleted };

// The same for a namespace, or for the children-to-be of a parent.
struct NamespaceHandlers {
  EventMap events;
  ListenersPtr any;
  FactListeners<std::function<void(Socket)>> connection;
  FactListeners<std::function<void(Socket, DisconnectReason)>> disconnected;
  std::shared_ptr<std::vector<detail::Middleware>> middlewares;
  EventMap server_events;
  using RoomListener = std::function<void(std::string_view room, std::string_view socket)>;
  std::array<FactListeners<RoomListener>, 4> room_facts;  // by RoomFact
  bool watched = false;  // somebody wants to know of rooms: listeners, or an adapter

  bool remove(ListenerId id);
};

// What one shard keeps of a namespace.
struct NamespaceExtras : NamespaceHandlers {
  explicit NamespaceExtras(NamespaceEntryPtr shared)
      : NamespaceHandlers(shared->inherited ? *shared->inherited : NamespaceHandlers()),
        entry(std::move(shared)) {}
  NamespaceEntryPtr entry;
  bool open = false;  // its creator has told this shard everything
};

}  // namespace socketio::server
