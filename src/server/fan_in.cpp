#include "server/fan_in.hpp"

#include "server/owned_args.hpp"
#include "server/shard.hpp"

namespace socketio::server {

Home::Home(std::shared_ptr<detail::Hub> hub)
    : hub_(std::move(hub)), shard_(detail::Hub::kMaxShards) {
  if (const Shard* shard = hub_->here(); shard != nullptr) shard_ = shard->index();
}

bool Home::here() const {
  return shard_ == detail::Hub::kMaxShards || hub_->here(shard_) != nullptr;
}

bool Home::run(std::function<void()> job) const {
  if (shard_ == detail::Hub::kMaxShards) {
    job();
    return true;
  }
  return hub_->run(shard_, detail::Mail::always, [job = std::move(job)](Shard& shard) {
    shard.dispatcher().guarded("ack", job);
  });
}

namespace {

struct Joint {
  Joint(std::shared_ptr<detail::Hub> hub, std::size_t parts,
        std::unique_ptr<detail::AckReceiver> to)
      : home(std::move(hub)), waiting(parts), receiver(std::move(to)) {}

  Home home;
  std::mutex mutex;  // receivers are called by one thread at a time
  std::size_t waiting;
  std::error_code error;
  std::unique_ptr<detail::AckReceiver> receiver;
};

class Part final : public detail::AckReceiver {
 public:
  explicit Part(std::shared_ptr<Joint> joint) : joint_(std::move(joint)) {}
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  // Unfinished: the server has been destroyed, and nobody is called any more.
  ~Part() override = default;

  // Decoding the reply is no user code in the sense of threads: it may happen on any shard.
  void reply(const Element& args) override {
    const std::lock_guard lock(joint_->mutex);
    joint_->receiver->reply(args);
  }

  void finish(std::error_code error, const Element& args) override {
    const std::shared_ptr<Joint> joint = std::move(joint_);
    {
      const std::lock_guard lock(joint->mutex);
      if (error && !joint->error) joint->error = error;
      if (--joint->waiting > 0) return;
    }
    if (joint->home.here()) return joint->receiver->finish(joint->error, args);
    Args values;
    if (args.exists()) {
      for (Element::Cursor cursor = args.children(); cursor.next();)
        values.push_back(Value::read(cursor.value()));
    }
    auto owned = std::make_shared<OwnedArgs>(std::move(values));
    joint->home.run([joint, owned] { joint->receiver->finish(joint->error, owned->root()); });
  }

 private:
  std::shared_ptr<Joint> joint_;
};

}  // namespace

std::vector<std::unique_ptr<detail::AckReceiver>> fan_in(
    std::shared_ptr<detail::Hub> hub, std::size_t parts,
    std::unique_ptr<detail::AckReceiver> receiver) {
  const auto joint = std::make_shared<Joint>(std::move(hub), parts, std::move(receiver));
  std::vector<std::unique_ptr<detail::AckReceiver>> all;
  for (std::size_t i = 0; i < parts; ++i) all.push_back(std::make_unique<Part>(joint));
  return all;
}

}  // namespace socketio::server
