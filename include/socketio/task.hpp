// Task<T>: a coroutine; what a handler returns to use co_await. Pending<T>: an operation under way,
// with its three faces: co_await it in a Task, give it a callback with then(), or block for it with
// get() on a thread that is not the loop's. All three end exactly once, with a Result.
#pragma once

#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

#include <socketio/error.hpp>

namespace socketio {

template <class T = void>
class Task;

namespace detail {

template <class T>
struct IsTask : std::false_type {};
template <class T>
struct IsTask<Task<T>> : std::true_type {};
// Called with these it gives a coroutine, which never runs where nobody takes what it returns.
template <class F, class... A>
concept ReturnsTask =
    std::is_invocable_v<F&, A...> && IsTask<std::invoke_result_t<F&, A...>>::value;

// A std::function for members that are assigned to: no coroutine, which it would never run.
template <class Signature>
class PlainFunction;
template <class R, class... A>
class PlainFunction<R(A...)> : public std::function<R(A...)> {
  using Function = std::function<R(A...)>;

 public:
  PlainFunction() = default;
  // NOLINTBEGIN(bugprone-forwarding-reference-overload): the constraint leaves copying alone
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, PlainFunction> &&
           std::is_constructible_v<Function, F> && !ReturnsTask<F, A...>) PlainFunction(F&& f)
      : Function(std::forward<F>(f)) {}
  // NOLINTEND(bugprone-forwarding-reference-overload)
};

// Called when a detached task ends, on whatever thread: with the exception it ended by, or null;
// or, when it is freed before, since nobody will ever finish what it awaits, with
// Errc::shutting_down.
using TaskEnd = std::function<void(std::exception_ptr)>;
// Whether this thread may wait for a result: false on a thread that turns a loop, which would wait
// for itself.
SOCKETIO_EXPORT bool may_block() noexcept;

// A function that is called once: of several calls the first, on whatever thread.
template <class F>
class FirstCall {
 public:
  explicit FirstCall(F f) : f_(std::move(f)) {}
  template <class... A>
  void operator()(A&&... args) {
    if (taken_.exchange(true)) return;
    if (const F f = std::exchange(f_, nullptr)) f(std::forward<A>(args)...);
  }

 private:
  F f_;
  std::atomic<bool> taken_{false};
};

struct PromiseBase {
  std::coroutine_handle<> continuation{};
  std::coroutine_handle<> root{};  // the detached coroutine all this runs for; freeing it frees all
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
    std::coroutine_handle<> root = std::coroutine_handle<promise_type>::from_promise(*this);
    Detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept {
      std::terminate();
    }  // unreachable: run_detached() catches everything
  };
};

// Null for coroutines of other makes.
template <class P>
std::coroutine_handle<> root_of(std::coroutine_handle<P> coroutine) noexcept {
  if constexpr (requires { coroutine.promise().root; }) {
    return coroutine.promise().root;
  } else {
    return {};
  }
}

template <class T>
struct TaskAwaiter {
  std::coroutine_handle<Promise<T>> handle;
  bool await_ready() noexcept { return !handle || handle.done(); }
  template <class P>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<P> waiting) noexcept {
    handle.promise().continuation = waiting;
    handle.promise().root = root_of(waiting);
    return handle;
  }
  T await_resume() { return handle.promise().take(); }
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

  auto operator co_await() && noexcept { return detail::TaskAwaiter<T>{handle_}; }

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

template <class T>
struct TaskDoneOf {
  using type = std::function<void(const T&)>;
};
template <>
struct TaskDoneOf<void> {
  using type = std::function<void()>;
};
// Type-erased, because compilers warn about a frame from a header that holds a caller's lambda.
template <class T>
using TaskDone = typename TaskDoneOf<T>::type;

// Calls it once, at the latest when it goes.
class EndTeller {
 public:
  explicit EndTeller(TaskEnd end) : end_(std::move(end)) {}
  EndTeller(const EndTeller&) = delete;
  EndTeller& operator=(const EndTeller&) = delete;
  ~EndTeller() {
    if (told_) return;
    try {
      end_(std::make_exception_ptr(
          std::system_error(Errc::shutting_down, "a coroutine is freed before its end")));
    } catch (...) {  // there is no memory to say it with
    }
  }
  void tell(const std::exception_ptr& error) noexcept {
    told_ = true;
    try {
      end_(error);
    } catch (...) {
    }
  }

 private:
  TaskEnd end_;
  bool told_ = false;
};

// detach(), which keeps what it is given when there is no memory for the frame.
template <class T>
Detached run_detached(Task<T>& task, TaskDone<T>& given, TaskEnd& end) {
  const TaskDone<T> done(std::move(given));
  EndTeller teller(std::move(end));
  Task<T> running(std::move(task));  // freed before `end`, which keeps what it uses
  std::exception_ptr error;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(running);  // NOLINT(bugprone-use-after-move): of `end`, by no code
      done();
    } else {
      done(co_await std::move(running));
    }
  } catch (...) {
    error = std::current_exception();
  }
  teller.tell(error);
}

// Runs a task to its end in the background; `done(value)` or `done()` on success, then
// `end(error)`, also when there is no memory to begin it. Throws nothing.
template <class T>
void detach(Task<T> task, TaskDone<T> done, TaskEnd end) {
  try {
    run_detached<T>(task, done, end);
  } catch (...) {
    EndTeller(std::move(end)).tell(std::current_exception());
  }
}

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
  // The coroutine that waits is freed with abandon(), unless that comes first to `met`, or `root`
  // is null: then it is its maker's.
  void set_waiting(std::coroutine_handle<> root, std::atomic<bool>& met) {
    waiting_ = root;
    met_ = &met;
  }
  // It is freed before there is a result: nobody may touch it any more.
  void forget_waiting(const std::atomic<bool>& met) {
    const std::lock_guard lock(mutex_);
    if (met_ != &met) return;
    met_ = nullptr;
    callback_ = nullptr;
  }
  // Nobody will finish it any more, since the server has been destroyed: a callback is dropped, a
  // coroutine freed, a thread in get() released.
  void abandon() {
    std::function<void(Result<T>)> dropped;
    {
      const std::lock_guard lock(mutex_);
      if (result_) return;
      result_.emplace(Errc::shutting_down);
      dropped = std::move(callback_);
      ready_.notify_all();
    }
    if (dropped && met_ != nullptr && met_->exchange(true) && waiting_) waiting_.destroy();
  }

 private:
  Result<T> take() { return std::move(*result_); }
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::optional<Result<T>> result_;
  std::function<void(Result<T>)> callback_;
  std::coroutine_handle<> waiting_{};
  std::atomic<bool>* met_ = nullptr;  // in the frame of the coroutine that waits
};

template <class T>
struct PendingAwaiter {
  explicit PendingAwaiter(std::shared_ptr<PendingState<T>> s) : state(std::move(s)) {}
  ~PendingAwaiter() {
    if (!result) state->forget_waiting(met);
  }
  std::shared_ptr<PendingState<T>> state;
  std::optional<Result<T>> result{};
  // Raised by the coroutine when it is suspended, and by whoever has the result, perhaps on another
  // thread. The second of the two goes on with the coroutine; the first may not touch it any more.
  std::atomic<bool> met{false};
  bool await_ready() const { return false; }
  // False: the result is there, do not suspend.
  template <class P>
  bool await_suspend(std::coroutine_handle<P> waiting) {
    state->set_waiting(root_of(waiting), met);
    state->then([this, waiting](Result<T> r) {
      result.emplace(std::move(r));
      if (met.exchange(true)) waiting.resume();
    });
    if (!met.exchange(true)) return true;
    if (!result) result.emplace(Errc::shutting_down);  // abandoned
    return false;
  }
  Result<T> await_resume() { return std::move(*result); }
};

// Finishes an operation, or abandons it with the last copy of itself.
template <class T>
class Finisher {
 public:
  explicit Finisher(std::shared_ptr<PendingState<T>> state)
      : once_(std::make_shared<Once>(std::move(state))) {}
  void operator()(Result<T> result) const { once_->state->finish(std::move(result)); }

 private:
  struct Once {
    explicit Once(std::shared_ptr<PendingState<T>> s) : state(std::move(s)) {}
    Once(const Once&) = delete;
    Once& operator=(const Once&) = delete;
    ~Once() { state->abandon(); }
    std::shared_ptr<PendingState<T>> state;
  };
  std::shared_ptr<Once> once_;
};

// What a Pending holds of what `Work` returns: a copy, where it returns a reference.
template <class Work>
using OffloadedValue = std::remove_cvref_t<std::invoke_result_t<Work&>>;

// Work for another thread and what became of it. Freed before it has run, it abandons the Pending.
template <class Work>
class OffloadedWork {
 public:
  using Value = OffloadedValue<Work>;
  OffloadedWork(Work work, std::shared_ptr<PendingState<Value>> state)
      : work_(std::move(work)), finish_(std::move(state)) {}
  void run() noexcept {
    try {
      if constexpr (std::is_void_v<Value>) {
        (*work_)();
        result_ = {};
      } else {
        result_ = (*work_)();
      }
    } catch (...) {
      failure_ = std::current_exception();
    }
    work_.reset();
  }
  // Throws what the work has thrown.
  void finish() {
    finish_(std::move(result_));
    if (failure_) std::rethrow_exception(failure_);
  }
  void refuse(Errc why) { finish_(why); }

 private:
  std::optional<Work> work_;
  Finisher<Value> finish_;
  Result<Value> result_{std::make_error_code(std::errc::operation_canceled)};
  std::exception_ptr failure_{};
};

}  // namespace detail

// An operation under way. Copies speak of the same operation; its result is taken once, by the
// first that asks. Any thread.
template <class T>
class Pending {
 public:
  Pending() : state_(std::make_shared<detail::PendingState<T>>()) {}
  explicit Pending(Result<T> result) : Pending() { state_->finish(std::move(result)); }

  // Runs `callback(Result<T>)` on the loop's thread (at once when the result is there already).
  template <class F>
  void then(F callback) const {
    static_assert(!detail::ReturnsTask<F, Result<T>>,
                  "a coroutine would never run here: it may co_await the Pending itself");
    state_->then(std::move(callback));
  }
  // Blocks; Errc::wrong_thread on a loop's own thread unless the result is there already.
  Result<T> get() const { return state_->get(); }
  bool ready() const { return state_->ready(); }

  auto operator co_await() const { return detail::PendingAwaiter<T>(state_); }

  // For whoever fulfils it.
  const std::shared_ptr<detail::PendingState<T>>& state() const { return state_; }

 private:
  std::shared_ptr<detail::PendingState<T>> state_;
};

}  // namespace socketio
