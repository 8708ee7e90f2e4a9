// What the shards of one server share, and the doors to them. User handles (Socket, Namespace, Ack)
// hold a hub instead of a shard: it outlives the server, knows whether the caller is on a shard's
// thread, and carries jobs to the others. No handle can dangle.
//
//   handle -> hub -> door 0 -> shard 0 (mailbox)
//                 -> door 1 -> shard 1 …
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include <socketio/error.hpp>
#include <socketio/socket.hpp>

#include "base/ledger.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "eio/sid.hpp"
#include "server/engine_hooks.hpp"
#include "server/namespace_names.hpp"
#include "server/options.hpp"
#include "server/peer_limits.hpp"
#include "server/tls_keeper.hpp"

namespace socketio {
class HttpRoutes;
struct ErrorReport;
}  // namespace socketio

namespace socketio::net {
class LoopThread;
}
namespace socketio::server {

class Recovery;
class ClientBundle;
class Closing;
class Shard;
struct SessionRecord;

// What the admin's side of a server wants to hear besides what it can listen to like anybody.
struct AdminHooks {
  std::function<void(Namespace)> new_namespace;     // before the user's
  std::function<void(const Socket&)> data_touched;  // Socket::data() was asked for, to be changed
  std::function<void(const Shard&, const SessionRecord&)> upgraded;
  bool installed = false;
};

// Set when Hub::may_register(); called on the thread of whichever shard has something to say.
// Deques: a hook may be running while more are added, which hear of the next.
struct Hooks {
  std::deque<std::function<void(const ErrorReport&)>> error;
  std::deque<std::function<void(Namespace)>> new_namespace;
  AdminHooks admin;
};

}  // namespace socketio::server

namespace socketio::detail {

// How a job comes to another thread.
enum class Mail : std::uint8_t {
  bounded,      // refused when the mailbox is full
  is_volatile,  // already when it is half full: what may be missed
  // Never refused for want of room: for what is bounded otherwise, and would be missed (answers to
  // what has been asked, connections, the end).
  always,
  // Bounded, for commands, which have their place among a thread's emits: with recovery these do
  // not go through the mailbox. They may run inside of an emit of the shard's own.
  in_order,
  in_order_volatile
};

struct Hub {
  using Job = std::function<void(server::Shard&)>;
  // 8 bits of a session id tell its shard.
  static constexpr std::size_t kMaxShards = 255;

  // Draws the key of session ids from `random`, and that of TLS tickets, which is made `now`.
  Hub(ServerOptions options, base::Random& random, base::Time now);
  ~Hub();

  std::size_t size() const { return doors_.size(); }
  // The shard when called on its thread, or before any loop runs (setting up); null elsewhere and
  // after the server's end.
  server::Shard* here(std::size_t shard) const;
  // Any shard of this server whose thread this is.
  server::Shard* here() const;
  // The same two for calls that may leave something to send: between two turns they wake somebody
  // else's loop.
  server::Shard* enter(std::size_t shard) const;
  server::Shard* enter() const;
  // Queues a job for a shard's thread. False when the server is gone or there is no room; the job
  // is then destroyed unrun.
  bool post(std::size_t shard, Mail kind, Job job) const;
  bool post(std::size_t shard, Job job) const { return post(shard, Mail::bounded, std::move(job)); }
  // The next step of the server's end. Allocates nothing; false: the shard has ended.
  bool post_step(std::size_t shard, server::Closing& steps) const;
  // Runs it at once when on the shard's thread, else posts it.
  bool run(std::size_t shard, Mail kind, Job job) const;
  // On every shard: at once where possible. False when one of them could not be reached.
  bool run_on_all(Mail kind, const Job& job) const;
  // Why a post has just been refused.
  Errc refusal(std::size_t shard) const;
  // What handlers are registered with: throws Errc::wrong_thread unless this is a shard's thread,
  // or no loop runs yet.
  server::Shard& registering(const char* what) const;
  // Likewise of hooks and routes, which every loop reads unlocked: with several none may run.
  void may_register(const char* what) const;
  ListenerId new_listener_id() { return listener_ids_.fetch_add(1, std::memory_order_relaxed) + 1; }

  void open(std::size_t shard, server::Shard& object);
  void close(std::size_t shard);
  // When no shard is left: hooks, parents and functions among the options may hold handles, which
  // hold the hub. Not the log's and the parser's: handles on other threads still use those.
  void forget_user_code();

  server::Settings settings;
  // Options::adapter was set: handles ask on any thread, and after the end.
  const bool has_adapters = static_cast<bool>(settings.options.adapter);
  server::Hooks hooks;
  server::EngineHooks engine;
  server::IdDirectory custom_ids;
  server::NamespaceNames names;
  base::Logger logger;
  base::Ledger ledger;
  // Jobs under way that make the other shards shed too.
  std::atomic<std::size_t> shedding{0};
  ws::DeflateBudget deflate_budget;
  std::shared_ptr<server::ClientBundle> client_bundle;
  eio::SidKey sid_key;
  std::unique_ptr<server::TlsKeeper> tls;  // of a server with TLS
  bool started = false;                    // shards have got threads of their own
  std::atomic<bool> ready{true};           // what load balancers are told
  std::atomic<bool> closing{false};        // from the first close() on
  std::atomic<bool> measure_turns{false};
  // Open connections by shard: new ones go to the shard with the fewest.
  std::vector<std::atomic<std::size_t>> connections;
  std::size_t connection_count() const;
  std::atomic<std::size_t> sessions{0};       // of Engine.IO, of all shards: max_clients
  std::atomic<std::size_t> route_bytes{0};    // of the requests that routes work on: RouteCall
  std::unique_ptr<server::PeerLimits> peers;  // null: nothing is limited by address
  // A connection of this shard has ended, whose peer was counted under this name.
  void forget_connection(std::size_t shard, const std::string& counted_as);
  std::unique_ptr<server::Recovery> recovery;  // null when it is off
  // The adapter of a namespace that keeps its sessions itself; null: `recovery` does. Only where
  // recovery is on.
  std::shared_ptr<Adapter> session_keeper(sio::NamespaceIndex nsp) const;

 private:
  std::atomic<ListenerId> listener_ids_{0};
  struct Door {
    mutable std::mutex mutex;  // held while posting, so that close() waits for posters
    std::atomic<server::Shard*> shard{nullptr};
    std::shared_ptr<const net::LoopThread> thread{};  // set before `shard`, and never changed
  };
  std::vector<std::unique_ptr<Door>> doors_;
};

}  // namespace socketio::detail
