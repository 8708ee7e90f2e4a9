#include "server/cluster_question.hpp"

#include "server/shard.hpp"

namespace socketio::server {

namespace {

// The clock of a question, kept where all acknowledgements are timed.
class Clock final : public sio::AckWaiter {
 public:
  explicit Clock(std::function<void(std::error_code)> over) : over_(std::move(over)) {}
  void finish(sio::AckEnd end, const Element&) override {
    over_(end == sio::AckEnd::timeout ? Errc::timeout : Errc::shutting_down);
  }

 private:
  std::function<void(std::error_code)> over_;
};

}  // namespace

ClusterQuestion::ClusterQuestion(std::shared_ptr<detail::Hub> hub, bool single,
                                 std::unique_ptr<detail::AckReceiver> receiver)
    : hub_(std::move(hub)), single_(single), home_(hub_), receiver_(std::move(receiver)) {}

bool ClusterQuestion::ask(const std::shared_ptr<ClusterQuestion>& self, Adapter& adapter,
                          const Packet& packet, const Delivery& delivery) {
  if (delivery.timeout) {
    const Shard* here = self->hub_->here();
    const std::size_t shard = here == nullptr ? 0 : here->index();
    const auto start = [self, limit = *delivery.timeout](Shard& on) {
      auto over = [self](std::error_code error) { self->end(error); };
      on.dispatcher().await_deadline(std::make_unique<Clock>(std::move(over)),
                                     base::after(on.now(), limit));
    };
    if (!self->hub_->run(shard, detail::Mail::always, start))
      return self->end(self->hub_->refusal(shard)), false;
  }
  adapter.server_count().then([self](const Result<std::size_t>& count) {
    count ? self->servers(*count) : self->end(count.error());
  });
  const bool asked = adapter.broadcast_with_ack(
      packet, delivery, [self](std::size_t count) { self->clients(count); },
      [self](const Args& args) { self->reply(args); });
  if (!asked) self->end(Errc::too_many);
  return asked;
}

void ClusterQuestion::servers(std::size_t count) {
  std::unique_lock lock(mutex_);
  servers_ = count;
  end_if_complete(lock);
}

void ClusterQuestion::clients(std::size_t count) {
  std::unique_lock lock(mutex_);
  ++told_;
  clients_ += count;
  end_if_complete(lock);
}

void ClusterQuestion::reply(const Args& args) {
  const auto owned = std::make_shared<const OwnedArgs>(args);
  std::unique_lock lock(mutex_);
  if (receiver_ == nullptr) return;
  ++replies_;
  if (answer_ == nullptr && single_) answer_ = owned;
  receiver_->reply(owned->root());
  end_if_complete(lock);
}

void ClusterQuestion::end_if_complete(std::unique_lock<std::mutex>& lock) {
  if (!servers_ || told_ < *servers_ || replies_ < clients_) return;
  const bool nobody = single_ && answer_ == nullptr;
  lock.unlock();
  end(nobody ? std::error_code(Errc::disconnected) : std::error_code());
}

void ClusterQuestion::end(std::error_code error) {
  std::shared_ptr<detail::AckReceiver> receiver;
  std::shared_ptr<const OwnedArgs> answer;
  {
    const std::lock_guard lock(mutex_);
    receiver = std::move(receiver_);
    answer = answer_;
  }
  if (receiver == nullptr) return;
  home_.run([receiver, answer, error] {
    receiver->finish(error, answer == nullptr ? Element() : answer->root());
  });
}

}  // namespace socketio::server
