// How a C++ type becomes an argument and back. Built in: bool, arithmetic types, enums, strings,
// string_view, Binary, BinaryView, Raw, RawView, Value, std::optional, vector, array, deque, list,
// set, map and unordered_map with string keys, pair, tuple, variant, and structs that say so:
//
//   struct Point { double x, y; };
//   SOCKETIO_FIELDS(Point, x, y)           // at namespace scope, next to the struct
//
// or by a Codec specialisation. A type that does not fit never reaches a handler: read() returns
// false.
#pragma once

#include <socketio/value.hpp>

namespace socketio {

// write: exactly one value. read: false when `from` does not fit; `out` may then hold anything.
template <class T, class = void>
struct Codec;

}  // namespace socketio
