// The kernel's randomness, in batches: session ids and WebSocket masks ask for a few bytes each.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/random.h>

#include "base/check.hpp"
#include "net/sys.hpp"

namespace socketio::net {
namespace {

void fill_from_kernel(base::MutBytes out) {
  while (!out.empty()) {
    const ssize_t n = ::getrandom(out.data(), out.size(), 0);
    SIO_CHECK(n > 0 || errno == EINTR);
    if (n > 0) out = out.subspan(static_cast<std::size_t>(n));
  }
}

}  // namespace

void SystemRandom::fill(base::MutBytes out) {
  if (out.size() >= sizeof buffer_) return fill_from_kernel(out);
  while (!out.empty()) {
    if (left_ == 0) {
      fill_from_kernel(buffer_);
      left_ = sizeof buffer_;
    }
    const std::size_t n = std::min(left_, out.size());
    left_ -= n;
    std::memcpy(out.data(), buffer_ + left_, n);
    // What was handed out as a session id must not be readable from our memory later.
    std::memset(buffer_ + left_, 0, n);
    out = out.subspan(n);
  }
}

}  // namespace socketio::net
