// One Engine.IO client, server side, across its changing transports: handshake, heartbeat, polling
// rules, upgrade without loss or reordering, limits and the end. A value: the driver tells it what
// arrived, pulls next() until none, and at the end of the turn moves its output.
//
// Who holds what. On WebSocket the session appends frames to the connection's own outlet (a
// passive sink it was given). On polling it queues messages until a GET is parked; the driver then
// takes one payload at the end of the turn. Every session with something to do (events to drain, a
// poll that is ready) puts itself on the shard's dirty list, and outlets with frames to flush on
// another; its own calls may do so while those lists are worked off.
//
//   polling --probe "2probe"/"3probe"--> upgrading --"5"--> websocket
//   open -> closing (graceful, polling drains) -> gone
//
// Inputs are drained: after each on_*() call the driver pulls next() to none before the next one
// (user code, so send*() and close(), may run in between).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/list.hpp"
#include "base/out_queue.hpp"
#include "base/prefetch.hpp"
#include "base/text_buffer.hpp"
#include "base/time.hpp"
#include "eio/dialect.hpp"
#include "eio/message.hpp"
#include "eio/options.hpp"
#include "eio/payload.hpp"
#include "eio/poll_queue.hpp"
#include "eio/sid.hpp"
#include "eio/watch.hpp"
#include "ws/deflate.hpp"
#include "ws/frame.hpp"

namespace socketio::eio {

// Clients count interval plus timeout from the handshake, with timers of a millisecond that round
// down where ours round up. So a ping may leave this late without moving the time for its pong, and
// a poll this close to the end comes too late.
inline constexpr base::Duration kLate = std::chrono::milliseconds(2);

class Session;
struct DirtyTag;
using DirtyNode = base::ListNode<DirtyTag>;
using DirtyList = base::List<Session, DirtyTag>;

// A WebSocket's output as sessions see it. Whoever adds to it puts it on the shard's list; the
// driver derives its connections from it and takes them from there to be flushed.
struct Outlet : base::ListNode<Outlet> {
  base::OutQueue out;                    // what may leave
  std::unique_ptr<ws::Deflate> deflate;  // null: permessage-deflate was not negotiated

  // Long messages are being compressed: see DeflatePool::compressing().
  bool compressing() const { return deflate != nullptr && deflate->compressing(); }
  // Nothing is read from it: for that reason, or because of Deflate::must_rest().
  bool held_back() const { return compressing() || (deflate != nullptr && deflate->resting()); }
  base::Time rested_at() const { return deflate == nullptr ? base::kNever : deflate->rested_at(); }
  // What is sent goes here: behind those.
  base::OutQueue& tail() { return deflate == nullptr ? out : deflate->tail(out); }
  std::size_t queued() const {
    return out.bytes() + (deflate == nullptr ? 0 : deflate->put_off_bytes());
  }
};

// One per shard; outlives its sessions.
struct Shared {
  const Options& options;
  base::Arena& arena;
  base::Ledger& ledger;
  DirtyList dirty{};
  base::List<Outlet> outlets{};
  // Counts dispatches (one handler run each). "Queued in this dispatch" decides volatile packets.
  std::uint32_t dispatch = 1;
  std::string settings{};  // the part of open packets that all have; empty: not written yet
};

// engine.io's close reasons; the texts are part of the protocol's surface.
enum class CloseReason : std::uint8_t {
  transport_close,
  transport_error,
  ping_timeout,
  parse_error,
  forced_close
};
base::Bytes text(CloseReason reason);

enum class EventKind : std::uint8_t {
  none,
  message,   // payload (text or binary): writable, padded, valid until the next call
  upgraded,  // the probe is now the transport: the driver re-labels its connections. A poll still
             // parked is ready: its answer (`6`) is taken as ever, now or at the end of the turn
  closed,    // reason, detail: nothing is delivered or accepted any more; the transports are closed
             // as the commands below say
  close_probe,      // send what is queued on the probing WebSocket, then do a WebSocket close
                    // without a code; the session does not want to hear of that connection again
  close_websocket,  // the same for the session's WebSocket
  noted,            // take_notes() has something
  gone,             // the last event: the record may be erased; no poll is parked
};

struct Event {
  EventKind kind = EventKind::none;
  base::MutBytes payload{};
  bool binary = false;
  CloseReason reason = CloseReason::transport_close;
  base::Bytes detail{};  // static text (as long as the callers' of this session is), e.g. "overlap
                         // from client", "poll connection closed prematurely"
};

class Session : public DirtyNode {
 public:
  // `custom_id`: what the client is told instead of the sid, when not empty; needs no escaping.
  Session(Shared& shared, const Sid& sid, Transport transport, std::uint64_t owner, base::Time now,
          base::Bytes custom_id = {}, Dialect dialect = {});
  ~Session();

  const Sid& sid() const { return sid_; }
  bool has_custom_id() const { return rare_ != nullptr && !rare_->custom_id.empty(); }
  // What the client calls it.
  base::Bytes id() const { return has_custom_id() ? base::Bytes(rare_->custom_id) : sid_.view(); }
  std::uint64_t owner() const { return owner_; }
  // The record that holds the session learns its own id only once it is in its slab.
  void set_owner(std::uint64_t owner) { owner_ = owner; }
  Transport transport() const { return transport_; }
  bool open() const { return state_ <= State::watched; }
  bool upgrading() const { return probe_ != nullptr; }
  bool gone() const { return state_ == State::gone; }
  // It speaks Engine.IO 3, as clients of Socket.IO 2 do.
  bool v3() const { return v3_; }
  // Its polls are answered with scripts, and its POSTs are forms.
  bool jsonp() const { return jsonp_; }

  // {"sid":…,"upgrades":[…],"pingInterval":…,"pingTimeout":…,"maxPayload":…} with the '0' in front.
  std::string open_packet() const;

  // -- WebSocket as first transport: writes the open packet as the first frame. `out` stays valid
  // until close_websocket was carried out or on_websocket_closed() was called.
  void attach_websocket(Outlet& out);

  // -- Polling. The first GET's answer is taken with take_payload() like any other (the open packet
  // is queued by the constructor).
  enum class Poll : std::uint8_t { parked, overlap, refused };
  // A GET is there. parked: its answer comes from take_payload() once poll_ready(). overlap: answer
  // 400 empty; the session closes. refused: closed already.
  Poll on_poll(base::Time now);
  bool poll_parked() const { return poll_parked_; }
  // A parked poll has something to say.
  bool poll_ready() const;
  // Appends the payload for the parked poll, at most max_payload bytes (at least one packet), and
  // un-parks it.
  using Payload = PollQueue::Taken;
  Payload take_payload(std::string& body, base::Time now);
  void on_poll_aborted(base::Time now);

  enum class Post : std::uint8_t { accepted, overlap, refused, bad_content_type };
  // A POST's head is there. Anything but accepted: answer 400 empty.
  Post on_post_begin(base::Bytes content_type, base::Time now);
  // The whole body; drain next() (messages, maybe closed), then answer 200 "ok" whatever came out.
  // The body stays valid while draining.
  void on_post(base::MutBytes body, base::Time now);
  // The driver may stop in the middle of a body, so that others get their turn: `rest` is then told
  // where a copy of what is unread() stands, and draining goes on later. Until it is done no frame
  // and no deadline is passed in; another POST is an overlap.
  bool reading_body() const { return inbox_kind_ == Inbox::body; }
  base::Bytes unread() const { return base::as_bytes(inbox_); }
  void moved_body(base::MutBytes rest) { inbox_ = rest; }
  // The POST ended without a body: too large (413: the session lives), timed out or aborted. A
  // session that has upgraded meanwhile does not mind.
  void on_post_failed(bool too_large, base::Time now);

  // -- Upgrade. False: close that WebSocket at once (an upgrade is under way, done or not allowed).
  // `out` stays valid until close_probe was carried out or on_websocket_closed(true) was called.
  // `base64`: of the request's dialect.
  bool attach_probe(Outlet& out, base::Time now, bool base64 = false);

  // -- Frames. `probe` tells which WebSocket.
  // Most frames are messages of the session's own WebSocket, while nothing else is to be told: what
  // on_text() and next() would make of such a one, in one step.
  bool is_plain_message(base::MutBytes text) const {
    return websocket_ != nullptr && !text.empty() && text[0] == '4' && quiet();
  }
  base::MutBytes take_message(base::MutBytes text, base::Time now) {
    touch(now);
    return text.subspan(1);
  }
  void on_text(base::MutBytes text, bool probe, base::Time now);
  void on_binary(base::MutBytes bytes, bool probe, base::Time now);
  void on_websocket_closed(bool probe, bool failed, base::Bytes detail, base::Time now);
  // The WebSocket has sent all / could not send all that was flushed (volatile).
  void on_flushed(bool everything) {
    send_unfinished_ = !everything;
    if (everything && watched()) note_drained();
  }

  // -- Sending. False when not open (nothing queued). What would exceed send_hard is not queued,
  // and the session closes ("transport error", "send buffer limit"). Without `compress` the message
  // is not compressed, where it could be.
  bool send_text(base::Bytes head, base::Bytes tail, bool compress = true);
  // The same for kLongText and more: `tail`, with kFrameFront bytes kept free in front of it, may
  // be taken instead of copied.
  bool send_long_text(base::Bytes head, base::TextBuffer& tail, bool compress = true);
  bool send_binary(base::Bytes bytes, bool compress = true);
  bool send(const Message& message, bool compress = true) {
    if (websocket_ == nullptr || websocket_->deflate != nullptr || !message || v3_ ||
        state_ != State::open) [[unlikely]]
      return send_unusual(message, compress);
    const base::Chunk& frame = message.frame();
    if (!websocket_->out.empty()) return send_behind(frame);
    if (frame.capacity() > shared_.options.send_hard) [[unlikely]]
      return refuse_to_send();
    websocket_->out.push_first(frame);
    dispatch_ = shared_.dispatch;
    shared_.outlets.push_back(*websocket_);
    return true;
  }
  // It is about to be sent to, a few receivers from now.
  void expect_send() const { base::prefetch<sizeof(Outlet)>(websocket_); }
  // May a volatile packet be sent in this dispatch?
  bool writable() const;
  std::size_t queued_bytes() const {
    if (websocket_ != nullptr) return websocket_->queued();
    return queue_ == nullptr ? 0 : queue_->bytes();
  }
  // About the answer that a poll would get of that.
  std::size_t payload_bytes() const {
    return queue_ == nullptr ? 0 : queue_->payload_bytes(shared_.options.max_payload);
  }

  // Of memory, while it polls: with what its queue costs beside that.
  std::size_t held_for_polls() const {
    return queue_ == nullptr ? 0 : queue_->bytes() + queue_->bookkeeping();
  }

  // Server-initiated, graceful: what is queued is delivered first. `closed` follows at once, `gone`
  // when everything is delivered or drain_timeout is over.
  void close(CloseReason reason, base::Bytes detail, base::Time now);
  // At once, buffers dropped (a WebSocket's are its connection's: the driver may drop those).
  void discard(CloseReason reason, base::Bytes detail, base::Time now);

  // -- For those who want to know of every packet (session_watch.cpp). From now on there are notes,
  // told of by the event `noted`, and on_flushed() is to be called for every flush. Returns how
  // many packets are counted already.
  std::uint64_t watch();
  bool watched() const { return rare_ != nullptr && rare_->watch != nullptr; }
  std::vector<Note> take_notes();
  // Counted since watch().
  std::uint64_t packets_created() const { return watched() ? rare_->watch->created : 0; }

  Event next(base::Time now);
  // next() has nothing to say: told without a call, as it is most of the time.
  bool quiet() const { return inbox_kind_ == Inbox::empty && due_ == 0; }
  base::Time deadline() const {
    if (open() && probe_ == nullptr) return timer_;
    return earliest_deadline();
  }
  void on_deadline(base::Time now);

 private:
  static constexpr char kMessage = '0' + static_cast<char>(PacketType::message);
  enum class State : std::uint8_t {
    open,
    watched,  // open too. What sends asks for `open` and finds out here, on its way to a refusal
    closing,  // `closed` is out; polling delivers what is queued
    closed,   // a parked poll may still be owed its last answer
    gone
  };
  // Events due, one bit each, in the order they are handed out.
  enum Due : std::uint8_t {
    kNoted = 1,
    kUpgraded = 2,
    kClosed = 4,
    kCloseProbe = 8,
    kCloseWebSocket = 16,
    kGone = 32,
  };
  // What next() still has to look at: the frame's message, or the rest of a POST body.
  enum class Inbox : std::uint8_t { empty, text, binary, body };

  // A WebSocket that may become the transport.
  struct Probe {
    Outlet& outlet;
    base::Time deadline;
    base::Time noop_after = base::kNever;
    bool answered = false;  // it said `2probe`
  };

  base::Time earliest_deadline() const;
  void raise(Due due);
  // What send_hard leaves to a frame, of a session that is open.
  bool has_room(std::size_t frame) const {
    const std::size_t held = queued_bytes();
    return held <= shared_.options.send_hard && frame <= shared_.options.send_hard - held;
  }
  [[gnu::noinline]] bool refuse_to_send();
  bool fits(std::size_t payload);
  bool fits_frame(std::size_t payload, std::size_t frame);
  [[gnu::noinline]] bool send_unusual(const Message& message, bool compress);
  [[gnu::noinline]] bool send_behind(const base::Chunk& frame);
  [[gnu::noinline]] bool send_text_unusual(base::Bytes head, base::Bytes tail, bool compress);
  PollQueue& queue();
  void sent();
  bool push_deflated(ws::Opcode opcode, std::span<const base::Bytes> parts);
  bool push_text_deflated(base::Bytes head, base::Bytes tail);
  void push_deflated(const Message& message);
  void send_control(PacketType type, base::Bytes data, Outlet& outlet);
  void ping(base::Time now);
  // A sign of life while a pong is awaited: a client busy uploading is not dead. Once per ping, so
  // that a client that never answers is found out.
  void touch(base::Time now) {
    if (!awaiting_pong_ || timeout_renewed_) return;
    timeout_renewed_ = true;
    timer_ = base::after(now, shared_.options.ping_timeout);
  }
  bool on_packet(const Packet& packet, base::Time now);
  template <class Reader>
  bool on_record(Reader reader, Event& event, base::Time now);
  template <class Reader>
  void on_late_body(Reader reader);
  void fill_inbox(base::MutBytes bytes, Inbox kind);
  Event next_message(base::Time now);

  void end(CloseReason reason, base::Bytes detail, char farewell = '1');
  void release();
  void finish();

  void add_control(std::string& body, char type) const;
  Payload take_queued(std::string& body);
  Payload take_last(std::string& body);

  // v3.
  void expect_ping(base::Time now);
  void send_pong_v3();
  void on_frame_v3(const std::optional<Packet>& packet, base::Time now);
  bool send_binary_v3(base::Bytes bytes, bool compress);
  void queue_to_websocket(Outlet& outlet, bool base64);
  FormV3 body_form() const { return binary_body_ ? FormV3::binary : FormV3::text; }

  template <class Send>
  bool send_watched(bool binary, base::Bytes head, base::Bytes tail, Send send);
  void note(Note note);
  void note_created(PacketType type, bool binary, base::Bytes head, base::Bytes tail);
  void note_flushing();
  void note_drained();

  void start_noop(base::Time now);
  // A poll parked from then on is answered `6`; kNever: as long as it takes.
  base::Time noop_deadline() const { return probe_ == nullptr ? base::kNever : probe_->noop_after; }
  void drop_probe();
  void on_probe_text(base::MutBytes text, base::Time now);
  void upgrade(base::Time now);

  // What events touch comes first. While there is a websocket_, the session is open (or watched)
  // and has no queue.
  Shared& shared_;
  Outlet* websocket_ = nullptr;
  base::Time timer_;  // open: next ping or its timeout; closing: end of draining
  base::MutBytes inbox_{};
  std::uint32_t dispatch_ = 0;  // the last one that queued something
  State state_ = State::open;
  Transport transport_;
  Inbox inbox_kind_ = Inbox::empty;
  std::uint8_t due_ = 0;
  bool awaiting_pong_ = false;
  bool timeout_renewed_ = false;  // once per ping
  bool send_unfinished_ = false;
  bool poll_parked_ = false;
  // One byte for what is looked at seldom.
  bool parked_at_close_ : 1 = false;  // closing: this poll's answer is `1`
  bool v3_ : 1;
  bool base64_ : 1;  // v3: the transport takes no bytes
  bool jsonp_ : 1;
  bool probe_base64_ : 1 = false;  // v3: nor does the probe
  bool binary_body_ : 1 = false;   // v3: of the POST that is open
  bool pong_queued_ : 1 = false;   // v3: it answers all pings so far
  CloseReason reason_ = CloseReason::transport_close;
  std::uint16_t packets_ = 0;     // of the body in the inbox, so far
  std::unique_ptr<Probe> probe_;  // null: no upgrade is under way
  std::uint64_t owner_;
  std::unique_ptr<PollQueue> queue_;  // null when empty
  // What nearly no session has.
  struct Rare {
    std::string custom_id;
    std::unique_ptr<Watch> watch;
  };
  std::unique_ptr<Rare> rare_;
  base::Bytes detail_{};
  Sid sid_;
  char farewell_ = '1';     // closed: the parked poll's answer
  bool post_open_ = false;  // a POST's head came, its body did not
  bool noop_ = false;       // the parked poll is to be answered `6`
};

}  // namespace socketio::eio
