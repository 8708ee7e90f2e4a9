#include "ws/machine.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/check.hpp"
#include "ws/mask.hpp"

namespace socketio::ws {

using base::Bytes;
using base::MutBytes;

// Why input is refused. The texts are those of `ws`; they are for logs, the close frame carries the
// code alone.
struct Machine::Violation {
  CloseCode code = CloseCode::none;
  Bytes text{};
  int number = -1;  // appended to the text

  explicit operator bool() const { return code != CloseCode::none; }
};

namespace {

constexpr std::uint8_t kFin = 0x80;
constexpr auto kTextFrame = static_cast<std::uint8_t>(kFin | static_cast<unsigned>(Opcode::text));
constexpr auto kBinaryFrame =
    static_cast<std::uint8_t>(kFin | static_cast<unsigned>(Opcode::binary));
constexpr std::uint8_t kRsv1 = 0x40;
constexpr std::uint8_t kRsv23 = 0x30;
constexpr std::uint8_t kMasked = 0x80;
constexpr std::size_t kMaxReason = kMaxControl - 2;
constexpr std::uint64_t kLargestLength = (std::uint64_t{1} << 53) - 1;
constexpr std::uint64_t kLengthSign = std::uint64_t{1} << 63;
constexpr Bytes kBadText = "invalid UTF-8 sequence";

constexpr bool is_control(Opcode opcode) {
  return opcode >= Opcode::close;
}

std::uint64_t read_big_endian(MutBytes bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<std::uint8_t>(c);
  return value;
}

std::array<char, 2> code_bytes(std::uint16_t code) {
  return {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
}

}  // namespace

Machine::Machine(Role role, const Limits& limits) : limits_(&limits), role_(role) {}

// ---- input: unread bytes are the rest of hold_, then the fed view ----

MutBytes Machine::unread() {
  return hold_.size() > raw_ ? hold_.view().subspan(raw_) : fed_;
}

void Machine::advance(std::size_t n) {
  if (hold_.size() > raw_) {
    raw_ += n;
  } else {
    fed_ = fed_.subspan(n);
  }
}

// Closes the gap that events have left in hold_. Unread bytes move only when the gap is at least as
// long, so that the moves cost no more than the reading did.
void Machine::settle() {
  if (delivered_ || state_ == State::closing) message_ = 0;
  delivered_ = false;
  const std::size_t rest = hold_.size() - raw_;
  if (raw_ - message_ < rest || raw_ == message_) return;
  if (rest > 0) std::memmove(hold_.view().data() + message_, hold_.view().data() + raw_, rest);
  hold_.truncate(message_ + rest);
  raw_ = message_;
}

// Makes the next `n` unread bytes lie together; false when there are not so many yet. Takes from
// the fed view what is missing and no more, so that payloads stay where they are.
bool Machine::gather(std::size_t n, base::Ledger& ledger) {
  return unread().size() >= n || gather_apart(n, ledger);
}

bool Machine::gather_apart(std::size_t n, base::Ledger& ledger) {
  settle();
  const std::size_t held = hold_.size() - raw_;
  const std::size_t take = std::min(n - held, fed_.size());
  hold_.append(base::as_bytes(fed_.first(take)), ledger);
  fed_ = fed_.subspan(take);
  return held + take >= n;
}

void Machine::feed(MutBytes bytes, base::Time /*now*/) {
  if (state_ >= State::failed || bytes.empty()) return;
  SIO_CHECK(fed_.empty());
  fed_ = bytes;
  starved_ = false;
}

void Machine::keep(base::Ledger& ledger) {
  if (fed_.empty()) return;
  settle();
  hold_.append(base::as_bytes(fed_), ledger);
  fed_ = {};
}

Event Machine::next(Env env, base::Time now) {
  Event event;
  if (fresh()) {
    if (fed_.empty()) {
      starved_ = true;
      return event;
    }
    if (read_whole(env, event)) return event;
  }
  if (inflating_ && state_ == State::open) {
    const Inflated outcome = env.deflate->go_on(limits_->max_message, env.ledger);
    if (take_inflated(outcome, env, event) == Step::failed) take_last(event);
    return event;
  }
  if (env.deflate != nullptr) env.deflate->clear();
  if (std::exchange(inflating_, false)) opcode_ = Opcode::continuation;  // nobody wants it now
  if (state_ >= State::failed) {
    take_last(event);
    return event;
  }
  if (delivered_ || raw_ != message_ || state_ == State::closing) settle();
  for (;;) {
    if (pending_pongs_ != 0 && pending_pongs_ >= limits_->max_pending_pongs &&
        state_ == State::open) {
      keep(env.ledger);
      break;
    }
    const Step step = frame_open_ ? read_payload(env, event) : read_header(env, event);
    if (step == Step::event) return event;
    if (step == Step::failed) {
      take_last(event);
      return event;
    }
    if (step == Step::starved) {
      starved_ = true;
      break;
    }
  }
  arm(now);
  return event;
}

// ---- frames ----

// What the first two bytes tell (RFC 6455 §5.2), in the order of `ws`.
Machine::Violation Machine::check_start(std::uint8_t first, std::uint8_t second,
                                        bool deflate) const {
  const auto opcode = static_cast<Opcode>(first & 0x0F);
  const int number = first & 0x0F;
  const int length = second & 0x7F;
  if ((first & kRsv23) != 0) return {CloseCode::protocol_error, "RSV2 and RSV3 must be clear"};
  // RFC 7692 §6.1: on the first frame of a message, and only when it was negotiated.
  if ((first & kRsv1) != 0 && (!deflate || (opcode != Opcode::text && opcode != Opcode::binary)))
    return {CloseCode::protocol_error, "RSV1 must be clear"};
  if (opcode <= Opcode::binary) {
    // §5.4: a message is one first frame and then continuations.
    if ((opcode == Opcode::continuation) != (opcode_ != Opcode::continuation))
      return {CloseCode::protocol_error, "invalid opcode ", number};
  } else if (opcode >= Opcode::close && opcode <= Opcode::pong) {
    // §5.5: control frames are short and whole. A close body is empty or begins with a code.
    if ((first & kFin) == 0) return {CloseCode::protocol_error, "FIN must be set"};
    if (length > static_cast<int>(kMaxControl) || (opcode == Opcode::close && length == 1))
      return {CloseCode::protocol_error, "invalid payload length ", length};
  } else {
    return {CloseCode::protocol_error, "invalid opcode ", number};
  }
  const bool masked = (second & kMasked) != 0;  // §5.1: clients mask, servers never do
  if (masked != (role_ == Role::server))
    return {CloseCode::protocol_error, masked ? "MASK must be clear" : "MASK must be set"};
  return {};
}

// What the announced length tells, before any of it has arrived. Lengths in a longer form than
// needed pass, as they do in `ws`.
Machine::Violation Machine::check_data(Opcode opcode, std::uint64_t length) const {
  if (length > kLargestLength) {
    // §5.2: "the most significant bit MUST be 0".
    return {(length & kLengthSign) != 0 ? CloseCode::protocol_error : CloseCode::too_big,
            "Unsupported WebSocket frame: payload length > 2^53 - 1"};
  }
  if (state_ == State::closing) return {};  // it will be skipped
  const std::size_t before = opcode == Opcode::continuation ? message_ : 0;
  if (length > limits_->max_message || before > limits_->max_message - length)
    return {CloseCode::too_big, "Max payload size exceeded"};
  if (opcode == Opcode::continuation && fragments_ >= limits_->max_fragments)
    return {CloseCode::policy_violation, "Too many message fragments"};
  return {};
}

// The payload of a whole frame that the fed view begins with, whose first byte has been looked at.
[[gnu::always_inline]] inline bool Machine::unwrap(MutBytes& payload, bool& ascii) {
  const std::size_t size = fed_.size();
  if (size < 2) return false;
  char* const at = fed_.data();
  const auto second = static_cast<std::uint8_t>(at[1]);
  const bool masked = role_ == Role::server;
  if (((second & kMasked) != 0) != masked) return false;
  std::size_t length = second & 0x7F;
  std::size_t head = masked ? 6 : 2;
  if (length >= 126) {
    const std::size_t more = length == 126 ? 2 : 8;
    if (size < 2 + more) return false;
    length = static_cast<std::size_t>(read_big_endian({at + 2, more}));
    head += more;
  }
  if (size < head || length > size - head || length > limits_->max_message) return false;
  payload = {at + head, length};
  fed_ = {at + head + length, size - head - length};
  if (!masked) return true;
  std::uint32_t key = 0;
  std::memcpy(&key, payload.data() - sizeof key, sizeof key);
  ascii = unmask_ascii(payload, key);
  return true;
}

// Most messages: in one frame that lies in the fed view and has nothing wrong with it. False: not
// this one, and nothing is done.
bool Machine::read_whole(Env& env, Event& event) {
  const auto first = static_cast<std::uint8_t>(fed_[0]);
  const bool text = first == kTextFrame;
  if (!text && first != kBinaryFrame) return false;
  bool ascii = false;
  if (!unwrap(event.payload, ascii)) return false;
  event.kind = text ? EventKind::text : EventKind::binary;
  if (!text || ascii || valid_utf8(base::as_bytes(event.payload))) return true;
  event = {};
  refuse({CloseCode::invalid_payload, kBadText}, env);
  take_last(event);
  return true;
}

bool Machine::next_text(MutBytes& payload) {
  if (fed_.empty() || static_cast<std::uint8_t>(fed_[0]) != kTextFrame || !fresh()) return false;
  const MutBytes before = fed_;
  bool ascii = false;
  if (!unwrap(payload, ascii)) return false;
  if (ascii || valid_utf8(base::as_bytes(payload))) return true;
  // As it was, for next() to refuse.
  if (role_ == Role::server) {
    std::uint32_t key = 0;
    std::memcpy(&key, payload.data() - sizeof key, sizeof key);
    apply_mask(payload, key);
  }
  fed_ = before;
  return false;
}

Machine::Step Machine::read_header(Env& env, Event& event) {
  if (!gather(2, env.ledger)) return Step::starved;
  const auto first = static_cast<std::uint8_t>(unread()[0]);
  const auto second = static_cast<std::uint8_t>(unread()[1]);
  if (const Violation violation = check_start(first, second, env.deflate != nullptr))
    return refuse(violation, env);

  const auto opcode = static_cast<Opcode>(first & 0x0F);
  const bool masked = (second & kMasked) != 0;
  std::uint64_t length = second & 0x7F;
  const std::size_t length_end = length < 126 ? 2 : length == 126 ? 4 : 10;
  const std::size_t head = length_end + (masked ? 4 : 0);
  if (is_control(opcode)) return read_control(opcode, head, length, env, event);

  if (length_end > 2) {
    if (!gather(length_end, env.ledger)) return Step::starved;
    length = read_big_endian(unread().subspan(2, length_end - 2));
  }
  if (const Violation violation = check_data(opcode, length)) return refuse(violation, env);
  if (!gather(head, env.ledger)) return Step::starved;
  if (masked) std::memcpy(&mask_, unread().data() + length_end, sizeof mask_);
  advance(head);

  if (opcode != Opcode::continuation) {
    opcode_ = opcode;
    compressed_ = (first & kRsv1) != 0;
    fragments_ = 0;
    utf8_.reset();
  }
  ++fragments_;
  fin_ = (first & kFin) != 0;
  frame_left_ = length;
  frame_open_ = true;
  return read_payload(env, event);
}

// Control frames are waited for whole; between fragments they lie behind the message in hold_.
Machine::Step Machine::read_control(Opcode opcode, std::size_t head, std::size_t length, Env& env,
                                    Event& event) {
  if (!gather(head + length, env.ledger)) return Step::starved;
  const MutBytes frame = unread().first(head + length);
  const MutBytes payload = frame.subspan(head);
  if (head > 2) {
    std::uint32_t key = 0;
    std::memcpy(&key, frame.data() + 2, sizeof key);
    apply_mask(payload, key);
  }
  advance(frame.size());
  if (opcode == Opcode::close) return peer_closed(payload, env, event);
  if (state_ == State::closing) return Step::more;  // §5.5.1: nothing is sent after a close frame
  if (opcode_ == Opcode::continuation) deadline_ = base::kNever;
  event.kind = EventKind::pong;
  event.payload = payload;
  if (opcode == Opcode::ping) {
    event.kind = EventKind::ping;
    write(Opcode::pong, base::as_bytes(payload), env);
    ++pending_pongs_;
  }
  return Step::event;
}

Machine::Step Machine::read_payload(Env& env, Event& event) {
  if (state_ == State::closing) return skip_payload();
  const MutBytes source = unread();
  // A message in one frame that lies together: in place.
  if (!fin_ || fragments_ > 1 || message_ > 0 || source.size() < frame_left_)
    return read_piece(source, env, event);
  const MutBytes payload = source.first(frame_left_);
  const bool ascii = role_ == Role::server && unmask_ascii(payload, mask_);
  advance(payload.size());
  frame_open_ = false;
  if (compressed_) return inflate(payload, env, event);
  if (opcode_ == Opcode::text && !ascii && !valid_utf8(base::as_bytes(payload)))
    return refuse({CloseCode::invalid_payload, kBadText}, env);
  return deliver(payload, event);
}

// Moves what there is of the current frame's payload to the end of the message in hold_.
Machine::Step Machine::read_piece(MutBytes source, Env& env, Event& event) {
  const std::size_t n = std::min<std::uint64_t>(source.size(), frame_left_);
  if (n < frame_left_ && n == 0) return Step::starved;
  const MutBytes piece = absorb(source, n, env.ledger);
  const bool ascii = role_ == Role::server && unmask_ascii(piece, mask_);
  frame_left_ -= n;
  const bool text = opcode_ == Opcode::text && !compressed_;
  // ASCII changes nothing between two code points.
  if (text && !(ascii && utf8_.complete()) && !utf8_.feed(base::as_bytes(piece)))
    return refuse({CloseCode::invalid_payload, kBadText}, env);
  if (frame_left_ > 0) return Step::more;
  frame_open_ = false;
  if (!fin_) return Step::more;
  if (text && !utf8_.complete()) return refuse({CloseCode::invalid_payload, kBadText}, env);
  delivered_ = true;
  const MutBytes whole = hold_.view().first(message_);
  return compressed_ ? inflate(whole, env, event) : deliver(whole, event);
}

Machine::Step Machine::skip_payload() {
  const std::size_t n = std::min<std::uint64_t>(unread().size(), frame_left_);
  if (n < frame_left_ && n == 0) return Step::starved;
  advance(n);
  frame_left_ -= n;
  if (frame_left_ > 0) return Step::more;
  frame_open_ = false;
  if (fin_) opcode_ = Opcode::continuation;
  return Step::more;
}

// `source` is unread(). Room is asked for as bytes come, twice what has been received but not what
// is merely announced.
MutBytes Machine::absorb(MutBytes source, std::size_t n, base::Ledger& ledger) {
  if (hold_.size() > raw_) {
    std::memmove(hold_.view().data() + message_, source.data(), n);
    raw_ += n;
  } else {
    settle();
    const std::size_t announced = message_ + static_cast<std::size_t>(frame_left_);
    hold_.append(base::as_bytes(source.first(n)), ledger, std::min(announced, 2 * (message_ + n)));
    fed_ = fed_.subspan(n);
    raw_ = hold_.size();
  }
  message_ += n;
  return hold_.view().subspan(message_ - n, n);
}

// The payload lies in hold_ or in the fed view, the message in env.deflate.
Machine::Step Machine::inflate(MutBytes payload, Env& env, Event& event) {
  delivered_ = true;
  deadline_ = base::kNever;  // it has come whole: the rest of the time is ours
  return take_inflated(
      env.deflate->inflate(base::as_bytes(payload), limits_->max_message, env.ledger), env, event);
}

Machine::Step Machine::take_inflated(Inflated outcome, Env& env, Event& event) {
  if (inflating_ = outcome == Inflated::more; inflating_) return Step::event;  // which is none
  if (outcome == Inflated::too_big)
    return refuse({CloseCode::too_big, "Max payload size exceeded"}, env);
  if (outcome == Inflated::invalid)
    return refuse({CloseCode::invalid_payload, env.deflate->why()}, env);
  if (opcode_ != Opcode::text || valid_utf8(base::as_bytes(env.deflate->message())))
    return deliver(env.deflate->message(), event);
  env.deflate->clear();
  return refuse({CloseCode::invalid_payload, kBadText}, env);
}

Machine::Step Machine::deliver(MutBytes payload, Event& event) {
  event.kind = opcode_ == Opcode::text ? EventKind::text : EventKind::binary;
  event.payload = payload;
  opcode_ = Opcode::continuation;
  deadline_ = base::kNever;
  return Step::event;
}

// ---- closing ----

// §5.5.1, §7.1.5: the answer repeats the peer's body, unless ours was first.
Machine::Step Machine::peer_closed(MutBytes payload, Env& env, Event& event) {
  event.code = static_cast<std::uint16_t>(CloseCode::no_status);
  if (payload.size() >= 2) {
    event.code = static_cast<std::uint16_t>(read_big_endian(payload.first(2)));
    event.reason = base::as_bytes(payload.subspan(2));
    if (!may_be_sent(event.code))
      return refuse({CloseCode::protocol_error, "invalid status code ", event.code}, env);
    if (!valid_utf8(event.reason)) return refuse({CloseCode::invalid_payload, kBadText}, env);
  }
  if (state_ == State::open) write(Opcode::close, base::as_bytes(payload), env);
  event.kind = EventKind::closed;
  state_ = State::closed;
  deadline_ = base::kNever;
  fed_ = {};
  return Step::event;
}

// §7.1.7: fail the connection. The reason is put into hold_, which nothing else needs from now on.
Machine::Step Machine::refuse(const Violation& violation, Env& env) {
  std::array<char, 80> text;
  SIO_CHECK(violation.text.size() + 8 <= text.size());
  char* end = std::copy(violation.text.begin(), violation.text.end(), text.data());
  if (violation.number >= 0)
    end = std::to_chars(end, text.data() + text.size(), violation.number).ptr;
  code_ = static_cast<std::uint16_t>(violation.code);
  if (state_ == State::open) {
    const std::array<char, 2> body = code_bytes(code_);
    write(Opcode::close, Bytes(body.data(), body.size()), env);
  }
  state_ = State::failed;
  deadline_ = base::kNever;
  fed_ = {};
  hold_.clear();
  hold_.append(Bytes(text.data(), static_cast<std::size_t>(end - text.data())), env.ledger);
  return Step::failed;
}

void Machine::take_last(Event& event) {
  if (state_ == State::closed) return hold_.clear();
  event = {EventKind::closed, {}, code_, base::as_bytes(hold_.view()), true};
  state_ = State::closed;
}

void Machine::close(std::uint16_t code, Bytes reason, Env env, base::Time now) {
  if (state_ != State::open) return;
  std::array<char, kMaxControl> body;
  std::size_t size = 0;
  if (may_be_sent(code)) {
    const std::array<char, 2> head = code_bytes(code);
    std::copy(head.begin(), head.end(), body.begin());
    size = reason.size();
    if (size > kMaxReason) {
      size = kMaxReason;
      while (size > 0 && (static_cast<std::uint8_t>(reason[size]) & 0xC0) == 0x80) --size;
    }
    if (!valid_utf8(reason.substr(0, size))) size = 0;
    std::copy_n(reason.begin(), size, body.begin() + 2);
    size += 2;
  }
  write(Opcode::close, Bytes(body.data(), size), env);
  state_ = State::closing;
  deadline_ = base::after(now, limits_->close_timeout);
}

// ---- time ----

// The clock of a message starts with its first byte and ends with its last; control frames in
// between do not wind it up again.
void Machine::arm(base::Time now) {
  const bool unfinished = opcode_ != Opcode::continuation || (starved_ && hold_.size() > raw_);
  if (unfinished && deadline_ == base::kNever && state_ == State::open)
    deadline_ = base::after(now, limits_->message_timeout);
}

void Machine::on_deadline(base::Time now, Env env) {
  if (deadline_ == base::kNever || now < deadline_) return;
  if (state_ == State::closing) {
    refuse({CloseCode::abnormal, "Closing handshake timed out"}, env);
  } else {
    refuse({CloseCode::policy_violation, "Message timed out"}, env);
  }
}

}  // namespace socketio::ws
