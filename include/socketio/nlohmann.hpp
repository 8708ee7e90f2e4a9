// Opt-in: nlohmann::json as argument and parameter (its binary is an attachment), and
//
//   SOCKETIO_NLOHMANN(Type)     // at namespace scope, next to the struct
//
// for structs that already have to_json and from_json. No other public header needs a library that
// is not the standard's, and none includes this one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <socketio/codec.hpp>

namespace socketio {

namespace detail {

inline std::vector<unsigned> bytes_as_numbers(const nlohmann::json::binary_t& bytes) {
  return {bytes.begin(), bytes.end()};
}

// `lasting`: the document outlives the encoding of the packet, so its bytes can be attached; those
// of a temporary one are written as an array of numbers.
inline void write_nlohmann(Writer& to, const nlohmann::json& value, bool lasting) {
  using Type = nlohmann::json::value_t;
  switch (value.type()) {
    case Type::null:
    case Type::discarded:
      return to.null();
    case Type::boolean:
      return to.boolean(value.get<bool>());
    case Type::number_integer:
      return to.integer(value.get<std::int64_t>());
    case Type::number_unsigned:
      return to.unsigned_integer(value.get<std::uint64_t>());
    case Type::number_float:
      return to.number(value.get<double>());
    case Type::string:
      return to.string(value.get_ref<const std::string&>());
    case Type::binary: {
      const auto& bytes = value.get_binary();
      if (!lasting) return write_nlohmann(to, nlohmann::json(bytes_as_numbers(bytes)), false);
      return to.binary({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
    case Type::array:
      to.begin_array();
      for (const auto& item : value) write_nlohmann(to, item, lasting);
      return to.end_array();
    case Type::object:
      to.begin_object();
      for (const auto& [name, item] : value.get_ref<const nlohmann::json::object_t&>()) {
        to.key(name);
        write_nlohmann(to, item, lasting);
      }
      return to.end_object();
  }
}

inline nlohmann::json read_nlohmann(const Element& from);

inline nlohmann::json read_nlohmann_children(const Element& from) {
  nlohmann::json::array_t items;
  nlohmann::json::object_t members;
  const bool object = from.kind() == Kind::object;
  for (auto child = from.children(); child.next();) {
    if (object) {
      members.insert_or_assign(std::string(child.key()), read_nlohmann(child.value()));
    } else {
      items.push_back(read_nlohmann(child.value()));
    }
  }
  return object ? nlohmann::json(std::move(members)) : nlohmann::json(std::move(items));
}

// The value of a kind already known, read by the member function that fits it.
template <class T>
T get_nlohmann(const Element& from, bool (Element::*as)(T&) const) {
  T out{};
  (from.*as)(out);
  return out;
}

inline nlohmann::json read_nlohmann(const Element& from) {
  switch (from.kind()) {
    case Kind::null:
      break;
    case Kind::boolean:
      return get_nlohmann(from, &Element::as_bool);
    case Kind::integer:
      return get_nlohmann(from, &Element::as_integer);
    case Kind::unsigned_integer:
      return get_nlohmann(from, &Element::as_unsigned);
    case Kind::number:
      return get_nlohmann(from, &Element::as_number);
    case Kind::string:
      return std::string(get_nlohmann(from, &Element::as_string));
    case Kind::binary: {
      const std::string_view bytes = get_nlohmann(from, &Element::as_binary);
      return nlohmann::json::binary(
          nlohmann::json::binary_t::container_type(bytes.begin(), bytes.end()));
    }
    case Kind::array:
    case Kind::object:
      return read_nlohmann_children(from);
  }
  return nullptr;
}

template <class T>
concept UsesNlohmann = requires {
  socketio_uses_nlohmann(std::type_identity<T>{});
};

}  // namespace detail

template <>
struct Codec<nlohmann::json> {
  static void write(Writer& to, const nlohmann::json& value) {
    detail::write_nlohmann(to, value, true);
  }
  static bool read(const Element& from, nlohmann::json& out) {
    out = detail::read_nlohmann(from);
    return true;
  }
};

// A from_json that throws says: it does not fit. Bytes that a to_json makes are sent as an array of
// numbers: its document is gone before the packet is encoded.
template <detail::UsesNlohmann T>
struct Codec<T> {
  static void write(Writer& to, const T& value) {
    detail::write_nlohmann(to, nlohmann::json(value), false);
  }
  static bool read(const Element& from, T& out) {
    try {
      detail::read_nlohmann(from).get_to(out);
      return true;
    } catch (const nlohmann::json::exception&) {
      return false;
    }
  }
};

}  // namespace socketio

#define SOCKETIO_NLOHMANN(Type)                                                        \
  [[maybe_unused]] constexpr bool socketio_uses_nlohmann(::std::type_identity<Type>) { \
    return true;                                                                       \
  }
