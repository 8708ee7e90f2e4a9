#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace socketio::base {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "socketio: broken invariant %s at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace socketio::base
