// What Element reads: a parsed packet. One implementation per wire form; the tape of simdjson for
// JSON.
#pragma once

#include <string>
#include <string_view>

#include <socketio/value.hpp>

namespace socketio {

class Document {
 public:
  virtual ~Document() = default;

  virtual Kind kind(std::size_t at) const = 0;
  virtual bool as_bool(std::size_t at, bool& out) const = 0;
  virtual bool as_integer(std::size_t at, std::int64_t& out) const = 0;
  virtual bool as_unsigned(std::size_t at, std::uint64_t& out) const = 0;
  virtual bool as_number(std::size_t at, double& out) const = 0;
  virtual bool as_string(std::size_t at, std::string_view& out) const = 0;
  virtual bool as_binary(std::size_t at, std::string_view& out) const = 0;
  virtual bool as_raw(std::size_t at, std::string& out) const = 0;
  virtual std::size_t size(std::size_t at) const = 0;
  // Start, end and objectness of the children; then one step of a cursor.
  virtual Element::Cursor children(std::size_t at) const = 0;
  virtual bool advance(Element::Cursor& cursor) const = 0;
};

}  // namespace socketio
