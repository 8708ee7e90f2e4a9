// Events from other servers: what they sent with server_side_emit().
#include "server/ack_state.hpp"
#include "server/owned_args.hpp"
#include "server/shard.hpp"

namespace socketio::server {

namespace {

// An event without a socket.
class ServerCall final : public detail::Invocation {
 public:
  ServerCall(Dispatcher& dispatcher, const EventView& view, std::shared_ptr<detail::AckState> ack)
      : dispatcher_(dispatcher), view_(view), ack_(std::move(ack)) {}

  const Socket& socket() override { return none_; }
  EventView event() override { return view_; }
  bool wants_ack() override { return ack_ != nullptr; }
  Ack make_ack() override { return ack_ == nullptr ? Ack() : Ack(ack_); }
  void reply(detail::ArgsRef args) override {
    if (ack_ != nullptr && ack_->open.exchange(false)) ack_->answer(collect(args));
  }
  void mismatch(std::size_t index) override { dispatcher_.report_mismatch(view_.name(), index); }
  detail::TaskEnd begin_task() override {
    return [hub = dispatcher_.shard().hub(), shard = dispatcher_.shard().index(),
            handler = *handler_, name = std::string(view_.name())](std::exception_ptr error) {
      Shard* alive = hub->here(shard);
      if (error && alive != nullptr) alive->dispatcher().report_exception(error, name);
    };
  }
  void run(const detail::HandlerPtr& handler) {
    handler_ = &handler;
    dispatcher_.guarded(view_.name(), [&] { handler->call(*this); });
  }

 private:
  Dispatcher& dispatcher_;
  Socket none_;
  EventView view_;
  std::shared_ptr<detail::AckState> ack_;
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
  std::shared_ptr<detail::AckState> ack;
  if (answer) {
    ack = std::make_shared<detail::AckState>();
    ack->answer = std::move(answer);
  }
  ServerCall call(*this, EventView(packet.name, args.root(), {}, ack != nullptr), ack);
  for (const Listener& listener : *list) call.run(listener.handler);
}

}  // namespace socketio::server
