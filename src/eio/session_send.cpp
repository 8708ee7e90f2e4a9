// What a session sends: packets into frames of its WebSocket, or into its queue for the next poll.
#include <algorithm>
#include <cstring>
#include <utility>

#include "eio/session.hpp"
#include "ws/frame.hpp"

namespace socketio::eio {
namespace {

// A watched session sends as if it were none, as long as this lives: memory may run out in it.
template <class State>
class Unwatched {
 public:
  Unwatched(State& state, State open)
      : state_(state), before_(std::exchange(state, open)), open_(open) {}
  ~Unwatched() {
    if (state_ == open_) state_ = before_;
  }
  Unwatched(const Unwatched&) = delete;
  Unwatched& operator=(const Unwatched&) = delete;

 private:
  State& state_;
  State before_;
  State open_;
};

}  // namespace

void Session::send_control(PacketType type, base::Bytes data, Outlet& outlet) {
  const std::size_t size = 1 + data.size();
  const std::size_t frame = ws::header_size(size, false) + size;
  char* to = shared_.arena.reserve(frame);
  to += ws::write_header(to, ws::Opcode::text, size);
  *to++ = static_cast<char>('0' + static_cast<int>(type));
  if (!data.empty()) std::memcpy(to, data.data(), data.size());
  outlet.tail().push_written(shared_.arena, frame);
  shared_.outlets.push_back(outlet);
}

PollQueue& Session::queue() {
  if (queue_ == nullptr) queue_ = std::make_unique<PollQueue>(&shared_.ledger);
  return *queue_;
}

// Whether a message may be queued; closes the session when it is too much.
inline bool Session::fits_frame(std::size_t payload, std::size_t frame) {
  if (state_ != State::open) return false;
  if (transport_ == Transport::websocket && websocket_ == nullptr) return false;
  return (payload <= kMaxMessage && has_room(frame)) || refuse_to_send();
}

bool Session::refuse_to_send() {
  end(CloseReason::transport_error, "send buffer limit");
  return false;
}

inline bool Session::fits(std::size_t payload) {
  return fits_frame(payload, ws::header_size(payload, false) + payload);
}

inline void Session::sent() {
  dispatch_ = shared_.dispatch;
  if (websocket_ != nullptr) return shared_.outlets.push_back(*websocket_);
  if (poll_parked_) shared_.dirty.push_back(*this);
}

// Most are short, for a WebSocket, and not to be compressed.
bool Session::send_text(base::Bytes head, base::Bytes tail, bool compress) {
  const std::size_t size = 1 + head.size() + tail.size();
  if (websocket_ == nullptr || websocket_->deflate != nullptr || size > ws::kMaxShort ||
      state_ != State::open) [[unlikely]]
    return send_text_unusual(head, tail, compress);
  const std::size_t frame = ws::kShortHeader + size;
  if (!has_room(frame)) [[unlikely]]
    return refuse_to_send();
  char* to = ws::write_short_header(shared_.arena.reserve(frame), ws::Opcode::text, size);
  *to++ = kMessage;
  if (head.size() == 1) [[likely]] {
    *to++ = head.front();
  } else {
    to = std::copy(head.begin(), head.end(), to);
  }
  if (!tail.empty()) std::memcpy(to, tail.data(), tail.size());
  websocket_->out.push_written(shared_.arena, frame);
  dispatch_ = shared_.dispatch;
  shared_.outlets.push_back(*websocket_);
  return true;
}

// What fits() has refused: because it is too much, or only because the session is watched.
template <class Send>
bool Session::send_watched(bool binary, base::Bytes head, base::Bytes tail, Send send) {
  if (state_ != State::watched) return false;
  bool sent = false;
  {
    const Unwatched unwatched(state_, State::open);
    sent = send();
  }
  if (sent) note_created(PacketType::message, binary, head, tail);
  return sent;
}

bool Session::send_text_unusual(base::Bytes head, base::Bytes tail, bool compress) {
  const std::size_t size = 1 + head.size() + tail.size();
  if (!fits(size))
    return send_watched(false, head, tail, [&] { return send_text(head, tail, compress); });
  if (websocket_ == nullptr) {
    queue().push_text(PacketType::message, head, tail, compress);
  } else if (websocket_->deflate == nullptr || !compress || !push_text_deflated(head, tail)) {
    const std::size_t frame = ws::header_size(size, false) + size;
    char* to = shared_.arena.reserve(frame);
    to += ws::write_header(to, ws::Opcode::text, size);
    *to++ = kMessage;
    to = std::copy(head.begin(), head.end(), to);
    if (!tail.empty()) std::memcpy(to, tail.data(), tail.size());
    websocket_->tail().push_written(shared_.arena, frame);
  }
  sent();
  return true;
}

// Its frame is made around it, where there is a frame that nothing else is to be done with.
bool Session::send_long_text(base::Bytes head, base::TextBuffer& tail, bool compress) {
  const std::size_t size = 1 + head.size() + tail.size();
  const std::size_t front = ws::header_size(size, false) + 1 + head.size();
  if (websocket_ == nullptr || websocket_->deflate != nullptr || state_ != State::open ||
      front > kFrameFront)
    return send_text(head, tail.view(), compress);
  if (!fits(size)) return false;
  char* to = tail.front(static_cast<std::uint32_t>(front));
  to += ws::write_header(to, ws::Opcode::text, size);
  *to++ = kMessage;
  std::copy(head.begin(), head.end(), to);
  websocket_->tail().push(tail.take(static_cast<std::uint32_t>(front), &shared_.ledger));
  sent();
  return true;
}

bool Session::send_binary(base::Bytes bytes, bool compress) {
  if (v3_ && websocket_ != nullptr) return send_binary_v3(bytes, compress);
  if (!fits(bytes.size()))
    return send_watched(true, bytes, {}, [&] { return send_binary(bytes, compress); });
  if (websocket_ == nullptr) {
    queue().push_binary(bytes, compress);
  } else if (websocket_->deflate == nullptr || !compress ||
             !push_deflated(ws::Opcode::binary, {&bytes, 1})) {
    const std::size_t frame = ws::header_size(bytes.size(), false) + bytes.size();
    char* to = shared_.arena.reserve(frame);
    to += ws::write_header(to, ws::Opcode::binary, bytes.size());
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    websocket_->tail().push_written(shared_.arena, frame);
  }
  sent();
  return true;
}

// On a WebSocket: what waits for a poll is written when it is taken.
bool Session::send_binary_v3(base::Bytes bytes, bool compress) {
  std::string packet;
  if (!fits(base64_ ? base64_packet_size(bytes.size()) : kBinaryTypeSize + bytes.size()))
    return send_watched(true, bytes, {}, [&] { return send_binary_v3(bytes, compress); });
  base64_ ? append_base64_packet(packet, bytes) : append_binary_packet(packet, bytes);
  const ws::Opcode opcode = base64_ ? ws::Opcode::text : ws::Opcode::binary;
  const base::Bytes whole = packet;
  if (websocket_->deflate == nullptr || !compress || !push_deflated(opcode, {&whole, 1}))
    websocket_->tail().push(ws::make_frame(opcode, whole, &shared_.ledger));
  sent();
  return true;
}

void Session::send_pong_v3() {
  if (pong_queued_) return;
  if (!fits(1)) {
    if (state_ != State::watched) return;
    {
      const Unwatched unwatched(state_, State::open);
      send_pong_v3();
    }
    if (state_ == State::watched) note_created(PacketType::pong, false, {}, {});
    return;
  }
  if (websocket_ != nullptr) return send_control(PacketType::pong, {}, *websocket_);
  queue().push_text(PacketType::pong, {}, {});
  pong_queued_ = true;
  if (poll_parked_) shared_.dirty.push_back(*this);
}

bool Session::send_unusual(const Message& message, bool compress) {
  if (!message) {  // larger than any limit allows
    return fits(kMaxMessage + 1);
  }
  if (v3_ && websocket_ != nullptr && message.is_binary())
    return send_binary_v3(message.payload(), compress);
  const base::Chunk& frame = message.frame();
  if (!fits_frame(message.wire_size(), frame.capacity()))
    return send_watched(message.is_binary(), message.payload(), {},
                        [&] { return send(message, compress); });
  if (websocket_ == nullptr) {
    queue().push(message, compress);
  } else if (websocket_->deflate == nullptr || !compress) {
    websocket_->tail().push(frame);
  } else {
    push_deflated(message);
  }
  sent();
  return true;
}

// Something is queued for the WebSocket already.
bool Session::send_behind(const base::Chunk& frame) {
  if (!has_room(frame.capacity())) return refuse_to_send();
  if (send_unfinished_) {
    websocket_->tail().push(frame);
  } else {
    websocket_->tail().push_shared(shared_.arena, frame);
  }
  sent();
  return true;
}

bool Session::writable() const {
  if (!open() || dispatch_ == shared_.dispatch) return false;
  if (queued_bytes() > shared_.options.send_soft) return false;
  return websocket_ != nullptr ? !send_unfinished_ && !websocket_->compressing() : poll_parked_;
}

}  // namespace socketio::eio
