// A shard: one thread's world. It owns the loop, the connections and sessions, and is the only
// driver: bytes from the backend are fed to the protocol machines here, and what they want to send
// leaves here, once per connection and turn.
//
//   on_received -> http or ws machine -> eio::Session -> sio::Core -> Dispatcher -> user's handler
//   flush       <- dirty connections  <- dirty sessions            <- (handlers emit)
//
// User code may end any connection or session: after every call that may run it (pump, turn_http,
// turn_ws, guarded …) the id is looked up again, and no reference from before it is used.
//
// Where to look: shard.cpp (facts, flush), and by their names shard_*.cpp: end (close), move (to
// another shard), admission (who may connect), watch (who listens to a session), v3 (old clients);
// plain_websockets.cpp (the user's own), shedder.cpp (when all hold too much). Nothing is locked:
// all runs on the shard's thread; other threads come through the mailbox.
#pragma once

#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/counter.hpp"
#include "base/hash_index.hpp"
#include "base/list.hpp"
#include "eio/gateway.hpp"
#include "http/compressor.hpp"
#include "net/listener.hpp"
#include "net/loop.hpp"
#include "net/offload.hpp"
#include "net/sys.hpp"
#include "server/connection.hpp"
#include "server/counters.hpp"
#include "server/disk_line.hpp"
#include "server/dispatcher.hpp"
#include "server/engine_application.hpp"
#include "server/hub.hpp"
#include "server/options.hpp"
#include "server/plain_websockets.hpp"
#include "server/routes.hpp"
#include "server/shedder.hpp"

namespace socketio::server {

struct EngineWatch;

// What a shard takes from the outside world; the simulator brings its own.
struct ShardServices {
  std::unique_ptr<net::Backend> backend;
  net::Loop::Clock clock;  // none: the monotonic clock
  std::unique_ptr<base::Random> random;
  std::function<std::int64_t()> unix_ms;  // wall clock, only shown to users
};
ShardServices system_services(std::unique_ptr<net::Backend> backend);

class Shard final : public net::Driver, private eio::SessionTable {
 public:
  Shard(ShardServices services, std::shared_ptr<detail::Hub> hub, HttpRoutes& routes,
        std::uint8_t index);
  ~Shard();

  net::Loop& loop() { return loop_; }
  Dispatcher& dispatcher() { return dispatcher_; }
  const std::shared_ptr<detail::Hub>& hub() const { return hub_; }
  std::uint8_t index() const { return index_; }
  // Any thread; false when there is no place. An exception of `work` is reported, and `done` not
  // called.
  bool offload(std::function<void()> work, std::function<void()> done);
  PlainWebSockets& plain_websockets() { return plain_websockets_; }
  Shedder& shedder() { return shedder_; }
  [[gnu::always_inline]] base::Time now() const { return loop_.now(); }
  const Settings& settings() const { return settings_; }
  int events_per_turn() const { return events_per_turn_; }
  bool closing() const { return closing_; }

  void add_listener(net::Listener listener);
  // Accepts on a descriptor that stays the caller's.
  void accept_on(int listen_fd);
  // Before the first connection; for tests/conformance only.
  void set_engine(EngineApplication* application) {
    engine_ = application;
    messages_aside_ = application != nullptr;
  }
  // Graceful; `done` runs when the last connection is gone (or was cut off at the deadline). Others
  // still reach the shard. Once.
  void close(std::function<void()> done);
  // After close(), in a turn: from the end of the turn on nothing reaches the shard or runs on it,
  // and its loop stops. `done` is tell_ended()'s.
  void end(std::function<void()> done);
  // For whoever turns the loop of a shard but the first, the last that it does with it: if that has
  // ended, calls those who wait for it. (Who waits for the first one is the server's to tell.)
  void tell_ended();
  bool ended() const { return ended_; }
  // Takes over a connected descriptor, with what was already read from it and the TLS it speaks
  // (none: a new connection). Any of the server's threads may have accepted it.
  void adopt(int fd, const net::Address& peer, base::Bytes already_read,
             std::unique_ptr<TlsSide> tls);
  void add_stats(Stats& all) const;  // any thread; what is the hub's is left out
  Counters& counters() { return counters_; }
  // Engine.IO sessions and their ids, closing ones included: 0 when all are gone.
  std::size_t sessions() const { return sessions_.size() + sids_.size(); }

  // The first shard's: recovery has something that will expire.
  void expire_recovery();

  // -- For EngineSocket (shard_watch.cpp).
  SessionRecord* session(std::uint64_t id);
  EngineSocket engine_socket(const SessionRecord& record) const;
  EngineWatch* watch(std::uint64_t id);  // null: gone, or closing

  // -- For the dispatcher.
  SessionRecord* session_of(sio::ClientId client);
  // As many coroutine handlers run as may: reading from the client pauses until some end.
  void handler_started(SessionRecord& record);
  void handler_ended(std::uint64_t session);
  // There is no room for something that the client must not miss: its session ends. Cannot fail.
  void give_up(sio::ClientId client, const char* why = "out of memory");
  void log(base::LogLevel level, base::LogKind kind, std::string_view text,
           base::Logger::Fields fields = {}) {
    hub_->logger.write(level, kind, text, now(), fields);
  }

  // -- For the parts of it that are classes of their own: what they may do to connections and
  // sessions.
  Connection* connection(net::Owner owner) { return connections_.get(ConnectionId::unpack(owner)); }
  void mark_dirty(Connection& c) { shared_.outlets.push_back(c); }
  void arm(Connection& c);
  void close_when_sent(Connection& c);  // flush, shut down, linger, close
  void drop(Connection& c);             // close now
  void set_paused(Connection& c, bool paused);
  void lost(Connection& c, bool failed);  // the peer is gone: tell whoever used the connection
  int pump(SessionRecord& record);        // returns how many messages it delivered
  void out_of_memory();
  // A backend may hand out what a connection has sent in pieces: what they were good for adds up,
  // in sixteenths of a turn's, of which kSpent are as good as all.
  static constexpr std::uint8_t kSpent = 15;
  void spend(Connection& c, int events) {
    if (events >= spent_unit_) [[unlikely]]
      add_spent(c, events);
  }
  void later(Connection& c) {
    if (c.waiting >= Connection::Waiting::next) return;
    later_.push_back(c.self);
    c.waiting = Connection::Waiting::next;
  }
  void respond(Connection& c, const http::Response& response, bool close = false,
               base::Span body = {});
  void show_connection(const Connection& c, HttpRequest::Content& content) const;
  bool origin_allowed(const http::Request& request, const Origins& origins);
  bool agree_on_extensions(Connection& c, base::Bytes offered, std::string& head);
  base::InBuffer switch_to_websocket(Connection& c, base::Bytes head, const ws::Limits& limits);
  void read_behind_request(Connection& c, base::InBuffer& rest);
  ws::Env ws_env(Connection& c) { return {c.tail(), arena_, ledger_, *random_, c.deflate.get()}; }

 private:
  // -- Facts (shard.cpp; of accepting: shard_move.cpp).
  void on_accepted(std::uint32_t listener, int fd, const net::Address& peer) override;
  void on_accept_paused(std::uint32_t listener, std::error_code why) override;
  void on_connected(net::StreamId, net::Owner, std::error_code) override {}
  void on_received(net::StreamId id, net::Owner owner, base::MutBytes bytes) override;
  void on_eof(net::StreamId id, net::Owner owner) override;
  void on_sent(net::StreamId id, net::Owner owner, std::size_t n) override;
  void on_detached(net::StreamId id, net::Owner owner, int fd) override;
  void on_closed(net::StreamId id, net::Owner owner, std::error_code error) override;
  bool has_work() const override;
  void on_timer(net::Timer& timer) override;
  void flush() override;

  // The one place where memory that runs out is caught in the I/O path: it costs the connection, or
  // the session, that the work was for. Cannot fail.
  template <class Work>
  void spare(ConnectionId id, Work&& work) {
    try {
      work();
    } catch (const std::bad_alloc&) {
      give_up(id);
    }
  }
  template <class Work>
  void spare(SessionId id, Work&& work) {
    try {
      work();
    } catch (const std::bad_alloc&) {
      out_of_memory();
      if (SessionRecord* record = sessions_.get(id)) give_up(*record);
    }
  }
  void give_up(ConnectionId id);
  void give_up(SessionRecord& record, const char* why = "out of memory");
  void begin(Connection& c, const net::Address& peer, base::Bytes already_read,
             std::unique_ptr<TlsSide> tls);
  void on_connection_timer(Connection& c);

  void on_plaintext(Connection& c, base::MutBytes bytes);
  void input_ended(Connection& c);
  // What answers to HTTP requests may add to the output before others get their turn: a big one
  // costs about as much as all events of a turn.
  static constexpr std::int64_t kAnswersPerTurn = std::int64_t{1024} * 1024;
  bool answers_spent() const { return answered() > answers_until_; }
  std::int64_t answered() const { return ledger_.output() - disk_.ahead; }
  void turn(Connection& c);  // drains the connection's machine
  // Its turn comes again with the next flush(); and with that of the next turn, when it has had
  // this one's.
  void revisit(Connection& c) {
    if (c.waiting != Connection::Waiting::no) return;
    backlog_.push_back(c.self);
    c.waiting = Connection::Waiting::now;
  }
  // So many of its handlers run that nothing more is read until some have ended.
  bool overloaded(const SessionRecord& record) const {
    return record.running >= settings_.options.max_running_handlers;
  }
  bool overloaded(const SessionRecord* record) const {
    return record != nullptr && overloaded(*record);
  }
  void flush_connection(Connection& c);
  [[gnu::noinline]] void flush_unusual(Connection& c);
  [[gnu::noinline]] void flush_was_short(Connection& c, std::size_t taken);
  void await_sent(Connection& c);
  void after_flush(Connection& c, bool everything);
  void arm_at(Connection& c, base::Time deadline);
  void arm_stall(Connection& c);  // closing: drop when nothing leaves for too long
  void dismiss(Connection& c);
  void finish_closing();
  void finish_ending();

  // -- What waits for the next turn (shard_backlog.cpp).
  void add_spent(Connection& c, int events);
  void work_off_backlog();
  void end_backlog();
  void put_off(SessionRecord& record, ConnectionId post);
  void line_up(SessionRecord& record);
  void go_on(SessionRecord& record);
  void read_on(SessionRecord& record);
  void finish_post(SessionRecord& record);
  bool must_wait(SessionRecord& record);
  void answer_waiting_polls();
  void answer_first_in_line();

  // -- Memory (shard_memory.cpp).
  void settle();
  void settle(Connection& c);
  void settle_behind(Connection& c);
  void note_peak();
  void trim();

  // -- Between shards (shard_move.cpp).
  bool counts_in(const net::Address& peer);  // false: one too many of its address
  std::string counted_as(const net::Address& peer) const;
  std::string take_count(ConnectionId id);
  std::size_t emptiest_shard() const;
  bool move_to_owner(Connection& c, const http::Request& request);
  // To the shard that owns a session: every later request on the connection is at home there.
  void move(Connection& c, std::size_t shard);
  void hand_over(std::size_t shard, int fd, const net::Address& peer, base::InBuffer bytes,
                 std::unique_ptr<TlsSide> tls);
  void send_over(std::size_t shard, int fd, const net::Address& peer, base::InBuffer bytes,
                 std::unique_ptr<TlsSide> tls);

  // -- TLS (shard_tls.cpp).
  void begin_tls(Connection& c, const net::Address& peer);
  void resume_tls(Connection& c, std::unique_ptr<TlsSide> tls);  // of another shard
  void on_ciphertext(Connection& c, base::MutBytes bytes);
  void end_of_tls(Connection& c);  // when its engine says so
  // Turns what is queued into ciphertext, within limits, and returns that.
  base::OutQueue& seal(Connection& c);
  std::unique_ptr<ClientCertificate> certificate_of(const Connection& c) const;
  tls::Env tls_env(Connection& c) {
    return {c.tls->wire, arena_, *random_, tls_->tickets ? &*tls_->tickets : nullptr};
  }

  // -- HTTP (shard_http.cpp).
  void turn_http(Connection& c);
  void on_head(Connection& c, const http::Request& request);
  // Returns how many messages came in it, as on_engine_request() and on_gated_request() do.
  int on_request(Connection& c, const http::Request& request, base::MutBytes body);
  void on_user_request(Connection& c, std::string path, base::MutBytes body);
  void answer_user(ConnectionId id, std::uint32_t request, const HttpReply& reply);
  void answer_unknown(Connection& c, base::MutBytes body, const http::Response& none);
  void run_route(Connection& c, Match found, std::string path, base::MutBytes body);
  // The browser client's file that a path below ours names.
  std::optional<std::string_view> client_file(std::string_view path) const;
  bool serve_client(Connection& c, const http::Request& request, std::string_view path);

  // -- Answers from the disk (shard_disk.cpp).
  void answer_from_disk(Connection& c, std::shared_ptr<DiskJob> job);
  Connection* awaiting(const DiskLine::Place& place);  // null: nobody any more
  void read_on_disk();
  void answer_read(std::size_t done);
  void answer_read(Connection& c, const DiskLine::Place& place, bool done);

  // -- Compression (shard_compression.cpp).
  bool agree_on_deflate(Connection& c, base::Bytes extensions, std::string& head);
  void answer_poll(Connection& c, bool compress);
  void answer_coded(Connection& c, http::Coding coding, base::Bytes body);
  bool answer_poll_later(Connection& c, http::Coding coding);
  bool holds_back(Connection& c);
  void compress_long_messages();
  std::size_t compress_piece(Connection& c);
  void release_compression();

  // -- Engine.IO (shard_engine.cpp).
  void on_engine_head(Connection& c, const http::Request& request);
  int on_engine_request(Connection& c, const http::Request& request, base::MutBytes body);
  void begin_post(Connection& c, const http::Request& request, const eio::Decision& decision);
  void carry_out(Connection& c, const http::Request& request, bool websocket,
                 eio::Decision decision);
  void on_poll(Connection& c, SessionRecord& record);
  // False: the handshake is wrong, and refused.
  bool start_websocket(Connection& c, const http::Request& request, const eio::Decision& decision);
  // -- WebSockets (shard_websocket.cpp).
  void turn_ws(Connection& c);
  bool take_text(SessionRecord& record, base::MutBytes text, base::Time t);
  bool take_frame(Connection& c, SessionRecord& record, const ws::Event& event, base::Time t);
  bool drain(Connection& c, SessionRecord*& record);
  void end_websocket(Connection& c, SessionRecord* record, const ws::Event& event);
  // These return how many messages they delivered, as pump() does.
  int work_off(SessionRecord& record);
  int follow(SessionRecord& record);
  void flush_session(SessionRecord& record);
  static bool poll_is_due(const SessionRecord& record);
  void answer_due(SessionRecord& record);
  void answer_parked(SessionRecord& record, Connection* c);
  void answer_post(Connection& c);
  void answer_engine(Connection& c, base::Bytes type, base::Bytes lines, base::Bytes body);
  void close_websocket(ConnectionId id);
  void deliver(SessionRecord& record, const eio::Event& event);
  void deliver_text(SessionRecord& record, base::MutBytes payload, base::Time t);
  bool deliver_aside(SessionRecord& record, const eio::Event& event);
  SessionRecord* find_session(base::Bytes sid);
  SessionRecord& open_session(Connection& c, const http::Request& request,
                              const eio::Decision& decision);
  void fill_session(SessionRecord& record, SessionId id, const Connection& c,
                    const http::Request& request);
  void greet(SessionRecord& record);
  void deliver_end(SessionRecord& record, const eio::Event& event);
  void erase_session(SessionRecord& record);
  void forget_session(SessionRecord& record);
  void arm(SessionRecord& record);
  std::optional<eio::SessionFacts> find(base::Bytes sid) const override;

  // -- Sessions that are watched (shard_watch.cpp).
  std::shared_ptr<EngineWatch> watch_of(const SessionRecord& record) const;
  template <class List, class... Args>
  void tell(const List& list, const Args&... args);
  void tell_connection(const SessionRecord& record);
  bool tell_message(const SessionRecord& record, const eio::Event& event);
  void tell_closed(const SessionRecord& record, const eio::Event& event);
  void tell_notes(SessionRecord& record);
  void tell_upgraded(const SessionRecord& record);
  void expect_flush(const SessionRecord& record);

  // -- Old clients (shard_v3.cpp).
  void join_root(SessionRecord& record);
  void send_apart(Connection& c);
  void end_apart(Connection& c);
  void answer_old_client(Connection& c, const SessionRecord& record, eio::FormV3 form);

  // -- Who may connect, and with which headers (shard_admission.cpp).
  void on_gated_head(Connection& c, const http::Request& request, std::string_view path);
  int on_gated_request(Connection& c, const http::Request& request, std::string_view path,
                       base::MutBytes body);
  void admit(Connection& c, const http::Request& request);
  bool answer_cors(Connection& c, const http::Request& request);
  bool full() const;  // of clients
  // Why a handshake is refused before anybody is asked, if it is.
  const eio::Reject* too_many(const Connection& c, const http::Request& request);
  Admission& begin_admission(Connection& c, const http::Request& request);
  std::unique_ptr<Admission> end_admission(Connection& c);
  Connection* in_admission(ConnectionId id, std::uint32_t request);
  HttpRequest shown(Connection& c, const http::Request& request);
  template <class Request, class T>
  void ask(Connection& c, const Question<Request, T>& question, const Request& request,
           void (Shard::*then)(Connection&, std::optional<T>));
  void ask_middlewares(Connection& c);
  void on_middleware(Connection& c, std::optional<std::optional<HttpReply>> said);
  void verify(Connection& c);
  void open(Connection& c, const http::Request& request, eio::Decision decision);
  void open_polling(Connection& c, const http::Request& request, const eio::Decision& decision);
  void ask_to_open(Connection& c);
  void on_allowed(Connection& c, std::optional<Verdict> verdict);
  void on_identified(Connection& c, std::optional<std::string> id);
  void open_admitted(Connection& c);
  void on_out_of_patience(Connection& c);
  void refuse(Connection& c, const eio::Reject& why);
  void reject(Connection& c, const http::Request& request, const eio::Reject& why, bool upgrade);
  AnswerHeaders& answer_headers(Connection& c);
  void answer_with_headers(Connection& c, base::Bytes type, base::Bytes body);
  std::string upgrade_headers(Connection& c);
  void run_header_hooks(Connection& c, bool initial);

  http::Env http_env(Connection& c) { return {c.out, arena_, ledger_}; }

  std::shared_ptr<detail::Hub> hub_;
  const Settings& settings_;
  // Machine events of one connection, and packets of one POST, before others get their turn.
  const int events_per_turn_ = static_cast<int>(settings_.options.limits.max_events_per_turn);
  const int spent_unit_ = events_per_turn_ / (kSpent + 1);
  HttpRoutes& routes_;
  const std::uint8_t index_;
  net::Loop loop_;
  std::unique_ptr<base::Random> random_;
  std::function<std::int64_t()> unix_ms_;
  base::Ledger& ledger_;
  base::Arena arena_;
  std::unique_ptr<TlsDesk> tls_;  // of a server with TLS; before the connections, which use it
  eio::Shared shared_;
  Counters counters_;
  std::optional<ws::DeflatePool> deflate_pool_;  // none: off
  base::Slab<Connection> connections_;           // some borrow from it
  base::Slab<SessionRecord> sessions_;
  base::HashIndex sids_;  // places in sessions_
  // What connections are counted under (PeerLimits), if anything; moves with them.
  std::map<std::uint64_t, std::string> counted_;
  std::vector<ConnectionId> unsettled_;  // with a send in flight that is not settled yet
  std::size_t due_ = 0;                  // so many of them were sent before the last wait()
  // Input left unread: what the end of this turn goes on with, and (fairness) the next one's.
  std::vector<ConnectionId> backlog_;
  std::vector<ConnectionId> later_;
  std::vector<ConnectionId> spent_;  // those with something in Connection::spent
  std::vector<SessionId> unread_;    // likewise of POSTs
  std::vector<SessionId> unread_later_;
  DiskLine disk_;
  base::List<SessionRecord> waiting_polls_;  // in line; while the timer runs: for room
  net::Timer poll_timer_{0, kPollTimer};
  sio::Core core_;
  sio::Arrival arrival_;  // the event in hand; here, because a new one would have to be cleared
  Dispatcher dispatcher_;
  PlainWebSockets plain_websockets_{*this};
  Shedder shedder_{*this, connections_, sessions_};
  net::Offload offload_;
  std::int64_t answers_until_ = kAnswersPerTurn;
  std::size_t peak_ = 0;  // of what was held since memory was last given back
  std::vector<net::Listener> listeners_;
  std::uint32_t accepting_ = 0;  // listeners told to the backend
  net::Timer core_timer_{0, kCoreTimer};
  net::Timer shutdown_timer_{0, kShutdownTimer};
  net::Timer recovery_timer_{0, kRecoveryTimer};
  net::Timer trim_timer_{0, kTrimTimer};
  std::function<void()> on_closed_;
  std::function<void()> on_ended_;
  std::string scratch_;
  std::optional<http::Compressor> poll_compressor_;  // none: off
  std::size_t at_worker_ = 0;  // bytes of answers to polls that are to be compressed there
  std::array<base::Bytes, net::Backend::kMaxParts> parts_;  // of one send, never cleared
  EngineApplication* engine_ = nullptr;
  std::map<std::uint64_t, std::shared_ptr<EngineWatch>> watches_;  // by session
  // Somebody wants messages before Socket.IO, or instead: one question for both.
  bool messages_aside_ = false;
  bool closing_ = false;
  bool closed_ = false;
  bool past_close_timeout_ = false;
  // Of the user's, whose `done` has not run yet. (Less than none while another thread adds one.)
  std::atomic<int> offloaded_{0};
  bool ended_ = false;
};

}  // namespace socketio::server
