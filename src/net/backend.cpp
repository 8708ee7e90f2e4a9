#include "net/backend.hpp"

namespace socketio::net {

std::unique_ptr<Backend> make_backend(BackendKind kind, std::error_code& why_not,
                                      std::size_t max_receive) {
  why_not.clear();
  if (kind != BackendKind::epoll) {
    std::unique_ptr<Backend> backend = make_uring_backend(why_not, max_receive);
    if (backend != nullptr || kind == BackendKind::io_uring) return backend;
  }
  return make_epoll_backend(max_receive);
}

}  // namespace socketio::net
