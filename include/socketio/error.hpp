// Errors of operations that wait, and Result: a value or the error. Configuration mistakes are
// exceptions instead.
#pragma once

#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

#include <socketio/export.hpp>

namespace socketio {

enum class Errc {
  timeout = 1,       // "operation has timed out"
  disconnected,      // the socket is gone
  shutting_down,     // the server is closing
  unexpected_reply,  // the reply does not fit the type asked for
  wrong_thread,      // called on a thread that may not (or .get() on the loop's own thread)
  too_many,          // a limit was reached (pending acknowledgements, queue full)
  unsupported,       // not without a cluster (ServerOptions::adapter)
};

// The category of Errc, "socketio". Its messages are those above, in words.
SOCKETIO_EXPORT const std::error_category& error_category() noexcept;
inline std::error_code make_error_code(Errc e) noexcept {
  return {static_cast<int>(e), error_category()};
}

}  // namespace socketio

template <>
struct std::is_error_code_enum<socketio::Errc> : std::true_type {};

namespace socketio {

// A value, or the error that stands in its place.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(std::error_code error) : error_(error) {}
  Result(Errc error) : error_(error) {}

  bool has_value() const { return value_.has_value(); }
  explicit operator bool() const { return has_value(); }
  std::error_code error() const { return error_; }
  // Throws std::system_error when there is none.
  T& value() & { return require(), *value_; }
  const T& value() const& { return require(), *value_; }
  T&& value() && { return require(), std::move(*value_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  template <class U>
  T value_or(U&& otherwise) const& {
    return value_ ? *value_ : static_cast<T>(std::forward<U>(otherwise));
  }
  template <class U>
  T value_or(U&& otherwise) && {
    return value_ ? std::move(*value_) : static_cast<T>(std::forward<U>(otherwise));
  }

 private:
  void require() const {
    if (!value_) throw std::system_error(error_);
  }
  std::optional<T> value_;
  std::error_code error_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(std::error_code error) : error_(error) {}
  Result(Errc error) : error_(error) {}
  bool has_value() const { return !error_; }
  explicit operator bool() const { return has_value(); }
  std::error_code error() const { return error_; }
  void value() const {
    if (error_) throw std::system_error(error_);
  }

 private:
  std::error_code error_;
};

}  // namespace socketio
