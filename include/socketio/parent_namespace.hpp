// ParentNamespace: a family of namespaces that come into being when a client asks for one. What
// Server::of(NamespacePattern) and Server::of(function) return.
//
//   auto rooms = io.of(NamespacePattern("^/room-\\d+$"));
//   rooms.on_connection([](Socket socket) { … });          // of every child
//   rooms.emit("news");                                    // to the sockets of all children
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <socketio/namespace.hpp>
#include <socketio/namespace_pattern.hpp>

namespace socketio {

// The answer of a function that decides about a namespace later; the first call counts. Any thread.
class SOCKETIO_EXPORT Allow {
 public:
  using Go = std::function<void(bool, std::exception_ptr)>;
  explicit Allow(Go go);
  // false: the next parent is asked.
  void operator()(bool allowed) const;
  // The function ended by an exception: it is reported, and the next parent asked.
  void fail(std::exception_ptr error) const;

 private:
  struct Once;
  std::shared_ptr<Once> once_;
};

namespace detail {

// Three shapes: f(name, auth) -> bool; f(name, auth, Allow); a coroutine f(std::string, Value) ->
// Task<bool>.
using NamespaceDecision = std::function<void(std::string_view name, const Value& auth, Allow)>;

template <class F>
concept DecidesNow = requires(F& f, std::string_view name, const Value& auth) {
  { f(name, auth) } -> std::same_as<bool>;
};
template <class F>
concept DecidesLater = std::is_invocable_v<F&, std::string_view, const Value&, Allow>;
template <class F>
concept DecidesInTask = requires(F& f, std::string name, Value auth) {
  { f(std::move(name), std::move(auth)) } -> std::same_as<Task<bool>>;
};
template <class F>
concept DecidesNamespace = DecidesNow<F> || DecidesLater<F> || DecidesInTask<F>;

template <class F>
NamespaceDecision adapt_decision(F f) {
  if constexpr (DecidesLater<F>) {
    static_assert(
        !ReturnsTask<F, std::string_view, const Value&, Allow>,
        "a coroutine that decides takes (std::string, Value) and returns Task<bool>: with "
        "an Allow it would never run");
    return f;
  } else if constexpr (DecidesNow<F>) {
    return [f = std::move(f)](std::string_view name, const Value& auth,
                              const Allow& allow) mutable { allow(f(name, auth)); };
  } else {
    static_assert(
        std::is_same_v<typename Signature<F>::Parameters, std::tuple<std::string, Value>>,
        "a coroutine that decides about a namespace takes (std::string, Value), by value");
    // Kept by the running coroutine, which uses what it captured.
    auto kept = std::make_shared<F>(std::move(f));
    return [kept](std::string_view name, const Value& auth, const Allow& allow) {
      detach((*kept)(std::string(name), auth), [kept, allow](bool allowed) { allow(allowed); },
             [allow](const std::exception_ptr& error) {
               if (error) allow.fail(error);
             });
    };
  }
}

}  // namespace detail

// What is registered here (handlers, middlewares) holds for each child that is created from then
// on: the same function objects, which several threads call at the same time. emit() and
// to().emit() reach the sockets of all children that exist; acknowledgements and fetch_sockets()
// cannot be asked for over several namespaces and throw std::invalid_argument. Thread-safety as
// Namespace.
class SOCKETIO_EXPORT ParentNamespace : public detail::Registration,
                                        public Emits<ParentNamespace, false> {
 public:
  // Those that exist now. Any thread.
  std::vector<Namespace> children() const;

  detail::Target target_for_emit() const;
  ParentNamespace(std::shared_ptr<detail::Hub> hub, std::uint64_t index)
      : Registration(std::move(hub), index) {}
};

}  // namespace socketio
