// One TCP connection: HTTP at first, later perhaps a WebSocket. This is only the record; Shard
// drives it. An idle WebSocket owns no buffer.
#pragma once

#include <bit>
#include <memory>
#include <optional>

#include <socketio/tls.hpp>

#include "base/list.hpp"
#include "base/out_queue.hpp"
#include "base/slab.hpp"
#include "eio/session.hpp"
#include "http/server_machine.hpp"
#include "http/stored_head.hpp"
#include "net/backend.hpp"
#include "net/timer_wheel.hpp"
#include "server/plain_websocket.hpp"
#include "server/tls_side.hpp"
#include "sio/core.hpp"
#include "ws/machine.hpp"

namespace socketio {
class AnswerHeaders;
}

namespace socketio::server {

struct Admission;
struct Connection;
struct SessionRecord;
using ConnectionId = base::Id<Connection>;
using SessionId = base::Id<SessionRecord>;

enum TimerKind : std::uint8_t {
  kConnectionTimer,
  kSessionTimer,
  kCoreTimer,
  kShutdownTimer,
  kRecoveryTimer,
  kPlainTimer,
  kTrimTimer,
  kPollTimer
};

// What the request in flight is.
enum class Exchange : std::uint8_t {
  none,
  poll,
  post,
  user,
  admission,  // waits for a decision: see Admission
};

// Only connections that (still) speak HTTP have one; with TLS, not before the handshake is over.
struct HttpSide {
  HttpSide(const http::Limits& limits, base::Time now, net::Address from);
  ~HttpSide();
  HttpSide(const HttpSide&) = delete;
  HttpSide& operator=(const HttpSide&) = delete;
  http::ServerMachine machine;
  net::Address peer;
  std::unique_ptr<Admission> admission;    // Exchange::admission
  std::unique_ptr<AnswerHeaders> headers;  // what the answer in the making carries besides its own
  base::Time patience = base::kNever;      // user code must have answered by then
  Exchange exchange = Exchange::none;
  bool last = false;  // the connection ends with the user's answer
  SessionId session{};
  std::uint32_t request =
      0;  // counts requests, so that a late answer of a user handler finds its own or nothing
};

// A connection on its way to the shard that owns its session.
struct Move {
  std::size_t shard;
  net::Address peer;
  base::InBuffer bytes;  // the request and all behind it, unanswered
};

// All of them are false on an open WebSocket that is sent what it is to be sent, so that one
// comparison asks for all: they fill a byte.
struct ConnectionStates {
  bool any() const { return std::bit_cast<std::uint8_t>(*this) != 0; }

  bool probe : 1 = false;      // the WebSocket is an upgrade being tried
  bool in_flight : 1 = false;  // a send is with the backend
  // What the session has been told: not everything left with the last flush.
  bool unflushed : 1 = false;
  bool ponged : 1 = false;   // the WebSocket machine waits to hear that its answers have left
  bool closing : 1 = false;  // when `out` is empty: shut down, linger, close
  bool lingering : 1 =
      false;                // our FIN is out; what comes is thrown away until theirs, or a deadline
  bool paused : 1 = false;  // receiving is stopped
  bool eof : 1 = false;
};

// What a broadcast touches comes first: the outlet, the states, and what usual() looks at.
struct Connection : eio::Outlet, ConnectionStates {
  // TLS, and there is nobody yet to give plaintext to.
  bool shaking_hands() const { return tls && !http && !ws && !move; }
  // What the backend sends.
  base::OutQueue& wire() { return tls ? tls->wire : out; }
  // It is the peer that keeps us from sending more.
  bool takes_nothing() const { return in_flight || (tls && tls->engine.stuck()); }
  // An open Engine.IO WebSocket without TLS and with nothing to look after but its queue.
  bool usual() const {
    // All in one look, without a branch for each.
    const int sides =
        int{http != nullptr} | int{move != nullptr} | int{tls != nullptr} | int{plain != nullptr};
    return !any() && sides == 0;
  }

  // never: it was given up, and nothing of it is read any more.
  enum class Waiting : std::uint8_t { no, now, next, never };
  // Something has come that was not read yet: not its fault.
  bool is_behind() const { return waiting != Waiting::no || held_back(); }
  // One byte for this and what follows: there is no room for a second one.
  Waiting waiting : 2 = Waiting::no;  // see Shard::revisit
  bool apart : 1 = false;      // `in_flight` only keeps what comes next apart: see send_apart()
  std::uint8_t spent : 4 = 0;  // see Shard::spend
  bool shed : 1 = false;       // dropped since the whole server held too much; only its end is left
  net::StreamId stream{};
  ConnectionId self{};
  std::unique_ptr<HttpSide> http;
  std::unique_ptr<Move> move;
  std::unique_ptr<TlsSide> tls;
  std::unique_ptr<PlainSide> plain;  // a WebSocket of the user's own
  std::optional<ws::Machine> ws;
  SessionId session{};                // of a WebSocket
  std::unique_ptr<net::Timer> timer;  // made when it is armed; a WebSocket hardly ever has one
};

// One Engine.IO client, and the connections that carry it now. It is in a list while its poll waits
// for others': see Shard::must_wait().
struct SessionRecord : base::ListNode<SessionRecord> {
  SessionRecord(eio::Shared& shared, const eio::Sid& sid, eio::Transport transport,
                std::uint64_t owner, base::Time now, base::Bytes custom_id, eio::Dialect dialect)
      : session(shared, sid, transport, owner, now, custom_id, dialect) {}
  SessionId id() const { return SessionId::unpack(session.owner()); }
  eio::Session session;
  sio::ClientId client{};
  ConnectionId websocket{};
  ConnectionId probe{};
  ConnectionId poll{};    // holds the parked GET
  ConnectionId post{};    // holds the POST being read, or not yet worked off
  base::InBuffer body;    // what is left of that POST, from the turn on in which it came
  http::StoredHead head;  // of the request that opened the session, and whence (Address::packed)
  std::unique_ptr<ClientCertificate> certificate;
  std::int64_t issued_ms = 0;
  std::uint32_t running = 0;  // coroutine handlers, events with middlewares
  // Internet Explorer, which has to be told not to guard against XSS.
  bool is_trident : 1 = false;
  bool secure : 1 = false;       // came over TLS
  bool unread = false;           // `post` came whole, and is not yet worked off
  bool awaits_handlers = false;  // `unread`, and nothing of it is read before some have ended
  bool poll_lost = false;        // meanwhile: the session hears of it then
  net::Timer timer;
};

}  // namespace socketio::server
