// A WebSocket connection after its handshake (RFC 6455), either role, as a value.
//
//   feed(bytes) -> next() until none -> (the rest of an unfinished frame is kept inside)
//
// Messages come out whole and contiguous, unmasked in place where the bytes already lie together.
// Pings are answered and the close handshake is done inside; the driver only moves bytes and closes
// the stream when told.
#pragma once

#include <cstdint>

#include "base/in_buffer.hpp"
#include "base/out_queue.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "ws/close_code.hpp"
#include "ws/frame.hpp"

namespace socketio::ws {

enum class Role : std::uint8_t { server, client };

struct Limits {
  std::size_t max_message =
      1'000'000;  // bytes of one message, all fragments: close 1009 at the header that exceeds it
  std::uint32_t max_fragments = 131'072;  // frames of one message: close 1008
  std::uint32_t max_pending_pongs =
      60;  // automatic pongs not yet sent: then next() yields nothing more until sent
  base::Duration message_timeout =
      std::chrono::seconds(60);  // age of an unfinished message: close 1008
  base::Duration close_timeout = std::chrono::seconds(5);  // peer's answer to our close frame
};

enum class EventKind : std::uint8_t {
  none,
  text,    // payload: valid UTF-8, writable, padded, valid until the next call of next() or feed()
  binary,  // payload
  ping,    // payload; the pong is already in the output
  pong,    // payload; unsolicited ones are reported too
  closed,  // the closing handshake is over or was violated: send what is in the output, then close
           // the stream. code: the peer's (no_status if it gave none) or, when `failed`, ours with
           // `reason` saying why
};

struct Event {
  EventKind kind = EventKind::none;
  base::MutBytes payload{};
  std::uint16_t code = 0;
  base::Bytes reason{};
  bool failed = false;
};

// What the machine writes to and draws on; owned by the driver, the same for all machines of a
// shard but `out`.
struct Env {
  base::OutQueue& out;
  base::Arena& arena;
  base::Ledger& ledger;
  base::Random& random;  // client masks
};

class Machine {
 public:
  Machine(Role role, const Limits& limits);  // `limits` outlives the machine

  // Bytes from the peer, kept as a view until next() has been drained or keep() is called.
  void feed(base::MutBytes bytes, base::Time now);
  // The next event, or none. Payload views live until the next call on the machine.
  Event next(Env env, base::Time now);
  // Stop in the middle of a drain (fairness, paused reading): copies what is unread out of the fed
  // view. next() goes on with it later.
  void keep(base::Ledger& ledger);
  // True when next() may still find something without another feed().
  bool has_input() const;

  // Messages going out. Return false after close() or failure (nothing is written).
  bool send_text(base::Bytes payload, Env env);
  bool send_binary(base::Bytes payload, Env env);
  bool ping(base::Bytes payload, Env env);
  // A frame made by make_frame (server role only: unmasked).
  bool send_frame(const base::Chunk& frame, Env env);

  // Starts the closing handshake; input is read on only for the peer's close frame. Twice is a
  // no-op. code 0: without a body. The reason is cut to 123 bytes at a code point.
  void close(std::uint16_t code, base::Bytes reason, Env env, base::Time now);
  // The driver reports: everything written so far has left (automatic pongs no longer count as
  // pending).
  void on_drained() { pending_pongs_ = 0; }

  bool open() const { return state_ == State::open; }
  base::Time deadline() const;
  // The unfinished message or the close handshake took too long: the next event is `closed`.
  void on_deadline(base::Time now, Env env);

 private:
  enum class State : std::uint8_t { open, closing, closed };
  const Limits* limits_;
  State state_ = State::open;
  Role role_;
  std::uint32_t pending_pongs_ = 0;
  // Yours to complete. Keep sizeof(Machine) <= 96: there is one per connection.
};

}  // namespace socketio::ws
