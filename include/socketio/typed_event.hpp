// Events whose arguments are declared once. The compiler checks every use of such an event against
// its declaration; at run time it costs nothing.
//
//   inline constexpr ClientEvent<int(int, int)> kAdd{"add"};  // an int answers it
//   inline constexpr ServerEvent<void(std::string, int)> kMoved{"moved"};
//
//   io.on_event(kAdd, [](int a, int b) { return a + b; });
//   io.to("board").emit(kMoved, "knight", 12);
//
// Events that are named by a string are checked when they arrive, as ever.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <socketio/error.hpp>
#include <socketio/event.hpp>

namespace socketio {

namespace detail {

template <class R, class... A>
struct TypedEvent {
  using Answer = R;
  using Arguments = std::tuple<A...>;
  static constexpr std::size_t kSize = sizeof...(A);
  static_assert((std::is_same_v<A, std::decay_t<A>> && ...) && !(is_view_v<A> || ...),
                "what an event carries is written as types that own it: std::string, not a view");
  explicit constexpr TypedEvent(std::string_view event) : name(event) {}
  std::string_view name;
};

}  // namespace detail

// What clients send: for on, once, on_event. R is what is acknowledged, void when nothing is.
template <class Signature>
struct ClientEvent;
template <class R, class... A>
struct ClientEvent<R(A...)> : detail::TypedEvent<R, A...> {
  using detail::TypedEvent<R, A...>::TypedEvent;
};

// What they are sent: for emit, emit_with_ack.
template <class Signature>
struct ServerEvent;
template <class R, class... A>
struct ServerEvent<R(A...)> : detail::TypedEvent<R, A...> {
  using detail::TypedEvent<R, A...>::TypedEvent;
};

// What the servers of a cluster send each other: for server_side_emit, on_server_event.
template <class Signature>
struct PeerEvent;
template <class R, class... A>
struct PeerEvent<R(A...)> : detail::TypedEvent<R, A...> {
  using detail::TypedEvent<R, A...>::TypedEvent;
};

namespace detail {

template <class T>
inline constexpr bool kIsText =
    std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>;
template <class T>
inline constexpr bool kIsBytes = std::is_same_v<T, Binary> || std::is_same_v<T, BinaryView> ||
                                 std::is_same_v<T, std::vector<std::byte>>;
template <class T>
inline constexpr bool kTakesAnything = std::is_same_v<T, Value> || std::is_same_v<T, Raw> ||
                                       std::is_same_v<T, RawView> || std::is_same_v<T, Element>;

// Whether a parameter of type P reads what was declared as A.
template <class P, class A>
inline constexpr bool kReads = std::is_same_v<P, A> || kTakesAnything<P> ||
                               (kIsText<P> && kIsText<A>) || (kIsBytes<P> && kIsBytes<A>);
template <class P, class A>
inline constexpr bool kReads<std::optional<P>, A> = kReads<P, A>;
template <class P, class A>
inline constexpr bool kReads<std::optional<P>, std::optional<A>> = kReads<P, A>;

// Whether an argument of type T (decayed) may be given for what was declared as A.
template <class T, class A>
inline constexpr bool kSends = [] {
  if constexpr (std::is_same_v<T, A> || (kIsText<T> && kIsText<A>)) {
    return true;
  } else if constexpr (std::is_arithmetic_v<T> && std::is_arithmetic_v<A>) {
    return std::is_same_v<T, bool> == std::is_same_v<A, bool> &&
           (std::is_integral_v<T> || std::is_floating_point_v<A>);
  } else {
    return std::is_convertible_v<T, A> && !std::is_arithmetic_v<A>;
  }
}();

template <class T>
struct Awaited {
  using Type = T;
};
template <class T>
struct Awaited<Task<T>> {
  using Type = T;
};

// Whether the parameter number I of F takes what the event E carries.
template <class F, class E, std::size_t I>
constexpr bool takes() {
  using Parameters = typename Signature<F>::Parameters;
  using P = std::decay_t<std::tuple_element_t<I, Parameters>>;
  if constexpr (!kIsPayload<P>) {
    return true;
  } else {
    constexpr std::size_t kIndex = payload_index<Parameters, I>();
    if constexpr (kIndex >= E::kSize) {
      return false;
    } else {
      return kReads<P, std::tuple_element_t<kIndex, typename E::Arguments>>;
    }
  }
}
template <class F, class E, std::size_t... I>
constexpr bool takes_all(std::index_sequence<I...>) {
  return (true && ... && takes<F, E, I>());
}
template <class Parameters>
inline constexpr bool kHasAck = false;
template <class... P>
inline constexpr bool kHasAck<std::tuple<P...>> = (false || ... || kIsAck<P>);

// Whether F is a handler of the event E.
template <class F, class E>
constexpr bool handles() {
  using Parameters = typename Signature<F>::Parameters;
  using Answers = typename Awaited<typename Signature<F>::Return>::Type;
  if (!takes_all<F, E>(std::make_index_sequence<std::tuple_size_v<Parameters>>{})) return false;
  if constexpr (std::is_void_v<typename E::Answer>) {
    return !kHasAck<Parameters> && std::is_void_v<Answers>;
  } else {
    return kHasAck<Parameters> || kSends<std::decay_t<Answers>, typename E::Answer>;
  }
}
template <class F, class E>
concept Handles = HasSignature<F> && handles<std::decay_t<F>, E>();

template <class F, class E>
consteval void require_handler() {
  static_assert(HasSignature<F>,
                "a handler needs one call signature: no generic lambdas (auto parameters) and no "
                "overloads");
  static_assert(Handles<F, E>,
                "the handler does not fit its event: its parameters have to be the declared types "
                "(fewer will do), and it has to acknowledge when an answer is declared, else not");
}

// Whether the callback F takes the answers to an event of that Answer.
template <class F, class Answer, bool kSingle>
constexpr bool takes_answer() {
  using Parameters = typename Signature<F>::Parameters;
  if constexpr (!kSingle) {
    return std::is_invocable_v<F&, std::error_code, std::vector<Answer>>;
  } else if constexpr (std::tuple_size_v<Parameters> == 1) {
    using P = std::decay_t<std::tuple_element_t<0, Parameters>>;
    return std::is_same_v<P, Result<Answer>> || kReads<P, Answer>;
  } else {
    return std::tuple_size_v<Parameters> == 0;
  }
}

template <class E, class Given, std::size_t... I>
constexpr bool sends_all(std::index_sequence<I...>) {
  return (true && ... &&
          kSends<std::tuple_element_t<I, Given>, std::tuple_element_t<I, typename E::Arguments>>);
}

// Whether A... (decayed) can be sent as the event E; kSingle: to one receiver.
template <bool kSingle, class E, class... A>
constexpr bool carries() {
  using Given = std::tuple<A...>;
  if constexpr (sizeof...(A) == E::kSize) {
    return sends_all<E, Given>(std::make_index_sequence<E::kSize>{});
  } else if constexpr (sizeof...(A) == E::kSize + 1 && !std::is_void_v<typename E::Answer>) {
    using F = std::tuple_element_t<E::kSize, Given>;
    if constexpr (HasSignature<F>) {
      return sends_all<E, Given>(std::make_index_sequence<E::kSize>{}) &&
             takes_answer<F, typename E::Answer, kSingle>();
    } else {
      return false;
    }
  } else {
    return false;
  }
}
template <bool kSingle, class E, class... A>
concept Carries = carries<kSingle, E, A...>();
template <class E, class... A>
concept Asks =
    !std::is_void_v<typename E::Answer> && sizeof...(A) == E::kSize && carries<true, E, A...>();

// What is written for the argument number I: what is given where it is written alike, else what was
// declared, made of it.
template <class E, std::size_t I, class T>
decltype(auto) carry(T&& given) {
  if constexpr (I >= E::kSize) {
    return std::forward<T>(given);
  } else {
    using A = std::tuple_element_t<I, typename E::Arguments>;
    using Given = std::decay_t<T>;
    if constexpr (std::is_same_v<Given, A> || std::is_arithmetic_v<Given> || kIsText<A>) {
      return std::forward<T>(given);
    } else {
      return A(std::forward<T>(given));
    }
  }
}

}  // namespace detail
}  // namespace socketio
