// Takes the core's events and calls the user's handlers, with the packet middlewares and the
// acknowledgements around them. Its guarded() is the one way into user code for the whole shard.
// Also the commands of the public handles, which are all "encode, then tell the core".
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <socketio/server.hpp>

#include "server/counters.hpp"
#include "server/handlers.hpp"
#include "server/hub.hpp"
#include "server/kept_handshake.hpp"
#include "server/kept_packets.hpp"
#include "sio/core.hpp"

namespace socketio::server {

class Shard;
struct SessionRecord;

// A client that is gone for this reason may come back for its session.
bool recoverable(DisconnectReason reason);
// The sender of a broadcast stays out by its id, which only its own shard knows.
sio::Selection selection_of(const detail::Target& target);

// Arguments as values: for other threads, where what they refer to may not live on.
Args collect(detail::ArgsRef args);
void write_values(const void* values, Writer& to);  // ArgsRef::write for Args

// Finds or creates a namespace, on a shard's thread: tells every shard and the hook. For a child,
// handlers are the parent's as they are on this shard.
NamespaceNames::Added open_namespace(const std::shared_ptr<detail::Hub>& hub, std::string_view name,
                                     sio::NamespaceIndex parent, std::size_t max_children);

// By ServerOptions::adapter, when there is one.
void make_adapter(const std::shared_ptr<detail::Hub>& hub, sio::NamespaceIndex index);

class Dispatcher {
 public:
  Dispatcher(Shard& shard, sio::Core& core, eio::Shared& shared, Counters& counters,
             std::shared_ptr<detail::Hub> hub);

  // Drains the core's events through user code. Not reentrant; a call from inside a handler does
  // nothing (the outer one goes on).
  void pump(base::Time now) { pump(now, nullptr); }
  // The same, after an event that the core has told already. Never from inside a handler, or the
  // event would be lost: Loop::process() and Server::process() see to that.
  void on_arrival(const sio::Arrival& event, base::Time now) { pump(now, &event); }
  // Gives back what large packets took. Not from inside a handler.
  void release_buffers() {
    core_.release_buffers();
    encoder_.release();
  }

  // Gives back what a crowd that is gone has left in tables. Cannot fail.
  void shrink();

  // -- Commands of the handles (dispatcher_commands.cpp). `now` is the turn's.
  bool emit(sio::SocketId socket, std::string_view event, detail::ArgsRef args, sio::Flags flags);
  // What a broadcast sends is encoded once and shared by all shards.
  bool broadcast(const detail::Target& target, const sio::SharedPacket& packet,
                 std::string_view event);
  bool emit_with_ack(const detail::Target& target, std::string_view event, detail::ArgsRef args,
                     std::unique_ptr<detail::AckReceiver> receiver);
  bool send_ack(sio::SocketId socket, std::uint64_t id, detail::ArgsRef args);
  std::vector<sio::SocketId> select(const detail::Target& target);
  // Rooms, and who wants to know of them (dispatcher_rooms.cpp).
  bool join(sio::Socket& socket, base::Bytes room);
  bool leave(sio::Socket& socket, base::Bytes room);
  // From another server (dispatcher_server_events.cpp).
  void on_server_event(sio::NamespaceIndex nsp, const Packet& packet,
                       std::function<void(const Args&)> answer);
  // The clock of what is asked over several servers.
  void await_deadline(std::unique_ptr<sio::AckWaiter> waiter, base::Time deadline);

  // -- Recovery (dispatcher_recovery.cpp).
  void deliver(const sio::LogEntry& entry, std::string_view event, sio::Flags flags);
  // A connecting socket goes on, after it had to wait. anew: for nothing.
  void reconnect(sio::SocketId id, bool anew);
  // An adapter has answered which session its client comes back to.
  void restored(const std::shared_ptr<Adapter>& keeper, sio::SocketId id,
                std::optional<RestoredSession> session);
  // The socket's client has come back on another connection.
  void supersede(sio::SocketId id);

  // -- Namespaces (dispatcher_namespaces.cpp).
  // Made on a shard when it first hears of them. False: gone.
  bool ensure_namespace(sio::NamespaceIndex nsp);
  // Clients come in from now on; it must be ready. False: gone.
  bool let_in(sio::NamespaceIndex nsp);
  void drop_namespace(sio::NamespaceIndex nsp);
  // Of a namespace or a parent; null when it is gone.
  NamespaceHandlers* handlers(sio::NamespaceIndex index);
  sio::Encoder& encoder() { return encoder_; }

  Socket handle(const sio::Socket& socket) const;
  Socket handle(sio::SocketId id);
  SocketExtras* extras(sio::SocketId id);             // makes them; null when the socket is gone
  NamespaceExtras& extras(sio::NamespaceIndex nsp) {  // of one that sockets are in
    return *namespaces_[sio::slot_of(nsp)];
  }
  sio::Core& core() { return core_; }
  Shard& shard() { return shard_; }
  Handshake handshake(sio::SocketId id);
  KeptHandshake kept_handshake(const sio::Socket& socket) const;
  RemoteSocket remote(const sio::Socket& socket);

  // Runs user code with the one exception guard. False when it threw (reported). Whatever of the
  // user's a shard calls of its own accord comes through here: handlers, hooks, routes, posts.
  // What has a guard of its own: on_error() hooks (report), the log's sink (base::Logger), parsers
  // (sio/user_parser.cpp), work for another thread (Server::offload), an adapter's close().
  template <class F>
  bool guarded(std::string_view event, F&& run) {
    const Handling inside(handling_);
    ++shared_.dispatch;
    try {
      run();
      return true;
    } catch (...) {
      report_exception(std::current_exception(), event);
      return false;
    }
  }
  // User code is running, perhaps between two turns: what it was called with must stay.
  bool handling() const { return handling_ > 0; }
  void report_exception(std::exception_ptr error, std::string_view event);
  // What was thrown, as text: an exception stays with the thread it was thrown on.
  static ErrorReport failure_of(const std::exception_ptr& error, std::string_view event);
  void report_failure(const ErrorReport& failure);
  void report(const ErrorReport& error);
  void report_mismatch(std::string_view event, std::size_t argument);
  SessionRecord* session_of(sio::SocketId socket);  // null when it has none any more
  // A coroutine handler has ended, of this session or of none, on whatever thread. Cannot fail.
  static void task_ended(const detail::Hub& hub, std::size_t shard, std::uint64_t session,
                         const std::string& name, const std::exception_ptr& error);
  // Bytes of a session's events and CONNECTs that are with user code (middlewares, whoever decides
  // about a namespace).
  std::size_t held(std::uint64_t session) const;
  // Holding's.
  void hold(std::uint64_t session, std::size_t bytes);
  void let_go(std::uint64_t session, std::size_t bytes);

 private:
  friend class Call;
  class Lent;
  // While it lives, user code runs.
  class Handling {
   public:
    explicit Handling(int& depth) : depth_(depth) { ++depth_; }
    ~Handling() { --depth_; }
    Handling(const Handling&) = delete;
    Handling& operator=(const Handling&) = delete;

   private:
    int& depth_;
  };
  struct Wish;
  detail::AckHolder take_ack(sio::SocketId socket, std::uint64_t id);
  void give_back(detail::AckHolder ack);
  void pump(base::Time now, const sio::Arrival* first);
  // pump() without the guard: `concerned` is whose event is being handled.
  void drain(base::Time now, sio::ClientId& concerned);
  void vanished(const sio::Event& event);
  void on_connecting(const sio::Event& event);
  void connected(sio::SocketId socket);
  // A CONNECT to a name that this shard does not know, while somebody decides about it.
  struct Wanted;
  using WantedPtr = std::shared_ptr<Wanted>;
  bool recover(sio::SocketId id, bool again = false);
  void restore(const std::shared_ptr<Adapter>& keeper, sio::SocketId id,
               sio::RecoveryRequest request);
  void keep_for_restored(const detail::Target& target, const sio::SharedPacket& packet);
  std::unique_ptr<sio::RecoverySession> session_of(const RestoredSession& restored,
                                                   sio::NamespaceIndex nsp);
  void recovered(sio::SocketId id);
  void persist(const sio::Socket& socket, const sio::RecoverySession& session, Adapter& keeper);
  bool accept_recoverable(sio::SocketId id);
  void end_session(sio::SocketId id, DisconnectReason reason);
  void end_session(sio::SocketId id, bool keep, bool keep_elsewhere);
  void on_unknown_namespace(const sio::Event& event);
  void resolve(const WantedPtr& wanted, std::size_t parent);
  void create_child(const WantedPtr& wanted, sio::NamespaceIndex parent);
  void admit(const WantedPtr& wanted, std::optional<sio::NamespaceIndex> ready);
  void client_left(const NamespaceExtras& nsp);
  void room_changed(const sio::Socket& socket, std::string_view room, bool joined);
  struct RoomChange {
    NamespaceEntryPtr entry;
    std::string room;
    std::string socket;
    bool joined;
  };
  void tell(const RoomChange& change);
  std::vector<std::string> rooms_to_leave(const sio::Socket& socket);
  void remember_rooms(const sio::Socket& socket);
  void left_rooms(const sio::Socket& socket);
  void tell_rooms(const sio::Socket& socket);
  void on_event(const sio::Arrival& event);
  void run_handlers(const sio::Socket& socket, const NamespaceExtras& nsp, const EventView& view,
                    Wish& wish);
  [[gnu::noinline]] bool take_once(sio::SocketId socket, ListenerId listener);
  // Middlewares: of a namespace for sockets that connect, of a socket for what comes in
  // (dispatcher_middlewares.cpp).
  struct Entering;
  void run_middlewares(sio::SocketId socket, sio::NamespaceIndex nsp);
  void enter(const std::shared_ptr<Entering>& entering, std::size_t index);
  using PacketMiddlewares = std::shared_ptr<std::vector<std::function<void(Packet&, Next)>>>;
  struct Passing;
  void pass(const sio::Socket& socket, Packet packet, detail::AckHolder ack,
            PacketMiddlewares chain);
  void pass(const std::shared_ptr<Passing>& event, std::size_t index);
  void dispatch_packet(sio::SocketId id, const Packet& packet, detail::AckHolder ack);
  void on_error(sio::SocketId id, std::string_view text);
  void on_disconnect(const sio::Event& event);
  // on_any_outgoing: one event to one socket, which is returned unless it is gone then; what all of
  // a socket's listeners see; one listener.
  [[gnu::noinline]] sio::Socket* notify_outgoing(sio::Socket& socket, std::string_view event,
                                                 const detail::ArgsRef& args);
  void show_outgoing(sio::Socket& socket, const EventView& view);
  void run_one(sio::SocketId id, const Socket& user, const EventView& view,
               const detail::HandlerPtr& handler);

  Shard& shard_;
  sio::Core& core_;
  eio::Shared& shared_;
  Counters& counters_;
  const sio::Options& options_;
  std::shared_ptr<detail::Hub> hub_;
  detail::HubRef sockets_hub_;  // what sockets hold of it
  sio::Encoder encoder_;
  Socket spare_;  // for handlers while they run: see Lent
  bool lent_ = false;
  detail::AckHolder spare_ack_;
  std::vector<std::unique_ptr<NamespaceExtras>> namespaces_;  // by slot_of their index
  std::vector<std::unique_ptr<NamespaceHandlers>> parents_;
  std::uint32_t outgoing_listeners_ =
      0;  // sockets that may have on_any_outgoing: 0 keeps the hot path free of the look-up
  std::vector<std::pair<sio::SocketId, std::vector<std::string>>> leaving_;  // disconnecting
  std::map<std::uint64_t, std::size_t> holding_;                             // bytes by session
  // To be told. What comes about while one is told (listeners emit, and that may run commands of
  // other threads) waits behind it: no thread that tells a fact waits for another that does.
  std::deque<RoomChange> room_changes_;
  bool telling_ = false;
  KeptPackets kept_packets_;
  bool pumping_ = false;
  int handling_ = 0;

 public:
  void expect_outgoing() { ++outgoing_listeners_; }
};

}  // namespace socketio::server
