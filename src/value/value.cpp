// Value: the dynamic type. Its conversions follow what JS users expect (numbers are one kind), and
// its chains of operator[] never throw.
#include <cmath>

#include "value/document.hpp"
#include "value/json_read.hpp"
#include "value/json_write.hpp"
#include "value/number.hpp"

namespace socketio {

namespace {

const Value& absent() {
  static const Value null;
  return null;
}

bool is_number(Kind kind) {
  return kind == Kind::integer || kind == Kind::unsigned_integer || kind == Kind::number;
}

Value read_array(const Element& from) {
  Array out;
  out.reserve(from.size());
  for (auto child = from.children(); child.next();) out.push_back(Value::read(child.value()));
  return out;
}

std::vector<Object::Member> read_members(const Element& from) {
  std::vector<Object::Member> out;
  out.reserve(from.size());
  for (auto child = from.children(); child.next();) {
    out.emplace_back(std::string(child.key()), Value::read(child.value()));
  }
  return out;
}

}  // namespace

Kind Value::kind() const {
  static_assert(std::variant_size_v<Storage> == static_cast<std::size_t>(Kind::object) + 1);
  return static_cast<Kind>(data_.index());
}

bool Value::to_bool(bool otherwise) const {
  const bool* v = get_if<bool>();
  return v ? *v : otherwise;
}

std::int64_t Value::to_integer(std::int64_t otherwise) const {
  if (const auto* v = get_if<std::int64_t>()) return *v;
  std::int64_t out = otherwise;
  if (const auto* v = get_if<double>()) value::exact_integer(*v, out);
  return out;
}

double Value::to_number(double otherwise) const {
  if (const auto* v = get_if<double>()) return *v;
  if (const auto* v = get_if<std::int64_t>()) return static_cast<double>(*v);
  if (const auto* v = get_if<std::uint64_t>()) return static_cast<double>(*v);
  return otherwise;
}

std::string_view Value::to_string(std::string_view otherwise) const {
  const auto* v = get_if<std::string>();
  return v ? std::string_view(*v) : otherwise;
}

const Value& Value::operator[](std::string_view key) const {
  const auto* object = get_if<Object>();
  const Value* found = object ? object->find(key) : nullptr;
  return found ? *found : absent();
}

const Value& Value::operator[](std::size_t index) const {
  const auto* array = get_if<Array>();
  return array && index < array->size() ? (*array)[index] : absent();
}

Value& Value::operator[](std::string_view key) {
  if (!get_if<Object>()) data_ = Object();
  return (*get_if<Object>())[key];
}

std::size_t Value::size() const {
  if (const auto* v = get_if<Array>()) return v->size();
  if (const auto* v = get_if<Object>()) return v->size();
  return 0;
}

bool Value::operator==(const Value& other) const {
  if (kind() == other.kind()) return data_ == other.data_;
  return is_number(kind()) && is_number(other.kind()) && to_number() == other.to_number();
}

void Value::write(Writer& to) const {
  switch (kind()) {
    case Kind::null:
      return to.null();
    case Kind::boolean:
      return to.boolean(*get_if<bool>());
    case Kind::integer:
      return to.integer(*get_if<std::int64_t>());
    case Kind::unsigned_integer:
      return to.unsigned_integer(*get_if<std::uint64_t>());
    case Kind::number:
      return to.number(*get_if<double>());
    case Kind::string:
      return to.string(*get_if<std::string>());
    case Kind::binary:
      return to.binary(get_if<Binary>()->view());
    case Kind::array:
      to.begin_array();
      for (const Value& item : *get_if<Array>()) item.write(to);
      return to.end_array();
    case Kind::object:
      to.begin_object();
      for (const auto& [name, item] : *get_if<Object>()) {
        to.key(name);
        item.write(to);
      }
      return to.end_object();
  }
}

Value Value::read(const Element& from) {
  std::string_view text;
  switch (from.kind()) {
    case Kind::null:
      break;
    case Kind::boolean: {
      bool v = false;
      if (from.as_bool(v)) return v;
      break;
    }
    case Kind::integer: {
      std::int64_t v = 0;
      if (from.as_integer(v)) return v;
      break;
    }
    case Kind::unsigned_integer: {
      std::uint64_t v = 0;
      if (from.as_unsigned(v)) return v;
      break;
    }
    case Kind::number: {
      double v = 0;
      if (from.as_number(v)) return v;
      break;
    }
    case Kind::string:
      if (from.as_string(text)) return text;
      break;
    case Kind::binary:
      if (from.as_binary(text)) return Binary(text.data(), text.size());
      break;
    case Kind::array:
      return read_array(from);
    case Kind::object:
      return Object::received(read_members(from));
  }
  return {};
}

std::string Value::to_json() const {
  base::TextBuffer out;
  std::vector<base::Bytes> attachments;
  value::JsonWriter writer(out, attachments);
  write(writer);
  return std::string(out.view());
}

std::optional<Value> Value::parse(std::string_view json) {
  value::JsonDocument document;
  if (!document.parse_copy(json)) return std::nullopt;
  return read(document.root());
}

}  // namespace socketio
