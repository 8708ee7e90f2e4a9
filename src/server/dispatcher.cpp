// User code, run: connections, events, disconnections. Commands are in dispatcher_commands.cpp,
// middlewares in dispatcher_middlewares.cpp.
#include "server/dispatcher.hpp"

#include <fmt/format.h>

#include "server/ack_state.hpp"
#include "server/owned_args.hpp"
#include "server/shard.hpp"

namespace socketio {

// When the last copy goes unanswered nothing happens, as where JavaScript forgets its next().
struct Next::Once : detail::FirstCall<Go> {
  using FirstCall::FirstCall;
};

Next::Next(Go go) : once_(std::make_shared<Once>(std::move(go))) {}
void Next::operator()() const {
  (*once_)(std::nullopt, nullptr);
}
void Next::operator()(ConnectError error) const {
  (*once_)(std::move(error), nullptr);
}
void Next::fail(std::exception_ptr error) const {
  (*once_)(ConnectError{"internal error"}, std::move(error));
}

// On the socket's thread, as everything that it is told.
detail::TaskEnd detail::begin_task(const Socket& socket, std::string_view name,
                                   std::shared_ptr<const void> kept) {
  server::Shard* here = socket.hub()->here(socket.shard());
  server::SessionRecord* record =
      here == nullptr ? nullptr
                      : here->dispatcher().session_of(sio::SocketId::unpack(socket.self()));
  TaskEnd end = [hub = socket.hub(), shard = socket.shard(),
                 session = record == nullptr ? 0 : record->session.owner(), kept = std::move(kept),
                 event = std::string(name)](const std::exception_ptr& error) {
    server::Dispatcher::task_ended(*hub, shard, session, event, error);
  };
  // Not before: it may only count when somebody can tell its end.
  if (record != nullptr) here->handler_started(*record);
  return end;
}

}  // namespace socketio

namespace socketio::server {
namespace {

// Times that memory runs out in one pump(): more, and what is left waits for the next.
constexpr int kFailures = 100;

std::string message_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "unknown exception";
  }
}

}  // namespace

// The acknowledgement that an event asks for: one for all who are shown the event, and the first
// of them to answer counts.
struct Dispatcher::Wish {
  Wish(Dispatcher& d, std::optional<std::uint64_t> ack_id) : dispatcher(d), id(ack_id) {}
  ~Wish() {
    if (ack) dispatcher.give_back(std::move(ack));
  }
  Wish(const Wish&) = delete;
  Wish& operator=(const Wish&) = delete;

  Ack take(sio::SocketId socket) {
    if (!id) return {};
    if (!ack) ack = dispatcher.take_ack(socket, *id);
    return Ack(ack);
  }

  Dispatcher& dispatcher;
  std::optional<std::uint64_t> id;  // nullopt: none, or answered by what a handler returned
  detail::AckHolder ack{};
};

// One event being handled: what detail::Invocation shows to typed handlers.
// What it is given outlives it.
class Call final : public detail::Invocation {
 public:
  Call(Dispatcher::Wish& wish, sio::SocketId id, const Socket& handle, const EventView& view)
      : Invocation(handle, view), dispatcher_(wish.dispatcher), id_(id), wish_(wish) {}

  bool wants_ack() override { return wish_.id.has_value(); }
  Ack make_ack() override { return wish_.take(id_); }
  void reply(detail::ArgsRef args) override {
    if (!wish_.id) return;
    const std::uint64_t id = *std::exchange(wish_.id, std::nullopt);
    // Another handler of the event may have taken an Ack and used it already.
    if (!wish_.ack || wish_.ack.state().open.exchange(false, std::memory_order_relaxed))
      dispatcher_.send_ack(id_, id, args);
  }
  void mismatch(std::size_t index) override { dispatcher_.report_mismatch(event().name(), index); }
  // It also keeps the handler (and what it captured) alive until then.
  detail::TaskEnd begin_task() override {
    return detail::begin_task(socket(), event().name(), *handler_);
  }

  // `handler` outlives the call: its list is held by whoever walks it.
  void run(const detail::HandlerPtr& handler) {
    handler_ = &handler;
    dispatcher_.guarded(event().name(), [&] { handler->call(*this); });
  }

 private:
  Dispatcher& dispatcher_;
  sio::SocketId id_;
  Dispatcher::Wish& wish_;
  const detail::HandlerPtr* handler_ = nullptr;
};

// Most are answered before their handler ends, and their memory serves the next.
detail::AckHolder Dispatcher::take_ack(sio::SocketId socket, std::uint64_t id) {
  detail::AckHolder ack = std::move(spare_ack_);
  if (!ack) {
    ack = detail::AckHolder(std::make_unique<detail::AckState>().release());
    ack.state().hub = hub_;
    ack.state().shard = shard_.index();
  }
  ack.state().socket = socket.packed();
  ack.state().id = id;
  ack.state().open.store(true, std::memory_order_relaxed);
  return ack;
}

void Dispatcher::give_back(detail::AckHolder ack) {
  if (ack.alone()) spare_ack_ = std::move(ack);
}

// The handle of whoever runs handlers of a socket: the dispatcher's own, unless that is in use
// further up the stack.
class Dispatcher::Lent {
 public:
  Lent(Dispatcher& dispatcher, const sio::Socket& socket)
      : dispatcher_(dispatcher), mine_(!dispatcher.lent_ && socket.id.shared() == nullptr) {
    if (mine_) {
      dispatcher.lent_ = true;
      dispatcher.spare_.rebind(socket.self.packed(), socket.nsp, socket.id.chars());
    } else {
      own_.emplace(dispatcher.handle(socket));
    }
  }
  ~Lent() {
    if (mine_) dispatcher_.lent_ = false;
  }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  const Socket& get() const { return mine_ ? dispatcher_.spare_ : *own_; }

 private:
  Dispatcher& dispatcher_;
  const bool mine_;
  std::optional<Socket> own_;
};

SessionRecord* Dispatcher::session_of(sio::SocketId id) {
  const sio::Socket* socket = core_.get(id);
  return socket == nullptr ? nullptr : shard_.session_of(socket->client);
}

void Dispatcher::task_ended(const detail::Hub& hub, std::size_t shard, std::uint64_t session,
                            const std::string& name, const std::exception_ptr& error) {
  if (Shard* here = hub.enter(shard); here != nullptr) {
    if (error) here->dispatcher().report_exception(error, name);
    return here->handler_ended(session);
  }
  try {
    std::optional<ErrorReport> report;
    if (error) report = failure_of(error, name);
    hub.post(shard, detail::Mail::always, [session, report = std::move(report)](Shard& on) {
      if (report) on.dispatcher().report_failure(*report);
      on.handler_ended(session);
    });
  } catch (const std::bad_alloc&) {  // it counts as running until its client has gone
  }
}

Dispatcher::Dispatcher(Shard& shard, sio::Core& core, eio::Shared& shared, Counters& counters,
                       std::shared_ptr<detail::Hub> hub)
    : shard_(shard),
      core_(core),
      shared_(shared),
      counters_(counters),
      options_(hub->settings.sio),
      hub_(std::move(hub)),
      sockets_hub_(detail::HubRef::make(hub_)),
      encoder_(options_.parser),
      kept_packets_(hub_->settings.eio.send_hard / 2) {
  spare_ = Socket(sockets_hub_, shard_.index(), 0, 0, {});
  let_in(0);
}

Socket Dispatcher::handle(const sio::Socket& socket) const {
  if (const auto* long_id = socket.id.shared()) [[unlikely]]
    return {sockets_hub_, shard_.index(), socket.self.packed(), socket.nsp, {}, *long_id};
  return {sockets_hub_, shard_.index(), socket.self.packed(), socket.nsp, socket.id.chars()};
}

Socket Dispatcher::handle(sio::SocketId id) {
  const sio::Socket* socket = core_.get(id);
  return socket == nullptr ? Socket() : handle(*socket);
}

SocketExtras* Dispatcher::extras(sio::SocketId id) {
  sio::Socket* socket = core_.get(id);
  if (socket == nullptr) return nullptr;
  if (!socket->attachment) socket->attachment = std::make_shared<SocketExtras>();
  return extras_of(*socket);
}

void Dispatcher::report(const ErrorReport& error) {
  const Handling inside(handling_);
  if (error.kind == ErrorReport::Kind::connection_error) {
    shard_.log(base::LogLevel::warn, base::LogKind::protocol, error.message,
               {{"code", std::to_string(error.code)}, {"name", error.name}});
  } else {
    shard_.log(base::LogLevel::warn, base::LogKind::handler, error.message,
               {{"event", error.event}});
  }
  each_hook(hub_->hooks.error, [&](const auto& hook) {
    try {
      hook(error);
    } catch (...) {  // a hook that throws has nobody left to tell
      counters_.failures.add();
    }
  });
}

void Dispatcher::report_mismatch(std::string_view event, std::size_t argument) {
  counters_.mismatches.add();
  report({ErrorReport::Kind::payload_mismatch,
          fmt::format("argument {} does not fit the handler", argument), std::string(event)});
}

void Dispatcher::report_exception(std::exception_ptr error, std::string_view event) {
  try {
    report_failure(failure_of(error, event));
  } catch (const std::bad_alloc&) {  // what was to be reported, most likely
    counters_.failures.add();
  }
}

ErrorReport Dispatcher::failure_of(const std::exception_ptr& error, std::string_view event) {
  return {ErrorReport::Kind::handler_exception, message_of(error), std::string(event)};
}

void Dispatcher::report_failure(const ErrorReport& failure) {
  counters_.failures.add();
  try {
    report(failure);
  } catch (const std::bad_alloc&) {  // it has been counted
  }
}

void Dispatcher::pump(base::Time now, const sio::Arrival* first) {
  if (pumping_) return;
  pumping_ = true;
  for (int failures = 0; failures < kFailures; ++failures) {
    sio::ClientId concerned{};
    try {
      if (const sio::Arrival* event = std::exchange(first, nullptr); event != nullptr) {
        concerned = event->client;
        on_event(*event);
      }
      if (!core_.quiet()) drain(now, concerned);
      break;
    } catch (const std::bad_alloc&) {
      // Costs the client whose event it was; the others' events go on.
      counters_.failures.add();
      shard_.give_up(concerned);
    }
  }
  pumping_ = false;
}

void Dispatcher::drain(base::Time now, sio::ClientId& concerned) {
  while (true) {
    concerned = {};
    sio::Event event = core_.next(now);
    concerned = event.client;
    switch (event.kind) {
      case sio::EventKind::none:
        return;
      case sio::EventKind::connecting:
        on_connecting(event);
        break;
      case sio::EventKind::vanished:
        vanished(event);
        break;
      case sio::EventKind::unknown_namespace:
        on_unknown_namespace(event);
        break;
      case sio::EventKind::event:
        on_event(event);
        if (!core_.quiet()) break;
        return;
      case sio::EventKind::ack:
        counters_.acks_pending.subtract();
        if (event.end == sio::AckEnd::timeout) counters_.acks_timed_out.add();
        guarded("ack", [&] { event.waiter->finish(event.end, event.args); });
        break;
      case sio::EventKind::ack_reply:
        guarded("ack", [&] { event.group->reply(event.args); });
        break;
      case sio::EventKind::error:
        on_error(event.socket, event.name);
        break;
      case sio::EventKind::disconnecting:
      case sio::EventKind::disconnected:
        on_disconnect(event);
        break;
    }
  }
}

// -- Connecting.

void Dispatcher::on_connecting(const sio::Event& event) {
  const NamespaceExtras& nsp = extras(event.nsp);
  if (!nsp.open || (nsp.entry->counted && !nsp.entry->enter()))
    return core_.start_over(event.socket);
  if (hub_->recovery != nullptr && recover(event.socket)) return;
  run_middlewares(event.socket, event.nsp);
}

void Dispatcher::connected(sio::SocketId id) {
  if (hub_->recovery != nullptr && !accept_recoverable(id)) return;
  if (!core_.accept(id, shard_.now())) return;
  const sio::Socket* socket = core_.get(id);
  const Socket user = handle(*socket);
  NamespaceExtras& nsp = extras(socket->nsp);
  nsp.entry->sockets.fetch_add(1, std::memory_order_relaxed);
  counters_.sockets.add();
  if (nsp.watched) room_changed(*socket, user.id(), true);
  nsp.connection.each([&](const auto& run) { guarded("connection", [&] { run(user); }); });
}

// -- Events.

[[gnu::always_inline]] inline void Dispatcher::run_handlers(const sio::Socket& socket,
                                                            const NamespaceExtras& nsp,
                                                            const EventView& view, Wish& wish) {
  // Listeners for any event and middlewares may have disconnected it.
  if (socket.state != sio::SocketState::connected) return;
  const ListenersPtr for_all = nsp.events.find(view.name());
  auto* own = extras_of(socket);
  const ListenersPtr for_one = own != nullptr ? own->events.find(view.name()) : nullptr;
  if (!for_all && !for_one) return;
  const sio::SocketId id = socket.self;
  const Lent handle(*this, socket);
  Call call(wish, id, handle.get(), view);
  const auto run_all = [&](const ListenersPtr& list) __attribute__((always_inline)) {
    if (!list) return;
    for (const Listener& listener : *list) {
      if (!listener.once || take_once(id, listener.id)) call.run(listener.handler);
    }
  };
  run_all(for_all);
  run_all(for_one);
}

// False: it has been taken, or removed, since the event came.
bool Dispatcher::take_once(sio::SocketId id, ListenerId listener) {
  const sio::Socket* socket = core_.get(id);
  return socket != nullptr && socket->attachment && extras_of(*socket)->remove(listener);
}

void Dispatcher::on_event(const sio::Arrival& event) {
  counters_.events_in.add();
  sio::Socket* socket = event.record;
  const EventView view(event.name, event.args, event.rest, event.ack_id.has_value());
  NamespaceExtras& nsp = extras(socket->nsp);
  auto* own = extras_of(*socket);
  Wish wish(*this, event.ack_id);
  if (nsp.any || (own != nullptr && own->any)) {
    const ListenersPtr lists[] = {nsp.any, own != nullptr ? own->any : nullptr};
    for (const ListenersPtr& list : lists) {
      if (!list) continue;
      for (const Listener& listener : *list)
        Call(wish, event.socket, handle(*socket), view).run(listener.handler);
    }
    // They may have disconnected it, and registered handlers.
    socket = core_.get(event.socket);
    if (socket == nullptr) return;
    own = extras_of(*socket);
  }
  if (own != nullptr && own->middlewares) {
    Packet packet{std::string(event.name), view.values(), wish.take(event.socket)};
    return pass(*socket, std::move(packet), wish.ack, own->middlewares);
  }
  run_handlers(*socket, nsp, view, wish);
}

// A packet that middlewares had as values goes on like one that was received.
void Dispatcher::dispatch_packet(sio::SocketId id, const Packet& packet, detail::AckHolder ack) {
  Args all{Value(packet.name)};
  all.insert(all.end(), packet.args.begin(), packet.args.end());
  const OwnedArgs args(std::move(all));
  const sio::Socket* socket = core_.get(id);
  if (socket == nullptr) return;
  Wish wish(*this, ack ? std::optional(ack.state().id) : std::nullopt);
  wish.ack = std::move(ack);
  run_handlers(*socket, extras(socket->nsp),
               EventView(packet.name, args.root(), {}, wish.id.has_value()), wish);
}

void Dispatcher::run_one(sio::SocketId id, const Socket& user, const EventView& view,
                         const detail::HandlerPtr& handler) {
  Wish none(*this, std::nullopt);
  Call(none, id, user, view).run(handler);
}

void Dispatcher::on_error(sio::SocketId id, std::string_view text) {
  const sio::Socket* socket = core_.get(id);
  if (socket == nullptr || !socket->attachment) return;
  extras_of(*socket)->error.each([&](const auto& run) { guarded("error", [&] { run(text); }); });
}

void Dispatcher::on_disconnect(const sio::Event& event) {
  const sio::Socket* socket = core_.get(event.socket);
  const DisconnectReason reason = event.reason;
  const bool before = event.kind == sio::EventKind::disconnecting;
  if (!before && !leaving_.empty()) left_rooms(*socket);
  if (!before) {
    extras(event.nsp).entry->sockets.fetch_sub(1, std::memory_order_relaxed);
    counters_.sockets.subtract();
    counters_.disconnects.at(static_cast<std::size_t>(reason)).add();
  }
  const Socket user = handle(*socket);
  const std::shared_ptr<sio::Attachment> keep = socket->attachment;
  if (auto* own = static_cast<SocketExtras*>(keep.get()); own != nullptr) {
    (before ? own->disconnecting : own->disconnected).each([&](const auto& run) {
      guarded("disconnect", [&] { run(reason, event.detail); });
    });
  }
  if (before) return remember_rooms(*core_.get(event.socket));
  extras(event.nsp).disconnected.each(
      [&](const auto& run) { guarded("disconnect", [&] { run(user, reason); }); });
  if (hub_->recovery != nullptr) end_session(event.socket, reason);
  client_left(extras(event.nsp));
}

}  // namespace socketio::server
