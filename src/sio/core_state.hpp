// What the core keeps, for the core's own files only.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <tsl/robin_set.h>

#include "base/few.hpp"
#include "base/list.hpp"
#include "sio/ack_table.hpp"
#include "sio/core.hpp"
#include "sio/keyed_hash.hpp"

namespace socketio::sio {

inline constexpr NamespaceIndex kRoot = 0;

// A namespace this client is in. Without a socket: the server has disconnected it, and packets the
// client sent before it heard of that are still to be expected (and ignored).
struct Entry {
  NamespaceIndex nsp = kRoot;
  SocketId socket{};
};

// What clients have made costs memory that the ledger counts as their input: a namespace that is
// there because of them (with its name and what the layers above keep of it, of all threads) while
// a socket is in it, and the sockets in it. A client's socket in a namespace of the application's
// is a part of the client, as its record is, and counted by nobody.
inline constexpr std::size_t kChildMemory = 1536;
inline constexpr std::size_t kChildSocketMemory = 256;
inline constexpr std::size_t kNamesKept = 3;

// A CONNECT for a namespace that may yet be created.
struct WaitingConnect {
  WaitingConnect(base::Bytes name, AuthPtr the_auth, base::Ledger& ledger)
      : nsp(name), auth(std::move(the_auth)), memory(ledger, sizeof *this + name.size()) {}
  std::string nsp;
  AuthPtr auth;
  base::InputCharge memory;
};

// In one of two lists, each ordered by `deadline` since each has one duration: clients that have
// joined nothing yet, and clients whose packet lacks attachments. Most are in none.
struct Client : base::ListNode<Client> {
  ClientId self{};
  eio::Session* session = nullptr;
  std::uint64_t owner = 0;
  Decoder decoder;
  base::Time deadline = base::kNever;
  base::Few<Entry> entries;
  // Usually null. A list of stable records, since events show their names.
  std::unique_ptr<std::vector<std::unique_ptr<WaitingConnect>>> waiting;
  std::unique_ptr<PacketReader> reader;  // of a user's parser
  bool closing = false;                  // nothing is read any more

  // Of a packet that has come in part.
  bool awaits_more() const { return decoder.waiting() || (reader != nullptr && reader->waiting()); }
  std::size_t held() const { return decoder.held() + (reader != nullptr ? reader->held() : 0); }
  // Gives back what a packet held, after its dispatch.
  void release() {
    decoder.release();
    if (reader != nullptr) reader->release();
  }
  Entry* find(NamespaceIndex nsp) {
    for (Entry& entry : entries) {
      if (entry.nsp == nsp) return &entry;
    }
    return nullptr;
  }
};

struct Namespace {
  Namespace(base::Bytes text, NamespaceIndex number, Made by, base::Random& random,
            base::Counter& count)
      : name(text), index(number), made(by), rooms(random, &count) {}
  std::string name;
  NamespaceIndex index;
  Made made;
  std::uint32_t counted = 0;  // of Made::for_clients: sockets in it, connecting ones as well
  Rooms rooms;

  // Of a namespace made for clients.
  std::size_t memory() const { return kChildMemory + kNamesKept * name.size(); }
};

// What next() has still to report.
struct Queued {
  enum class Kind : std::uint8_t { event, vanish, erase_client };
  Kind kind = Kind::event;
  EventKind event = EventKind::none;
  AckEnd end = AckEnd::replied;
  DisconnectReason reason = DisconnectReason::transport_close;
  SocketId socket{};
  ClientId client{};
  base::Bytes text{};
  AckWaiter* group = nullptr;
  std::unique_ptr<AckWaiter> waiter{};
};

// First in, first out; one block of memory, given back when a crowd has passed.
class Queue {
 public:
  bool empty() const { return head_ == items_.size(); }
  // So many push() and add() cannot fail.
  void reserve(std::size_t more) {
    const std::size_t least = items_.size() + more;
    if (least > items_.capacity()) items_.reserve(std::max(least, 2 * items_.size()));
  }
  void push(Queued item) { items_.push_back(std::move(item)); }
  Queued& add() { return items_.emplace_back(); }
  // Valid until pop(); push() may not come in between.
  Queued& front() { return items_[head_]; }
  void pop() {
    ++head_;
    if (empty()) {
      head_ = 0;
      if (items_.capacity() > kKept)
        items_ = std::vector<Queued>();
      else
        items_.clear();
    }
  }

 private:
  static constexpr std::size_t kKept = 1024;
  std::vector<Queued> items_;
  std::size_t head_ = 0;
};

struct Core::State {
  State(eio::Shared& the_shared, base::Random& the_random, const Options& the_options);

  eio::Shared& shared;
  base::Random& random;
  const Options& options;
  bool stopped = false;
  base::Counter rooms;  // of all namespaces
  std::uint64_t position = 0;

  base::Slab<Client> clients;
  base::Slab<Socket> sockets;
  base::List<Client> idle;       // joined nothing yet
  base::List<Client> receiving;  // attachments missing
  AckTable acks;

  struct NamespaceHash {
    KeyedHash keyed;
    std::size_t operator()(base::Bytes name) const { return keyed(name); }
    std::size_t operator()(const Namespace* nsp) const { return keyed(nsp->name); }
  };
  struct NamespaceEqual {
    using is_transparent = void;
    static base::Bytes name(base::Bytes text) { return text; }
    static base::Bytes name(const Namespace* nsp) { return nsp->name; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return name(a) == name(b);
    }
  };
  std::vector<std::unique_ptr<Namespace>> namespaces;
  tsl::robin_set<Namespace*, NamespaceHash, NamespaceEqual> by_name;

  // Null when the server speaks the default parser. A user's parser has one for each client.
  std::unique_ptr<PacketReader> reader;
  const PacketReader* read_by = nullptr;  // null: what was decoded is in `document`
  value::JsonDocument document{value::JsonDocument::Reader::usual, options.max_depth};
  Decoded decoded;                  // what the event being reported came from
  std::string numeric_name;         // of an event whose name is a number
  Encoder encoder{options.parser};  // of the core's own packets

  Element root() const {
    if (read_by != nullptr) [[unlikely]]
      return read_by->root();
    return document.root();
  }

  Queue queue;
  std::vector<std::unique_ptr<AckWaiter>> ending;  // last first; they go before the queue
  AckEnd ending_with = AckEnd::disconnected;
  SocketId reported{};  // its last event is out: freed by the next call
  DisconnectReason reported_reason{};
  ClientId dispatched{};  // whose decoder holds the packet that is out

  // core.cpp
  Namespace* find_namespace(base::Bytes name);
  bool has_namespace(NamespaceIndex nsp) const;
  Namespace& at(NamespaceIndex nsp) const { return *namespaces[slot_of(nsp)]; }
  void next_queued(Event& event);
  bool report(Queued& item, Event& event);
  bool report_packet(Arrival& event);
  bool quiet() const { return !dispatched && !reported && queue.empty() && ending.empty(); }
  void hold_packet(ClientId client);
  void settle();
  void push(EventKind kind, const Socket& socket, base::Bytes text = {});
  void push_end(std::unique_ptr<AckWaiter> waiter, AckEnd end);
  void free_socket(SocketId id);

  // core_clients.cpp
  class JoinedBy;
  bool take(Client& client, const Decoded& packet, base::Time now, Arrival& out);
  bool read(Client& client, base::MutBytes message, bool binary, base::Time now, Arrival& out);
  bool expects(const Entry& entry);
  bool has_joined(const Client& client);
  bool left_a_dropped_one(const Client& client) const;
  bool dispatch(Client& client, const Decoded& packet, base::Time now, Arrival& out);
  void dispatch_ack(const Socket& socket, const Decoded& packet);
  void connect(Client& client, base::Bytes nsp, base::Time now);
  void start(Client& client, Namespace& nsp, AuthPtr auth);
  std::size_t auth_bytes(const Client& client);
  void charge(Namespace& nsp) const;
  void credit(Namespace& nsp) const;
  std::size_t child_bytes(const Client& client);
  void name_socket(Socket& socket, const Client& client, const Namespace& nsp);
  void await_namespace(Client& client, base::Bytes name, AuthPtr auth);
  IdText random_id();
  bool make_room(Client& client) const;
  void connect_error(Client& client, base::Bytes nsp, base::Bytes message, const Value& data = {});
  void refuse_connect(Client& client, base::Bytes nsp, base::Bytes message, const Value& data = {});
  const WaitingConnect* find_waiting(ClientId client, base::Bytes nsp);
  std::unique_ptr<WaitingConnect> take_waiting(ClientId client, base::Bytes nsp);
  void fail(Client& client, base::Bytes text, base::Time now);
  void violation(Client& client, base::Bytes detail, base::Time now);
  // Room for what disconnect_all() and a last item of the client say: then they cannot fail.
  void expect_end(const Client& client) { queue.reserve(2 * client.entries.size() + 1); }
  void disconnect_all(Client& client, DisconnectReason reason, base::Bytes detail = {});
  void stop_reading(Client& client);

  // core_sockets.cpp
  void begin_disconnect(Socket& socket, DisconnectReason reason, base::Bytes detail = {});
  void leave(Socket& socket, DisconnectReason reason);
  void send_disconnect(Socket& socket);
  void greet(Socket& socket, const Namespace& nsp);

  // It speaks Socket.IO 2.
  static bool is_v3(const Client& client) {
    return client.session != nullptr && client.session->v3();
  }
  static bool send(eio::Session& session, const Encoded& packet, bool compress = true);
  [[gnu::noinline]] static bool send_unusual(eio::Session& session, const Encoded& packet,
                                             bool compress);
  // core_recovery.cpp
  void send_missed(Socket& socket);

  static bool can_emit(const Socket& socket) {
    return socket.session != nullptr &&
           (socket.state == SocketState::connected || socket.state == SocketState::connecting);
  }
};

}  // namespace socketio::sio
