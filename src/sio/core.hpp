// The heart of one shard: clients, namespaces, sockets, rooms and acknowledgements of Socket.IO v5,
// without I/O and without user code.
//
//   eio::Session --message--> Core::on_text/on_binary --next()--> Event --> Dispatcher, user's code
//   Dispatcher --emit/broadcast/join/…--> Core --> eio::Session::send (which marks itself dirty)
//
// Every input is drained with next() before another one. Records live in slabs; everybody else
// holds ids.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <socketio/disconnect_reason.hpp>

#include "base/slab.hpp"
#include "eio/session.hpp"
#include "sio/acks.hpp"
#include "sio/auth.hpp"
#include "sio/decoder.hpp"
#include "sio/encoder.hpp"
#include "sio/options.hpp"
#include "sio/public_id.hpp"
#include "sio/recovery_session.hpp"
#include "sio/rooms.hpp"

namespace socketio::sio {

struct Client;
struct Namespace;
using ClientId = base::Id<Client>;
using SocketId = base::Id<Socket>;
// A namespace while it lives: its place in the tables, and above it how often the place has been
// used before. It is never used again, so one that is kept too long names nothing.
using NamespaceIndex = std::uint64_t;
inline constexpr std::uint32_t kSlotBits = 20;
inline constexpr std::uint32_t kMaxNamespaces = std::uint32_t{1} << kSlotBits;
constexpr std::uint32_t slot_of(NamespaceIndex nsp) {
  return static_cast<std::uint32_t>(nsp) & (kMaxNamespaces - 1);
}

// For whom a namespace is there.
enum class Made : std::uint8_t { for_all, for_clients };

// What the layer above keeps with a socket (handlers, user data); created lazily, so that most
// sockets have none.
struct Attachment {
  virtual ~Attachment() = default;
};

enum class SocketState : std::uint8_t { connecting, connected, disconnecting, disconnected };

// One client in one namespace. Read by the layer above; changed by the core only (except
// `attachment`).
struct Socket {
  // What events and deliveries look at comes first.
  eio::Session* session = nullptr;  // null once the transport is gone
  SocketState state = SocketState::connecting;
  bool announced = false;              // `connecting` has been reported
  std::uint32_t position = kUnlisted;  // in its namespace's list (Rooms)
  std::shared_ptr<Attachment> attachment;
  Memberships memberships;
  SocketId self;
  ClientId client;
  NamespaceIndex nsp = 0;
  PublicId id;  // different from the session's, which is a secret
  AuthPtr auth;
  struct Acks;
  std::unique_ptr<Acks> acks;
  std::unique_ptr<RecoverySession> recovery;  // null: nothing of it is kept when it goes
  Socket();
  ~Socket();
  base::Bytes id_view() const { return id.view(); }
};

enum class EventKind : std::uint8_t {
  none,
  connecting,  // a CONNECT for a namespace that exists: run middlewares, then accept() or refuse()
  vanished,    // was announced and goes before it was connected; it still has its rooms, and what
               // `recovery` holds may be taken; freed when next() is called again
  unknown_namespace,  // `name`: nobody has created it; create_namespace() and admit(), or
                      // reject_namespace(): answered "Invalid namespace". rest: the CONNECT's
                      // payload, or empty
  event,  // name, args (Element: the whole array, name included), ack_id if one is wanted, rest
          // (unparsed arguments)
  ack,    // call waiter->finish(end, args): the reply, a timeout, a disconnection. For a broadcast:
          // its end
  ack_reply,  // broadcast: call group->reply(args)
  error,  // name: the client's packets could not be decoded; `socket` gets the error event (once
          // per socket of the client)
  disconnecting,  // socket still has its rooms
  disconnected,   // rooms are gone; the record is freed when next() is called again
};

// What there is to know of an `event`. (Of other events `name` is a namespace's, or an error's
// text.) Its texts are valid until the next call; there is no `rest` with attachments.
struct Arrival : PlainEvent {
  SocketId socket{};
  Socket* record = nullptr;  // what `socket` names, until user code runs
  ClientId client{};
  NamespaceIndex nsp = 0;
  Element args{};
};

struct Event : Arrival {
  EventKind kind = EventKind::none;
  std::unique_ptr<AckWaiter> waiter{};
  AckWaiter* group = nullptr;
  AckEnd end = AckEnd::replied;
  DisconnectReason reason = DisconnectReason::transport_close;
  base::Bytes detail{};        // static text
  const Auth* auth = nullptr;  // of `unknown_namespace`, valid as the texts are; null: nothing came
};

struct Flags {
  bool is_volatile = false;
  bool compress = true;
};

class Core {
 public:
  Core(eio::Shared& shared, base::Random& random, const Options& options);
  ~Core();

  // -- Namespaces. "/" exists from the start (index 0).
  // Returns the existing one's index when there is one, else takes the next.
  NamespaceIndex create_namespace(base::Bytes name);
  // Several shards agree on an index elsewhere; no-op when it exists.
  // for_clients: because one asked for it, so that it counts as their input while they are in it.
  void create_namespace(base::Bytes name, NamespaceIndex index, Made made = Made::for_all);
  bool has_namespace(NamespaceIndex nsp) const;
  // None of its sockets may be left.
  void drop_namespace(NamespaceIndex nsp);
  std::optional<NamespaceIndex> find_namespace(base::Bytes name) const;
  base::Bytes namespace_name(NamespaceIndex nsp) const;
  Rooms& rooms(NamespaceIndex nsp);

  // -- From the session's driver.
  ClientId open(eio::Session& session, std::uint64_t owner, base::Time now);
  // A client of Socket.IO 2 joins "/" without a CONNECT: `connecting` follows.
  void join_root(ClientId client, base::Time now);
  // True: an event, before which nothing else is to be told, and all of `out` says it, as next()
  // would have. False: next() has what there is.
  bool on_text(ClientId client, base::MutBytes text, base::Time now, Arrival& out);
  bool on_binary(ClientId client, base::MutBytes bytes, base::Time now, Arrival& out);
  // The session is over; its pointer is not used again. Disconnect events of all its sockets
  // follow; owner() answers until they are out. `detail` is static text.
  void on_session_closed(ClientId client, eio::CloseReason reason, base::Bytes detail,
                         base::Time now);
  std::uint64_t owner(ClientId client) const;
  // Bytes of memory that its unfinished packet takes, what came with its CONNECTs, and its part of
  // the namespaces that are there for clients. O(its namespaces).
  std::size_t held(ClientId client) const;

  Event next(base::Time now);
  // next() has nothing to say or to clean up, as after most events.
  bool quiet() const;

  // -- Connecting. Both no-ops (false) when the socket is gone.
  // Joins, writes CONNECT {"sid":…} (v3: without payload); the caller then runs the connection
  // handlers.
  bool accept(SocketId socket, base::Time now);
  // CONNECT_ERROR {"message":…,"data":…}; data: null, which is none. (v3: the data, else the
  // message as a string.) The socket is freed.
  bool refuse(SocketId socket, base::Bytes message, const Value& data);
  // After unknown_namespace: the namespace has been created by the caller (the CONNECT starts over:
  // `connecting` follows), or not.
  void admit(ClientId client, base::Bytes nsp, base::Time now);
  // Between the two: false when the client has gone meanwhile.
  bool awaits(ClientId client, base::Bytes nsp) const;
  void reject_namespace(ClientId client, base::Bytes nsp,
                        base::Bytes message = "Invalid namespace");
  // After `connecting`, for a namespace that is not ready, or about to go: the CONNECT starts over
  // with unknown_namespace. The socket is freed.
  void start_over(SocketId socket);

  // -- One socket. Null when it is gone.
  Socket* get(SocketId id);
  // False: not connected, or (volatile) dropped, or a limit was reached. Emitting while connecting
  // is allowed (JS: before CONNECT).
  bool emit(Socket& socket, const Encoded& packet, Flags flags);
  bool emit(Socket& socket, const SharedPacket& packet, Flags flags);
  // Reserves an ack id for emit; the waiter is ended exactly once. 0 timeout-free: kNever. Fails
  // (nullopt, waiter untouched) over max_pending_acks or when gone.
  std::optional<std::uint64_t> expect_ack(Socket& socket, std::unique_ptr<AckWaiter>& waiter,
                                          base::Time deadline);
  // Answers an event that asked for it (the caller sees to "once").
  bool send_ack(Socket& socket, const Encoded& packet);
  bool join(Socket& socket, base::Bytes room);  // false: gone or over max_rooms_per_socket
  bool leave(Socket& socket, base::Bytes room);
  // close: the whole client. Otherwise a DISCONNECT packet for this namespace.
  void disconnect(Socket& socket, bool close, base::Time now);

  // -- Many sockets.
  // Returns how many it was queued for (volatile ones that were not writable are not counted).
  // `each` (may be null) sees every receiver before its packet is queued: on_any_outgoing.
  class Outgoing {
   public:
    virtual void outgoing(Socket& socket) = 0;

   protected:
    ~Outgoing() = default;
  };
  std::size_t broadcast(NamespaceIndex nsp, const Selection& selection, const SharedPacket& packet,
                        Flags flags, Outgoing* each = nullptr) {
    return send_to(nsp, selection, packet, flags, each);
  }
  std::size_t send_to(NamespaceIndex nsp, const Selected& selection, const SharedPacket& packet,
                      Flags flags, Outgoing* each = nullptr);
  // The packet must carry `id` = next_ack_id(nsp), taken before encoding. The waiter gets reply()
  // for each and one finish(): replied when all have (at once for nobody), else timeout.
  std::uint64_t next_ack_id(NamespaceIndex nsp);
  // Returns how many are asked.
  std::size_t broadcast_with_ack(NamespaceIndex nsp, const Selection& selection,
                                 const SharedPacket& packet, Flags flags, std::uint64_t id,
                                 std::unique_ptr<AckWaiter> waiter, base::Time deadline,
                                 base::Time now, Outgoing* each = nullptr);
  // Nobody is to answer: finish(timeout) when the time has come.
  void await_deadline(std::unique_ptr<AckWaiter> waiter, base::Time deadline);
  std::vector<SocketId> select(NamespaceIndex nsp, const Selection& selection) {
    return ids_of(nsp, selection);
  }
  std::vector<SocketId> ids_of(NamespaceIndex nsp, const Selected& selection);

  // -- Recovery (core_recovery.cpp). Packets are numbered; the position is the number of the last
  // one that the sockets of this shard were given, so it only grows.
  std::uint64_t position() const;
  void set_position(std::uint64_t number);
  // A broadcast of a numbered packet. The receivers' sessions learn that they were sent it, unless
  // it is volatile.
  // Returns how many it was queued for.
  std::size_t deliver_logged(const LogEntry& entry, Flags flags, Outgoing* each = nullptr);
  // While it is connecting: its session begins here, with a private id of its own; accept() then
  // tells the client.
  void begin_session(Socket& socket);
  // While it is connecting: it goes on as that session, under its id and in its rooms.
  void adopt(Socket& socket, std::unique_ptr<RecoverySession> session);
  // accept() would succeed.
  bool acceptable(SocketId socket);
  // Its client has come back elsewhere: the connection ends at once ("transport close").
  void supersede(Socket& socket, base::Time now);

  // -- The end. Every socket disconnects with "server shutting down"; sessions are discarded;
  // waiters end with shutting_down. Drain next() after it.
  void shut_down(base::Time now);

  // Gives back what large packets took; no-op while one is being dispatched.
  void release_buffers();
  // Gives back what a crowd that is gone has left in tables. Cannot fail.
  void shrink();

  base::Time deadline() const;
  void on_deadline(base::Time now);
  std::size_t clients() const;
  std::uint64_t room_count() const;  // of all namespaces; any thread

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace socketio::sio
