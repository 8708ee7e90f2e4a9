// Events from other servers: what they sent with server_side_emit().
#include "server/ack_state.hpp"
#include "server/owned_args.hpp"
#include "server/shard.hpp"

namespace socketio::server {

namespace {

// An event without a socket.
class ServerCall final : public detail::Invocation {
 public:
  ServerCall(Dispatcher& dispatcher, const Socket& none, const EventView& view,
             detail::AckHolder ack)
      : Invocation(none, view), dispatcher_(dispatcher), ack_(std::move(ack)) {}

  bool wants_ack() override { return static_cast<bool>(ack_); }
  Ack make_ack() override { return ack_ ? Ack(ack_) : Ack(); }
  void reply(detail::ArgsRef args) override {
    if (ack_ && ack_.state().open.exchange(false)) ack_.state().answer(collect(args));
  }
  void mismatch(std::size_t index) override { dispatcher_.report_mismatch(event().name(), index); }
  detail::TaskEnd begin_task() override {
    return
        [hub = dispatcher_.shard().hub(), shard = dispatcher_.shard().index(), handler = *handler_,
         name = std::string(event().name())](const std::exception_ptr& error) {
          Dispatcher::task_ended(*hub, shard, 0, name, error);
        };
  }
  void run(const detail::HandlerPtr& handler) {
    handler_ = &handler;
    dispatcher_.guarded(event().name(), [&] { handler->call(*this); });
  }

 private:
  Dispatcher& dispatcher_;
  detail::AckHolder ack_;
  const detail::HandlerPtr* handler_ = nullptr;
};

}  // namespace

void Dispatcher::on_server_event(sio::NamespaceIndex nsp, const Packet& packet,
                                 std::function<void(const Args&)> answer) {
  if (!ensure_namespace(nsp)) return;
  const ListenersPtr list = extras(nsp).server_events.find(packet.name);
  if (!list) return;
  Args all{Value(packet.name)};
  all.insert(all.end(), packet.args.begin(), packet.args.end());
  const OwnedArgs args(std::move(all));
  detail::AckHolder ack;
  if (answer) {
    ack = detail::AckHolder(std::make_unique<detail::AckState>().release());
    ack.state().answer = std::move(answer);
  }
  const bool asked = static_cast<bool>(ack);
  const Socket none;
  const EventView view(packet.name, args.root(), {}, asked);
  ServerCall call(*this, none, view, std::move(ack));
  for (const Listener& listener : *list) call.run(listener.handler);
}

}  // namespace socketio::server
