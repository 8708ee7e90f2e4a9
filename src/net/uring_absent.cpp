// In the place of uring_*.cpp when the library is built without liburing.
#include "net/backend.hpp"

namespace socketio::net {

std::unique_ptr<Backend> make_uring_backend(std::error_code& why_not, std::size_t) {
  why_not = std::make_error_code(std::errc::function_not_supported);
  return nullptr;
}

}  // namespace socketio::net
