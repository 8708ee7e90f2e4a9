// WebSocket: the handle of the user's own WebSockets. On its shard's thread it acts at once,
// elsewhere through the mailbox.
#include <socketio/websocket.hpp>

#include "server/shard.hpp"
#include "ws/close_code.hpp"
#include "ws/utf8.hpp"

namespace socketio {

bool WebSocket::open() const {
  return state_ != nullptr && state_->open.load(std::memory_order_relaxed) &&
         state_->hub->refusal(state_->shard) != Errc::shutting_down;
}

const HttpRequest& WebSocket::request() const {
  static const HttpRequest none(std::make_shared<HttpRequest::Content>());
  return state_ == nullptr ? none : state_->request;
}

std::string_view WebSocket::protocol() const {
  return state_ == nullptr ? std::string_view() : std::string_view(state_->protocol);
}

bool WebSocket::send(std::string_view text) const {
  return ws::valid_utf8(text) && put(text, false);
}

bool WebSocket::send(BinaryView bytes) const {
  return put(bytes.bytes, true);
}

bool WebSocket::put(std::string_view bytes, bool binary) const {
  if (!open()) return false;
  if (server::Shard* shard = state_->hub->enter(state_->shard); shard != nullptr)
    return shard->plain_websockets().send(*state_, bytes, binary);
  // What is on its way counts as well: nobody fills the mailbox with what the peer does not read.
  const std::size_t before = state_->posted.fetch_add(bytes.size());
  const bool fits =
      bytes.size() <= state_->hard && before + state_->queued.get() <= state_->hard - bytes.size();
  const bool sent =
      fits && state_->hub->post(state_->shard, [state = state_, payload = std::string(bytes),
                                                binary](server::Shard& shard) {
        state->posted.fetch_sub(payload.size());
        shard.plain_websockets().send(*state, payload, binary);
      });
  if (sent) return true;
  state_->posted.fetch_sub(bytes.size());
  if (!fits)
    state_->hub->post(state_->shard, [state = state_](server::Shard& shard) {
      shard.plain_websockets().overfill(*state);
    });
  return false;
}

std::size_t WebSocket::buffered_amount() const {
  return state_ == nullptr ? 0 : state_->buffered();
}

bool WebSocket::congested() const {
  return state_ != nullptr && state_->buffered() > state_->soft;
}

bool WebSocket::close(std::uint16_t code, std::string_view reason) const {
  if (!open() || !ws::may_be_sent(code)) return false;
  return state_->hub->run(state_->shard, detail::Mail::bounded,
                          [state = state_, code, why = std::string(reason)](server::Shard& shard) {
                            shard.plain_websockets().close(*state, code, why);
                          });
}

void WebSocket::terminate() const {
  if (state_ == nullptr) return;
  state_->hub->run(state_->shard, detail::Mail::bounded, [state = state_](server::Shard& shard) {
    shard.plain_websockets().terminate(*state);
  });
}

bool WebSocket::post(std::function<void()> job) const {
  return state_ != nullptr &&
         state_->hub->post(state_->shard, [job = std::move(job)](server::Shard&) { job(); });
}

std::any& WebSocket::data() const {
  static thread_local std::any none;
  if (state_ != nullptr) return state_->data;
  none.reset();
  return none;
}

}  // namespace socketio
