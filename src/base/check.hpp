// SIO_CHECK: an invariant of our own, on in release builds. Never for input or for misuse of the
// public API.
#pragma once

namespace socketio::base {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define SIO_CHECK(condition)              \
  (static_cast<bool>(condition) ? void(0) \
                                : ::socketio::base::check_failed(#condition, __FILE__, __LINE__))
