// Adapter: who carries what is sent to many. The library's own, which every namespace has, knows
// the sockets of this process. Derive from LocalAdapter to add other servers:
//
//   struct Cluster : LocalAdapter {
//     using LocalAdapter::LocalAdapter;
//     bool broadcast(const Packet& packet, const Delivery& delivery) override {
//       if (!delivery.local) publish(packet, delivery);       // the others call
//       return LocalAdapter::broadcast(packet, delivery);    // this for what they receive
//     }
//   };
//   options.adapter = [](const Namespace& nsp) { return std::make_shared<Cluster>(nsp); };
//
// There is one adapter for each namespace. Without ServerOptions::adapter there is no object at
// all, and what is sent to many goes the short way. The contract is that of socket.io-adapter, with
// the names of this library.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <socketio/namespace.hpp>

namespace socketio {

// Who gets a packet, and how.
struct Delivery {
  std::vector<std::string> rooms{};   // empty: everybody; a socket's id is a room
  std::vector<std::string> except{};  // members of these are left out; the sender is among them
  bool is_volatile = false;
  bool compress = true;
  bool local = false;                                 // not to other servers
  std::optional<std::chrono::nanoseconds> timeout{};  // for acknowledgements
};

// A socket as one server tells another of it.
struct SocketDescription {
  std::string id;
  Handshake handshake;
  std::vector<std::string> rooms;
  Value data{};
};

// What a socket leaves behind for its client to come back to: connection state recovery, where an
// adapter keeps it.
struct AdapterSession {
  std::string id;                  // the socket's, 20 characters
  std::string private_id;          // the client's secret, 20 characters
  std::vector<std::string> rooms;  // without its own
  Value data{};                    // Socket::data()
};
struct RestoredSession : AdapterSession {
  std::vector<Packet> missed{};  // oldest first, each with its offset as the last argument
};

// Thread-safety: members are called on whatever thread emits, joins, fetches, …: one when
// ServerOptions::threads is 1 and nobody else emits, else several at once. Facts (on_…) of one
// namespace come one at a time and in order; they may emit and join, and what they cause is told
// behind them, but they must not wait for other threads.
// Exceptions of facts are reported to Server::on_error, those of the others reach whoever called.
// What is answered (a Pending, OnReply, OnAnswers) may be answered on any thread: whoever asked
// goes on on its own.
class SOCKETIO_EXPORT Adapter {
 public:
  explicit Adapter(Namespace nsp) : nsp_(std::move(nsp)) {}
  virtual ~Adapter();
  Adapter(const Adapter&) = delete;
  Adapter& operator=(const Adapter&) = delete;

  const Namespace& nsp() const { return nsp_; }

  // Before anybody is in the namespace.
  virtual void init() {}
  // The namespace has been cleaned up (and has no name any more), or the server has closed: nothing
  // is called afterwards. A server that is destroyed without close() does not call it.
  virtual void close() {}
  // Servers of the cluster, this one included.
  virtual Pending<std::size_t> server_count() = 0;

  // -- Facts: what has happened to the rooms of this server. Each once per transition; a socket is
  // in the room of its own id as long as it is connected.
  virtual void on_create_room(std::string_view room);
  virtual void on_join_room(std::string_view room, std::string_view socket);
  virtual void on_leave_room(std::string_view room, std::string_view socket);
  virtual void on_delete_room(std::string_view room);

  // -- Commands. What they return is what the caller's emit(), sockets_join() and so on return:
  // true when it has been handed on, here and to the other servers. Whether anybody got it is not
  // known then. False when it was not, for instance because the server has ended; nothing is tried
  // again.
  virtual bool broadcast(const Packet& packet, const Delivery& delivery) = 0;
  // `on_clients` is to be called once for each server, with how many clients were asked, and
  // `on_reply` for each answer, with its arguments. The question ends when as many servers as
  // server_count() said have told their number and that many have answered, or with the time-out,
  // which is the caller's; later calls are ignored. Any thread.
  using OnClients = std::function<void(std::size_t)>;
  using OnReply = std::function<void(const Args&)>;
  virtual bool broadcast_with_ack(const Packet& packet, const Delivery& delivery,
                                  OnClients on_clients, OnReply on_reply) = 0;
  virtual Pending<std::vector<RemoteSocket>> fetch_sockets(const Delivery& delivery) = 0;
  virtual bool add_sockets(const Delivery& delivery, std::vector<std::string> rooms) = 0;
  virtual bool del_sockets(const Delivery& delivery, std::vector<std::string> rooms) = 0;
  virtual bool disconnect_sockets(const Delivery& delivery, bool close) = 0;
  // To the other servers, never to this one. `done` is to be called once, with one value for each
  // server that answered, and Errc::timeout when some did not in the adapter's own time.
  using OnAnswers = std::function<void(std::error_code, std::vector<Value>)>;
  virtual bool server_side_emit(const Packet& packet) = 0;
  virtual bool server_side_emit_with_ack(const Packet& packet, OnAnswers done) = 0;

  // -- Connection state recovery over several servers, when ServerOptions has it on. True: packets
  // and sessions of this namespace are the adapter's to keep, and the server's own log has nothing
  // of them. broadcast() then gets what is emitted to one socket too (its id as the room), and is
  // to add an offset, a text, as the last argument of every packet that may be asked for again. The
  // answer must not change.
  virtual bool keeps_sessions() const { return false; }
  // A socket is gone, and its client may come back.
  virtual void persist_session(AdapterSession session);
  // A client has come back: its session if there is one, which from then on it has, and what it has
  // missed behind that offset (none: it has got nothing yet). The client waits for the answer, at
  // most ServerOptions::connect_timeout. What this server's sockets are sent meanwhile is held for
  // it, until it is connected: what is for its rooms and not in `missed` it gets behind that.
  // So nothing is lost, whatever the thread and the age of the answer, when broadcast() stores a
  // packet before it passes it on. A packet of `missed` that is passed on only when the socket is
  // connected comes twice.
  virtual Pending<std::optional<RestoredSession>> restore_session(
      std::string private_id, std::optional<std::string> offset);

 protected:
  // What other servers sent with server_side_emit: runs the handlers of
  // Namespace::on_server_event, on the first loop thread. `answer` (may be null) is called with the
  // arguments of the acknowledgement, once at most. Any thread.
  bool deliver_server_event(Packet packet, std::function<void(const Args&)> answer = {}) const;
  // A socket of another server: what it is told to do becomes a broadcast to the room of its id.
  RemoteSocket remote_socket(SocketDescription description) const;

 private:
  Namespace nsp_;
};

// The sockets of this process, on all its threads. Every member may be called from any thread, also
// by an adapter of another server of the same process.
class SOCKETIO_EXPORT LocalAdapter : public Adapter {
 public:
  using Adapter::Adapter;

  Pending<std::size_t> server_count() override;  // 1
  bool broadcast(const Packet& packet, const Delivery& delivery) override;
  bool broadcast_with_ack(const Packet& packet, const Delivery& delivery, OnClients on_clients,
                          OnReply on_reply) override;
  Pending<std::vector<RemoteSocket>> fetch_sockets(const Delivery& delivery) override;
  bool add_sockets(const Delivery& delivery, std::vector<std::string> rooms) override;
  bool del_sockets(const Delivery& delivery, std::vector<std::string> rooms) override;
  bool disconnect_sockets(const Delivery& delivery, bool close) override;
  // There are no others: a warning in the log; the answer is Errc::unsupported.
  bool server_side_emit(const Packet& packet) override;
  bool server_side_emit_with_ack(const Packet& packet, OnAnswers done) override;

  // -- For those who derive.
  // Ids of the sockets selected; rooms of one (empty when it is not here).
  Pending<std::vector<std::string>> sockets(const Delivery& delivery);
  Pending<std::vector<std::string>> socket_rooms(std::string_view socket);
};

}  // namespace socketio
