// From polling to WebSocket without losing, doubling or reordering a message.
#include "eio/session.hpp"

namespace socketio::eio {
namespace {

// Polls that arrive while a probe waits for its `5` are answered this far apart: soon enough for
// the client to go on, late enough that a client that polls on does not spin.
constexpr base::Duration kNoopInterval = std::chrono::milliseconds(100);

}  // namespace

bool Session::attach_probe(Outlet& out, base::Time now, bool base64) {
  const Options& options = shared_.options;
  if (state_ != State::open || transport_ != Transport::polling || probe_ != nullptr) return false;
  if (!options.websocket || !options.allow_upgrades) return false;
  probe_ = &out;
  probe_base64_ = base64;
  upgrade_deadline_ = base::after(now, options.upgrade_timeout);
  return true;
}

void Session::forget_probe() {
  probe_ = nullptr;
  probed_ = false;
  upgrade_deadline_ = noop_after_ = base::kNever;
}

void Session::drop_probe() {
  if (probe_ == nullptr) return;
  forget_probe();
  raise(kCloseProbe);
}

void Session::on_probe_text(base::MutBytes text, base::Time now) {
  if (probe_ == nullptr) return;
  if (!probed_ && base::as_bytes(text) == "2probe") {
    probed_ = true;
    noop_after_ = now;
    send_control(PacketType::pong, "probe", *probe_);
    start_noop(now);
    return;
  }
  const auto packet = parse_packet(text);
  if (probed_ && packet && packet->type == PacketType::upgrade) return upgrade(now);
  drop_probe();
}

// The client sends its `5` only when its poll was answered: a poll that waits is sent home.
void Session::start_noop(base::Time now) {
  if (state_ != State::open || !probed_ || !poll_parked_ || now < noop_after_) return;
  noop_ = true;
  noop_after_ = base::after(now, kNoopInterval);
  shared_.dirty.push_back(*this);
}

void Session::upgrade(base::Time now) {
  if (state_ == State::closing) {
    // What is left of a closed session; the WebSocket closes behind it.
    if (queue_ != nullptr) queue_to_websocket(*probe_, probe_base64_);
    shared_.outlets.push_back(*probe_);
    farewell_ = '6';
    return finish();
  }
  websocket_ = probe_;
  forget_probe();
  transport_ = Transport::websocket;
  base64_ = probe_base64_;
  if (queue_ != nullptr) {
    queue_to_websocket(*websocket_, base64_);
    queue_.reset();
    shared_.outlets.push_back(*websocket_);
  }
  touch(now);
  raise(kUpgraded);
}

}  // namespace socketio::eio
