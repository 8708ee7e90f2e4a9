// What Element reads: a parsed packet. One implementation per wire form: the tape of simdjson for
// JSON, the received bytes for MessagePack, Values for a user's parser.
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
  virtual bool as_raw_view(std::size_t at, std::string_view& out) const = 0;
  // Of an array, the JSON text behind its first item. False: the packet is JSON, and who has it
  // knows that text already.
  virtual bool raw_rest(std::size_t at, std::string_view& out) const {
    static_cast<void>(at), static_cast<void>(out);
    return false;
  }
  virtual std::size_t size(std::size_t at) const = 0;
  // Start, end and objectness of the children; then one step of a cursor.
  virtual Element::Cursor children(std::size_t at) const = 0;
  virtual bool advance(Element::Cursor& cursor) const = 0;

 protected:
  // A cursor's inside, for the implementations: `position` is theirs to interpret.
  static Element::Cursor make_cursor(const Document* document, std::size_t position,
                                     std::size_t end, bool object) {
    Element::Cursor cursor;
    cursor.document_ = document;
    cursor.position_ = position;
    cursor.end_ = end;
    cursor.object_ = object;
    return cursor;
  }
  static std::size_t position(const Element::Cursor& cursor) { return cursor.position_; }
  static std::size_t end(const Element::Cursor& cursor) { return cursor.end_; }
  static bool is_object(const Element::Cursor& cursor) { return cursor.object_; }
  static void move(Element::Cursor& cursor, std::size_t position, std::string_view key,
                   Element value) {
    cursor.position_ = position;
    cursor.key_ = key;
    cursor.value_ = value;
  }
};

namespace value {
// Writes a received value, binary included, to any writer.
void copy(const Element& from, Writer& to);
}  // namespace value

}  // namespace socketio
