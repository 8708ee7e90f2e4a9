// A WebSocket connection after its handshake (RFC 6455), either role, as a value.
//
//   feed(bytes) -> next() until none -> (the rest of an unfinished frame is kept inside)
//
//   fed view   [..frame|header|payload.....|header|pay]      whole frames are events in place
//   hold_      [message so far....|pay]                      only the unfinished rest is copied
//
// Memory held for a peer follows the bytes it has sent, never the length it has announced, and
// every input costs time linear in its size, however it is split or fragmented.
//
// With permessage-deflate (RFC 7692; Env::deflate) RSV1 of a first frame marks a compressed
// message. Its payload is gathered as it came, bounded like any other, and inflated when it is
// whole: so a stalled message holds what was sent and no stream. That may take several calls of
// next(), each with about DeflateOptions::piece bytes. max_message counts what comes out too.
// Without it RSV1 is refused.
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
#include "ws/deflate.hpp"
#include "ws/frame.hpp"
#include "ws/role.hpp"
#include "ws/utf8.hpp"

namespace socketio::ws {

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

inline constexpr std::size_t kMaxControl = 125;       // payload of a control frame (§5.5)
inline constexpr std::size_t kMaxSend = 0x7FFF'FFFF;  // one frame is one chunk

enum class EventKind : std::uint8_t {
  none,
  text,    // payload: valid UTF-8, writable, padded, valid until the next call of next() or feed()
  binary,  // payload
  ping,    // payload; the pong is already in the output
  pong,    // payload; unsolicited ones are reported too
  closed,  // the closing handshake is over or was violated: send what is in the output, then close
           // the stream. code: the peer's (no_status if it gave none) or, when `failed`, ours with
           // `reason` saying why. The next() after it gives back what was held
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
  base::Random& random;        // client masks
  Deflate* deflate = nullptr;  // of this connection; null: not negotiated
};

class Machine {
 public:
  Machine(Role role, const Limits& limits);  // `limits` outlives the machine

  // Bytes from the peer, kept as a view until next() has returned none or keep() is called.
  void feed(base::MutBytes bytes, base::Time now);
  // The next event, or none. Payload views live until the next call on the machine.
  Event next(Env env, base::Time now);
  // What next() mostly tells, without an event: a text message in one frame that was fed whole.
  // False, and nothing has happened: next() says what there is.
  bool next_text(base::MutBytes& payload);
  // Stop in the middle of a drain (fairness, paused reading): copies what is unread out of the fed
  // view. next() goes on with it later.
  void keep(base::Ledger& ledger);
  // Nothing is fed, held, begun or waited for: next() would return none and change nothing.
  bool idle() const { return fresh() && fed_.empty(); }
  // Bytes of memory that unfinished input takes; what the ledger was charged.
  std::size_t held() const { return hold_.capacity(); }
  // True when next() may still find something without another feed().
  bool has_input() const {
    if (state_ >= State::failed) return state_ == State::failed;
    return inflating_ || (!starved_ && (!fed_.empty() || hold_.size() > raw_));
  }
  // next() said `none` in the middle of a message that is inflated in pieces: call it again, when
  // others had their turn.
  bool inflating() const { return inflating_; }

  // Messages going out. Return false after close() or failure, and for more than kMaxSend bytes
  // (nothing is written). `compress`: when that was negotiated and the message is long enough.
  bool send_text(base::Bytes payload, Env env, bool compress = true);
  bool send_binary(base::Bytes payload, Env env, bool compress = true);
  bool ping(base::Bytes payload, Env env);  // false also for more than kMaxControl bytes

  // Starts the closing handshake; input is read on only for the peer's close frame. Twice is a
  // no-op. code 0, or one that may not be sent: without a body. The reason is cut to 123 bytes at a
  // code point, and left out when it is not UTF-8.
  void close(std::uint16_t code, base::Bytes reason, Env env, base::Time now);
  // The driver reports: everything written so far has left (automatic pongs no longer count as
  // pending).
  void on_drained() { pending_pongs_ = 0; }

  bool open() const { return state_ == State::open; }
  base::Time deadline() const { return deadline_; }
  // The unfinished message or the close handshake took too long: the next event is `closed` with
  // `failed` (1008, or 1006 when the peer did not answer our close frame). No-op before deadline().
  void on_deadline(base::Time now, Env env);

 private:
  enum class State : std::uint8_t {
    open,
    closing,  // our close frame is out; only the peer's is waited for
    failed,   // the `closed` event is still to be taken; its reason lies in hold_
    closed
  };
  enum class Step : std::uint8_t { event, more, starved, failed };
  struct Violation;

  // Between two messages, and nothing is held back or waits.
  bool fresh() const {
    return hold_.empty() && pending_pongs_ == 0 && state_ == State::open &&
           opcode_ == Opcode::continuation && !frame_open_ && !delivered_;
  }
  bool read_whole(Env& env, Event& event);
  bool unwrap(base::MutBytes& payload, bool& ascii);
  base::MutBytes unread();
  void advance(std::size_t n);
  void settle();
  bool gather(std::size_t n, base::Ledger& ledger);
  bool gather_apart(std::size_t n, base::Ledger& ledger);

  Violation check_start(std::uint8_t first, std::uint8_t second, bool deflate) const;
  Violation check_data(Opcode opcode, std::uint64_t length) const;
  Step read_header(Env& env, Event& event);
  Step read_control(Opcode opcode, std::size_t head, std::size_t length, Env& env, Event& event);
  Step read_payload(Env& env, Event& event);
  Step read_piece(base::MutBytes source, Env& env, Event& event);
  Step skip_payload();
  base::MutBytes absorb(base::MutBytes source, std::size_t n, base::Ledger& ledger);
  Step deliver(base::MutBytes payload, Event& event);
  Step inflate(base::MutBytes payload, Env& env, Event& event);
  Step take_inflated(Inflated outcome, Env& env, Event& event);
  Step peer_closed(base::MutBytes payload, Env& env, Event& event);

  Step refuse(const Violation& violation, Env& env);
  void take_last(Event& event);
  void arm(base::Time now);
  bool send(Opcode opcode, base::Bytes payload, Env& env, bool compress);
  bool write(Opcode opcode, base::Bytes payload, Env& env, bool compressed = false);

  const Limits* limits_;
  base::MutBytes fed_{};  // what is left of the fed view
  base::InBuffer hold_;   // [message_ bytes of the message so far | gap | unread bytes from raw_]
  std::size_t message_ = 0;
  std::size_t raw_ = 0;
  std::uint64_t frame_left_ = 0;  // payload of the current data frame still to come
  base::Time deadline_ = base::kNever;
  std::uint32_t mask_ = 0;  // turned to the next payload byte
  std::uint32_t fragments_ = 0;
  // What fresh() asks of these five is that all are zero: one comparison, as they lie together.
  std::uint32_t pending_pongs_ = 0;
  State state_ = State::open;
  Opcode opcode_ = Opcode::continuation;  // of the current message; continuation: there is none
  bool frame_open_ = false;               // inside a data frame's payload
  bool delivered_ = false;  // the message in hold_ was the last event: its bytes may go
  std::uint16_t code_ = 0;  // of the `closed` event to come
  Role role_;
  Utf8Validator utf8_;
  bool fin_ = false;         // the frame whose payload is read is the last of its message
  bool compressed_ = false;  // the current message is
  bool starved_ = false;     // next() has looked at all there is
  bool inflating_ = false;   // the current message is whole, and in env.deflate in part
};
// There is one per connection.
static_assert(sizeof(Machine) <= 96);

}  // namespace socketio::ws
