// Server: owns the loops, the listeners and the namespaces. The README has a whole server in twelve
// lines.
#pragma once

#include <chrono>
#include <concepts>
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
#include <socketio/task.hpp>
#include <socketio/tls.hpp>
#include <socketio/version.hpp>
#include <socketio/websocket.hpp>

namespace socketio {

// How the kernel is asked to move the bytes. io_uring needs Linux 6.1, a library that was built
// with liburing, and permission: many containers forbid it.
enum class Backend : std::uint8_t {
  automatic,  // io_uring where possible, else epoll (one line in the log says why)
  epoll,
  io_uring,  // the constructor of Server throws std::system_error when it is not available
};

// A client whose connection broke gets its session back when it returns in time: the same id, rooms
// and data, and the packets it has missed (docs/guide/15-connection-state-recovery.md). Everything
// is kept in the memory of this process.
struct ConnectionStateRecoveryOptions {
  // How long a session, and the packets it may miss, are kept.
  std::chrono::milliseconds max_disconnection_duration{120'000};
  // Whether a recovered socket connects without asking the namespace's middlewares again.
  bool skip_middlewares = true;
  // How much is kept for all namespaces together: bytes, overhead included, and number of packets.
  // When there is more, the oldest packets go; a client that needs one of those starts a new
  // session.
  std::size_t max_log_bytes = 64 * 1024 * 1024;
  std::size_t max_log_packets = 100'000;
  // Sessions kept of clients that are away. When there are more, those away longest go.
  std::size_t max_sessions = 100'000;
};

// The defaults are those of socket.io 4.8 where it has the option. A value out of its range makes
// the constructor of Server throw std::invalid_argument, which names the option.
// docs/reference/options.md has the ranges.
struct ServerOptions {
  // The URL path of Socket.IO; requests below it never reach your routes.
  std::string path = "/socket.io/";
  // Serve the browser client's files under the path, from `client_dist` (the client-dist folder of
  // npm's socket.io; empty: where the library was installed with them, if it was).
  bool serve_client = true;
  std::string client_dist{};
  // A client that has joined no namespace after so long is closed.
  std::chrono::milliseconds connect_timeout{45'000};
  // Heartbeat: from a pong to the next ping, and how long its pong is waited for. Without one the
  // client is gone (DisconnectReason::ping_timeout).
  std::chrono::milliseconds ping_interval{25'000};
  std::chrono::milliseconds ping_timeout{20'000};
  // How long a polling client may take to change to its WebSocket. Then the WebSocket is closed,
  // and polling goes on.
  std::chrono::milliseconds upgrade_timeout{10'000};
  // Most bytes of one message, POST body or poll response.
  std::size_t max_http_buffer_size = 1'000'000;
  // The transports that clients may use: HTTP long polling, WebSocket. Not both off.
  bool polling = true;
  bool websocket = true;
  // Whether polling clients are offered the WebSocket.
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
  // Most binary attachments of one packet, in both directions.
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
  // How long close() waits for connections to take what is queued for them, which are then cut, and
  // for what is offloaded.
  std::chrono::milliseconds close_timeout{5'000};
  // listen(2)'s backlog: connections that the kernel holds until they are accepted, for each
  // listener; at most net.core.somaxconn.
  int backlog = 4096;
  // TCP_USER_TIMEOUT (RFC 5482): a peer that acknowledges or takes nothing of what was sent for so
  // long is gone (DisconnectReason::transport_error), before its ping times out. 0: the kernel's
  // own, 15 minutes.
  std::chrono::milliseconds tcp_user_timeout{20'000};
  // See Backend, above.
  Backend backend = Backend::automatic;
  // Time every turn of the loops (Stats::turns): two readings of the clock per turn. A metrics
  // route turns it on.
  bool measure_turns = false;
  // https and wss on every listener; not set: http and ws.
  std::optional<TlsOptions> tls{};
  // Called with each line of the log, on the loop's thread (with several, at the same time). Not
  // set: nothing is logged; the library never prints.
  LogSink log{};
  // Lines below this level are not made.
  LogLevel log_level = LogLevel::warn;
};

// Something that went wrong where no call of yours could return it: see Server::on_error.
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
  // Closes at once if close() has not completed: clients are told nothing, and user code is not
  // called. Never destroy the server inside run() or process(), that is from a handler, a hook or a
  // posted job. (Who waits for close(), with then() or co_await, may.)
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Opens a listener; several are allowed. Port 0 takes a free one: see port(). "host" is an
  // address ("127.0.0.1", "::"; "localhost" is 127.0.0.1); the default is every interface, IPv6 and
  // IPv4. Throws std::system_error with the address in its text, Errc::wrong_thread unless on the
  // first loop's thread or setting up, Errc::shutting_down after close(); std::invalid_argument for
  // what is no address, like every other name.
  Server& listen(std::uint16_t port, std::string_view host = "");
  // Listens on a Unix socket, a file at `path`. Throws as listen() does.
  Server& listen_unix(std::string_view path);
  // The port of the first TCP listener; 0 when there is none.
  std::uint16_t port() const;

  // Reads the files of ServerOptions::tls anew: connections from now on get what is in them;
  // those that exist go on with what they have. Throws as the constructor does, and the old
  // certificates stay; std::logic_error on a server without TLS. Reads files on the caller's
  // thread. Any thread.
  void reload_tls();
  // The same with other options. handshake_timeout, max_handshakes and session_lifetime stay what
  // they were.
  void reload_tls(TlsOptions options);

  // Runs the loop on this thread, and those of the other threads, until close() has completed.
  void run();
  // Instead of run(), for an event loop of yours: watch poll_fd() for reading, and call process()
  // whenever it is readable. process() never blocks, and does nothing when a handler calls it.
  int poll_fd() const;
  void process();
  // Ends the server gracefully: stops listening, disconnects every socket ("server shutting down"),
  // waits until that is sent (at most close_timeout), then ends run(). Any thread, but not from a
  // signal handler; calling it again changes nothing. What waits for the result runs when nothing
  // can call back any more, as the last thing that run() or process() does: it may destroy the
  // server. What it throws leaves run() or process(); of several, the first, when all have run.
  Pending<void> close();

  // The namespace of that name ("/" is added in front when missing). A new one is created, as a
  // child of the first pattern that matches, if one does. Throws std::length_error above 2^20
  // namespaces. Every of() is for setting up and for handlers: on other threads it throws
  // std::system_error (Errc::wrong_thread).
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
  // Calls f(Namespace) for each that is created from now on, children included, before anybody
  // connects to it, on the thread that creates it. There may be several; they are called in order.
  // Register them before run(), or on the loop's thread when there is only one: elsewhere it throws
  // std::system_error (Errc::wrong_thread).
  void on_new_namespace(std::function<void(Namespace)> hook);
  template <detail::ReturnsTask<Namespace> F>
  void on_new_namespace(F coroutine) = delete;  // it would never run
  // The same as on sockets(), the main namespace "/": see namespace.hpp.
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

  // Your own HTTP routes, folders and WebSockets, on the same listeners. Set them up before run().
  // It is part of the server, and valid as long.
  HttpRoutes& http();
  // Middlewares and hooks of Engine.IO.
  Engine engine();
  // Called on the loop's thread when something goes wrong outside any call of yours: see
  // ErrorReport. There may be several; they are called in order. Register them where
  // on_new_namespace is.
  void on_error(std::function<void(const ErrorReport&)> hook);
  template <detail::ReturnsTask<const ErrorReport&> F>
  void on_error(F coroutine) = delete;  // it would never run
  // Runs `job` on the first loop's thread, later. False when the server has ended or its mailbox is
  // full. Any thread.
  bool post(std::function<void()> job) const;
  template <detail::ReturnsTask<> F>
  bool post(F coroutine) const = delete;  // it would never run
  // Runs `work` on the worker thread (started with the first job) and then `done` on the loop's
  // thread. False when its queue is full, or the server has ended. When `work` throws, that is
  // reported to on_error, and `done` is not called. close() waits for what is under way, up to
  // close_timeout; what is left when the server is destroyed is dropped. Any thread.
  bool offload(std::function<void()> work, std::function<void()> done);
  template <class Work, class Done>
  requires(detail::ReturnsTask<Work> ||
           detail::ReturnsTask<Done>) bool offload(Work,
                                                   Done) = delete;  // a coroutine would never run
  // The same for a coroutine, or whoever else waits: ends with what `work` returns. Errors:
  // Errc::too_many and Errc::shutting_down where the other returns false, and
  // std::errc::operation_canceled when `work` throws, which is reported to on_error as well.
  // With g++ 12 a lambda with captures needs a name: `auto work = [x] {…}; co_await offload(work)`.
  template <std::invocable Work>
  requires(!detail::ReturnsTask<Work>) auto offload(Work work)
      -> Pending<detail::OffloadedValue<Work>> {
    Pending<detail::OffloadedValue<Work>> pending;
    const auto job =
        std::make_shared<detail::OffloadedWork<Work>>(std::move(work), pending.state());
    if (!offload([job] { job->run(); }, [job] { job->finish(); })) job->refuse(refusal());
    return pending;
  }
  // What `/readyz` answers (HttpRoutes::ready): true at first, false for good after close(). Before
  // a shutdown say set_ready(false), wait until the load balancer has noticed, then close(). Any
  // thread.
  void set_ready(bool ready);
  // The numbers of all loop threads added up, each as of its own now. Any thread.
  Stats stats() const;

  detail::Target target_for_emit() const;

 private:
  Errc refusal() const;  // why offload() has just returned false
  ParentNamespace add_parent(std::optional<NamespacePattern> pattern,
                             detail::NamespaceDecision decide);
  struct Runtime;
  std::unique_ptr<Runtime> runtime_;
};

}  // namespace socketio
