// The session's life apart from its carriers: heartbeat, packets, events and the end.
#include "eio/session.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace socketio::eio {
namespace {

constexpr base::Bytes kWrongWay = "invalid heartbeat direction";

std::uint64_t milliseconds(base::Duration duration) {
  const auto count = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return count < 0 ? 0 : static_cast<std::uint64_t>(count);
}

}  // namespace

base::Bytes text(CloseReason reason) {
  switch (reason) {
    case CloseReason::transport_close:
      return "transport close";
    case CloseReason::transport_error:
      return "transport error";
    case CloseReason::ping_timeout:
      return "ping timeout";
    case CloseReason::parse_error:
      return "parse error";
    case CloseReason::forced_close:
      break;
  }
  return "forced close";
}

Session::Session(Shared& shared, const Sid& sid, Transport transport, std::uint64_t owner,
                 base::Time now, base::Bytes custom_id, Dialect dialect)
    : shared_(shared),
      timer_(base::after(now, shared.options.ping_interval)),
      dispatch_(shared.dispatch - 1),
      transport_(transport),
      v3_(dialect.v3),
      base64_(dialect.base64),
      jsonp_(dialect.jsonp),
      owner_(owner),
      rare_(custom_id.empty() ? nullptr
                              : std::make_unique<Rare>(Rare{std::string(custom_id), nullptr})),
      sid_(sid) {
  if (v3_) expect_ping(now);
  if (transport != Transport::polling) return;
  const std::string packet = open_packet();
  queue().push_text(PacketType::open, base::Bytes(packet).substr(1), {});
}

Session::~Session() = default;

std::string Session::open_packet() const {
  const Options& options = shared_.options;
  const bool upgrades =
      transport_ == Transport::polling && options.websocket && options.allow_upgrades;
  // What all sessions are told is written once.
  std::string& settings = shared_.settings;
  if (settings.empty()) {
    settings = ",\"pingInterval\":";
    settings += std::to_string(milliseconds(options.ping_interval));
    settings += ",\"pingTimeout\":";
    settings += std::to_string(milliseconds(options.ping_timeout));
    settings += ",\"maxPayload\":";
    settings += std::to_string(options.max_payload);
    settings += '}';
  }
  constexpr base::Bytes kUpgrades = "\",\"upgrades\":[\"websocket\"]";
  std::string out;
  out.reserve(settings.size() + kUpgrades.size() + id().size() + 16);
  out.append("0{\"sid\":\"").append(id());
  out.append(upgrades ? kUpgrades : "\",\"upgrades\":[]").append(settings);
  return out;
}

void Session::attach_websocket(Outlet& out) {
  SIO_CHECK(transport_ == Transport::websocket && websocket_ == nullptr);
  if (state_ == State::open) websocket_ = &out;  // it may have been refused already
  const std::string packet = open_packet();
  send_control(PacketType::open, base::Bytes(packet).substr(1), out);
}

// -- Frames of the transport

void Session::on_text(base::MutBytes text, bool probe, base::Time now) {
  if (probe) return on_probe_text(text, now);
  if (!open() || websocket_ == nullptr) return;
  if (!text.empty() && text[0] == kMessage) {
    touch(now);
    return fill_inbox(text.subspan(1), Inbox::text);
  }
  if (v3_) return on_frame_v3(parse_text_packet_v3(text), now);
  if (const auto packet = parse_packet(text)) {
    on_packet(*packet, now);
  } else {
    end(CloseReason::parse_error, {});
  }
}

void Session::on_binary(base::MutBytes bytes, bool probe, base::Time now) {
  if (probe) return drop_probe();
  if (!open() || websocket_ == nullptr) return;
  if (v3_) return on_frame_v3(parse_binary_packet_v3(bytes), now);
  on_packet({PacketType::message, true, bytes}, now);
}

void Session::on_websocket_closed(bool probe, bool failed, base::Bytes detail, base::Time) {
  if (probe) return probe_.reset();
  if (websocket_ == nullptr) return;
  websocket_ = nullptr;
  end(failed ? CloseReason::transport_error : CloseReason::transport_close, detail);
}

// True when it left a message in the inbox.
bool Session::on_packet(const Packet& packet, base::Time now) {
  if (packet.type != PacketType::pong) touch(now);
  if (state_ == State::watched && packet.type != PacketType::message &&
      packet.type != PacketType::close)
    note({Note::Kind::received, packet.type, packet.binary,
          std::string(base::as_bytes(packet.data))});
  switch (packet.type) {
    case PacketType::message:
      fill_inbox(packet.data, packet.binary ? Inbox::binary : Inbox::text);
      return true;
    case PacketType::close:
      // A parked poll of a client that says goodbye gets a noop, as in engine.io.
      end(CloseReason::transport_close, {}, '6');
      return false;
    case PacketType::ping:
      if (v3_) {
        expect_ping(now);
        send_pong_v3();
        return false;
      }
      end(CloseReason::transport_error, kWrongWay);
      return false;
    case PacketType::pong:
      if (v3_) {
        end(CloseReason::transport_error, kWrongWay);
        return false;
      }
      // One that nobody awaits must not start a timer (CVE-2026-48802).
      if (!awaiting_pong_) return false;
      awaiting_pong_ = false;
      timer_ = base::after(now, shared_.options.ping_interval);
      return false;
    case PacketType::open:
    case PacketType::upgrade:
    case PacketType::noop:
      break;
  }
  return false;
}

void Session::fill_inbox(base::MutBytes bytes, Inbox kind) {
  SIO_CHECK(inbox_kind_ == Inbox::empty);
  inbox_ = bytes;
  inbox_kind_ = kind;
}

// -- Heartbeat

void Session::ping(base::Time now) {
  awaiting_pong_ = true;
  timeout_renewed_ = false;
  timer_ = base::after(std::max(timer_, now - kLate), shared_.options.ping_timeout);
  if (transport_ == Transport::polling) {
    queue().push_text(PacketType::ping, {}, {});
    if (poll_parked_) shared_.dirty.push_back(*this);
  } else if (websocket_ != nullptr) {
    send_control(PacketType::ping, {}, *websocket_);
  }
  if (watched()) note_created(PacketType::ping, false, {}, {});
}

base::Time Session::earliest_deadline() const {
  if (!open() && state_ != State::closing) return base::kNever;
  base::Time deadline = timer_;
  if (probe_ != nullptr) deadline = std::min(deadline, probe_->deadline);
  if (open() && poll_parked_ && !noop_) deadline = std::min(deadline, noop_deadline());
  return deadline;
}

void Session::on_deadline(base::Time now) {
  if (probe_ != nullptr && now >= probe_->deadline) drop_probe();
  start_noop(now);
  if (now < timer_) return;
  if (state_ == State::closing) {
    finish();
  } else if (open()) {
    if (awaiting_pong_) {
      end(CloseReason::ping_timeout, {});
    } else {
      ping(now);
    }
  }
}

// -- The end

void Session::close(CloseReason reason, base::Bytes detail, base::Time now) {
  if (!open()) return;
  if (transport_ == Transport::websocket) return end(reason, detail);
  state_ = State::closing;
  reason_ = reason;
  detail_ = detail;
  inbox_kind_ = Inbox::empty;
  const base::Time end = base::after(now, shared_.options.drain_timeout);
  // Who owes a pong is known to be gone by then: nothing is kept for it any longer.
  timer_ = awaiting_pong_ ? std::min(timer_, end) : end;
  parked_at_close_ = poll_parked_;
  // A client that was told `3probe` may never poll again: it gets the rest behind its `5`.
  if (probe_ != nullptr && !probe_->answered) drop_probe();
  raise(kClosed);
}

void Session::discard(CloseReason reason, base::Bytes detail, base::Time) {
  end(reason, detail);
}

// Everything but a graceful close: at once. A parked poll is answered `farewell`.
void Session::end(CloseReason reason, base::Bytes detail, char farewell) {
  if (open()) {
    reason_ = reason;
    detail_ = detail;
    raise(kClosed);
  } else if (state_ != State::closing) {
    return;
  }
  farewell_ = transport_ == Transport::polling ? farewell : '6';
  finish();
}

// Lets go of everything; what is left is at most the answer to a parked poll.
void Session::finish() {
  state_ = State::closed;
  queue_.reset();
  inbox_kind_ = Inbox::empty;
  drop_probe();
  if (websocket_ != nullptr) {
    websocket_ = nullptr;
    raise(kCloseWebSocket);
  }
  release();
}

void Session::release() {
  if (poll_parked_) {
    shared_.dirty.push_back(*this);
  } else {
    raise(kGone);
  }
}

// -- Events

void Session::raise(Due due) {
  due_ = static_cast<std::uint8_t>(due_ | due);
  shared_.dirty.push_back(*this);
}

// The next record of a POST body, which becomes `event` when it is a message. False: it was the
// last.
template <class Reader>
bool Session::on_record(Reader reader, Event& event, base::Time now) {
  Packet packet;
  inbox_kind_ = Inbox::empty;
  const auto status = reader.next(packet);
  if (status == Reader::Status::malformed) end(CloseReason::parse_error, {});
  if (status != Reader::Status::packet) return false;
  const bool is_message = on_packet(packet, now);
  if (!open()) return false;
  inbox_ = reader.rest();
  packets_ = static_cast<std::uint16_t>(reader.packets());
  inbox_kind_ = reader.over() ? Inbox::empty : Inbox::body;
  if (is_message)
    event = {.kind = EventKind::message, .payload = packet.data, .binary = packet.binary};
  return !is_message;
}

// Reads on in a POST body; none when there is no message in what is left.
Event Session::next_message(base::Time now) {
  Event event;
  while (inbox_kind_ == Inbox::body) {
    const std::uint32_t most = shared_.options.max_packets_per_payload;
    const bool more =
        v3_ ? on_record(PayloadReaderV3(inbox_, body_form(), packets_, most), event, now)
            : on_record(PayloadReader(inbox_, packets_, most), event, now);
    if (!more || (due_ & kNoted) != 0) break;
  }
  return event;
}

Event Session::next(base::Time now) {
  if (inbox_kind_ == Inbox::body) {
    if (Event event = next_message(now); event.kind != EventKind::none) return event;
  } else if (inbox_kind_ != Inbox::empty) {
    const bool binary = std::exchange(inbox_kind_, Inbox::empty) == Inbox::binary;
    return {.kind = EventKind::message, .payload = inbox_, .binary = binary};
  }
  const std::uint8_t due = due_ & static_cast<std::uint8_t>(-due_);
  due_ = static_cast<std::uint8_t>(due_ & ~due);
  switch (due) {
    case kNoted:
      return {.kind = EventKind::noted};
    case kUpgraded:
      return {.kind = EventKind::upgraded};
    case kClosed:
      return {.kind = EventKind::closed, .reason = reason_, .detail = detail_};
    case kCloseProbe:
      return {.kind = EventKind::close_probe};
    case kCloseWebSocket:
      return {.kind = EventKind::close_websocket};
    case kGone:
      state_ = State::gone;
      unlink();
      return {.kind = EventKind::gone};
    default:
      return {};
  }
}

}  // namespace socketio::eio
