// Server: the runtime behind the public class, and the few things that are not a shard's: options,
// listeners, the end.
#include <algorithm>
#include <atomic>
#include <exception>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include <socketio/server.hpp>

#include "net/listener.hpp"
#include "net/sys.hpp"
#include "server/backends.hpp"
#include "server/closing.hpp"
#include "server/monitor.hpp"
#include "server/recovery.hpp"
#include "server/shard.hpp"
#include "server/turning.hpp"

namespace socketio {

struct Server::Runtime {
  // Those who wait for close().
  class End {
   public:
    // They are told by tell(), or at once behind it.
    void await(detail::Finisher<void> told) {
      {
        const std::lock_guard lock(mutex_);
        if (!over_) return waiting_.push_back(std::move(told));
      }
      told(Result<void>());
    }
    // One may destroy the server: whoever calls this holds the End, and does nothing else after it.
    void tell() {
      std::vector<detail::Finisher<void>> all;
      {
        const std::lock_guard lock(mutex_);
        over_ = true;
        all.swap(waiting_);
      }
      std::exception_ptr failure;
      for (const auto& told : all) {
        try {
          told(Result<void>());
        } catch (...) {
          if (!failure) failure = std::current_exception();
        }
      }
      if (failure) std::rethrow_exception(failure);
    }

   private:
    std::mutex mutex_;
    bool over_ = false;
    std::vector<detail::Finisher<void>> waiting_;
  };

  explicit Runtime(ServerOptions options) {
    net::SystemRandom random;
    hub = std::make_shared<detail::Hub>(std::move(options), random, net::system_now());
    auto backends = server::make_backends(hub->settings.options.backend, hub->size(), hub->logger,
                                          hub->settings.options.limits.max_read_per_turn);
    for (std::size_t i = 0; i < hub->size(); ++i)
      shards.push_back(
          std::make_unique<server::Shard>(server::system_services(std::move(backends[i])), hub,
                                          routes, static_cast<std::uint8_t>(i)));
    server::make_adapter(hub, 0);
    for (const auto& shard : shards) shard->dispatcher().let_in(0);
    closing.emplace(*hub);
    routes.table().hub = hub;
    routes.table().monitor = std::make_shared<server::Monitor>(hub, [this] { return stats(); });
  }
  // The other shards first: nothing may reach the first one while it goes.
  ~Runtime() {
    stop();
    // What is freed from here on tells its end to nobody.
    for (std::size_t i = 0; i < shards.size(); ++i) hub->close(i);
    // They refer to the hub, which holds them.
    for (std::size_t place = 0; hub->names.take_adapter(place) != nullptr;) continue;
    while (!shards.empty()) shards.pop_back();
    hub->forget_user_code();  // so may what is registered
  }

  void listen(const net::Address& address) {
    if (hub->closing.load())
      throw std::system_error(Errc::shutting_down, "socketio::Server::listen");
    if (hub->here(0) == nullptr)
      throw std::system_error(Errc::wrong_thread, "socketio::Server::listen");
    std::error_code error;
    net::Listener listener = net::Listener::open(address, hub->settings.options.backlog, error);
    if (error) throw std::system_error(error, "socketio: cannot listen on " + address.to_string());
    listener.set_user_timeout(hub->settings.options.tcp_user_timeout);
    if (port == 0) port = listener.address().port();
    first().add_listener(std::move(listener));
  }

  // The first shard accepts and runs on the thread of run() or process(); the others get threads
  // when it does so first: all of them, or, when one cannot be had, none.
  server::Shard& first() { return *shards.front(); }
  void start() {
    if (hub->started) return;
    std::promise<bool> all;
    const std::shared_future<bool> begin = all.get_future().share();
    try {
      for (std::size_t i = 1; i < shards.size(); ++i) {
        threads.emplace_back([begin, shard = shards[i].get()] {
          if (!begin.get()) return;
          const server::Turning inside;
          shard->loop().run(*shard);
          shard->tell_ended();
        });
      }
    } catch (...) {
      all.set_value(false);
      threads.clear();  // joins
      throw;
    }
    hub->started = true;
    for (std::size_t i = 1; i < shards.size(); ++i) shards[i]->loop().hand_over();
    all.set_value(true);
  }
  void stop() {
    for (const auto& shard : shards) shard->loop().stop();
    threads.clear();  // joins
  }
  // A handler of ours is running on this thread.
  bool handling() const {
    return std::any_of(shards.begin(), shards.end(), [](const auto& shard) {
      return shard->loop().thread()->is_this() && shard->dispatcher().handling();
    });
  }

  Stats stats() const {
    Stats all;
    for (const auto& shard : shards) shard->add_stats(all);
    all.backend = shards.front()->loop().backend().name();
    all.threads = shards.size();
    all.uptime = std::chrono::duration_cast<std::chrono::milliseconds>(net::system_now() - born);
    all.namespaces = hub->names.size();
    all.input_bytes = static_cast<std::uint64_t>(hub->ledger.input());
    all.output_bytes = static_cast<std::uint64_t>(hub->ledger.output());
    all.deflate_context_bytes = hub->deflate_budget.used();
    all.suppressed_log_lines = hub->logger.suppressed();
    if (hub->recovery != nullptr) hub->recovery->add_stats(all);
    return all;
  }

  const base::Time born = net::system_now();
  std::shared_ptr<detail::Hub> hub;
  HttpRoutes routes;
  std::vector<std::unique_ptr<server::Shard>> shards;
  std::vector<std::jthread> threads;
  std::uint16_t port = 0;
  // Since the first process(): between two of them nobody else turns the loop either.
  std::optional<server::Turning> embedded;
  std::optional<server::Closing> closing;
  const std::shared_ptr<End> end = std::make_shared<End>();
};

Server::Server(ServerOptions options) : runtime_(std::make_unique<Runtime>(std::move(options))) {}
Server::~Server() = default;

Server& Server::listen(std::uint16_t port, std::string_view host) {
  const std::optional<net::Address> address = net::Address::parse(host.empty() ? "::" : host, port);
  if (!address)
    throw std::invalid_argument("socketio::Server::listen: not an address: " + std::string(host));
  try {
    runtime_->listen(*address);
  } catch (const std::system_error& e) {
    // A machine without IPv6 still has every IPv4 interface.
    if (!host.empty() || e.code() != std::errc::address_family_not_supported) throw;
    runtime_->listen(*net::Address::parse("0.0.0.0", port));
  }
  return *this;
}

Server& Server::listen_unix(std::string_view path) {
  runtime_->listen(net::Address::unix_path(std::string(path)));
  return *this;
}

std::uint16_t Server::port() const {
  return runtime_->port;
}

namespace {
server::TlsKeeper& keeper(const detail::Hub& hub) {
  if (hub.tls == nullptr)
    throw std::logic_error("socketio::Server::reload_tls: the server was made without TLS");
  return *hub.tls;
}
}  // namespace

void Server::reload_tls() {
  keeper(*runtime_->hub).reload();
}

void Server::reload_tls(TlsOptions options) {
  keeper(*runtime_->hub).reload(std::move(options));
}

void Server::run() {
  runtime_->embedded.reset();
  const server::Turning inside;
  server::Shard& first = runtime_->first();
  if (first.ended()) return;
  runtime_->start();
  first.loop().run(first);
  runtime_->stop();
  if (!first.ended()) return;
  const std::shared_ptr<Runtime::End> end = runtime_->end;
  end->tell();  // after which we may be gone
}

int Server::poll_fd() const {
  return runtime_->first().loop().poll_fd();
}

void Server::process() {
  if (runtime_->handling()) return;
  if (!runtime_->embedded || !runtime_->embedded->here()) runtime_->embedded.emplace();
  runtime_->start();
  server::Shard& first = runtime_->first();
  first.loop().process(first);
  if (!first.ended()) return;
  runtime_->embedded.reset();
  runtime_->threads.clear();  // joins those whose end has been waited for
  const std::shared_ptr<Runtime::End> end = runtime_->end;
  end->tell();  // after which we may be gone
}

// Who waits is told by run() or process(), behind the last that ends.
Pending<void> Server::close() {
  Pending<void> pending;
  runtime_->end->await(detail::Finisher<void>(pending.state()));
  // A second one would overtake the first.
  if (!runtime_->hub->closing.exchange(true)) runtime_->closing->begin();
  return pending;
}

Namespace Server::of(std::string_view name) {
  const std::shared_ptr<detail::Hub>& hub = runtime_->hub;
  hub->registering("socketio::Server::of");
  const std::string full =
      name.empty() || name.front() != '/' ? "/" + std::string(name) : std::string(name);
  sio::NamespaceIndex parent = server::kNoParent;
  for (const server::Parent& one : *hub->names.parents()) {
    if (!one.pattern || !one.pattern->matches(full)) continue;
    parent = one.index;
    break;
  }
  const auto added = server::open_namespace(hub, full, parent, ~std::size_t{0});
  if (added.entry == nullptr) throw std::length_error("socketio::Server::of: too many namespaces");
  return {hub, added.entry->index};
}

Namespace Server::of(std::string_view name, std::function<void(Socket)> on_connection) {
  Namespace nsp = of(name);
  nsp.on_connection(std::move(on_connection));
  return nsp;
}

ParentNamespace Server::of(NamespacePattern pattern) {
  return add_parent(std::move(pattern), {});
}

ParentNamespace Server::add_parent(std::optional<NamespacePattern> pattern,
                                   detail::NamespaceDecision decide) {
  const std::shared_ptr<detail::Hub>& hub = runtime_->hub;
  hub->registering("socketio::Server::of");
  return {hub, hub->names.add_parent(std::move(pattern), std::move(decide))};
}

void Server::on_new_namespace(std::function<void(Namespace)> hook) {
  runtime_->hub->may_register("socketio::Server::on_new_namespace");
  if (hook) runtime_->hub->hooks.new_namespace.push_back(std::move(hook));
}

Namespace Server::sockets() const {
  return {runtime_->hub, 0};
}
ListenerId Server::on_connection(std::function<void(Socket)> handler) {
  return sockets().on_connection(std::move(handler));
}
ListenerId Server::on_disconnect(std::function<void(Socket, DisconnectReason)> handler) {
  return sockets().on_disconnect(std::move(handler));
}
bool Server::off(std::string_view name) {
  return sockets().off(name);
}
bool Server::off(ListenerId id) {
  return sockets().off(id);
}
HttpRoutes& Server::http() {
  return runtime_->routes;
}
Engine Server::engine() {
  return {runtime_->hub, *this};
}
void Server::on_error(std::function<void(const ErrorReport&)> hook) {
  runtime_->hub->may_register("socketio::Server::on_error");
  if (hook) runtime_->hub->hooks.error.push_back(std::move(hook));
}
bool Server::post(std::function<void()> job) const {
  return runtime_->hub->post(0, [job = std::move(job)](server::Shard&) { job(); });
}

bool Server::offload(std::function<void()> work, std::function<void()> done) {
  server::Shard* here = runtime_->hub->here();
  if (here == nullptr && runtime_->hub->refusal(0) == Errc::shutting_down) return false;
  server::Shard& shard = here != nullptr ? *here : runtime_->first();
  return shard.offload(std::move(work), std::move(done));
}

Errc Server::refusal() const {
  return runtime_->hub->refusal(0);
}

void Server::set_ready(bool ready) {
  runtime_->hub->ready.store(ready);
}

Stats Server::stats() const {
  return runtime_->stats();
}

detail::Target Server::target_for_emit() const {
  return sockets().target_for_emit();
}

}  // namespace socketio
