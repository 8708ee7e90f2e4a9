// What can be an argument: Codec (specialised in codec.hpp and by you), the concepts over it, the
// shapes of types it recognises, which of them are views, and the reasons for a refusal in words.
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <socketio/fields.hpp>
#include <socketio/value.hpp>

namespace socketio {

// How a T is written and read. Specialise it for a type of yours:
//
//   static void write(Writer& to, const T& value);
//   static bool read(const Element& from, T& out);
//
// write() makes exactly one value. The packet is put together only after it has returned: bytes
// that write() makes itself are given away (see Writer::binary). read() is false when `from` does
// not fit; `out` may then hold anything.
template <class T, class = void>
struct Codec;

template <class T>
concept Encodable = requires(Writer& to, const std::remove_cvref_t<T>& value) {
  Codec<std::remove_cvref_t<T>>::write(to, value);
};

template <class T>
concept Decodable = requires(const Element& from, std::remove_cvref_t<T>& out) {
  { Codec<std::remove_cvref_t<T>>::read(from, out) } -> std::same_as<bool>;
};

namespace detail {

template <class T>
inline constexpr bool is_character_v =
    std::is_same_v<T, char> || std::is_same_v<T, wchar_t> || std::is_same_v<T, char8_t> ||
    std::is_same_v<T, char16_t> || std::is_same_v<T, char32_t>;

template <class T>
inline constexpr bool is_optional_v = false;
template <class T>
inline constexpr bool is_optional_v<std::optional<T>> = true;

template <class T>
concept Integer = std::is_integral_v<T> && !std::is_same_v<T, bool> && !is_character_v<T>;

template <class T>
concept Enum = std::is_enum_v<T> && !std::is_same_v<T, std::byte>;

// std::chrono::duration and what looks like it: a number without its unit would be a trap.
template <class T>
concept DurationLike = requires {
  typename T::rep;
  typename T::period;
};

// Not what contains itself: a document type (nlohmann::json) is no container of documents.
template <class T>
concept Range = !HasFields<T> && requires(const T& t) {
  typename T::value_type;
  requires !std::same_as<typename T::value_type, T>;
  t.begin();
  t.end();
};

template <class T>
concept Map = Range<T> && requires {
  typename T::mapped_type;
};

template <class T>
concept StringMap = Map<T> && std::constructible_from<typename T::key_type, std::string_view> &&
    std::convertible_to<const typename T::key_type&, std::string_view>;

template <class T>
concept Sequence = Range<T> && !Map<T> && !std::same_as<typename T::value_type, std::byte>;

// Unlike std::array and std::span.
template <class T>
concept Growing = Sequence<T> && requires(T& t, typename T::value_type item) {
  t.clear();
  t.insert(t.end(), std::move(item));
};

// `Seen` are the structs we are inside of: a struct may hold itself in a vector.
template <class T, class... Seen>
struct IsView : std::false_type {};
template <class... Seen>
struct IsView<std::string_view, Seen...> : std::true_type {};
template <class... Seen>
struct IsView<BinaryView, Seen...> : std::true_type {};
template <class... Seen>
struct IsView<RawView, Seen...> : std::true_type {};
template <class... Seen>
struct IsView<Element, Seen...> : std::true_type {};
template <class T, std::size_t N, class... Seen>
struct IsView<std::span<T, N>, Seen...> : std::true_type {};
template <class T, class... Seen>
struct IsView<std::optional<T>, Seen...> : IsView<T, Seen...> {};
template <class A, class B, class... Seen>
struct IsView<std::pair<A, B>, Seen...>
    : std::bool_constant<IsView<A, Seen...>::value || IsView<B, Seen...>::value> {};
template <class... T, class... Seen>
struct IsView<std::tuple<T...>, Seen...> : std::bool_constant<(IsView<T, Seen...>::value || ...)> {
};
template <class... T, class... Seen>
struct IsView<std::variant<T...>, Seen...>
    : std::bool_constant<(IsView<T, Seen...>::value || ...)> {};
template <class T, class Member, class... Seen>
struct IsView<Field<T, Member>, Seen...> : IsView<Member, Seen...> {};
template <Map T, class... Seen>
struct IsView<T, Seen...> : std::bool_constant<IsView<typename T::key_type, Seen...>::value ||
                                               IsView<typename T::mapped_type, Seen...>::value> {};
template <Sequence T, class... Seen>
requires(!std::same_as<T, std::string_view>) struct IsView<T, Seen...>
    : IsView<typename T::value_type, Seen...> {
};
template <HasFields T, class... Seen>
requires(!(std::same_as<T, Seen> || ...)) struct IsView<T, Seen...>
    : IsView<decltype(socketio_fields(std::type_identity<T>{})), T, Seen...> {
};

}  // namespace detail

// True for parameters that only view the packet, and for containers and structs of such: they live
// for the call, so a coroutine handler must not take them.
template <class T>
inline constexpr bool is_view_v = detail::IsView<std::remove_cvref_t<T>>::value;

namespace detail {

template <class T>
consteval void explain() {
  static_assert(!is_character_v<T>,
                "socketio: a char is not a number: use std::string, or std::int8_t / std::uint8_t");
  static_assert(!DurationLike<T>,
                "socketio: a duration has no unit on the wire: send .count() of the unit you mean");
  static_assert(!std::is_pointer_v<T> || std::is_same_v<T, const char*> || std::is_same_v<T, char*>,
                "socketio: a pointer cannot be an argument: send what it points to");
}

}  // namespace detail

// The reasons in words, for where a type enters the API.
template <class T>
consteval void require_encodable() {
  detail::explain<std::remove_cvref_t<T>>();
  static_assert(Encodable<T>,
                "socketio: this type cannot be sent: add SOCKETIO_FIELDS(Type, members...) beside "
                "the struct, or specialise socketio::Codec (see socketio/codec.hpp)");
}

template <class T>
consteval void require_decodable() {
  detail::explain<std::remove_cvref_t<T>>();
  static_assert(Decodable<T>,
                "socketio: this type cannot be received: add SOCKETIO_FIELDS(Type, members...) "
                "beside the struct, or specialise socketio::Codec (see socketio/codec.hpp)");
}

}  // namespace socketio
