// How a C++ type becomes an argument and back. Built in: bool, arithmetic types, enums (as their
// integers), strings, string_view, Binary, BinaryView, Raw, RawView, Value, Element, std::optional,
// sequences and sets (vector, array, deque, list, set, span …), maps with string keys, pair, tuple,
// variant, vector, array or span of std::byte (binary), and structs that say so:
//
//   struct Point { double x, y; };
//   SOCKETIO_FIELDS(Point, x, y)           // at namespace scope, next to the struct
//
// or by a Codec specialisation. A type that does not fit never reaches a handler: read() returns
// false.
//
// Bytes that a Codec makes while it writes are moved into the Writer (see Writer::binary).
//
// Containers are recognised by their shape, so that this header need not include them all. Use an
// ordered map (or a seeded hash) for keys that strangers choose.
#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <socketio/encodable.hpp>

namespace socketio {

namespace detail {

// What a sequence may reserve before its items have been looked at: `[0,0,0…` is short.
inline constexpr std::size_t kReserveBytes = 65536;

template <class T>
void write_integer(Writer& to, T value) {
  if constexpr (std::is_unsigned_v<T> && sizeof(T) == sizeof(std::uint64_t)) {
    to.unsigned_integer(value);
  } else {
    to.integer(static_cast<std::int64_t>(value));
  }
}

template <class T>
bool read_integer(const Element& from, T& out) {
  if constexpr (std::is_signed_v<T>) {
    std::int64_t wide = 0;
    if (!from.as_integer(wide) || !std::in_range<T>(wide)) return false;
    out = static_cast<T>(wide);
  } else {
    std::uint64_t wide = 0;
    if (!from.as_unsigned(wide) || !std::in_range<T>(wide)) return false;
    out = static_cast<T>(wide);
  }
  return true;
}

// The integer type an enum is sent as; its own may be char or bool, which are none.
template <class T>
using EnumInteger = std::conditional_t<std::is_signed_v<std::underlying_type_t<T>>,
                                       std::make_signed_t<T>, std::make_unsigned_t<T>>;

}  // namespace detail

template <class T>
void encode(Writer& to, const T& value) {
  Codec<T>::write(to, value);
}

template <class T>
bool decode(const Element& from, T& out) {
  return Codec<T>::read(from, out);
}

template <>
struct Codec<bool> {
  static void write(Writer& to, bool value) { to.boolean(value); }
  static bool read(const Element& from, bool& out) { return from.as_bool(out); }
};

template <detail::Integer T>
struct Codec<T> {
  static void write(Writer& to, T value) { detail::write_integer(to, value); }
  static bool read(const Element& from, T& out) { return detail::read_integer(from, out); }
};

template <std::floating_point T>
struct Codec<T> {
  static void write(Writer& to, T value) { to.number(static_cast<double>(value)); }
  static bool read(const Element& from, T& out) {
    double wide = 0;
    if (!from.as_number(wide)) return false;
    if (std::isfinite(wide) && std::abs(wide) > std::numeric_limits<T>::max()) return false;
    out = static_cast<T>(wide);
    return true;
  }
};

// Any integer that fits the underlying type, named or not.
template <detail::Enum T>
struct Codec<T> {
  static void write(Writer& to, T value) {
    detail::write_integer(to, static_cast<detail::EnumInteger<T>>(value));
  }
  static bool read(const Element& from, T& out) {
    detail::EnumInteger<T> value = 0;
    if (!detail::read_integer(from, value)) return false;
    out = static_cast<T>(value);
    return true;
  }
};

template <>
struct Codec<std::nullptr_t> {
  static void write(Writer& to, std::nullptr_t) { to.null(); }
  static bool read(const Element& from, std::nullptr_t&) { return from.is_null(); }
};

template <>
struct Codec<std::monostate> {
  static void write(Writer& to, std::monostate) { to.null(); }
  static bool read(const Element& from, std::monostate&) { return from.is_null(); }
};

template <>
struct Codec<std::string_view> {
  static void write(Writer& to, std::string_view value) { to.string(value); }
  static bool read(const Element& from, std::string_view& out) { return from.as_string(out); }
};

template <>
struct Codec<std::string> {
  static void write(Writer& to, const std::string& value) { to.string(value); }
  static bool read(const Element& from, std::string& out) {
    std::string_view view;
    if (!from.as_string(view)) return false;
    out.assign(view);
    return true;
  }
};

template <>
struct Codec<const char*> {
  static void write(Writer& to, const char* value) { value ? to.string(value) : to.null(); }
};

template <>
struct Codec<char*> : Codec<const char*> {};

template <std::size_t N>
struct Codec<char[N]> : Codec<const char*> {};

template <>
struct Codec<Binary> {
  static void write(Writer& to, const Binary& value) { to.binary(value.view()); }
  static bool read(const Element& from, Binary& out) {
    std::string_view view;
    if (!from.as_binary(view)) return false;
    out = Binary(view.data(), view.size());
    return true;
  }
};

template <>
struct Codec<BinaryView> {
  static void write(Writer& to, BinaryView value) { to.binary(value.bytes); }
  static bool read(const Element& from, BinaryView& out) { return from.as_binary(out.bytes); }
};

// Contiguous std::byte is binary: a vector is read into, a span views.
template <class T>
requires std::same_as<typename T::value_type, std::byte> && requires(const T& t) {
  t.data();
  t.size();
}
struct Codec<T> {
  static void write(Writer& to, const T& value) {
    to.binary({reinterpret_cast<const char*>(value.data()), value.size()});
  }
  static bool read(const Element& from, T& out) requires(
      std::constructible_from<T, const std::byte*, const std::byte*>) {
    std::string_view view;
    if (!from.as_binary(view)) return false;
    const auto* begin = reinterpret_cast<const std::byte*>(view.data());
    out = T(begin, begin + view.size());
    return true;
  }
};

template <>
struct Codec<Raw> {
  static void write(Writer& to, const Raw& value) { to.raw(value.json); }
  static bool read(const Element& from, Raw& out) { return from.as_raw(out.json); }
};

template <>
struct Codec<RawView> {
  static void write(Writer& to, RawView value) { to.raw(value.json); }
  static bool read(const Element& from, RawView& out) { return from.as_raw_view(out.json); }
};

template <>
struct Codec<Value> {
  static void write(Writer& to, const Value& value) { value.write(to); }
  static bool read(const Element& from, Value& out) {
    out = Value::read(from);
    return true;
  }
};

template <>
struct Codec<Object> {
  static void write(Writer& to, const Object& value) {
    to.begin_object();
    for (const auto& [name, item] : value) {
      to.key(name);
      item.write(to);
    }
    to.end_object();
  }
  static bool read(const Element& from, Object& out) {
    if (from.kind() != Kind::object) return false;
    Value value = Value::read(from);
    out = std::move(*value.get_if<Object>());
    return true;
  }
};

// Not decoded at all: for handlers that look first.
template <>
struct Codec<Element> {
  static bool read(const Element& from, Element& out) {
    out = from;
    return true;
  }
};

// null, and a missing argument, is nullopt.
template <class T>
struct Codec<std::optional<T>> {
  static void write(Writer& to, const std::optional<T>& value) requires Encodable<T> {
    value ? Codec<T>::write(to, *value) : to.null();
  }
  static bool read(const Element& from, std::optional<T>& out) requires Decodable<T> {
    out.reset();
    return from.is_null() || Codec<T>::read(from, out.emplace());
  }
};

template <detail::Sequence T>
struct Codec<T> {
  using Item = typename T::value_type;
  static void write(Writer& to, const T& value) requires Encodable<Item> {
    to.begin_array();
    for (auto&& item : value) Codec<std::remove_cv_t<Item>>::write(to, item);
    to.end_array();
  }
  static bool read(const Element& from, T& out) requires(detail::Growing<T>&& Decodable<Item>) {
    if (from.kind() != Kind::array) return false;
    out.clear();
    if constexpr (requires { out.reserve(std::size_t{}); }) {
      const std::size_t most = detail::kReserveBytes / sizeof(Item);
      out.reserve(from.size() < most ? from.size() : most);
    }
    for (auto child = from.children(); child.next();) {
      Item item{};
      if (!Codec<Item>::read(child.value(), item)) return false;
      out.insert(out.end(), std::move(item));
    }
    return true;
  }
};

template <detail::StringMap T>
struct Codec<T> {
  using Item = typename T::mapped_type;
  static void write(Writer& to, const T& value) requires Encodable<Item> {
    to.begin_object();
    for (const auto& [name, item] : value) {
      to.key(name);
      Codec<Item>::write(to, item);
    }
    to.end_object();
  }
  static bool read(const Element& from, T& out) requires Decodable<Item> {
    if (from.kind() != Kind::object) return false;
    out.clear();
    for (auto child = from.children(); child.next();) {
      Item item{};
      if (!Codec<Item>::read(child.value(), item)) return false;
      out.insert_or_assign(typename T::key_type(child.key()), std::move(item));
    }
    return true;
  }
};

namespace detail {

// Pairs, tuples and arrays: exactly their length.
template <class T>
bool read_items(const Element& from, T& out) {
  if (from.kind() != Kind::array || from.size() != std::tuple_size_v<T>) return false;
  auto child = from.children();
  return std::apply(
      [&child](auto&... item) { return ((child.next() && decode(child.value(), item)) && ...); },
      out);
}

template <class T>
void write_items(Writer& to, const T& value) {
  to.begin_array();
  std::apply([&to](const auto&... item) { (encode(to, item), ...); }, value);
  to.end_array();
}

}  // namespace detail

template <class... T>
struct Codec<std::tuple<T...>> {
  static void write(Writer& to, const std::tuple<T...>& value) requires(Encodable<T>&&...) {
    detail::write_items(to, value);
  }
  static bool read(const Element& from, std::tuple<T...>& out) requires(Decodable<T>&&...) {
    return detail::read_items(from, out);
  }
};

template <class A, class B>
struct Codec<std::pair<A, B>> {
  static void write(Writer& to,
                    const std::pair<A, B>& value) requires(Encodable<A>&& Encodable<B>) {
    detail::write_items(to, value);
  }
  static bool read(const Element& from,
                   std::pair<A, B>& out) requires(Decodable<A>&& Decodable<B>) {
    return detail::read_items(from, out);
  }
};

template <class T, std::size_t N>
requires(!std::same_as<T, std::byte>) struct Codec<std::array<T, N>> {
  static void write(Writer& to, const std::array<T, N>& value) requires Encodable<T> {
    to.begin_array();
    for (const T& item : value) Codec<T>::write(to, item);
    to.end_array();
  }
  static bool read(const Element& from, std::array<T, N>& out) requires Decodable<T> {
    if (from.kind() != Kind::array || from.size() != N) return false;
    auto child = from.children();
    for (T& item : out) {
      if (!child.next() || !Codec<T>::read(child.value(), item)) return false;
    }
    return true;
  }
};

// The first alternative that fits, in order: put int before double, and Value last.
template <class... T>
struct Codec<std::variant<T...>> {
  static void write(Writer& to, const std::variant<T...>& value) requires(Encodable<T>&&...) {
    if (value.valueless_by_exception()) return to.null();
    std::visit([&to](const auto& item) { encode(to, item); }, value);
  }
  static bool read(const Element& from, std::variant<T...>& out) requires(Decodable<T>&&...) {
    return read_any(from, out, std::index_sequence_for<T...>{});
  }

 private:
  template <std::size_t... I>
  static bool read_any(const Element& from, std::variant<T...>& out, std::index_sequence<I...>) {
    return (Codec<T>::read(from, out.template emplace<I>()) || ...);
  }
};

template <HasFields T>
struct Codec<T> {
  static void write(Writer& to, const T& value) {
    to.begin_object();
    std::apply([&](const auto&... field) { (write_field(to, value, field), ...); }, kFields);
    to.end_object();
  }

  static bool read(const Element& from, T& out) {
    if (from.kind() != Kind::object) return false;
    std::array<bool, kCount> seen{};
    for (auto child = from.children(); child.next();) {
      if (!read_member(child, out, seen, std::make_index_sequence<kCount>{})) return false;
    }
    return complete(out, seen, std::make_index_sequence<kCount>{});
  }

 private:
  static constexpr auto kFields = socketio_fields(std::type_identity<T>{});
  static constexpr std::size_t kCount = std::tuple_size_v<decltype(kFields)>;

  template <class Member>
  static void write_field(Writer& to, const T& value, const Field<T, Member>& field) {
    require_encodable<Member>();
    const Member& member = value.*field.member;
    if constexpr (detail::is_optional_v<Member>) {
      if (!member) return;
    }
    to.key(field.name);
    Codec<Member>::write(to, member);
  }

  template <std::size_t... I>
  static bool read_member(const Element::Cursor& child, T& out, std::array<bool, kCount>& seen,
                          std::index_sequence<I...>) {
    bool fits = true;
    const std::string_view name = child.key();
    // Stops at the field of that name; a name that is none is ignored.
    ((std::get<I>(kFields).name == name &&
      ((fits = read_field(child.value(), out, std::get<I>(kFields))), seen[I] = true)) ||
     ...);
    return fits;
  }

  template <class Member>
  static bool read_field(const Element& from, T& out, const Field<T, Member>& field) {
    require_decodable<Member>();
    return Codec<Member>::read(from, out.*field.member);
  }

  template <std::size_t... I>
  static bool complete(T& out, const std::array<bool, kCount>& seen, std::index_sequence<I...>) {
    return ((seen[I] || clear_optional(out, std::get<I>(kFields))) && ...);
  }

  template <class Member>
  static bool clear_optional(T& out, const Field<T, Member>& field) {
    if constexpr (detail::is_optional_v<Member>) (out.*field.member).reset();
    return detail::is_optional_v<Member>;
  }
};

}  // namespace socketio
