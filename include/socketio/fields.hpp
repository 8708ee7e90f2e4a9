// SOCKETIO_FIELDS: how a struct names its members, in one line at namespace scope beside it.
//
// As a parameter the struct is an object: a missing member does not fit unless it is a
// std::optional, members the struct does not know are ignored. As an argument an empty optional is
// left out.
#pragma once

#include <string_view>
#include <tuple>
#include <type_traits>

namespace socketio {

template <class T, class Member>
struct Field {
  std::string_view name;
  Member T::*member;
};

template <class T, class Member>
constexpr Field<T, Member> field(std::string_view name, Member T::*member) {
  return {name, member};
}

// Found by the argument's namespace. type_identity, so that a derived struct does not pass for its
// base.
template <class T>
concept HasFields = requires {
  socketio_fields(std::type_identity<T>{});
};

}  // namespace socketio

// A macro that expands to itself is not expanded again in the same scan: each EXPAND scans four
// times more, enough for 64 members.
#define SOCKETIO_DETAIL_EXPAND(...) \
  SOCKETIO_DETAIL_EXPAND3(          \
      SOCKETIO_DETAIL_EXPAND3(SOCKETIO_DETAIL_EXPAND3(SOCKETIO_DETAIL_EXPAND3(__VA_ARGS__))))
#define SOCKETIO_DETAIL_EXPAND3(...) \
  SOCKETIO_DETAIL_EXPAND2(           \
      SOCKETIO_DETAIL_EXPAND2(SOCKETIO_DETAIL_EXPAND2(SOCKETIO_DETAIL_EXPAND2(__VA_ARGS__))))
#define SOCKETIO_DETAIL_EXPAND2(...) \
  SOCKETIO_DETAIL_EXPAND1(           \
      SOCKETIO_DETAIL_EXPAND1(SOCKETIO_DETAIL_EXPAND1(SOCKETIO_DETAIL_EXPAND1(__VA_ARGS__))))
#define SOCKETIO_DETAIL_EXPAND1(...) __VA_ARGS__
#define SOCKETIO_DETAIL_PARENS ()
#define SOCKETIO_DETAIL_EACH(first, ...)              \
  ::socketio::field(#first, &SocketioFieldsOf::first) \
      __VA_OPT__(, SOCKETIO_DETAIL_AGAIN SOCKETIO_DETAIL_PARENS(__VA_ARGS__))
#define SOCKETIO_DETAIL_AGAIN() SOCKETIO_DETAIL_EACH

#define SOCKETIO_FIELDS(Type, ...)                                                       \
  [[maybe_unused]] constexpr auto socketio_fields(::std::type_identity<Type>) {          \
    using SocketioFieldsOf = Type;                                                       \
    return ::std::make_tuple(SOCKETIO_DETAIL_EXPAND(SOCKETIO_DETAIL_EACH(__VA_ARGS__))); \
  }
