// An adapter that joins the servers of one process: what a cluster's adapter does, with function
// calls instead of a network.
//
//   Bus bus;  options.adapter = [&bus](const Namespace& nsp) { return bus.make(nsp); };
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <socketio/server.hpp>

namespace socketio::test {

class JoinedAdapter;

class Bus {
 public:
  std::shared_ptr<JoinedAdapter> make(const Namespace& nsp);
  void remove(const JoinedAdapter& adapter);
  std::vector<std::shared_ptr<JoinedAdapter>> members(std::string_view nsp);
  std::vector<std::shared_ptr<JoinedAdapter>> others(const JoinedAdapter& of);
  std::atomic<bool> deaf{false};  // the others do not answer

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<JoinedAdapter>> all_;
};

class JoinedAdapter final : public LocalAdapter {
 public:
  JoinedAdapter(Bus& bus, const Namespace& nsp) : LocalAdapter(nsp), name(nsp.name()), bus_(bus) {}
  const std::string name;

  void close() override { bus_.remove(*this); }
  Pending<std::size_t> server_count() override {
    return Pending<std::size_t>(bus_.members(name).size());
  }
  bool broadcast(const Packet& packet, const Delivery& delivery) override {
    if (!delivery.local)
      each([&](JoinedAdapter& other) { other.LocalAdapter::broadcast(packet, delivery); });
    return LocalAdapter::broadcast(packet, delivery);
  }
  bool broadcast_with_ack(const Packet& packet, const Delivery& delivery, OnClients on_clients,
                          OnReply on_reply) override {
    if (!bus_.deaf) {
      each([&](JoinedAdapter& other) {
        other.LocalAdapter::broadcast_with_ack(packet, delivery, on_clients, on_reply);
      });
    }
    return LocalAdapter::broadcast_with_ack(packet, delivery, on_clients, on_reply);
  }
  Pending<std::vector<RemoteSocket>> fetch_sockets(const Delivery& delivery) override {
    struct All {
      std::mutex mutex;
      std::vector<RemoteSocket> found;
      std::size_t missing;
    };
    Pending<std::vector<RemoteSocket>> pending;
    const detail::Finisher<std::vector<RemoteSocket>> finish(pending.state());
    auto servers = bus_.members(name);
    const auto self = *std::find_if(servers.begin(), servers.end(),
                                    [this](const auto& one) { return one.get() == this; });
    if (delivery.local) servers = {self};
    const auto all = std::make_shared<All>();
    all->missing = servers.size();
    for (const auto& server : servers) {
      server->LocalAdapter::fetch_sockets(delivery).then(
          [all, finish, server, self](Result<std::vector<RemoteSocket>> some) {
            const std::lock_guard lock(all->mutex);
            for (const RemoteSocket& socket : some.value()) {
              all->found.push_back(
                  server == self
                      ? socket
                      : self->remote_socket({std::string(socket.id()), socket.handshake(),
                                             socket.rooms(), socket.data()}));
            }
            if (--all->missing == 0) finish(std::move(all->found));
          });
    }
    return pending;
  }
  bool add_sockets(const Delivery& delivery, std::vector<std::string> rooms) override {
    each([&](JoinedAdapter& other) { other.LocalAdapter::add_sockets(delivery, rooms); });
    return LocalAdapter::add_sockets(delivery, rooms);
  }
  bool del_sockets(const Delivery& delivery, std::vector<std::string> rooms) override {
    each([&](JoinedAdapter& other) { other.LocalAdapter::del_sockets(delivery, rooms); });
    return LocalAdapter::del_sockets(delivery, rooms);
  }
  bool disconnect_sockets(const Delivery& delivery, bool close) override {
    each([&](JoinedAdapter& other) { other.LocalAdapter::disconnect_sockets(delivery, close); });
    return LocalAdapter::disconnect_sockets(delivery, close);
  }
  bool server_side_emit(const Packet& packet) override {
    each([&](JoinedAdapter& other) { other.deliver_server_event(packet); });
    return true;
  }
  bool server_side_emit_with_ack(const Packet& packet, OnAnswers done) override {
    if (bus_.deaf) return done(Errc::timeout, {}), true;
    each([&](JoinedAdapter& other) {
      other.deliver_server_event(packet, [done](const Args& args) {
        done({}, {args.empty() ? Value() : args[0]});  // there is one other
      });
    });
    return true;
  }

 private:
  template <class F>
  void each(F visit) {
    for (const auto& other : bus_.others(*this)) visit(*other);
  }
  Bus& bus_;
};

inline std::shared_ptr<JoinedAdapter> Bus::make(const Namespace& nsp) {
  auto adapter = std::make_shared<JoinedAdapter>(*this, nsp);
  const std::lock_guard lock(mutex_);
  all_.push_back(adapter);
  return adapter;
}

inline void Bus::remove(const JoinedAdapter& adapter) {
  const std::lock_guard lock(mutex_);
  std::erase_if(all_, [&adapter](const auto& weak) {
    const auto other = weak.lock();
    return other == nullptr || other.get() == &adapter;
  });
}

inline std::vector<std::shared_ptr<JoinedAdapter>> Bus::members(std::string_view nsp) {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<JoinedAdapter>> found;
  for (const auto& weak : all_) {
    if (auto adapter = weak.lock(); adapter != nullptr && adapter->name == nsp)
      found.push_back(std::move(adapter));
  }
  return found;
}

inline std::vector<std::shared_ptr<JoinedAdapter>> Bus::others(const JoinedAdapter& of) {
  auto found = members(of.name);
  std::erase_if(found, [&of](const auto& one) { return one.get() == &of; });
  return found;
}

}  // namespace socketio::test
