#include "server/hub.hpp"

#include "server/client_bundle.hpp"
#include "server/closing.hpp"
#include "server/recovery.hpp"
#include "server/shard.hpp"

namespace socketio::detail {
namespace {

static_assert(static_cast<int>(LogLevel::error) == static_cast<int>(base::LogLevel::error));
static_assert(static_cast<int>(LogKind::http) == static_cast<int>(base::LogKind::http));

base::Logger::Sink to_sink(LogSink sink) {
  return [sink = std::move(sink)](const base::LogLine& line) {
    std::array<LogField, base::Logger::kMaxFields> fields;
    for (std::size_t i = 0; i < line.fields.size(); ++i)
      fields[i] = {line.fields[i].name, line.fields[i].value};
    sink({static_cast<LogLevel>(line.level), static_cast<LogKind>(line.kind), line.text,
          std::chrono::system_clock::now(), std::span(fields.data(), line.fields.size()),
          line.suppressed});
  };
}

}  // namespace

Hub::Hub(ServerOptions options, base::Random& random, base::Time now)
    : settings(std::move(options)),
      logger(settings.options.log ? to_sink(settings.options.log) : nullptr,
             static_cast<base::LogLevel>(settings.options.log_level),
             {settings.options.limits.max_log_lines, settings.options.limits.max_log_text}),
      connections(settings.options.threads) {
  measure_turns.store(settings.options.measure_turns);
  client_bundle = std::make_shared<server::ClientBundle>(settings.options.client_dist);
  sid_key = eio::make_sid_key(random);
  if (settings.options.tls) {
    tls = std::make_unique<server::TlsKeeper>(*settings.options.tls, random, now);
  }
  engine.gated =
      settings.options.cors.has_value() || !settings.options.engine.allowed_origins.empty();
  if (server::PeerLimits::wanted(settings.options.limits))
    peers = std::make_unique<server::PeerLimits>(settings.options.limits);
  for (std::size_t i = 0; i < settings.options.threads; ++i) {
    doors_.push_back(std::make_unique<Door>());
  }
  if (const auto& wanted = settings.options.connection_state_recovery)
    recovery = std::make_unique<server::Recovery>(*this, *wanted, size(), random);
}

Hub::~Hub() = default;

std::size_t Hub::connection_count() const {
  std::size_t all = 0;
  for (const auto& one : connections) all += one.load(std::memory_order_relaxed);
  return all;
}

void Hub::forget_connection(std::size_t shard, const std::string& counted_as) {
  connections[shard].fetch_sub(1, std::memory_order_relaxed);
  if (peers != nullptr) peers->disconnect(counted_as);
}

server::Shard* Hub::here(std::size_t shard) const {
  const Door& door = *doors_[shard];
  server::Shard* found = door.shard.load(std::memory_order_acquire);
  // On another thread it may be gone by now.
  return found != nullptr && door.thread->is_this() ? found : nullptr;
}

server::Shard* Hub::here() const {
  for (std::size_t i = 0; i < doors_.size(); ++i) {
    if (server::Shard* found = here(i); found != nullptr) return found;
  }
  return nullptr;
}

server::Shard& Hub::registering(const char* what) const {
  server::Shard* found = here();
  if (found == nullptr) throw std::system_error(Errc::wrong_thread, what);
  return *found;
}

void Hub::may_register(const char* what) const {
  registering(what);
  if (size() > 1 && started) throw std::system_error(Errc::wrong_thread, what);
}

server::Shard* Hub::enter(std::size_t shard) const {
  server::Shard* found = here(shard);
  if (found != nullptr) found->loop().nudge();
  return found;
}

server::Shard* Hub::enter() const {
  server::Shard* found = here();
  if (found != nullptr) found->loop().nudge();
  return found;
}

bool Hub::post_step(std::size_t shard, server::Closing& steps) const {
  const Door& door = *doors_[shard];
  const std::lock_guard lock(door.mutex);
  server::Shard* target = door.shard.load(std::memory_order_relaxed);
  return target != nullptr && target->loop().mailbox().post_reserved([target, &steps] {
    target->dispatcher().guarded("close", [&] { steps.step(*target); });
  });
}

bool Hub::post(std::size_t shard, Mail kind, Job job) const {
  const bool is_volatile = kind == Mail::is_volatile || kind == Mail::in_order_volatile;
  if (recovery != nullptr && (kind == Mail::in_order || kind == Mail::in_order_volatile))
    return recovery->post(shard, std::move(job), is_volatile);
  // A refused job dies after the lock: what it holds may call the user, who may post.
  net::Mailbox::Job wrapped;
  const Door& door = *doors_[shard];
  const std::lock_guard lock(door.mutex);
  server::Shard* target = door.shard.load(std::memory_order_relaxed);
  if (target == nullptr) return false;
  // Guarded, because callbacks of the user may be in it; a posted job is a dispatch of its own.
  wrapped = [target, job = std::move(job)] {
    target->dispatcher().guarded("post", [&] { job(*target); });
  };
  net::Mailbox& mailbox = target->loop().mailbox();
  return kind == Mail::always ? mailbox.post_always(std::move(wrapped))
                              : mailbox.post(std::move(wrapped), is_volatile);
}

bool Hub::run(std::size_t shard, Mail kind, Job job) const {
  if (server::Shard* target = enter(shard); target != nullptr) {
    job(*target);
    return true;
  }
  return post(shard, kind, std::move(job));
}

bool Hub::run_on_all(Mail kind, const Job& job) const {
  bool reached = true;
  for (std::size_t i = 0; i < doors_.size(); ++i) {
    if (server::Shard* target = enter(i); target != nullptr) {
      job(*target);
    } else {
      reached = post(i, kind, job) && reached;
    }
  }
  return reached;
}

Errc Hub::refusal(std::size_t shard) const {
  return doors_[shard]->shard.load(std::memory_order_acquire) == nullptr ? Errc::shutting_down
                                                                         : Errc::too_many;
}

std::shared_ptr<Adapter> Hub::session_keeper(sio::NamespaceIndex nsp) const {
  if (!has_adapters) return nullptr;
  std::shared_ptr<Adapter> adapter = names.adapter(nsp);
  return adapter != nullptr && adapter->keeps_sessions() ? adapter : nullptr;
}

// In place: what is destroyed here reaches nothing of this any more, as it has no shard.
void Hub::forget_user_code() {
  names.forget_user_code();
  hooks.error.clear();
  hooks.new_namespace.clear();
  hooks.admin = {};
  engine.middlewares.clear();
  engine.initial_headers.clear();
  engine.headers.clear();
  engine.connection_error.clear();
  engine.connection.clear();
  ServerOptions& options = settings.options;
  options.adapter = nullptr;
  options.cors.reset();
  options.engine.allow_request = {};
  options.engine.generate_id = {};
  options.engine.allowed_origins = {};
}

void Hub::open(std::size_t shard, server::Shard& object) {
  doors_[shard]->thread = object.loop().thread();
  doors_[shard]->shard.store(&object, std::memory_order_release);
}

void Hub::close(std::size_t shard) {
  {
    const std::lock_guard lock(doors_[shard]->mutex);
    doors_[shard]->shard.store(nullptr, std::memory_order_release);
  }
  if (recovery != nullptr) recovery->close(shard);
  for (const auto& door : doors_) {
    if (door->shard.load(std::memory_order_acquire) != nullptr) return;
  }
  names.forget_sockets();
}

}  // namespace socketio::detail
