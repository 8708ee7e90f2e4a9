// The data of an event: Value (dynamic), Binary, Raw (JSON text passed through), and the two ends
// every typed argument goes through: Writer (C++ -> wire) and Element (wire -> C++). See codec.hpp
// for how a type joins.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <socketio/export.hpp>

namespace socketio {

// Bytes that travel as a binary attachment (a Buffer / ArrayBuffer in JS), at any depth of an
// argument.
class Binary {
 public:
  Binary() = default;
  explicit Binary(std::string bytes) : bytes_(std::move(bytes)) {}
  Binary(const void* data, std::size_t size) : bytes_(static_cast<const char*>(data), size) {}
  const char* data() const { return bytes_.data(); }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  std::string_view view() const { return bytes_; }
  bool operator==(const Binary&) const = default;

 private:
  std::string bytes_;
};

// A view of received bytes as a handler parameter; lives for the call.
struct BinaryView {
  std::string_view bytes;
  const char* data() const { return bytes.data(); }
  std::size_t size() const { return bytes.size(); }
};

// The JSON text of one value, sent without parsing or checking (it must be valid compact JSON) and,
// as a handler parameter, received without building anything. Binary placeholders inside are not
// followed. RawView lives for the call. With another parser than JSON (parser.hpp) the text is
// translated, both ways.
struct Raw {
  std::string json;
};
struct RawView {
  std::string_view json;
};

namespace value {
class ValueWriter;
}
class Value;
using Array = std::vector<Value>;

// Keys in the order of insertion (JS order matters to some peers), each at most once; look-up is
// linear: meant for small objects (reading a received one is not quadratic, whatever its size).
// Equality ignores the order.
class SOCKETIO_EXPORT Object {
 public:
  using Member = std::pair<std::string, Value>;
  Object() = default;
  Object(std::initializer_list<Member> members);
  // The value of a key, inserted as null when absent.
  Value& operator[](std::string_view key);
  const Value* find(std::string_view key) const;
  bool contains(std::string_view key) const { return find(key) != nullptr; }
  bool erase(std::string_view key);
  std::size_t size() const;
  bool empty() const { return size() == 0; }
  std::vector<Member>::iterator begin();
  std::vector<Member>::iterator end();
  std::vector<Member>::const_iterator begin() const;
  std::vector<Member>::const_iterator end() const;
  bool operator==(const Object&) const;

 private:
  friend class Value;
  friend class value::ValueWriter;
  // Members as received, duplicates included: the last value wins and keeps the first one's place,
  // as in JS. O(n log n).
  static Object received(std::vector<Member> members);
  std::vector<Member> members_;
};

// What a Codec writes an argument to. Each parser (JSON, MessagePack, yours) has one. The calls for
// an argument make up exactly one value; the parser adds commas and attachments itself.
class SOCKETIO_EXPORT Writer {
 public:
  virtual void null() = 0;
  virtual void boolean(bool v) = 0;
  virtual void integer(std::int64_t v) = 0;
  virtual void unsigned_integer(std::uint64_t v) = 0;
  virtual void number(double v) = 0;  // in JSON, NaN and infinities become null, as in JS
  virtual void string(std::string_view utf8) = 0;  // invalid UTF-8 is replaced by U+FFFD
  // A view: the bytes must be there until the emit (or whatever else encodes) has returned, because
  // a message is made of them only then.
  virtual void binary(std::string_view bytes) = 0;
  // Bytes made while writing are given away instead: to.binary(image.encode()).
  template <class Bytes>
  requires(std::same_as<Bytes, std::string> ||
           std::same_as<Bytes, Binary>) void binary(Bytes&& bytes) {
    given_binary(Binary(std::forward<Bytes>(bytes)));
  }
  virtual void raw(std::string_view json) = 0;
  virtual void begin_array() = 0;
  virtual void end_array() = 0;
  virtual void begin_object() = 0;
  virtual void key(std::string_view name) = 0;
  virtual void end_object() = 0;

  virtual void given_binary(Binary bytes) = 0;

 protected:
  ~Writer() = default;
};

// What a Value or an Element is.
enum class Kind : std::uint8_t {
  null,
  boolean,
  integer,
  unsigned_integer,
  number,
  string,
  binary,
  array,
  object
};

class Document;  // a parsed packet (JSON tape, …); internal

// A read-only view of one received value; cheap to copy, valid while the packet is being
// dispatched. Every as_x returns false (and leaves the output alone) when the value is of another
// kind or does not fit.
class SOCKETIO_EXPORT Element {
 public:
  Element() = default;
  Element(const Document* document, std::size_t at) : document_(document), at_(at) {}

  Kind kind() const;  // null for a missing argument
  bool is_null() const { return kind() == Kind::null; }
  bool exists() const { return document_ != nullptr; }

  bool as_bool(bool& out) const;
  bool as_integer(std::int64_t& out) const;  // also a number without fraction within range
  bool as_unsigned(std::uint64_t& out) const;
  bool as_number(double& out) const;  // any number
  bool as_string(std::string_view& out) const;
  bool as_binary(std::string_view& out) const;
  bool as_raw(std::string& out) const;  // compact JSON of this value; false if it holds binary
  // As as_raw, but the very text received (which may hold white space), without a copy (of
  // another parser's packet: the same text as as_raw).
  bool as_raw_view(std::string_view& out) const;

  // Children of an array or an object, in order:
  //   for (auto c = e.children(); c.next();) use(c.key(), c.value());
  std::size_t size() const;
  class Cursor;
  Cursor children() const;
  Element at(std::size_t index) const;       // array; not found: an element that does not exist
  Element find(std::string_view key) const;  // object; the last of duplicate keys

 private:
  friend class Document;
  friend class EventView;
  std::string_view raw_rest() const;  // an array's JSON text behind the first item, if not at hand
  const Document* document_ = nullptr;
  std::size_t at_ = 0;
};

class SOCKETIO_EXPORT Element::Cursor {
 public:
  Cursor() = default;
  bool next();  // moves to the first, then the following child; false at the end
  std::string_view key() const { return key_; }  // of an object's member
  Element value() const { return value_; }

 private:
  friend class Element;
  friend class Document;
  const Document* document_ = nullptr;
  std::size_t position_ = 0;
  std::size_t end_ = 0;
  bool object_ = false;
  std::string_view key_;
  Element value_;
};

// Any value that an event can carry: null, bool, integers, double, string, Binary, Array, Object.
// Integers are kept exactly (JS peers round above 2^53).
class SOCKETIO_EXPORT Value {
 public:
  using Storage = std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double,
                               std::string, Binary, Array, Object>;

  Value() = default;
  Value(std::nullptr_t) {}
  // A template, or every pointer would be a bool.
  template <class T>
  requires std::is_same_v<T, bool> Value(T v) : data_(v) {}
  // Not char: a letter is a string of one, and a number is no letter.
  template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char>)
      Value(T v) {
    if (std::is_signed_v<T> || static_cast<std::uint64_t>(v) <= 0x7FFFFFFFFFFFFFFFULL)
      data_ = static_cast<std::int64_t>(v);
    else
      data_ = static_cast<std::uint64_t>(v);
  }
  template <class T>
  requires std::is_floating_point_v<T> Value(T v) : data_(static_cast<double>(v)) {}
  Value(const char* v) : data_(std::string(v)) {}
  Value(std::string_view v) : data_(std::string(v)) {}
  Value(std::string v) : data_(std::move(v)) {}
  Value(Binary v) : data_(std::move(v)) {}
  Value(Array v) : data_(std::move(v)) {}
  Value(Object v) : data_(std::move(v)) {}
  static Value array(std::initializer_list<Value> items) { return Value(Array(items)); }
  static Value object(std::initializer_list<Object::Member> members) {
    return Value(Object(members));
  }

  Kind kind() const;
  bool is_null() const { return data_.index() == 0; }
  template <class T>
  const T* get_if() const {
    return std::get_if<T>(&data_);
  }
  template <class T>
  T* get_if() {
    return std::get_if<T>(&data_);
  }

  // Converting readers; the default when the kind does not fit.
  bool to_bool(bool otherwise = false) const;
  std::int64_t to_integer(std::int64_t otherwise = 0) const;
  double to_number(double otherwise = 0) const;
  std::string_view to_string(std::string_view otherwise = {}) const;
  // A member or item; a shared null when absent, so that chains never throw.
  const Value& operator[](std::string_view key) const;
  const Value& operator[](std::size_t index) const;
  const Value& operator[](std::size_t index) { return std::as_const(*this)[index]; }
  // Inserting access; a value of another kind becomes an object first.
  Value& operator[](std::string_view key);
  std::size_t size() const;

  // Numbers of different kinds compare as doubles (1 == 1.0), as they do in JS.
  bool operator==(const Value&) const;

  void write(Writer& to) const;
  // A copy of what was received; null when `from` does not exist.
  static Value read(const Element& from);
  // JSON text; binary becomes {"_placeholder":true,"num":N} as on the wire. parse: nullopt when it
  // is not JSON.
  std::string to_json() const;
  static std::optional<Value> parse(std::string_view json);

 private:
  Storage data_;
};

using Args = std::vector<Value>;

}  // namespace socketio
