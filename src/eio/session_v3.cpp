// What is different in a session of Engine.IO v3: the client pings, and binary packets have a type.
#include "eio/session.hpp"

namespace socketio::eio {

// The one timer of a session, in the other direction: there is always a sign of life to wait for,
// and nothing but a ping is one.
void Session::expect_ping(base::Time now) {
  awaiting_pong_ = true;
  timeout_renewed_ = true;
  const Options& options = shared_.options;
  timer_ = base::after(base::after(now, options.ping_interval), options.ping_timeout);
}

void Session::on_frame_v3(const std::optional<Packet>& packet, base::Time now) {
  if (packet) {
    on_packet(*packet, now);
  } else {
    end(CloseReason::parse_error, {});
  }
}

void Session::queue_to_websocket(Outlet& outlet, bool base64) {
  if (v3_) {
    queue_->move_to_v3(outlet.out, base64);
    pong_queued_ = false;
  } else {
    queue_->move_to(outlet.out);
  }
}

}  // namespace socketio::eio
