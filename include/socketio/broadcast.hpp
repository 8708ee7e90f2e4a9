// The vocabulary of sending, written once: Emits<Self> gives Server, Namespace, Broadcast, Socket
// and SocketEmitter the same words, Sends<Self> gives a RemoteSocket those that choose no rooms.
//
//   io.to("room").except(id).emit("news", 1);
//   socket.broadcast().volatile_().emit("cursor", x, y);
//   socket.timeout(5s).emit("ask", 1, [](Result<int> r) {…});
//   auto all = co_await io.timeout(1s).emit_with_ack<int>("count");
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <socketio/ack_receiver.hpp>
#include <socketio/event.hpp>
#include <socketio/typed_event.hpp>

namespace socketio {

class Broadcast;
class SocketEmitter;
class RemoteEmitter;
class RemoteSocket;

namespace detail {

// Whom and how; a value inside Broadcast and SocketEmitter.
struct Target {
  std::shared_ptr<Hub> hub;
  std::uint64_t nsp = 0;
  std::uint32_t shard = 0;   // of `socket`
  std::uint64_t socket = 0;  // single receiver (packed id), or the sender a broadcast leaves out
  bool single = false;
  bool remote = false;  // a RemoteSocket's; if not `single`, `rooms` is its id, on another server
  std::vector<std::string> rooms;
  std::vector<std::string> except;
  std::array<char, 20> sender{};                     // the id of `socket`
  std::shared_ptr<const std::string> long_sender{};  // instead of it, when it has another length
  bool is_volatile = false;
  bool local = false;
  bool compress = true;
  std::optional<std::chrono::nanoseconds> timeout;

  // Empty when there is none.
  std::string_view sender_id() const {
    if (socket == 0) return {};
    return long_sender ? std::string_view(*long_sender)
                       : std::string_view(sender.data(), sender.size());
  }
};

SOCKETIO_EXPORT bool emit(const Target& target, std::string_view event, ArgsRef args);
SOCKETIO_EXPORT bool emit(const Socket& socket, std::string_view event,
                          ArgsRef args);  // without modifiers: the hot path
SOCKETIO_EXPORT bool emit_with_ack(const Target& target, std::string_view event, ArgsRef args,
                                   std::unique_ptr<AckReceiver> receiver);
SOCKETIO_EXPORT Pending<std::vector<RemoteSocket>> fetch_sockets(const Target& target);
SOCKETIO_EXPORT bool sockets_join(const Target& target, std::vector<std::string> rooms);
SOCKETIO_EXPORT bool sockets_leave(const Target& target, std::vector<std::string> rooms);
SOCKETIO_EXPORT bool disconnect_sockets(const Target& target, bool close);
SOCKETIO_EXPORT bool server_side_emit(const Target& target, std::string_view event, ArgsRef args);
SOCKETIO_EXPORT bool server_side_emit_with_ack(const Target& target, std::string_view event,
                                               ArgsRef args, std::unique_ptr<AckReceiver> receiver);

}  // namespace detail

// Modified: what its modifiers return.
template <class Self, class Modified>
class Sends {
  static constexpr bool kSingle = !std::is_same_v<Modified, Broadcast>;

 public:
  // The packet may be lost: a client that cannot take it now does not get it.
  Modified volatile_() const;
  // Whether the packet may be compressed (permessage-deflate).
  Modified compress(bool on) const;
  // How long the acknowledgement of the next emit is waited for. Zero or less: until the loop's
  // next turn.
  Modified timeout(std::chrono::nanoseconds limit) const;

  // True when it was queued (single receiver) or handed on (many). Throws std::invalid_argument for
  // a reserved event name or, for many receivers and a RemoteSocket, a callback without timeout().
  // Any thread; from another thread it is posted to the loop.
  template <class... A>
  bool emit(std::string_view event, A&&... args) const {
    if constexpr (detail::kLastIsCallback<std::decay_t<A>...>) {
      return emit_callback(event, std::make_index_sequence<sizeof...(A) - 1>{},
                           std::forward_as_tuple(std::forward<A>(args)...));
    } else if constexpr (std::is_same_v<Self, Socket>) {
      return detail::emit(
          static_cast<const Self&>(*this), event,
          detail::PackedArgs<std::decay_t<A>...>(detail::decay_cast<A>(args)...).ref());
    } else {
      return detail::emit(
          target(), event,
          detail::PackedArgs<std::decay_t<A>...>(detail::decay_cast<A>(args)...).ref());
    }
  }
  // The same for an event whose arguments are declared (typed_event.hpp).
  template <class S, class... A>
  bool emit(const ServerEvent<S>& event, A&&... args) const {
    using Event = ServerEvent<S>;
    static_assert(detail::Carries<kSingle, Event, std::decay_t<A>...>,
                  "these are not the arguments that the event was declared with");
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return emit(event.name, detail::carry<Event, I>(std::forward<A>(args))...);
    }
    (std::index_sequence_for<A...>{});
  }
  // emit("message", args…), under both names that JS has for it.
  template <class... A>
  bool send(A&&... args) const {
    return emit("message", std::forward<A>(args)...);
  }
  template <class... A>
  bool write(A&&... args) const {
    return send(std::forward<A>(args)...);
  }
  // One receiver: Pending<T> of the reply's first argument. Many: Pending<std::vector<T>>. Many,
  // and a RemoteSocket, need timeout(): std::invalid_argument without.
  template <class T, class... A>
  auto emit_with_ack(std::string_view event, const A&... args) const {
    const detail::PackedArgs<A...> packed(args...);
    if constexpr (kSingle) {
      Pending<T> pending;
      const detail::Finisher<T> done(pending.state());
      detail::emit_with_ack(target(), event, packed.ref(),
                            std::make_unique<detail::SingleReceiver<T, detail::Finisher<T>>>(done));
      return pending;
    } else {
      Pending<std::vector<T>> pending;
      auto done = [finish = detail::Finisher<std::vector<T>>(pending.state())](
                      std::error_code error, std::vector<T> replies) {
        finish(error ? Result<std::vector<T>>(error) : Result<std::vector<T>>(std::move(replies)));
      };
      detail::emit_with_ack(target(), event, packed.ref(),
                            std::make_unique<detail::ManyReceiver<T, decltype(done)>>(done));
      return pending;
    }
  }

  // The same; the reply is what the event declares as its answer.
  template <class S, class... A>
  auto emit_with_ack(const ServerEvent<S>& event, const A&... args) const {
    using Event = ServerEvent<S>;
    static_assert(detail::Asks<Event, std::decay_t<A>...>,
                  "these are not the arguments that the event was declared with, or it has no "
                  "answer");
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return emit_with_ack<typename Event::Answer>(event.name, detail::carry<Event, I>(args)...);
    }
    (std::index_sequence_for<A...>{});
  }

 protected:
  Sends() = default;

 private:
  decltype(auto) target() const { return static_cast<const Self*>(this)->target_for_emit(); }
  template <std::size_t... I, class Tuple>
  bool emit_callback(std::string_view event, std::index_sequence<I...>, Tuple&& all) const {
    auto callback = std::get<sizeof...(I)>(std::forward<Tuple>(all));
    const detail::PackedArgs packed{std::get<I>(all)...};  // a literal stays the array that it is
    if constexpr (kSingle) {
      return detail::emit_with_ack(target(), event, packed.ref(),
                                   detail::single_receiver(std::move(callback)));
    } else {
      return detail::emit_with_ack(target(), event, packed.ref(),
                                   detail::many_receiver(std::move(callback)));
    }
  }
};

template <class Self, bool kSingle>
class Emits : public Sends<Self, std::conditional_t<kSingle, SocketEmitter, Broadcast>> {
 public:
  // Choose the receivers: members of these rooms (to and in are the same), but not of those
  // (except). A socket's id is a room. Each returns a new object; on a Socket they leave the socket
  // itself out.
  Broadcast to(std::string_view room) const;
  Broadcast to(std::initializer_list<std::string_view> rooms) const;
  Broadcast to(const std::vector<std::string>& rooms) const;
  Broadcast in(std::string_view room) const;
  Broadcast in(std::initializer_list<std::string_view> rooms) const;
  Broadcast in(const std::vector<std::string>& rooms) const;
  Broadcast except(std::string_view room) const;
  Broadcast except(std::initializer_list<std::string_view> rooms) const;
  Broadcast except(const std::vector<std::string>& rooms) const;
  // Only this server of a cluster.
  Broadcast local() const;

 protected:
  Emits() = default;
};

// What can be done to many sockets besides emitting. The bools: true when it has been handed on
// (what ServerOptions::adapter made decides that, where there is one). Any thread.
template <class Self>
class Selects {
 public:
  // The sockets selected, on all servers of a cluster.
  Pending<std::vector<RemoteSocket>> fetch_sockets() const {
    return detail::fetch_sockets(target());
  }
  bool sockets_join(std::string_view room) const {
    return detail::sockets_join(target(), {std::string(room)});
  }
  bool sockets_join(std::initializer_list<std::string_view> rooms) const {
    return sockets_join(std::vector<std::string>(rooms.begin(), rooms.end()));
  }
  bool sockets_join(std::vector<std::string> rooms) const {
    return detail::sockets_join(target(), std::move(rooms));
  }
  bool sockets_leave(std::string_view room) const {
    return detail::sockets_leave(target(), {std::string(room)});
  }
  bool sockets_leave(std::initializer_list<std::string_view> rooms) const {
    return sockets_leave(std::vector<std::string>(rooms.begin(), rooms.end()));
  }
  bool sockets_leave(std::vector<std::string> rooms) const {
    return detail::sockets_leave(target(), std::move(rooms));
  }
  // close: the whole connection, not only this namespace.
  bool disconnect_sockets(bool close = false) const {
    return detail::disconnect_sockets(target(), close);
  }

 private:
  decltype(auto) target() const { return static_cast<const Self*>(this)->target_for_emit(); }
};

// To the other servers of a cluster, whose adapter (ServerOptions::adapter) carries it. Any thread.
template <class Self>
class EmitsToServers {
 public:
  // Runs the handlers of on_server_event() on every other server, never here. False, and a warning
  // in the log, when the adapter knows no others. Throws std::invalid_argument for "connect",
  // "connection", "new_namespace". With a trailing callback (std::error_code, std::vector<T>) it
  // asks for answers, as below, and the callback also gets those that came before a time-out.
  template <class... A>
  bool server_side_emit(std::string_view event, A&&... args) const {
    if constexpr (detail::kLastIsCallback<std::decay_t<A>...>) {
      return ask(event, std::make_index_sequence<sizeof...(A) - 1>{},
                 std::forward_as_tuple(std::forward<A>(args)...));
    } else {
      return detail::server_side_emit(
          target(), event,
          detail::PackedArgs<std::decay_t<A>...>(detail::decay_cast<A>(args)...).ref());
    }
  }
  template <class S, class... A>
  bool server_side_emit(const PeerEvent<S>& event, A&&... args) const {
    using Event = PeerEvent<S>;
    static_assert(detail::Carries<false, Event, std::decay_t<A>...>,
                  "these are not the arguments that the event was declared with");
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return server_side_emit(event.name, detail::carry<Event, I>(std::forward<A>(args))...);
    }
    (std::index_sequence_for<A...>{});
  }
  // One answer of each other server. Errc::timeout when one of them was silent for the time the
  // adapter allows, Errc::unsupported when it knows no others.
  template <class T, class... A>
  Pending<std::vector<T>> server_side_emit_with_ack(std::string_view event,
                                                    const A&... args) const {
    Pending<std::vector<T>> pending;
    auto done = [finish = detail::Finisher<std::vector<T>>(pending.state())](
                    std::error_code error, std::vector<T> replies) {
      finish(error ? Result<std::vector<T>>(error) : Result<std::vector<T>>(std::move(replies)));
    };
    detail::server_side_emit_with_ack(
        target(), event, detail::PackedArgs<A...>(args...).ref(),
        std::make_unique<detail::ManyReceiver<T, decltype(done)>>(done));
    return pending;
  }

  template <class S, class... A>
  auto server_side_emit_with_ack(const PeerEvent<S>& event, const A&... args) const {
    using Event = PeerEvent<S>;
    static_assert(detail::Asks<Event, std::decay_t<A>...>,
                  "these are not the arguments that the event was declared with, or it has no "
                  "answer");
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return server_side_emit_with_ack<typename Event::Answer>(event.name,
                                                               detail::carry<Event, I>(args)...);
    }
    (std::index_sequence_for<A...>{});
  }

 private:
  decltype(auto) target() const { return static_cast<const Self*>(this)->target_for_emit(); }
  template <std::size_t... I, class Tuple>
  bool ask(std::string_view event, std::index_sequence<I...>, Tuple&& all) const {
    const detail::PackedArgs packed{std::get<I>(all)...};  // a literal stays the array that it is
    auto callback = std::get<sizeof...(I)>(std::forward<Tuple>(all));
    return detail::server_side_emit_with_ack(target(), event, packed.ref(),
                                             detail::many_receiver(std::move(callback)));
  }
};

// Many receivers, being chosen. Immutable: every modifier returns a new one.
class Broadcast : public Emits<Broadcast, false>, public Selects<Broadcast> {
 public:
  explicit Broadcast(detail::Target target) : target_(std::move(target)) {}
  const detail::Target& target_for_emit() const { return target_; }

 private:
  detail::Target target_;
};

// One receiver with modifiers: what socket.timeout(…), socket.volatile_() and socket.compress(…)
// return.
class SocketEmitter : public Emits<SocketEmitter, true> {
 public:
  explicit SocketEmitter(detail::Target target) : target_(std::move(target)) {}
  const detail::Target& target_for_emit() const { return target_; }
  // Everybody in the namespace but the socket.
  Broadcast broadcast() const { return local_copy(); }

 private:
  Broadcast local_copy() const {
    detail::Target copy = target_;
    copy.single = false;
    return Broadcast(std::move(copy));
  }
  detail::Target target_;
};

// The same for a RemoteSocket, which chooses no rooms either.
class RemoteEmitter : public Sends<RemoteEmitter, RemoteEmitter> {
 public:
  explicit RemoteEmitter(detail::Target target) : target_(std::move(target)) {}
  const detail::Target& target_for_emit() const { return target_; }

 private:
  detail::Target target_;
};

namespace detail {
template <class Self, class Change>
auto modified(const Self& self, Change change) {
  Target copy(self.target_for_emit());
  change(copy);
  return copy;
}
template <class Rooms>
void add_rooms(std::vector<std::string>& to, const Rooms& rooms) {
  to.insert(to.end(), rooms.begin(), rooms.end());
}
template <class Self, class Rooms>
Broadcast with_rooms(const Self& self, std::vector<std::string> Target::*list, const Rooms& rooms) {
  return Broadcast(modified(self, [&](Target& t) {
    t.single = false;
    add_rooms(t.*list, rooms);
  }));
}
}  // namespace detail

template <class Self, bool kSingle>
Broadcast Emits<Self, kSingle>::to(std::initializer_list<std::string_view> rooms) const {
  return detail::with_rooms(static_cast<const Self&>(*this), &detail::Target::rooms, rooms);
}
template <class Self, bool kSingle>
Broadcast Emits<Self, kSingle>::to(const std::vector<std::string>& rooms) const {
  return detail::with_rooms(static_cast<const Self&>(*this), &detail::Target::rooms, rooms);
}
template <class Self, bool kSingle>
Broadcast Emits<Self, kSingle>::except(std::initializer_list<std::string_view> rooms) const {
  return detail::with_rooms(static_cast<const Self&>(*this), &detail::Target::except, rooms);
}
template <class Self, bool kSingle>
Broadcast Emits<Self, kSingle>::except(const std::vector<std::string>& rooms) const {
  return detail::with_rooms(static_cast<const Self&>(*this), &detail::Target::except, rooms);
}
template <class Self, bool kSingle>
Broadcast Emits<Self, kSingle>::to(std::string_view room) const {
  return to({room});
}
template <class Self, bool kSingle>
Broadcast Emits<Self, kSingle>::in(std::string_view room) const {
  return to({room});
}
template <class Self, bool kSingle>
Broadcast Emits<Self, kSingle>::in(std::initializer_list<std::string_view> rooms) const {
  return to(rooms);
}
template <class Self, bool kSingle>
Broadcast Emits<Self, kSingle>::in(const std::vector<std::string>& rooms) const {
  return to(rooms);
}
template <class Self, bool kSingle>
Broadcast Emits<Self, kSingle>::except(std::string_view room) const {
  return except({room});
}
template <class Self, bool kSingle>
Broadcast Emits<Self, kSingle>::local() const {
  return Broadcast(detail::modified(static_cast<const Self&>(*this), [](detail::Target& t) {
    t.single = false;
    t.local = true;
  }));
}
template <class Self, class Modified>
Modified Sends<Self, Modified>::volatile_() const {
  return Modified(detail::modified(static_cast<const Self&>(*this),
                                   [](detail::Target& t) { t.is_volatile = true; }));
}
template <class Self, class Modified>
Modified Sends<Self, Modified>::compress(bool on) const {
  return Modified(detail::modified(static_cast<const Self&>(*this),
                                   [on](detail::Target& t) { t.compress = on; }));
}
template <class Self, class Modified>
Modified Sends<Self, Modified>::timeout(std::chrono::nanoseconds limit) const {
  return Modified(detail::modified(static_cast<const Self&>(*this), [limit](detail::Target& t) {
    t.timeout = std::max(limit, std::chrono::nanoseconds::zero());
  }));
}

}  // namespace socketio
