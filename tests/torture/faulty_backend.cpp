#include "torture/faulty_backend.hpp"

#include <cerrno>
#include <map>

#include "torture/allocations.hpp"

namespace socketio::torture {
namespace {

using net::Owner;
using net::StreamId;

std::error_code code(int error) {
  return {error, std::system_category()};
}

// What passes by itself: the call is made again and the connection lives (net/socket_calls.cpp).
bool passes(int error) {
  return error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM;
}

class FaultyBackend final : public net::Backend, private net::Sink {
 public:
  FaultyBackend(std::unique_ptr<net::Backend> below, Fault& fault)
      : below_(std::move(below)), fault_(fault) {}

  const char* name() const override { return below_->name(); }
  void accept_start(int fd, std::uint32_t listener) override {
    const Exempt exempt;
    below_->accept_start(fd, listener);
  }
  void accept_stop(std::uint32_t listener) override {
    const Exempt exempt;
    below_->accept_stop(listener);
  }
  StreamId connect(const net::Address& to, Owner owner) override {
    const Exempt exempt;
    return owned(below_->connect(to, owner), owner);
  }
  StreamId adopt(int fd, Owner owner) override {
    try {
      const auto record = std::make_unique<int>();  // what a kernel's backend has of it
    } catch (const std::bad_alloc&) {
      const Exempt exempt;
      below_->close(below_->adopt(fd, Owner{0}));
      return {};
    }
    const Exempt exempt;
    return owned(below_->adopt(fd, owner), owner);
  }
  void set_owner(StreamId id, Owner owner) override {
    const Exempt exempt;
    below_->set_owner(id, owner);
    owned(id, owner);
  }
  void recv_start(StreamId id) override {
    const Exempt exempt;
    below_->recv_start(id);
  }
  void recv_stop(StreamId id) override {
    const Exempt exempt;
    below_->recv_stop(id);
  }
  std::size_t send(StreamId id, std::span<const base::Bytes> parts) override {
    const Exempt exempt;
    if (!fault_.strikes(Call::send)) return below_->send(id, parts);
    fault_.victim = id;
    if (passes(fault_.error)) {
      later_.push_back(id);
      below_->wake();
      return 0;
    }
    break_off(id);
    return 0;
  }
  void shutdown_write(StreamId id) override {
    const Exempt exempt;
    below_->shutdown_write(id);
  }
  bool flushed(StreamId id) override {
    const Exempt exempt;
    return below_->flushed(id);
  }
  void detach(StreamId id) override {
    const Exempt exempt;
    below_->detach(id);
  }
  void close(StreamId id) override {
    const Exempt exempt;
    owners_.erase(id.packed());
    below_->close(id);
  }
  void wake() override { below_->wake(); }
  void wait(base::Time deadline, net::Sink& sink) override {
    const Exempt exempt;
    sink_ = &sink;
    for (const StreamId id : std::exchange(later_, {})) {
      const auto found = owners_.find(id.packed());
      if (found != owners_.end()) on_sent(id, found->second, 0);
    }
    for (const auto& [listener, fd, peer] : std::exchange(waiting_, {}))
      on_accepted(listener, fd, peer);
    below_->wait(deadline, *this);
  }
  int poll_fd() const override { return below_->poll_fd(); }
  void shrink() override { below_->shrink(); }
  std::size_t streams() const override { return below_->streams(); }

 private:
  StreamId owned(StreamId id, Owner owner) {
    owners_[id.packed()] = owner;
    return id;
  }
  void break_off(StreamId id) {
    broken_.insert(id.packed());
    owners_.erase(id.packed());
    below_->close(id);
  }

  // -- Facts.
  void on_accepted(std::uint32_t listener, int fd, const net::Address& peer) override {
    if (fault_.strikes(Call::accept)) {
      // Lost before we had it; or nothing to hold it with, and it waits in the queue.
      if (fault_.error == ECONNABORTED || fault_.error == EPROTO || fault_.error == EPERM)
        return below_->close(below_->adopt(fd, Owner{0}));
      waiting_.push_back({listener, fd, peer});
      below_->wake();
      const Armed armed;
      return sink_->on_accept_paused(listener, code(fault_.error));
    }
    const Armed armed;
    sink_->on_accepted(listener, fd, peer);
  }
  void on_accept_paused(std::uint32_t listener, std::error_code why) override {
    const Armed armed;
    sink_->on_accept_paused(listener, why);
  }
  void on_connected(StreamId id, Owner owner, std::error_code error) override {
    const Armed armed;
    sink_->on_connected(id, owner, error);
  }
  void on_received(StreamId id, Owner owner, base::MutBytes bytes) override {
    if (fault_.strikes(Call::receive)) {
      fault_.victim = id;
      return break_off(id);
    }
    const Armed armed;
    sink_->on_received(id, owner, bytes);
  }
  void on_eof(StreamId id, Owner owner) override {
    const Armed armed;
    sink_->on_eof(id, owner);
  }
  void on_sent(StreamId id, Owner owner, std::size_t n) override {
    const Armed armed;
    sink_->on_sent(id, owner, n);
  }
  void on_detached(StreamId id, Owner owner, int fd) override {
    owners_.erase(id.packed());
    const Armed armed;
    sink_->on_detached(id, owner, fd);
  }
  void on_closed(StreamId id, Owner owner, std::error_code error) override {
    if (broken_.erase(id.packed()) != 0) error = code(fault_.error);
    owners_.erase(id.packed());
    const Armed armed;
    sink_->on_closed(id, owner, error);
  }
  bool has_work() const override { return sink_->has_work(); }

  std::unique_ptr<net::Backend> below_;
  Fault& fault_;
  net::Sink* sink_ = nullptr;
  std::vector<StreamId> later_;
  std::set<std::uint64_t> broken_;
  std::map<std::uint64_t, Owner> owners_;
  struct Waiting {
    std::uint32_t listener;
    int fd;
    net::Address peer;
  };
  std::vector<Waiting> waiting_;
};

}  // namespace

bool Fault::strikes(Call which) {
  if (!on) return false;
  if (counts[static_cast<std::size_t>(which)]++ != number || which != call) return false;
  happened = true;
  return true;
}

std::unique_ptr<net::Backend> make_faulty(std::unique_ptr<net::Backend> below, Fault& fault) {
  return std::make_unique<FaultyBackend>(std::move(below), fault);
}

}  // namespace socketio::torture
