// Server: owns the loop, the listeners and the namespaces. See README for the twelve lines that use
// it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <socketio/adapter.hpp>
#include <socketio/compression.hpp>
#include <socketio/cors.hpp>
#include <socketio/engine.hpp>
#include <socketio/error.hpp>
#include <socketio/http.hpp>
#include <socketio/limits.hpp>
#include <socketio/log.hpp>
#include <socketio/namespace.hpp>
#include <socketio/parent_namespace.hpp>
#include <socketio/parser.hpp>
#include <socketio/stats.hpp>
#include <socketio/tls.hpp>
#include <socketio/version.hpp>
#include <socketio/websocket.hpp>

namespace socketio {

// What carries the bytes. io_uring needs Linux 6.1, liburing when the library was built, and leave:
// many containers forbid it.
enum class Backend : std::uint8_t {
  automatic,  // io_uring if it can be had, else epoll (one line in the log says why)
  epoll,
  io_uring,  // the constructor throws std::system_error when it cannot be had
};

// A client whose connection broke gets its session back when it returns in time: the same id, rooms
// and data, and the packets it has missed (docs/guide/15-connection-state-recovery.md). Everything
// is kept in the memory of this process.
struct ConnectionStateRecoveryOptions {
  // How long a session, and the packets it may miss, are kept.
  std::chrono::milliseconds max_disconnection_duration{120'000};
  // Whether a recovered socket connects without asking the namespace's middlewares again.
  bool skip_middlewares = true;
  // Of packets kept, with all their overhead, and how many: for all namespaces together. The oldest
  // go first; a client that misses one of those starts a new session.
  std::size_t max_log_bytes = 64 * 1024 * 1024;
  std::size_t max_log_packets = 100'000;
  // Sessions of clients that are away; the longest away goes first.
  std::size_t max_sessions = 100'000;
};

// Defaults are those of socket.io 4.8. A value out of its range makes the constructor throw
// std::invalid_argument with the option's name.
struct ServerOptions {
  // Where Engine.IO listens; requests below it are ours.
  std::string path = "/socket.io/";
  // Serve the browser client's files under the path, from `client_dist` (the client-dist folder of
  // npm's socket.io; empty: where the library was installed with them, if it was).
  bool serve_client = true;
  std::string client_dist{};
  // A client that has joined no namespace by then is closed.
  std::chrono::milliseconds connect_timeout{45'000};
  std::chrono::milliseconds ping_interval{25'000};
  std::chrono::milliseconds ping_timeout{20'000};
  std::chrono::milliseconds upgrade_timeout{10'000};
  // Bytes of one message, POST body or poll response.
  std::size_t max_http_buffer_size = 1'000'000;
  bool polling = true;
  bool websocket = true;
  bool allow_upgrades = true;
  // Accept clients of Socket.IO 2 (Engine.IO 3), and JSONP polling. Their socket ids are their
  // session ids: see docs/guide/17-old-clients.md.
  bool allow_eio3 = false;
  // How packets become messages: parser::json(), parser::message_pack() or your own. Every client
  // has to use the same one.
  Parser parser{};
  // permessage-deflate of WebSockets; not set: off, as in JS.
  std::optional<PerMessageDeflate> per_message_deflate{};
  // Compressed answers to polls; not set: off.
  std::optional<HttpCompression> http_compression = HttpCompression{};
  // Who may connect, ids, cookie, first packet: see engine.hpp.
  EngineOptions engine{};
  // CORS headers; none without it. options.cors = {.origin = "https://example.com"}: see cors.hpp.
  std::optional<CorsOptions> cors{};
  // Binary attachments of one packet, both ways.
  std::uint32_t max_attachments = 10;
  // Loop threads. run() makes its caller one of them and starts the others. Each client lives on
  // one thread: its handlers run there, one at a time; handlers of different clients run in
  // parallel when there are several, so what they share needs a lock (or one thread, the default).
  std::size_t threads = 1;
  // A child of a ParentNamespace goes when its last socket has left; the next client makes it anew.
  bool cleanup_empty_child_namespaces = false;
  // Children of all parents together; a client that would be the first of one more is refused.
  std::size_t max_child_namespaces = 10'000;
  // Makes the adapter of each namespace, before anybody is in it; none: the sockets of this process
  // are all there are (see adapter.hpp). What it throws for "/" reaches whoever makes the server;
  // for others it is reported, and the namespace does without.
  std::function<std::shared_ptr<Adapter>(const Namespace&)> adapter{};
  // Open connections; more are closed on accept.
  std::size_t max_connections = 100'000;
  // Clients: Engine.IO sessions, of which a connection that polls may have many; more are refused
  // (code 4). None: twice max_connections, because those who come back after their network failed
  // are there twice until ping_timeout.
  std::optional<std::size_t> max_clients{};
  // Queued bytes per client: above the first volatile packets are dropped, above the second the
  // client is closed.
  std::size_t send_queue_soft = 1024 * 1024;
  std::size_t send_queue_hard = 16 * 1024 * 1024;
  // Bytes of input held for all clients together (unfinished, and what is kept of each client: its
  // handshake's head, `auth`, and what the children of parent namespaces cost that it is in), and
  // of output that waits to be sent. Above it the clients that hold most are closed.
  std::size_t max_input_bytes = 256 * 1024 * 1024;
  std::size_t max_output_bytes = std::size_t{2} * 1024 * 1024 * 1024;
  // What one client may cost otherwise: see limits.hpp.
  LimitOptions limits{};
  // Coroutine handlers running at once per client, and its events that are with middlewares of
  // their socket; then reading from it pauses.
  std::uint32_t max_running_handlers = 1'000;
  // None: off, as in JS.
  std::optional<ConnectionStateRecoveryOptions> connection_state_recovery{};
  // How long close() waits for clients to take their farewell.
  std::chrono::milliseconds close_timeout{5'000};
  int backlog = 4096;
  // TCP_USER_TIMEOUT (RFC 5482): a peer that acknowledges or takes nothing of what was sent for so
  // long is gone (`transport error`), before its ping times out. 0: the kernel's own, 15 minutes.
  std::chrono::milliseconds tcp_user_timeout{20'000};
  Backend backend = Backend::automatic;
  // Time every turn of the loops (Stats::turns): two readings of the clock per turn. A metrics
  // route turns it on.
  bool measure_turns = false;
  // https and wss on every listener.
  std::optional<TlsOptions> tls{};
  LogSink log{};
  LogLevel log_level = LogLevel::warn;
};

// What went wrong where no call could return it.
struct ErrorReport {
  enum class Kind : std::uint8_t {
    handler_exception,  // a handler threw; `message` is what()
    payload_mismatch,   // an event did not fit its handler; `message` says which argument
    send_refused,       // an event was not sent; `message` says why
    connection_error,   // an Engine.IO request was refused: `code`, `message`, `name` (context, may
                        // be empty)
  };
  Kind kind;
  std::string message;
  std::string event{};  // the event's name, when there is one
  int code = 0;
  std::string name{};
};

class SOCKETIO_EXPORT Server : public Emits<Server, false>,
                               public Selects<Server>,
                               public EmitsToServers<Server> {
 public:
  // Everything is set up on the thread that makes the server; run() or process() may then be called
  // on another.
  explicit Server(ServerOptions options = {});
  // Closes at once (no farewells) if close() has not completed; never calls user code. Not inside
  // run() or process(), from a handler, a hook or a posted job: whoever waits for close() may,
  // with then() or co_await.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Opens a listener; several are allowed. Port 0 takes a free one: see port(). "host" is an
  // address ("127.0.0.1", "::"; "localhost" is 127.0.0.1); the default is every interface, IPv6 and
  // IPv4. Throws std::system_error with the address in its text, Errc::wrong_thread unless on the
  // first loop's thread or setting up, Errc::shutting_down after close(); std::invalid_argument for
  // what is no address, like every other name.
  Server& listen(std::uint16_t port, std::string_view host = "");
  // A Unix socket.
  Server& listen_unix(std::string_view path);
  // Of the first TCP listener.
  std::uint16_t port() const;

  // Reads the files of ServerOptions::tls anew: connections from now on get what is in them;
  // those that exist go on with what they have. Throws as the constructor does, and the old
  // certificates stay; std::logic_error on a server without TLS. Reads files on the caller's
  // thread. Any thread.
  void reload_tls();
  // The same with other options. handshake_timeout, max_handshakes and session_lifetime stay what
  // they were.
  void reload_tls(TlsOptions options);

  // Runs the loop on this thread until close() has completed.
  void run();
  // For somebody else's loop: watch poll_fd() for reading and call process() when it is. process()
  // never blocks, and does nothing when a handler calls it, between two turns too (a listener of
  // what is emitted then).
  int poll_fd() const;
  void process();
  // Graceful: stops listening, disconnects every socket ("server shutting down"), lets farewells
  // drain, then ends run(). Any thread, idempotent. (Not async-signal-safe.) then() runs when
  // nothing can call back any more, as the last thing that run() or process() does: it may destroy
  // the server. What it throws leaves run() or process(), the first of several, when all who wait
  // have been told.
  Pending<void> close();

  // The namespace of a name, created when new ("/" is added in front when missing), then as a child
  // of the first pattern that matches. Throws std::length_error above 2^20 namespaces. All of() are
  // for setting up and for handlers: std::system_error (Errc::wrong_thread) on other threads.
  Namespace of(std::string_view name);
  // The same, with a connection handler.
  Namespace of(std::string_view name, std::function<void(Socket)> on_connection);
  template <detail::ReturnsTask<Socket> F>
  Namespace of(std::string_view name, F on_connection) {
    Namespace nsp = of(name);
    nsp.on_connection(std::move(on_connection));
    return nsp;
  }
  // A family of namespaces: one is created when a client connects to a name that nobody has created
  // and that fits. Parents are asked in the order of their making; the first that agrees has it.
  ParentNamespace of(NamespacePattern pattern);
  // decide(std::string_view name, const Value& auth) -> bool, where auth is the CONNECT's payload;
  // decide(name, auth, Allow), answering later; or a coroutine (std::string, Value) -> Task<bool>.
  // Called on the client's thread, and once for each client that comes before there is an answer.
  template <detail::DecidesNamespace F>
  ParentNamespace of(F decide) {
    return add_parent({}, detail::adapt_decision(std::move(decide)));
  }
  // f(Namespace) for each that is created from now on, children included, before anybody connects
  // to it. On the thread that creates it. Any number, called in their order. Before run(), or on
  // the loop's thread when there is only one: std::system_error (Errc::wrong_thread) elsewhere.
  void on_new_namespace(std::function<void(Namespace)> hook);
  template <detail::ReturnsTask<Namespace> F>
  void on_new_namespace(F coroutine) = delete;  // it would never run
  // Shortcuts to the main namespace.
  ListenerId on_connection(std::function<void(Socket)> handler);
  ListenerId on_disconnect(std::function<void(Socket, DisconnectReason)> handler);
  template <detail::ReturnsTask<Socket> F>
  ListenerId on_connection(F coroutine) {
    return sockets().on_connection(std::move(coroutine));
  }
  template <detail::ReturnsTask<Socket, DisconnectReason> F>
  ListenerId on_disconnect(F coroutine) {
    return sockets().on_disconnect(std::move(coroutine));
  }
  template <class F>
  ListenerId on_event(std::string_view name, F&& handler) {
    return sockets().on_event(name, std::forward<F>(handler));
  }
  template <class S, class F>
  ListenerId on_event(const ClientEvent<S>& event, F&& handler) {
    return sockets().on_event(event, std::forward<F>(handler));
  }
  template <class F>
  ListenerId on_any(F&& handler) {
    return sockets().on_any(std::forward<F>(handler));
  }
  template <class F>
  ListenerId on_server_event(std::string_view name, F&& handler) {
    return sockets().on_server_event(name, std::forward<F>(handler));
  }
  template <class S, class F>
  ListenerId on_server_event(const PeerEvent<S>& event, F&& handler) {
    return sockets().on_server_event(event, std::forward<F>(handler));
  }
  bool off(std::string_view name);
  bool off(ListenerId id);
  template <class F>
  bool use(F middleware) {
    return sockets().use(std::move(middleware));
  }
  Namespace sockets() const;  // the main namespace "/"

  HttpRoutes& http();
  // Middlewares and hooks of Engine.IO.
  Engine engine();
  // Called on the loop's thread for what happens outside any call; see ErrorReport. Any number,
  // called in their order. Registered where on_new_namespace is.
  void on_error(std::function<void(const ErrorReport&)> hook);
  template <detail::ReturnsTask<const ErrorReport&> F>
  void on_error(F coroutine) = delete;  // it would never run
  // Runs `job` on the loop's thread. False when closed or the mailbox is full. Any thread.
  bool post(std::function<void()> job) const;
  template <detail::ReturnsTask<> F>
  bool post(F coroutine) const = delete;  // it would never run
  // Runs `work` on the worker thread (started with the first job) and then `done` on the loop's
  // thread. False when its queue is full, or the server has ended: what is under way then is
  // dropped. What `work` throws is reported to on_error instead.
  bool offload(std::function<void()> work, std::function<void()> done);
  template <class Work, class Done>
  requires(detail::ReturnsTask<Work> ||
           detail::ReturnsTask<Done>) bool offload(Work,
                                                   Done) = delete;  // a coroutine would never run
  // What `/readyz` tells (HttpRoutes::ready); close() sets it to false for good. Before a shutdown
  // set it, wait until the load balancer has noticed, then close(). Any thread.
  void set_ready(bool ready);
  // Any thread; the shards' numbers added up, each as of its own now.
  Stats stats() const;

  detail::Target target_for_emit() const;

 private:
  ParentNamespace add_parent(std::optional<NamespacePattern> pattern,
                             detail::NamespaceDecision decide);
  struct Runtime;
  std::unique_ptr<Runtime> runtime_;
};

}  // namespace socketio
