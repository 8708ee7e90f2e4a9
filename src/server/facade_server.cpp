// Server: the runtime behind the public class, and the few things that are not a shard's: options,
// listeners, the end.
#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>

#include <socketio/server.hpp>

#include "net/listener.hpp"
#include "server/shard.hpp"

namespace socketio {

namespace {

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "socketio"; }
  std::string message(int code) const override {
    switch (static_cast<Errc>(code)) {
      case Errc::timeout:
        return "operation has timed out";
      case Errc::disconnected:
        return "the socket is disconnected";
      case Errc::shutting_down:
        return "the server is shutting down";
      case Errc::unexpected_reply:
        return "the reply does not fit the expected type";
      case Errc::wrong_thread:
        return "not allowed on this thread";
      case Errc::too_many:
        return "a limit was reached";
    }
    return "unknown error";
  }
};

// Loops that only this thread turns: while there are any, it must not block for them.
using LoopCount = std::shared_ptr<std::atomic<int>>;
const LoopCount& loops_on_this_thread() {
  thread_local const auto count = std::make_shared<std::atomic<int>>(0);
  return count;
}

// While it lives, the thread it was made on turns a loop.
class Turning {
 public:
  Turning() : count_(loops_on_this_thread()) { ++*count_; }
  ~Turning() { --*count_; }
  Turning(const Turning&) = delete;
  Turning& operator=(const Turning&) = delete;
  bool here() const { return count_ == loops_on_this_thread(); }

 private:
  LoopCount count_;  // shared, because the loop may end on another thread, or after this one
};

}  // namespace

const std::error_category& error_category() noexcept {
  static const Category category;
  return category;
}

bool detail::may_block() noexcept {
  return *loops_on_this_thread() == 0;
}

struct Server::Runtime {
  explicit Runtime(ServerOptions options)
      : settings(std::move(options)),
        logger(
            [sink = settings.options.log](base::LogLevel level, std::string_view text,
                                          std::uint64_t swallowed) {
              if (sink) sink(static_cast<LogLevel>(level), text, swallowed);
            },
            static_cast<base::LogLevel>(settings.options.log_level)),
        shard(settings, hooks, routes, logger) {}

  void listen(const net::Address& address) {
    std::error_code error;
    net::Listener listener = net::Listener::open(address, settings.options.backlog, error);
    if (error) throw std::system_error(error, "socketio: cannot listen on " + address.to_string());
    if (port == 0) port = listener.address().port();
    shard.add_listener(std::move(listener));
  }

  server::Settings settings;
  server::Hooks hooks;
  HttpRoutes routes;
  base::Logger logger;
  server::Shard shard;
  std::uint16_t port = 0;
  // Since the first process(): between two of them nobody else turns the loop either.
  std::optional<Turning> embedded;
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

void Server::run() {
  runtime_->embedded.reset();
  const Turning inside;
  if (!runtime_->shard.closed()) runtime_->shard.loop().run(runtime_->shard);
}

int Server::poll_fd() const {
  return runtime_->shard.loop().poll_fd();
}

void Server::process() {
  if (!runtime_->embedded || !runtime_->embedded->here()) runtime_->embedded.emplace();
  runtime_->shard.loop().process(runtime_->shard);
}

Pending<void> Server::close() {
  Pending<void> pending;
  const detail::Finisher<void> finish(pending.state());
  const bool reached = runtime_->shard.link()->post([finish](server::Shard& shard) {
    shard.close([finish, &shard] {
      shard.loop().stop();
      finish(Result<void>());
    });
  });
  if (!reached) finish(Result<void>());
  return pending;
}

Namespace Server::of(std::string_view name) {
  server::Shard* shard = runtime_->shard.link()->here();
  if (shard == nullptr) throw std::system_error(Errc::wrong_thread, "socketio::Server::of");
  const std::string full =
      name.empty() || name.front() != '/' ? "/" + std::string(name) : std::string(name);
  return {shard->link(), shard->dispatcher().core().create_namespace(full)};
}

Namespace Server::sockets() const {
  return {runtime_->shard.link(), 0};
}
ListenerId Server::on_connection(std::function<void(Socket)> handler) {
  return sockets().on_connection(std::move(handler));
}
HttpRoutes& Server::http() {
  return runtime_->routes;
}
void Server::on_error(std::function<void(const ErrorReport&)> hook) {
  runtime_->hooks.error = std::move(hook);
}
void Server::on_unknown_namespace(std::function<bool(std::string_view, const Value&)> decide) {
  runtime_->hooks.unknown_namespace = std::move(decide);
}

bool Server::post(std::function<void()> job) const {
  return runtime_->shard.link()->post([job = std::move(job)](server::Shard&) { job(); });
}

bool Server::offload(std::function<void()> work, std::function<void()> done) {
  // Neither may throw on its way: a failure of the work is reported instead of calling `done`.
  auto failure = std::make_shared<std::exception_ptr>();
  return runtime_->shard.offload().run(
      [work = std::move(work), failure] {
        try {
          work();
        } catch (...) {
          *failure = std::current_exception();
        }
      },
      [&shard = runtime_->shard, done = std::move(done), failure] {
        shard.dispatcher().guarded("offload", [&] {
          if (*failure) std::rethrow_exception(*failure);
          done();
        });
      });
}

Stats Server::stats() const {
  server::Shard& shard = runtime_->shard;
  return shard.loop().on_loop_thread() ? shard.stats() : Stats{};
}

detail::Target Server::target_for_emit() const {
  return sockets().target_for_emit();
}

}  // namespace socketio
