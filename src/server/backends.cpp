#include "server/backends.hpp"

#include <cerrno>
#include <system_error>

#include "net/sys.hpp"

namespace socketio::server {
namespace {

// Else the kernel has no io_uring, or a container forbids it: epoll is then what there is, and
// nothing is wrong. A limit is for somebody to raise.
bool is_a_limit(const std::error_code& why) {
  return why.value() == ENOMEM || why.value() == EMFILE || why.value() == ENFILE;
}

}  // namespace

std::vector<std::unique_ptr<net::Backend>> make_backends(Backend wanted, std::size_t count,
                                                         base::Logger& logger,
                                                         std::size_t max_receive) {
  static_assert(static_cast<int>(Backend::epoll) == static_cast<int>(net::BackendKind::epoll));
  static_assert(static_cast<int>(Backend::io_uring) ==
                static_cast<int>(net::BackendKind::io_uring));
  std::vector<std::unique_ptr<net::Backend>> all;
  while (all.size() < count) {
    std::error_code why_not;
    auto backend = net::make_backend(static_cast<net::BackendKind>(wanted), why_not, max_receive);
    if (backend == nullptr)
      throw std::system_error(why_not, "socketio::ServerOptions::backend: io_uring");
    const bool later = !all.empty();
    if (why_not) {
      logger.write(later || is_a_limit(why_not) ? base::LogLevel::warn : base::LogLevel::info,
                   base::LogKind::general,
                   (later ? "epoll is used, because not every thread can have io_uring: "
                          : "epoll is used, because io_uring cannot be: ") +
                       why_not.message(),
                   net::system_now());
      // All are of one kind, and nobody asks again.
      wanted = Backend::epoll;
      all.clear();
    }
    all.push_back(std::move(backend));
  }
  return all;
}

}  // namespace socketio::server
