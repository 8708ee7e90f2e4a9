// What to do with an HTTP request under the server's path: a pure function of the request's head
// and what the session table says. All rejects are rows of one table (reject()), with the order of
// checks of engine.io: transport, Origin, sid (exists, transport, protocol) or (method, websocket
// without upgrade, allow_request), protocol version.
#pragma once

#include <cstdint>
#include <optional>

#include "eio/dialect.hpp"
#include "eio/options.hpp"
#include "eio/packet.hpp"
#include "http/message.hpp"

namespace socketio::eio {

enum class ErrorCode : std::uint8_t {
  unknown_transport = 0,
  unknown_sid = 1,
  bad_handshake_method = 2,
  bad_request = 3,
  forbidden = 4,
  unsupported_protocol = 5,
};

struct Reject {
  ErrorCode code;
  base::Bytes message;  // "Transport unknown", …
  base::Bytes
      name{};  // context for connection_error: "INVALID_ORIGIN", "TRANSPORT_MISMATCH", … or empty
};
base::Bytes message(ErrorCode code);

// The answer to a refused request. Plain requests: JSON {"code":…,"message":…}, 400 (403 for
// forbidden); upgrades: text/html with the message alone, 400, connection closed.
http::Response reject_response(const Reject& reject, bool upgrade);

struct SessionFacts {
  Transport transport = Transport::polling;
  bool upgrading = false;  // a probe is under way
  bool closing = false;
  bool v3 = false;
  std::uint64_t session = 0;  // what the table calls it
};

class SessionTable {
 public:
  virtual std::optional<SessionFacts> find(base::Bytes sid) const = 0;

 protected:
  ~SessionTable() = default;
};

struct Decision {
  enum class Kind : std::uint8_t {
    open,     // a new session over `transport`; ask allow_request first, then check protocol_ok
    poll,     // GET of an existing polling session
    post,     // POST of an existing polling session
    upgrade,  // WebSocket for an existing session: probe (the session says whether it takes it)
    reject,
    method_not_allowed,  // another method with a valid sid: 500 with an empty body, as the
                         // reference
  };
  Kind kind = Kind::reject;
  Transport transport = Transport::polling;
  std::string sid{};          // open: empty, or the id that the session is to have
  std::uint64_t session = 0;  // poll, post, upgrade: SessionFacts::session
  Reject reject{ErrorCode::bad_request, {}, {}};
  Dialect dialect{};        // open, upgrade
  bool protocol_ok = true;  // open: false means reject with unsupported_protocol after
                            // allow_request (engine.io's order)
};

// Ours are 20 characters; custom ids may be longer. Longer still is not worth a look-up.
inline constexpr std::size_t kMaxSid = 64;

bool asks_for_websocket(const http::Request& request);

// `websocket_upgrade`: the request asks for an upgrade to websocket (Upgrade: websocket and
// Connection: Upgrade).
Decision decide(const http::Request& request, bool websocket_upgrade, const Options& options,
                const SessionTable& table);

// True when `path` (normalised) is served by Engine.IO: it begins with `prefix`, and a segment ends
// there ("/socket.io" serves "/socket.io" and "/socket.io/…", "/socket.io/" only the latter).
bool under_path(base::Bytes path, base::Bytes prefix);

}  // namespace socketio::eio
