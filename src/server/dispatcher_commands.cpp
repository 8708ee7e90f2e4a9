// What the public handles ask for, on the shard's thread: encode once, then tell the core.
#include "server/facade_emit.hpp"
#include "server/shard.hpp"
#include "sio/recovery_log.hpp"
#include "value/value_writer.hpp"

namespace socketio::server {
namespace {

// Between the core's acknowledgement table and the public receiver.
class Waiter final : public sio::AckWaiter {
 public:
  explicit Waiter(std::unique_ptr<detail::AckReceiver> receiver) : receiver_(std::move(receiver)) {}
  void reply(const Element& args) override { receiver_->reply(args); }
  void finish(sio::AckEnd end, const Element& args) override {
    switch (end) {
      case sio::AckEnd::replied:
        return receiver_->finish({}, args);
      case sio::AckEnd::timeout:
        return receiver_->finish(Errc::timeout, {});
      case sio::AckEnd::disconnected:
        return receiver_->finish(Errc::disconnected, {});
      case sio::AckEnd::shutting_down:
        return receiver_->finish(Errc::shutting_down, {});
    }
  }
  std::unique_ptr<detail::AckReceiver> release() { return std::move(receiver_); }

 private:
  std::unique_ptr<detail::AckReceiver> receiver_;
};

// Shows a shared packet to every receiver's on_any_outgoing; parses it once, and only when somebody
// listens.
class OutgoingNotifier final : public sio::Core::Outgoing {
 public:
  using Run = std::function<void(sio::Socket&, const EventView&)>;
  OutgoingNotifier(const sio::SharedPacket& packet, std::string_view event,
                   const sio::Options& options, base::Ledger& ledger, Run run)
      : packet_(packet), event_(event), options_(options), ledger_(ledger), run_(std::move(run)) {}
  void outgoing(sio::Socket& socket) override {
    if (const SocketExtras* own = extras_of(socket); own == nullptr || !own->any_outgoing) return;
    if (!document_ && reader_ == nullptr) read();
    if (reader_ != nullptr) return run_(socket, EventView(event_, reader_->root(), {}));
    run_(socket, EventView(event_, document_->root(),
                           attachments_.empty() ? document_->rest_of_array() : base::Bytes()));
  }

 private:
  void read() {
    reader_ = sio::make_reader(options_.parser, ledger_);
    if (reader_ != nullptr) {
      sio::Decoded decoded;
      reader_->on_message(packet_.text.payload(), packet_.text.is_binary(), options_, decoded);
      for (const eio::Message& message : packet_.attachments)
        reader_->on_message(message.payload(), message.is_binary(), options_, decoded);
      return;
    }
    document_.emplace();
    document_->parse_copy(packet_.body());
    for (const eio::Message& message : packet_.attachments)
      attachments_.push_back(message.payload());
    if (!attachments_.empty()) document_->bind_attachments(attachments_);
  }

  const sio::SharedPacket& packet_;
  std::string_view event_;
  const sio::Options& options_;
  base::Ledger& ledger_;
  Run run_;
  std::unique_ptr<sio::PacketReader> reader_;  // of another parser than the default
  std::optional<value::JsonDocument> document_;
  std::vector<base::Bytes> attachments_;
};

sio::Flags flags_of(const detail::Target& target) {
  return {target.is_volatile, target.compress};
}

}  // namespace

Args collect(detail::ArgsRef args) {
  value::ValueWriter writer;
  args.write(args.arguments, writer);
  return writer.take();
}

void write_values(const void* values, Writer& to) {
  for (const Value& value : *static_cast<const Args*>(values)) value.write(to);
}

sio::Selection selection_of(const detail::Target& target) {
  sio::Selection selection{target.rooms, target.except};
  if (const std::string_view sender = target.sender_id(); !sender.empty())
    selection.except.emplace_back(sender);
  return selection;
}

bool Dispatcher::emit(sio::SocketId id, std::string_view event, detail::ArgsRef args,
                      sio::Flags flags) {
  sio::Socket* socket = core_.get(id);
  if (socket == nullptr) return false;
  if (outgoing_listeners_ > 0) socket = notify_outgoing(*socket, event, args);
  if (socket == nullptr) return false;
  args.write(args.arguments, encoder_.begin_event(event));
  const sio::Encoded packet =
      encoder_.finish(sio::PacketType::event, core_.namespace_name(socket->nsp), std::nullopt,
                      options_.max_attachments);
  if (!packet.can_be_sent()) [[unlikely]]
    return refuse_attachments(*hub_, event), false;
  if (!core_.emit(*socket, packet, flags)) return false;
  counters_.events_out.add();
  return true;
}

bool Dispatcher::send_ack(sio::SocketId id, std::uint64_t ack, detail::ArgsRef args) {
  sio::Socket* socket = core_.get(id);
  if (socket == nullptr) return false;
  args.write(args.arguments, encoder_.begin_ack());
  const sio::Encoded packet = encoder_.finish(
      sio::PacketType::ack, core_.namespace_name(socket->nsp), ack, options_.max_attachments);
  if (!packet.can_be_sent()) [[unlikely]]
    return refuse_attachments(*hub_, "(acknowledgement)"), false;
  return core_.send_ack(*socket, packet);
}

bool Dispatcher::broadcast(const detail::Target& target, const sio::SharedPacket& packet,
                           std::string_view event) {
  if (!core_.has_namespace(target.nsp)) return true;  // nobody of it is here
  if (!kept_packets_.idle() && !target.is_volatile) [[unlikely]]
    keep_for_restored(target, packet);
  const sio::Selected selection(target.rooms, target.except, target.sender_id());
  if (outgoing_listeners_ == 0) {
    counters_.events_out.add(core_.send_to(target.nsp, selection, packet, flags_of(target)));
    return true;
  }
  OutgoingNotifier notifier(
      packet, event, options_, shared_.ledger,
      [this](sio::Socket& socket, const EventView& view) { show_outgoing(socket, view); });
  counters_.events_out.add(
      core_.send_to(target.nsp, selection, packet, flags_of(target), &notifier));
  return true;
}

void Dispatcher::deliver(const sio::LogEntry& entry, std::string_view event, sio::Flags flags) {
  if (outgoing_listeners_ == 0) return counters_.events_out.add(core_.deliver_logged(entry, flags));
  OutgoingNotifier notifier(
      entry.packet, event, options_, shared_.ledger,
      [this](sio::Socket& socket, const EventView& view) { show_outgoing(socket, view); });
  counters_.events_out.add(core_.deliver_logged(entry, flags, &notifier));
}

sio::Socket* Dispatcher::notify_outgoing(sio::Socket& socket, std::string_view event,
                                         const detail::ArgsRef& args) {
  if (const SocketExtras* own = extras_of(socket); own == nullptr || !own->any_outgoing)
    return &socket;
  sio::Encoder encoder(options_.parser);
  args.write(args.arguments, encoder.begin_event(event));
  const sio::Encoded encoded =
      encoder.finish(sio::PacketType::event, "/", std::nullopt, options_.max_attachments);
  if (!encoded.can_be_sent()) return &socket;
  const sio::SocketId id = socket.self;
  const sio::SharedPacket packet = sio::Encoder::share(encoded, &shared_.ledger);
  OutgoingNotifier(packet, event, options_, shared_.ledger,
                   [this](sio::Socket& s, const EventView& view) { show_outgoing(s, view); })
      .outgoing(socket);
  return core_.get(id);
}

bool Dispatcher::emit_with_ack(const detail::Target& target, std::string_view event,
                               detail::ArgsRef args,
                               std::unique_ptr<detail::AckReceiver> receiver) {
  const base::Time now = shard_.now();
  const base::Time deadline = target.timeout ? base::after(now, *target.timeout) : base::kNever;
  if (target.single) {
    sio::Socket* socket = core_.get(sio::SocketId::unpack(target.socket));
    if (socket != nullptr && outgoing_listeners_ > 0)
      socket = notify_outgoing(*socket, event, args);
    if (socket == nullptr) return receiver->finish(Errc::disconnected, {}), false;
    args.write(args.arguments, encoder_.begin_event(event));
    const base::Bytes nsp = core_.namespace_name(socket->nsp);
    const auto encoded = [&](std::optional<std::uint64_t> id) {
      return encoder_.finish(sio::PacketType::event, nsp, id, options_.max_attachments);
    };
    if (!encoded(std::nullopt).can_be_sent()) {
      refuse_attachments(*hub_, event);
      return receiver->finish(Errc::too_many, {}), false;
    }
    auto own = std::make_unique<Waiter>(std::move(receiver));
    Waiter& refused = *own;
    std::unique_ptr<sio::AckWaiter> waiter = std::move(own);
    const std::optional<std::uint64_t> id = core_.expect_ack(*socket, waiter, deadline);
    if (id) {
      counters_.acks_pending.add();
      if (!core_.emit(*socket, encoded(id), flags_of(target))) return false;
      counters_.events_out.add();
      return true;
    }
    const bool full = socket->state == sio::SocketState::connected;
    return refused.release()->finish(full ? Errc::too_many : Errc::disconnected, {}), false;
  }
  if (!ensure_namespace(target.nsp)) return receiver->finish(Errc::disconnected, {}), false;
  const std::uint64_t id = core_.next_ack_id(target.nsp);
  args.write(args.arguments, encoder_.begin_event(event));
  const sio::Encoded packet = encoder_.finish(
      sio::PacketType::event, core_.namespace_name(target.nsp), id, options_.max_attachments);
  if (!packet.can_be_sent()) {
    refuse_attachments(*hub_, event);
    return receiver->finish(Errc::too_many, {}), false;
  }
  const sio::SharedPacket shared = sio::Encoder::share(packet, &shared_.ledger);
  OutgoingNotifier notifier(
      shared, event, options_, shared_.ledger,
      [this](sio::Socket& socket, const EventView& view) { show_outgoing(socket, view); });
  counters_.acks_pending.add();
  detail::AckReceiver& asking = *receiver;  // lives at least until the core's next event
  const std::size_t asked =
      core_.broadcast_with_ack(target.nsp, selection_of(target), shared, flags_of(target), id,
                               std::make_unique<Waiter>(std::move(receiver)), deadline, now,
                               outgoing_listeners_ > 0 ? &notifier : nullptr);
  counters_.events_out.add(asked);
  asking.asked(asked);
  return true;
}

void Dispatcher::await_deadline(std::unique_ptr<sio::AckWaiter> waiter, base::Time deadline) {
  counters_.acks_pending.add();
  core_.await_deadline(std::move(waiter), deadline);
}

void Dispatcher::show_outgoing(sio::Socket& socket, const EventView& view) {
  const ListenersPtr list = extras_of(socket)->any_outgoing;
  const Socket user = handle(socket);
  const sio::SocketId id = socket.self;
  for (const Listener& listener : *list) run_one(id, user, view, listener.handler);
}

std::vector<sio::SocketId> Dispatcher::select(const detail::Target& target) {
  std::vector<sio::SocketId> found;
  if (target.single) {
    found.push_back(sio::SocketId::unpack(target.socket));
  } else if (core_.has_namespace(target.nsp)) {
    found = core_.select(target.nsp, selection_of(target));
  }
  // Rooms also hold sockets still in a middleware, and those whose end has not been reported yet.
  std::erase_if(found, [this](sio::SocketId id) {
    const sio::Socket* socket = core_.get(id);
    return socket == nullptr || socket->state != sio::SocketState::connected;
  });
  return found;
}

Handshake Dispatcher::handshake(sio::SocketId id) {
  const sio::Socket* socket = core_.get(id);
  if (socket != nullptr) return kept_handshake(*socket).read();
  Handshake gone;
  gone.auth = Value(Object());
  return gone;
}

KeptHandshake Dispatcher::kept_handshake(const sio::Socket& socket) const {
  return {hub_, socket, shard_.session_of(socket.client)};
}

RemoteSocket Dispatcher::remote(const sio::Socket& socket) {
  detail::Target target;
  target.hub = hub_;
  target.shard = shard_.index();
  target.nsp = socket.nsp;
  target.single = true;
  target.remote = true;
  target.socket = socket.self.packed();
  if (const auto* long_id = socket.id.shared()) {
    target.long_sender = *long_id;
  } else {
    target.sender = socket.id.chars();
  }
  std::vector<std::string> rooms{std::string(socket.id_view())};
  for (std::string& room : core_.rooms(socket.nsp).rooms_of(socket))
    rooms.push_back(std::move(room));
  Value data;
  if (const auto* own = extras_of(socket)) {
    for (const auto& [type, value] : own->data) {
      if (type == typeid(Value)) data = *static_cast<const Value*>(value.get());
    }
  }
  const auto kept = std::make_shared<const KeptHandshake>(kept_handshake(socket));
  return {std::move(target), std::string(socket.id_view()), [kept] { return kept->read(); },
          std::move(rooms), std::move(data)};
}

}  // namespace socketio::server
