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
  if (!open() || transport_ != Transport::polling || probe_ != nullptr) return false;
  if (!options.websocket || !options.allow_upgrades) return false;
  probe_ = std::make_unique<Probe>(
      Probe{.outlet = out, .deadline = base::after(now, options.upgrade_timeout)});
  probe_base64_ = base64;
  return true;
}

void Session::drop_probe() {
  if (probe_ == nullptr) return;
  probe_.reset();
  raise(kCloseProbe);
}

void Session::on_probe_text(base::MutBytes text, base::Time now) {
  if (probe_ == nullptr) return;
  if (!probe_->answered && base::as_bytes(text) == "2probe") {
    probe_->answered = true;
    probe_->noop_after = base::after(now, kNoopInterval);
    send_control(PacketType::pong, "probe", probe_->outlet);
    if (watched()) note({.kind = Note::Kind::upgrading});
    return;
  }
  const auto packet = parse_packet(text);
  if (probe_->answered && packet && packet->type == PacketType::upgrade) return upgrade(now);
  drop_probe();
}

// The client sends its `5` only when its poll was answered: a poll that waits is sent home. Not
// before 100 ms, as in the reference: a client that has just connected would else, now and then,
// see a packet more than the official client's tests expect.
void Session::start_noop(base::Time now) {
  if (!open() || !poll_parked_ || now < noop_deadline()) return;
  noop_ = true;
  probe_->noop_after = base::after(now, kNoopInterval);
  shared_.dirty.push_back(*this);
}

void Session::upgrade(base::Time now) {
  if (state_ == State::closing) {
    // What is left of a closed session; the WebSocket closes behind it.
    if (queue_ != nullptr) queue_to_websocket(probe_->outlet, probe_base64_);
    shared_.outlets.push_back(probe_->outlet);
    farewell_ = '6';
    return finish();
  }
  // What may fail comes first, while polling can go on.
  Outlet& outlet = probe_->outlet;
  if (watched()) rare_->watch->notes.reserve(rare_->watch->notes.size() + 1);
  if (queue_ != nullptr) queue_to_websocket(outlet, probe_base64_);
  websocket_ = &outlet;
  probe_.reset();
  transport_ = Transport::websocket;
  base64_ = probe_base64_;
  if (queue_ != nullptr) {
    queue_.reset();
    shared_.outlets.push_back(outlet);
  }
  if (watched()) note_flushing();
  touch(now);
  raise(kUpgraded);
}

}  // namespace socketio::eio
