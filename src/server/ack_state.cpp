#include "server/ack_state.hpp"

#include "server/dispatcher.hpp"
#include "server/owned_args.hpp"
#include "server/shard.hpp"

namespace socketio {

void detail::AckHolder::free(Shared* shared) {
  std::default_delete<AckState>{}(static_cast<AckState*>(shared));
}

Ack::operator bool() const {
  return holder_ && holder_.state().open.load(std::memory_order_relaxed);
}

bool Ack::send(detail::ArgsRef args) const {
  if (!holder_) return false;
  detail::AckState& state = holder_.state();
  if (!state.open.exchange(false, std::memory_order_relaxed)) return false;
  if (state.answer) return state.answer(server::collect(args)), true;
  const auto socket = sio::SocketId::unpack(state.socket);
  if (server::Shard* shard = state.hub->enter(state.shard); shard != nullptr)
    return shard->dispatcher().send_ack(socket, state.id, args);
  // Off the shard's thread: the arguments become values here, since they may not live on.
  auto values = std::make_shared<Args>(server::collect(args));
  return state.hub->post(
      state.shard, detail::Mail::in_order, [socket, values, id = state.id](server::Shard& shard) {
        shard.dispatcher().send_ack(socket, id, {values.get(), server::write_values});
      });
}

}  // namespace socketio
