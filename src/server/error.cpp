// What the library's error codes say.
#include <string>

#include <socketio/error.hpp>

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
      case Errc::unsupported:
        return "not supported without a cluster";
    }
    return "unknown error";
  }
};

}  // namespace

const std::error_category& error_category() noexcept {
  static const Category category;
  return category;
}

}  // namespace socketio
