// The polling side of a session: one GET parked, one POST coming in, and the last answers.
#include "base/check.hpp"
#include "eio/session.hpp"
#include "http/message.hpp"

namespace socketio::eio {
namespace {

constexpr base::Bytes kNoop = "6";
constexpr base::Bytes kNoopClose =
    "6\x1e"
    "1";

bool is_octet_stream(base::Bytes content_type) {
  base::Bytes type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  return http::iequals(type, "application/octet-stream");
}

}  // namespace

Session::Poll Session::on_poll(base::Time now) {
  // Its timer may come behind it in this turn.
  if (state_ == State::open && awaiting_pong_ && now >= timer_ - kLate) {
    end(CloseReason::ping_timeout, {});
  } else if (now >= deadline()) {
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
  return state_ != State::open || transport_ == Transport::websocket || noop_ || queue_ != nullptr;
}

bool Session::take_payload(std::string& body, base::Time) {
  SIO_CHECK(poll_ready());
  poll_parked_ = false;
  noop_ = false;
  if (state_ == State::closed) {
    body += farewell_;
    release();
  } else if (state_ == State::closing) {
    return take_last(body);
  } else if (transport_ == Transport::websocket || queue_ == nullptr) {
    body += kNoop;
  } else {
    const bool compress = queue_->take(body, shared_.options.max_payload);
    if (queue_->empty()) queue_.reset();
    return compress;
  }
  return false;
}

// Closing: the poll that was parked when the session closed gets the rest and `1` in one answer.
// Polls that come later get the rest first, and the one after that the exact bytes that engine.io
// answers then.
bool Session::take_last(std::string& body) {
  const bool at_close = std::exchange(parked_at_close_, false);
  if (queue_ == nullptr) {
    body += at_close ? kNoopClose.substr(2) : kNoopClose;
    finish();
    return false;
  }
  const std::size_t before = body.size();
  const std::size_t max = shared_.options.max_payload;
  const bool compress = queue_->take(body, max);
  if (!queue_->empty()) return compress;
  queue_.reset();
  const std::size_t taken = body.size() - before;
  if (!at_close || taken + 2 > max) return compress;
  body += kNoopClose.substr(1);
  finish();
  return compress;
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

Session::Post Session::on_post_begin(base::Bytes content_type, base::Time) {
  if (state_ == State::closed || state_ == State::gone || transport_ == Transport::websocket)
    return Post::refused;
  if (post_open_) {
    end(CloseReason::transport_error, "data request overlap from client");
    return Post::overlap;
  }
  if (is_octet_stream(content_type)) {
    end(CloseReason::transport_error, "invalid content");
    return Post::bad_content_type;
  }
  post_open_ = true;
  return Post::accepted;
}

void Session::on_post(base::MutBytes body, base::Time) {
  if (!std::exchange(post_open_, false)) return;
  if (state_ == State::open) {
    fill_inbox(body, Inbox::body);
    packets_ = 0;
    return;
  }
  if (state_ != State::closing) return;
  // Nothing is delivered any more, but a client that says goodbye will not come for the rest.
  PayloadReader reader(body);
  Packet packet;
  while (reader.next(packet) == PayloadReader::Status::packet) {
    if (packet.type == PacketType::close) return end(CloseReason::transport_close, {}, '6');
  }
}

void Session::on_post_failed(bool too_large, base::Time) {
  if (!std::exchange(post_open_, false)) return;
  if (too_large || transport_ == Transport::websocket) return;
  end(CloseReason::transport_error, "data request connection closed prematurely");
}

}  // namespace socketio::eio
