// Namespace: an endpoint of its own ("/", "/admin", …) with its own sockets, rooms, handlers and
// middlewares. A reference (cheap to copy) that is valid as long as its server. Register handlers
// before run(), on the thread that made the server, or on a loop's thread, whichever there are:
// std::system_error (Errc::wrong_thread) elsewhere. off() does nothing there.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <socketio/socket.hpp>

namespace socketio {

class Adapter;

namespace detail {

// The shapes of middleware: f(Socket, Next); f(Socket) -> std::optional<ConnectError>; the same as
// a coroutine.
using Middleware = std::function<void(const Socket&, Next)>;
template <class F>
Middleware adapt_middleware(F f) {
  if constexpr (std::is_invocable_v<F&, Socket, Next>) {
    static_assert(!ReturnsTask<F, Socket, Next>,
                  "a coroutine that is a middleware takes its Socket only, and returns "
                  "Task<std::optional<ConnectError>>: with a Next it would never run");
    return f;
  } else {
    using R = std::invoke_result_t<F&, Socket>;
    if constexpr (IsTask<R>::value) {
      if constexpr (HasSignature<F>)
        static_assert(std::is_same_v<typename Signature<F>::Parameters, std::tuple<Socket>>,
                      "a coroutine that is a middleware takes its Socket by value");
      static_assert(std::is_same_v<R, Task<std::optional<ConnectError>>>,
                    "a coroutine that is a middleware returns Task<std::optional<ConnectError>>");
      // Kept by the running coroutine, which uses what it captured.
      return [kept = std::make_shared<F>(std::move(f))](const Socket& socket, const Next& next) {
        const auto who = std::make_shared<Socket>(socket);
        detach((*kept)(std::move(*who)),
               [next](std::optional<ConnectError> refused) {
                 refused ? next(*std::move(refused)) : next();
               },
               [kept, who, next](const std::exception_ptr& error) {
                 if (error) next.fail(error);
               });
      };
    } else {
      return [f = std::move(f)](const Socket& socket, const Next& next) mutable {
        std::optional<ConnectError> refused = f(socket);
        refused ? next(*std::move(refused)) : next();
      };
    }
  }
}

// What can be registered: the common part of Namespace and ParentNamespace. 0 (or false) when
// nothing was, because this thread is none of the server's or the namespace is gone. Handlers are
// called on the thread of the socket.
class SOCKETIO_EXPORT Registration {
 public:
  // f(Socket), for every socket that connects; it may be a coroutine.
  ListenerId on_connection(std::function<void(Socket)> handler) const;
  template <ReturnsTask<Socket> F>
  ListenerId on_connection(F coroutine) const {
    return on_connection(std::function<void(Socket)>(
        [f = std::make_shared<F>(std::move(coroutine))](const Socket& socket) {
          run_task(f, socket, "connection", socket);
        }));
  }
  // One handler for the event on every socket of the namespace: costs no memory per connection. f
  // may take Socket first.
  template <class F>
  ListenerId on_event(std::string_view name, F&& handler) const {
    return add_listener(name, make_handler(std::forward<F>(handler)), false);
  }
  // The same for an event whose arguments are declared (typed_event.hpp).
  template <class S, class F>
  ListenerId on_event(const ClientEvent<S>& event, F&& handler) const {
    require_handler<F, ClientEvent<S>>();
    return on_event(event.name, std::forward<F>(handler));
  }
  // Every incoming event of every socket.
  template <class F>
  ListenerId on_any(F&& handler) const {
    return add_any(make_handler(std::forward<F>(handler)));
  }
  // What another server of the cluster sends with server_side_emit(). As on_event, but there is no
  // Socket; runs on the first loop thread.
  template <class F>
  ListenerId on_server_event(std::string_view name, F&& handler) const {
    return add_server_listener(name, make_handler(std::forward<F>(handler)));
  }
  template <class S, class F>
  ListenerId on_server_event(const PeerEvent<S>& event, F&& handler) const {
    require_handler<F, PeerEvent<S>>();
    return on_server_event(event.name, std::forward<F>(handler));
  }
  // What happens to the rooms of this server, each once per transition: f(room), or f(room, socket
  // id). A socket is in the room of its own id while it is connected. One at a time and in order,
  // on the thread of the socket; what a listener causes is told behind it. They must not wait for
  // other threads. Before the first client comes, or the count of members is not known.
  ListenerId on_create_room(std::function<void(std::string_view room)> handler) const;
  ListenerId on_join_room(
      std::function<void(std::string_view room, std::string_view socket)> handler) const;
  ListenerId on_leave_room(
      std::function<void(std::string_view room, std::string_view socket)> handler) const;
  ListenerId on_delete_room(std::function<void(std::string_view room)> handler) const;
  // Coroutines would never run.
  template <ReturnsTask<std::string_view> F>
  ListenerId on_create_room(F coroutine) const = delete;
  template <ReturnsTask<std::string_view, std::string_view> F>
  ListenerId on_join_room(F coroutine) const = delete;
  template <ReturnsTask<std::string_view, std::string_view> F>
  ListenerId on_leave_room(F coroutine) const = delete;
  template <ReturnsTask<std::string_view> F>
  ListenerId on_delete_room(F coroutine) const = delete;
  // f(Socket, DisconnectReason), after its rooms are gone; it may be a coroutine.
  ListenerId on_disconnect(std::function<void(Socket, DisconnectReason)> handler) const;
  template <ReturnsTask<Socket, DisconnectReason> F>
  ListenerId on_disconnect(F coroutine) const {
    return on_disconnect(std::function<void(Socket, DisconnectReason)>(
        [f = std::make_shared<F>(std::move(coroutine))](const Socket& socket,
                                                        DisconnectReason reason) {
          run_task(f, socket, "disconnect", socket, reason);
        }));
  }
  // Remove all handlers of an event (on_event); one handler, of whatever kind. False when there was
  // none.
  bool off(std::string_view name) const;
  bool off(ListenerId id) const;
  // Before `connection`, in order of registration: f(Socket, Next), or f(Socket) ->
  // std::optional<ConnectError>, or that as a coroutine.
  template <class F>
  bool use(F middleware) const {
    return add_middleware(adapt_middleware(std::move(middleware)));
  }

 protected:
  Registration(std::shared_ptr<Hub> hub, std::uint64_t index)
      : hub_(std::move(hub)), index_(index) {}
  ~Registration() = default;
  Registration(const Registration&) = default;
  Registration& operator=(const Registration&) = default;

  ListenerId add_listener(std::string_view name, HandlerPtr handler, bool once) const;
  ListenerId add_any(HandlerPtr handler) const;
  ListenerId add_server_listener(std::string_view name, HandlerPtr handler) const;
  ListenerId add_room_listener(
      std::size_t fact, std::function<void(std::string_view, std::string_view)> handler) const;
  bool add_middleware(Middleware middleware) const;

  std::shared_ptr<Hub> hub_;
  std::uint64_t index_ = 0;
};

}  // namespace detail

class SOCKETIO_EXPORT Namespace : public detail::Registration,
                                  public Emits<Namespace, false>,
                                  public Selects<Namespace>,
                                  public EmitsToServers<Namespace> {
 public:
  // Empty when it has been cleaned up (ServerOptions::cleanup_empty_child_namespaces): then nothing
  // can be registered on it, and what it emits reaches nobody. Any thread.
  std::string name() const;
  // Connected sockets of this server. Any thread.
  std::size_t size() const;
  // What ServerOptions::adapter made for it; null without. Any thread.
  std::shared_ptr<Adapter> adapter() const;
  // The sockets that live on the calling thread: all of them when the server has one thread, none
  // on a thread that is not the server's. fetch_sockets() finds all.
  std::vector<Socket> sockets() const;

  detail::Target target_for_emit() const;
  Namespace(std::shared_ptr<detail::Hub> hub, std::uint64_t index)
      : Registration(std::move(hub), index) {}
};

}  // namespace socketio
