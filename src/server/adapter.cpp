// The adapters' half of what is sent to many: LocalAdapter is the short way of facade_emit.cpp, put
// behind the contract.
#include <algorithm>
#include <atomic>

#include <socketio/adapter.hpp>

#include "server/facade_emit.hpp"
#include "server/shard.hpp"

namespace socketio {

namespace {

detail::Target target_of(const Adapter& adapter, const Delivery& delivery) {
  detail::Target target = adapter.nsp().target_for_emit();
  target.rooms = delivery.rooms;
  target.except = delivery.except;
  target.is_volatile = delivery.is_volatile;
  target.compress = delivery.compress;
  target.local = delivery.local;
  target.timeout = delivery.timeout;
  return target;
}

detail::ArgsRef args_of(const Packet& packet) {
  return {&packet.args, server::write_values};
}

// Adds up what the shards asked, and passes on what their clients answer.
class Poll {
 public:
  Poll(std::size_t parts, Adapter::OnClients on_clients, Adapter::OnReply on_reply)
      : left_(parts), on_clients_(std::move(on_clients)), on_reply_(std::move(on_reply)) {}
  void asked(std::size_t clients) {
    clients_.fetch_add(clients);
    if (left_.fetch_sub(1) == 1) on_clients_(clients_.load());
  }
  void reply(const Args& args) const { on_reply_(args); }

 private:
  std::atomic<std::size_t> left_;
  std::atomic<std::size_t> clients_{0};
  Adapter::OnClients on_clients_;
  Adapter::OnReply on_reply_;
};

class PollReceiver final : public detail::AckReceiver {
 public:
  explicit PollReceiver(std::shared_ptr<Poll> poll) : poll_(std::move(poll)) {}
  void asked(std::size_t clients) override { poll_->asked(clients); }
  void reply(const Element& args) override {
    Args values;
    for (Element::Cursor cursor = args.children(); cursor.next();)
      values.push_back(Value::read(cursor.value()));
    poll_->reply(values);
  }
  void finish(std::error_code, const Element&) override {}

 private:
  std::shared_ptr<Poll> poll_;
};

}  // namespace

Adapter::~Adapter() = default;
void Adapter::on_create_room(std::string_view) {}
void Adapter::on_join_room(std::string_view, std::string_view) {}
void Adapter::on_leave_room(std::string_view, std::string_view) {}
void Adapter::on_delete_room(std::string_view) {}

void Adapter::persist_session(AdapterSession) {}
Pending<std::optional<RestoredSession>> Adapter::restore_session(std::string,
                                                                 std::optional<std::string>) {
  return Pending<std::optional<RestoredSession>>(std::optional<RestoredSession>());
}

bool Adapter::deliver_server_event(Packet packet, std::function<void(const Args&)> answer) const {
  const detail::Target target = nsp_.target_for_emit();
  auto kept = std::make_shared<const Packet>(std::move(packet));
  return target.hub->run(
      0, detail::Mail::bounded,
      [nsp = target.nsp, kept, answer = std::move(answer)](server::Shard& first) {
        first.dispatcher().on_server_event(nsp, *kept, answer);
      });
}

RemoteSocket Adapter::remote_socket(SocketDescription description) const {
  detail::Target target = nsp_.target_for_emit();
  target.rooms.push_back(description.id);
  target.remote = true;
  return {std::move(target), std::move(description.id),
          [told = std::move(description.handshake)] { return told; }, std::move(description.rooms),
          std::move(description.data)};
}

Pending<std::size_t> LocalAdapter::server_count() {
  return Pending<std::size_t>(std::size_t{1});
}

bool LocalAdapter::broadcast(const Packet& packet, const Delivery& delivery) {
  return detail::emit_here(target_of(*this, delivery), packet.name, args_of(packet));
}

bool LocalAdapter::broadcast_with_ack(const Packet& packet, const Delivery& delivery,
                                      OnClients on_clients, OnReply on_reply) {
  const detail::Target target = target_of(*this, delivery);
  const std::size_t parts = target.hub->size();
  const auto poll = std::make_shared<Poll>(parts, std::move(on_clients), std::move(on_reply));
  const auto kept = std::make_shared<const Packet>(packet);
  for (std::size_t i = 0; i < parts; ++i) {
    const bool posted =
        target.hub->run(i, detail::Mail::in_order, [target, kept, poll](server::Shard& shard) {
          if (!shard.dispatcher().emit_with_ack(target, kept->name, args_of(*kept),
                                                std::make_unique<PollReceiver>(poll)))
            poll->asked(0);
        });
    if (!posted) poll->asked(0);
  }
  return true;
}

Pending<std::vector<RemoteSocket>> LocalAdapter::fetch_sockets(const Delivery& delivery) {
  return detail::fetch_here(target_of(*this, delivery));
}

bool LocalAdapter::add_sockets(const Delivery& delivery, std::vector<std::string> rooms) {
  return detail::rooms_here(target_of(*this, delivery), rooms, &server::Dispatcher::join);
}

bool LocalAdapter::del_sockets(const Delivery& delivery, std::vector<std::string> rooms) {
  return detail::rooms_here(target_of(*this, delivery), rooms, &server::Dispatcher::leave);
}

bool LocalAdapter::disconnect_sockets(const Delivery& delivery, bool close) {
  return detail::disconnect_here(target_of(*this, delivery), close);
}

bool LocalAdapter::server_side_emit(const Packet&) {
  detail::warn_no_servers(*nsp().target_for_emit().hub);
  return false;
}

bool LocalAdapter::server_side_emit_with_ack(const Packet&, OnAnswers done) {
  detail::warn_no_servers(*nsp().target_for_emit().hub);
  done(Errc::unsupported, {});
  return false;
}

Pending<std::vector<std::string>> LocalAdapter::sockets(const Delivery& delivery) {
  Pending<std::vector<std::string>> ids;
  const detail::Finisher<std::vector<std::string>> finish(ids.state());
  LocalAdapter::fetch_sockets(delivery).then([finish](Result<std::vector<RemoteSocket>> found) {
    if (!found) return finish(found.error());
    std::vector<std::string> all;
    for (const RemoteSocket& socket : *found) all.emplace_back(socket.id());
    finish(std::move(all));
  });
  return ids;
}

Pending<std::vector<std::string>> LocalAdapter::socket_rooms(std::string_view socket) {
  Pending<std::vector<std::string>> rooms;
  const detail::Finisher<std::vector<std::string>> finish(rooms.state());
  Delivery one;
  one.rooms.emplace_back(socket);
  LocalAdapter::fetch_sockets(one).then(
      [finish, id = std::string(socket)](Result<std::vector<RemoteSocket>> found) {
        if (!found) return finish(found.error());
        // Others may have joined the room of its id.
        const auto it = std::find_if(found->begin(), found->end(),
                                     [&id](const RemoteSocket& s) { return s.id() == id; });
        finish(it == found->end() ? std::vector<std::string>() : it->rooms());
      });
  return rooms;
}

}  // namespace socketio
