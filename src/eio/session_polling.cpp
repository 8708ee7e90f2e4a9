// The polling side of a session: one GET parked, one POST coming in, and the last answers.
#include "base/check.hpp"
#include "eio/jsonp.hpp"
#include "eio/session.hpp"
#include "http/message.hpp"

namespace socketio::eio {
namespace {

constexpr char kNoop = '6';
constexpr char kClose = '1';

bool is_octet_stream(base::Bytes content_type) {
  base::Bytes type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  return http::iequals(type, "application/octet-stream");
}

}  // namespace

Session::Poll Session::on_poll(base::Time now) {
  // Its timer may come behind it in this turn. In what is left of a body there may be a pong.
  const bool late = open() && awaiting_pong_ && now >= timer_ - kLate;
  if (late && !reading_body()) {
    end(CloseReason::ping_timeout, {});
  } else if (now >= deadline() && !reading_body()) {
    on_deadline(now);
  }
  if (state_ == State::closed || state_ == State::gone || transport_ == Transport::websocket)
    return Poll::refused;
  if (poll_parked_) {
    end(CloseReason::transport_error, "overlap from client");
    return Poll::overlap;
  }
  poll_parked_ = true;
  start_noop(now);
  if (poll_ready()) shared_.dirty.push_back(*this);
  return Poll::parked;
}

bool Session::poll_ready() const {
  if (!poll_parked_) return false;
  return !open() || transport_ == Transport::websocket || noop_ || queue_ != nullptr;
}

// A packet without data, behind what `body` holds.
void Session::add_control(std::string& body, char type) const {
  if (v3_) return append_text_v3(body, {&type, 1}, FormV3::text);
  if (!body.empty()) body += kSeparator;
  body += type;
}

Session::Payload Session::take_payload(std::string& body, base::Time) {
  SIO_CHECK(poll_ready() && body.empty());
  poll_parked_ = false;
  noop_ = false;
  if (state_ == State::closed) {
    add_control(body, farewell_);
    release();
  } else if (state_ == State::closing) {
    return take_last(body);
  } else if (transport_ == Transport::websocket || queue_ == nullptr) {
    add_control(body, kNoop);
  } else {
    return take_queued(body);
  }
  return {};
}

Session::Payload Session::take_queued(std::string& body) {
  Payload taken;
  const std::size_t max = shared_.options.max_payload;
  if (v3_) {
    taken = queue_->take_v3(body, max, base64_ || jsonp_);
  } else {
    taken.compress = queue_->take(body, max);
  }
  if (queue_->empty()) {
    queue_.reset();
    pong_queued_ = false;
  }
  if (watched()) {
    note_flushing();
    note_drained();
  }
  return taken;
}

// Closing: polls get the rest first, and the one after that what engine.io answers then, byte by
// byte. Never both in one answer: the official client looks at a `1` at once and at messages in its
// next turn, so it would take a farewell in front of it for a connection that broke, and come back.
Session::Payload Session::take_last(std::string& body) {
  const bool at_close = parked_at_close_;
  parked_at_close_ = false;
  if (queue_ != nullptr) return take_queued(body);
  if (!at_close) add_control(body, kNoop);
  add_control(body, kClose);
  finish();
  return {};
}

void Session::on_poll_aborted(base::Time) {
  if (!poll_parked_) return;
  poll_parked_ = false;
  noop_ = false;
  if (state_ == State::closed) return release();
  // An upgraded client no longer needs the poll it is owed an answer for.
  if (transport_ == Transport::websocket) return;
  end(CloseReason::transport_error, "poll connection closed prematurely");
}

Session::Post Session::on_post_begin(base::Bytes content_type, base::Time now) {
  // A ping may come in it, too late: its timer may come behind it in this turn.
  if (v3_ && open() && now >= timer_ - kLate) end(CloseReason::ping_timeout, {});
  if (state_ == State::closed || state_ == State::gone || transport_ == Transport::websocket)
    return Post::refused;
  if (post_open_ || reading_body()) {
    end(CloseReason::transport_error, "data request overlap from client");
    return Post::overlap;
  }
  const bool bytes = is_octet_stream(content_type) && !jsonp_;
  if (bytes && !v3_) {
    end(CloseReason::transport_error, "invalid content");
    return Post::bad_content_type;
  }
  binary_body_ = bytes;
  post_open_ = true;
  return Post::accepted;
}

void Session::on_post(base::MutBytes body, base::Time) {
  if (!std::exchange(post_open_, false)) return;
  if (jsonp_) {
    const std::optional<base::MutBytes> payload = decode_jsonp_form(body);
    if (!payload) return;
    body = *payload;
  }
  if (open()) {
    fill_inbox(body, Inbox::body);
    packets_ = 0;
  } else if (state_ == State::closing) {
    const std::uint32_t most = shared_.options.max_packets_per_payload;
    v3_ ? on_late_body(PayloadReaderV3(body, body_form(), 0, most))
        : on_late_body(PayloadReader(body, 0, most));
  }
}

// Nothing is delivered any more, but a client that says goodbye will not come for the rest.
template <class Reader>
void Session::on_late_body(Reader reader) {
  Packet packet;
  while (reader.next(packet) == Reader::Status::packet) {
    if (packet.type == PacketType::close) return end(CloseReason::transport_close, {}, '6');
  }
}

void Session::on_post_failed(bool too_large, base::Time) {
  if (!std::exchange(post_open_, false)) return;
  if (too_large || transport_ == Transport::websocket) return;
  end(CloseReason::transport_error, "data request connection closed prematurely");
}

}  // namespace socketio::eio
