// Task<T>: a coroutine; what a handler returns to use co_await. Pending<T>: an operation under way,
// with its three faces: co_await it in a Task, give it a callback with then(), or block for it with
// get() on a thread that is not the loop's. All three end exactly once, with a Result.
#pragma once

#include <condition_variable>
#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <socketio/error.hpp>

namespace socketio {

template <class T = void>
class Task;

namespace detail {

// Called when a detached task ends: with the exception it ended by, or null.
using TaskEnd = std::function<void(std::exception_ptr)>;
// Where a Pending resumes or calls back: true when the caller may block (it is not a loop's
// thread).
SOCKETIO_EXPORT bool may_block() noexcept;

struct PromiseBase {
  std::coroutine_handle<> continuation{};
  std::exception_ptr error{};

  std::suspend_always initial_suspend() noexcept { return {}; }
  struct Final {
    bool await_ready() noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> self) noexcept {
      return self.promise().continuation ? self.promise().continuation : std::noop_coroutine();
    }
    void await_resume() noexcept {}
  };
  Final final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value{};
  Task<T> get_return_object() noexcept;
  template <class U>
  void return_value(U&& v) {
    value.emplace(std::forward<U>(v));
  }
  T take() {
    if (error) std::rethrow_exception(error);
    return std::move(*value);
  }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void take() {
    if (error) std::rethrow_exception(error);
  }
};

// A coroutine nobody waits for; it frees itself.
struct Detached {
  struct promise_type {
    Detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept {
      std::terminate();
    }  // unreachable: detach() catches everything
  };
};

}  // namespace detail

// Starts when awaited. Move-only.
template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using value_type = T;

  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  auto operator co_await() && noexcept {
    struct Awaiter {
      std::coroutine_handle<promise_type> handle;
      bool await_ready() noexcept { return !handle || handle.done(); }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) noexcept {
        handle.promise().continuation = waiting;
        return handle;
      }
      T await_resume() { return handle.promise().take(); }
    };
    return Awaiter{handle_};
  }

 private:
  std::coroutine_handle<promise_type> handle_;
};

namespace detail {

template <class T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

// The frame of detach() holds a lambda of the user's translation unit, which is fine, and which
// g++ reports for every coroutine handler.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif
// Runs a task to its end in the background; `done(value)` or `done()` on success, then
// `end(error)`.
template <class T, class Done>
Detached detach(Task<T> task, Done done, TaskEnd end) {
  std::exception_ptr error;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(task);
      done();
    } else {
      done(co_await std::move(task));
    }
  } catch (...) {
    error = std::current_exception();
  }
  end(error);
}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

template <class T>
class PendingState {
 public:
  void finish(Result<T> result) {
    std::function<void(Result<T>)> callback;
    {
      const std::lock_guard lock(mutex_);
      if (result_) return;
      result_.emplace(std::move(result));
      callback = std::move(callback_);
      ready_.notify_all();
    }
    if (callback) callback(take());
  }
  // Ends it without calling anybody back: who was to fulfil it is gone. Only get() hears of it.
  void abandon() {
    const std::lock_guard lock(mutex_);
    if (result_) return;
    result_.emplace(Errc::shutting_down);
    callback_ = nullptr;
    ready_.notify_all();
  }
  // Calls at once when the result is there already.
  void then(std::function<void(Result<T>)> callback) {
    {
      const std::lock_guard lock(mutex_);
      if (!result_) {
        callback_ = std::move(callback);
        return;
      }
    }
    callback(take());
  }
  Result<T> get() {
    std::unique_lock lock(mutex_);
    if (!result_ && !may_block()) return Errc::wrong_thread;
    ready_.wait(lock, [this] { return result_.has_value(); });
    return std::move(*result_);
  }
  bool ready() const {
    const std::lock_guard lock(mutex_);
    return result_.has_value();
  }

 private:
  Result<T> take() { return std::move(*result_); }
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::optional<Result<T>> result_;
  std::function<void(Result<T>)> callback_;
};

// Fulfils a pending operation, or abandons it when it is destroyed without.
template <class T>
class Fulfil {
 public:
  explicit Fulfil(std::shared_ptr<PendingState<T>> state) : state_(std::move(state)) {}
  Fulfil(Fulfil&&) noexcept = default;
  Fulfil& operator=(Fulfil&&) noexcept = default;
  ~Fulfil() {
    if (state_) state_->abandon();
  }
  void operator()(Result<T> result) { std::exchange(state_, nullptr)->finish(std::move(result)); }

 private:
  std::shared_ptr<PendingState<T>> state_;
};

}  // namespace detail

// Copyable; all copies speak of the same operation, whose result is taken once.
template <class T>
class Pending {
 public:
  Pending() : state_(std::make_shared<detail::PendingState<T>>()) {}
  explicit Pending(Result<T> result) : Pending() { state_->finish(std::move(result)); }

  // Runs `callback(Result<T>)` on the loop's thread (at once when the result is there already).
  template <class F>
  void then(F callback) const {
    state_->then(std::move(callback));
  }
  // Blocks; Errc::wrong_thread on a loop's own thread unless the result is there already.
  Result<T> get() const { return state_->get(); }
  bool ready() const { return state_->ready(); }

  auto operator co_await() const {
    struct Awaiter {
      explicit Awaiter(std::shared_ptr<detail::PendingState<T>> s) : state(std::move(s)) {}
      std::shared_ptr<detail::PendingState<T>> state;
      std::optional<Result<T>> result{};
      bool await_ready() const { return false; }
      // False: the result was there at once, do not suspend. The flag tells which side came first.
      bool await_suspend(std::coroutine_handle<> waiting) {
        auto suspended = std::make_shared<bool>(false);
        state->then([this, waiting, suspended](Result<T> r) {
          result.emplace(std::move(r));
          if (*suspended) waiting.resume();
        });
        if (result) return false;
        *suspended = true;
        return true;
      }
      Result<T> await_resume() { return std::move(*result); }
    };
    return Awaiter{state_};
  }

  // For whoever fulfils it.
  const std::shared_ptr<detail::PendingState<T>>& state() const { return state_; }

 private:
  std::shared_ptr<detail::PendingState<T>> state_;
};

}  // namespace socketio
