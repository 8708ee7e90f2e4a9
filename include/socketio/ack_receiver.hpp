// What an emit leaves behind for its acknowledgements: made of the trailing callback, or of a
// Pending. Nothing here is for users.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <socketio/error.hpp>
#include <socketio/event.hpp>

namespace socketio::detail {

// Ends one expected acknowledgement. `args` is the array of the reply, only read when end is set.
class AckReceiver {
 public:
  virtual ~AckReceiver() = default;
  virtual void finish(std::error_code error, const Element& args) = 0;
  virtual void reply(const Element& args) {
    static_cast<void>(args);
  }  // broadcasts, once per client
  virtual void asked(std::size_t clients) { static_cast<void>(clients); }  // broadcasts
};

template <class T, class Done>
class SingleReceiver final : public AckReceiver {
 public:
  explicit SingleReceiver(Done done) : done_(std::move(done)) {}
  void finish(std::error_code error, const Element& args) override {
    if (error) return done_(Result<T>(error));
    if constexpr (std::is_void_v<T>) {
      done_(Result<void>());
    } else {
      T value{};
      if (!Codec<T>::read(args.at(0), value)) return done_(Result<T>(Errc::unexpected_reply));
      done_(Result<T>(std::move(value)));
    }
  }

 private:
  Done done_;
};

// Collects the first argument of every client's reply. What does not fit is left out, and said at
// the end by Errc::unexpected_reply. A timeout still hands over what came: `done(error, replies)`.
template <class T, class Done>
class ManyReceiver final : public AckReceiver {
 public:
  explicit ManyReceiver(Done done) : done_(std::move(done)) {}
  void reply(const Element& args) override {
    T value{};
    if (Codec<T>::read(args.at(0), value))
      replies_.push_back(std::move(value));
    else
      left_out_ = true;
  }
  void finish(std::error_code error, const Element&) override {
    if (!error && left_out_) error = Errc::unexpected_reply;
    done_(error, std::move(replies_));
  }

 private:
  bool left_out_ = false;
  std::vector<T> replies_;
  Done done_;
};

template <class T>
struct IsResult : std::false_type {};
template <class T>
struct IsResult<Result<T>> : std::true_type {
  using Inner = T;
};

// The trailing argument of emit(): not something that can be encoded, but something that can be
// called.
template <class T>
concept Callback = HasSignature<T> || std::is_function_v<std::remove_pointer_t<std::decay_t<T>>>;

template <class... A>
inline constexpr bool kLastIsCallback = [] {
  if constexpr (sizeof...(A) == 0) {
    return false;
  } else {
    return Callback<std::tuple_element_t<sizeof...(A) - 1, std::tuple<A...>>>;
  }
}();

// An argument as what PackedArgs keeps of it: an array as a pointer.
template <class A>
const std::decay_t<A>& decay_cast(const std::decay_t<A>& a) {
  return a;
}

// The values of one reply, as the arguments of the callback. When no reply comes, or one that does
// not fit, nothing is called.
template <class Callback, class... T>
class ValuesReceiver final : public AckReceiver {
 public:
  explicit ValuesReceiver(Callback callback) : callback_(std::move(callback)) {}
  void finish(std::error_code error, const Element& args) override {
    std::tuple<T...> values{};
    if (!error && read(args, values, std::index_sequence_for<T...>()))
      std::apply(callback_, std::move(values));
  }

 private:
  template <std::size_t... I>
  static bool read(const Element& args, std::tuple<T...>& values, std::index_sequence<I...>) {
    return (Codec<T>::read(args.at(I), std::get<I>(values)) && ...);
  }
  Callback callback_;
};

template <class F, class... P>
std::unique_ptr<AckReceiver> values_receiver(F callback, std::type_identity<std::tuple<P...>>) {
  static_assert(!(is_view_v<std::decay_t<P>> || ...),
                "an acknowledgement callback owns its values: take std::string instead of a view");
  return std::make_unique<ValuesReceiver<F, std::decay_t<P>...>>(std::move(callback));
}

template <class F>
consteval void require_no_task() {
  static_assert(!IsTask<typename Signature<F>::Return>::value,
                "an acknowledgement callback that is a coroutine would never run: co_await "
                "emit_with_ack() in one instead");
}

// Single receiver: callback(value…) without a timeout, callback(Result<T>) with or without.
template <class F>
std::unique_ptr<AckReceiver> single_receiver(F callback) {
  require_no_task<F>();
  using Parameters = typename Signature<F>::Parameters;
  constexpr std::size_t kCount = std::tuple_size_v<Parameters>;
  if constexpr (kCount == 0) {
    auto done = [callback = std::move(callback)](Result<void> r) mutable {
      if (r) callback();
    };
    return std::make_unique<SingleReceiver<void, decltype(done)>>(std::move(done));
  } else if constexpr (kCount > 1) {
    return values_receiver(std::move(callback), std::type_identity<Parameters>());
  } else {
    using P = std::decay_t<std::tuple_element_t<0, Parameters>>;
    if constexpr (IsResult<P>::value) {
      return std::make_unique<SingleReceiver<typename IsResult<P>::Inner, F>>(std::move(callback));
    } else {
      static_assert(
          !is_view_v<P>,
          "an acknowledgement callback owns its value: take std::string instead of a view");
      auto done = [callback = std::move(callback)](Result<P> r) mutable {
        if (r) callback(*std::move(r));
      };
      return std::make_unique<SingleReceiver<P, decltype(done)>>(std::move(done));
    }
  }
}

// Many receivers: callback(std::error_code, std::vector<T>): the error is Errc::timeout when
// somebody stayed silent, Errc::unexpected_reply when a reply did not fit; the replies are then
// partial.
template <class F>
std::unique_ptr<AckReceiver> many_receiver(F callback) {
  require_no_task<F>();
  using Parameters = typename Signature<F>::Parameters;
  static_assert(std::tuple_size_v<Parameters> == 2,
                "a broadcast's acknowledgement callback takes (std::error_code, std::vector<T>)");
  using Replies = std::decay_t<std::tuple_element_t<1, Parameters>>;
  return std::make_unique<ManyReceiver<typename Replies::value_type, F>>(std::move(callback));
}

}  // namespace socketio::detail
