// Socket: one client in one namespace. A small handle: copy it freely, keep it as long as you like;
// calls on a socket that is gone return false. Thread-safety: emit (all forms), disconnect, post,
// id: any thread (from another one true means handed on). Everything else: the socket's own thread
// (inside handlers, or through post); elsewhere it returns false, or nothing.
#pragma once

#include <array>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeindex>
#include <utility>
#include <vector>

#include <socketio/broadcast.hpp>
#include <socketio/counted.hpp>
#include <socketio/disconnect_reason.hpp>
#include <socketio/engine_socket.hpp>
#include <socketio/tls.hpp>

namespace socketio {

class Namespace;

// The HTTP request a client came with, and what it said in CONNECT. A copy of your own: keep it for
// as long as you look at it by reference.
struct Handshake {
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string address;                                       // the TCP peer (a proxy's, behind one)
  std::string url;
  std::map<std::string, std::string, std::less<>> query;
  Value auth;               // the CONNECT payload; {} if none
  std::int64_t issued = 0;  // ms since the Unix epoch
  bool secure = false;      // over TLS
  bool xdomain = false;     // had an Origin header
  // What the client has shown; see TlsOptions::client_certificates.
  std::optional<ClientCertificate> certificate{};

  // The first of that name, or empty. Of a copy that nobody keeps
  // (`socket.handshake().header("x")`) a text of your own.
  std::string_view header(std::string_view lower_case_name) const&;
  std::string header(std::string_view lower_case_name) const&& {
    return std::string(header(lower_case_name));
  }
};

// An event on its way to the handlers, as socket.use() sees it; change name or args to change what
// handlers get. `ack` answers in their place, if the client asked for an acknowledgement.
struct Packet {
  std::string name;
  Args args;
  Ack ack{};
};

// What a middleware answers with to refuse: the client's connect_error gets {message, data}.
struct ConnectError {
  std::string message;
  Value data{};  // left out when null
};

// Ends a middleware: next() asks the next one, next({"message"}) refuses. The first call counts,
// later ones are ignored. Any thread.
class SOCKETIO_EXPORT Next {
 public:
  using Go = std::function<void(std::optional<ConnectError>, std::exception_ptr)>;
  explicit Next(Go go);
  void operator()() const;
  void operator()(ConnectError error) const;
  // The middleware ended by an exception: it is reported, and the client told "internal error".
  void fail(std::exception_ptr error) const;

 private:
  struct Once;
  std::shared_ptr<Once> once_;
};

using ListenerId = std::uint64_t;  // what on() returns and off() takes; 0: nothing was registered

namespace detail {

// Sockets are copied with every event.
using HubRef = Counted<std::shared_ptr<Hub>>;
inline const std::shared_ptr<Hub> kNoHub{};

// A coroutine begins that counts as a handler of the socket's client, unless this throws; the
// result is called when it ends, and holds `kept` until then. `name` is for reports.
SOCKETIO_EXPORT TaskEnd begin_task(const Socket& socket, std::string_view name,
                                   std::shared_ptr<const void> kept);

template <class... P>
consteval bool owns(std::type_identity<std::tuple<P...>>) {
  return (true && ... && !(std::is_reference_v<P> || is_view_v<P>));
}
// f(args…) is a coroutine, and goes on in the background; what it has captured lives until its end.
template <class F, class... A>
void run_task(const std::shared_ptr<F>& f, const Socket& socket, std::string_view name, A... args) {
  static_assert(std::is_same_v<std::invoke_result_t<F&, A...>, Task<>>,
                "nobody takes the value of this coroutine: it returns Task<>");
  if constexpr (HasSignature<F>)
    static_assert(owns(std::type_identity<typename Signature<F>::Parameters>()),
                  "a coroutine takes its parameters by value, and no views");
  // They live as long as the coroutine: a generic one may take references, which is not seen above.
  const auto kept = std::make_shared<std::pair<std::shared_ptr<F>, std::tuple<A...>>>(
      f, std::tuple<A...>(std::move(args)...));
  Task<> task = std::apply([&f](A&... each) { return (*f)(std::move(each)...); }, kept->second);
  detach<void>(
      std::move(task), [] {}, begin_task(socket, name, kept));
}

}  // namespace detail

class SOCKETIO_EXPORT Socket : public Emits<Socket, true> {
 public:
  Socket() = default;  // belongs to no client; every call returns false

  // 20 characters, public, different from the secret Engine.IO session id. (Of clients of Socket.IO
  // 2 it is that id, in other namespaces than "/" with "/name#" in front: the client computes it.)
  std::string_view id() const {
    return long_id_ ? std::string_view(*long_id_) : std::string_view(id_.data(), id_.size());
  }
  // False before the namespace's middlewares have let it in, after its end, and on threads other
  // than its own.
  bool connected() const;
  // Its client has come back to it: id, rooms and data are those of before
  // (ServerOptions::connection_state_recovery).
  bool recovered() const;
  Namespace nsp() const;
  // What the client sent when it connected; a copy, made for each call.
  Handshake handshake() const;
  // The client's Engine.IO session, which its sockets in other namespaces share.
  EngineSocket engine() const;

  // Everybody in the namespace but this socket. (Who else can be sent to, see broadcast.hpp.)
  Broadcast broadcast() const;

  // -- Listening, on the socket's own thread (elsewhere, and when the socket is gone, nothing is
  // registered: 0, or false). `name` is an event of yours; a reserved one ("connect",
  // "disconnect", …) throws std::invalid_argument. once() is called for one event.
  template <class F>
  ListenerId on(std::string_view name, F&& handler) const {
    return add_listener(name, detail::make_handler(std::forward<F>(handler)), false);
  }
  template <class F>
  ListenerId once(std::string_view name, F&& handler) const {
    return add_listener(name, detail::make_handler(std::forward<F>(handler)), true);
  }
  // The same for an event whose arguments are declared (typed_event.hpp).
  template <class S, class F>
  ListenerId on(const ClientEvent<S>& event, F&& handler) const {
    detail::require_handler<F, ClientEvent<S>>();
    return on(event.name, std::forward<F>(handler));
  }
  template <class S, class F>
  ListenerId once(const ClientEvent<S>& event, F&& handler) const {
    detail::require_handler<F, ClientEvent<S>>();
    return once(event.name, std::forward<F>(handler));
  }
  // Remove all listeners of an event; one listener, of whatever kind. False when there was none.
  bool off(std::string_view name) const;
  bool off(ListenerId id) const;
  // Every event that comes in (before middlewares), or goes out to this socket (broadcasts
  // included, acks not). f(EventView) or f(Socket, EventView). Of one that comes in, f may take an
  // Ack as well, or return the answer: the first to answer, it or a handler of the event, counts.
  template <class F>
  ListenerId on_any(F&& handler) const {
    return add_any(detail::make_handler(std::forward<F>(handler)), false);
  }
  template <class F>
  ListenerId on_any_outgoing(F&& handler) const {
    return add_any(detail::make_handler(std::forward<F>(handler)), true);
  }
  // The same, in front of those that there are already.
  template <class F>
  ListenerId prepend_any(F&& handler) const {
    return add_any(detail::make_handler(std::forward<F>(handler)), false, true);
  }
  template <class F>
  ListenerId prepend_any_outgoing(F&& handler) const {
    return add_any(detail::make_handler(std::forward<F>(handler)), true, true);
  }
  // How many listeners this socket has (those of its namespace do not count).
  std::size_t listener_count(std::string_view name) const;
  std::size_t any_count() const;
  std::size_t any_outgoing_count() const;
  // Remove all listeners of on_any(), of on_any_outgoing(). False when there were none.
  bool off_any() const;
  bool off_any_outgoing() const;
  // f(DisconnectReason) or f(DisconnectReason, std::string_view detail), or a coroutine, which
  // takes the detail as std::string; rooms are still there in on_disconnecting (until a coroutine
  // awaits).
  template <class F>
  ListenerId on_disconnecting(F handler) const {
    return add_disconnect(adapt_disconnect(std::move(handler), "disconnecting"), true);
  }
  template <class F>
  ListenerId on_disconnect(F handler) const {
    return add_disconnect(adapt_disconnect(std::move(handler), "disconnect"), false);
  }
  // Called when what the client sent could not be decoded (then the connection ends), and when a
  // packet middleware refused an event (then it goes on).
  ListenerId on_error(std::function<void(std::string_view message)> handler) const;
  template <detail::ReturnsTask<std::string_view> F>
  ListenerId on_error(F coroutine) const = delete;  // it would never run
  // Per-packet middleware: f(Packet&, Next). next() goes on; next({"message"}) raises on_error and
  // drops the packet.
  bool use(std::function<void(Packet&, Next)> middleware) const;
  template <detail::ReturnsTask<Packet&, Next> F>
  bool use(F coroutine) const = delete;  // it would never run

  // -- Rooms, on the socket's own thread; elsewhere, and when the socket is gone, they return false
  // or nothing. join() is false also when the socket is in LimitOptions::max_rooms_per_socket rooms
  // already; of several rooms those are joined that fit.
  bool join(std::string_view room) const;
  bool join(std::initializer_list<std::string_view> rooms) const;
  bool join(const std::vector<std::string>& rooms) const;
  bool leave(std::string_view room) const;
  // The socket's own id first, once it is connected; it cannot be left.
  std::vector<std::string> rooms() const;
  bool in_room(std::string_view room) const;

  // close = false: leaves this namespace only. true: all of the client's namespaces, and the
  // connection is closed. False when it is not connected. Any thread.
  bool disconnect(bool close = false) const;

  // Runs `job` on the socket's thread, later. False when the socket or the server is gone, or the
  // mailbox is full.
  bool post(std::function<void()> job) const;
  template <detail::ReturnsTask<> F>
  bool post(F coroutine) const = delete;  // it would never run

  // Your own state, one object of each type: made on first use and freed after on_disconnect, or
  // kept for the client to come back (connection_state_recovery). Throws std::system_error when the
  // socket is gone (Errc::disconnected) or lives on another thread (Errc::wrong_thread).
  template <class T>
  T& data() const {
    return *static_cast<T*>(
        data_slot(typeid(T), [] { return std::shared_ptr<void>(std::make_shared<T>()); }));
  }

  // What other servers, and fetch_sockets(), see of your state: data<Value>().
  Value& data() const { return data<Value>(); }
  // Sets data<Value>(); false where that would throw.
  bool set_data(Value value) const;

  friend bool operator==(const Socket& a, const Socket& b) {
    return a.self_ == b.self_ && a.hub() == b.hub() && a.shard_ == b.shard_;
  }
  explicit operator bool() const { return static_cast<bool>(hub_); }

  detail::Target target_for_emit() const;

  // -- Library.
  Socket(const detail::HubRef& hub, std::uint32_t shard, std::uint64_t self, std::uint64_t nsp,
         const std::array<char, 20>& id, std::shared_ptr<const std::string> long_id = {})
      : hub_(hub), self_(self), nsp_(nsp), shard_(shard), id_(id), long_id_(std::move(long_id)) {}
  // Of the same hub and shard, without touching their counts.
  void rebind(std::uint64_t self, std::uint64_t nsp, const std::array<char, 20>& id) {
    self_ = self;
    nsp_ = nsp;
    id_ = id;
  }
  const std::shared_ptr<detail::Hub>& hub() const { return hub_ ? *hub_ : detail::kNoHub; }
  std::uint32_t shard() const { return shard_; }
  std::uint64_t self() const { return self_; }
  std::uint64_t nsp_index() const { return nsp_; }

 private:
  using DisconnectHandler = std::function<void(DisconnectReason, std::string_view)>;
  template <class F>
  DisconnectHandler adapt_disconnect(F handler, const char* name) const {
    using detail::ReturnsTask;
    // What is no coroutine is asked first, or its body would be tried with the other arguments.
    if constexpr (std::is_invocable_v<F&, DisconnectReason, std::string_view> &&
                  !ReturnsTask<F, DisconnectReason, std::string_view>) {
      return handler;
    } else if constexpr (ReturnsTask<F, DisconnectReason, std::string>) {
      return [f = std::make_shared<F>(std::move(handler)), socket = *this, name](
                 DisconnectReason reason, std::string_view why) {
        detail::run_task(f, socket, name, reason, std::string(why));
      };
    } else if constexpr (ReturnsTask<F, DisconnectReason>) {
      return [f = std::make_shared<F>(std::move(handler)), socket = *this, name](
                 DisconnectReason reason, std::string_view) {
        detail::run_task(f, socket, name, reason);
      };
    } else {
      return [handler = std::move(handler)](DisconnectReason reason, std::string_view) mutable {
        handler(reason);
      };
    }
  }
  ListenerId add_listener(std::string_view name, detail::HandlerPtr handler, bool once) const;
  ListenerId add_any(detail::HandlerPtr handler, bool outgoing, bool first = false) const;
  ListenerId add_disconnect(DisconnectHandler handler, bool before) const;
  void* data_slot(std::type_index type, std::shared_ptr<void> (*make)()) const;

  detail::HubRef hub_;
  std::uint64_t self_ = 0;
  std::uint64_t nsp_ = 0;
  std::uint32_t shard_ = 0;
  std::array<char, 20> id_{};
  std::shared_ptr<const std::string> long_id_;  // instead of it, when it has another length
};

// A socket found by fetch_sockets(), here or on another server: a snapshot of it, and a way to
// reach it. Wherever it is, an emit that asks it for an acknowledgement needs timeout().
class SOCKETIO_EXPORT RemoteSocket : public Sends<RemoteSocket, RemoteEmitter> {
 public:
  std::string_view id() const { return id_; }
  // Made for each call. Any thread.
  Handshake handshake() const { return handshake_(); }
  const std::vector<std::string>& rooms() const { return rooms_; }
  const Value& data() const { return data_; }  // Socket::data(), as it was
  // Passed on to wherever the socket is: true says that this was done, not that it is still there.
  bool join(std::string_view room) const {
    return detail::sockets_join(target_, {std::string(room)});
  }
  bool leave(std::string_view room) const {
    return detail::sockets_leave(target_, {std::string(room)});
  }
  bool disconnect(bool close = false) const { return detail::disconnect_sockets(target_, close); }

  const detail::Target& target_for_emit() const { return target_; }
  RemoteSocket(detail::Target target, std::string id, std::function<Handshake()> handshake,
               std::vector<std::string> rooms, Value data)
      : target_(std::move(target)),
        id_(std::move(id)),
        handshake_(std::move(handshake)),
        rooms_(std::move(rooms)),
        data_(std::move(data)) {}

 private:
  detail::Target target_;
  std::string id_;
  std::function<Handshake()> handshake_;
  std::vector<std::string> rooms_;
  Value data_;
};

}  // namespace socketio
