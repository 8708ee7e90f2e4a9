// Element and its cursor: forwarding to the document, where "does not exist" is null.
#include "value/document.hpp"

namespace socketio {

Kind Element::kind() const {
  return document_ ? document_->kind(at_) : Kind::null;
}

bool Element::as_bool(bool& out) const {
  return document_ && document_->as_bool(at_, out);
}

bool Element::as_integer(std::int64_t& out) const {
  return document_ && document_->as_integer(at_, out);
}

bool Element::as_unsigned(std::uint64_t& out) const {
  return document_ && document_->as_unsigned(at_, out);
}

bool Element::as_number(double& out) const {
  return document_ && document_->as_number(at_, out);
}

bool Element::as_string(std::string_view& out) const {
  return document_ && document_->as_string(at_, out);
}

bool Element::as_binary(std::string_view& out) const {
  return document_ && document_->as_binary(at_, out);
}

bool Element::as_raw(std::string& out) const {
  return document_ && document_->as_raw(at_, out);
}

bool Element::as_raw_view(std::string_view& out) const {
  return document_ && document_->as_raw_view(at_, out);
}

std::string_view Element::raw_rest() const {
  std::string_view out;
  if (document_) document_->raw_rest(at_, out);
  return out;
}

std::size_t Element::size() const {
  return document_ ? document_->size(at_) : 0;
}

Element::Cursor Element::children() const {
  return document_ ? document_->children(at_) : Cursor{};
}

Element Element::at(std::size_t index) const {
  if (kind() != Kind::array) return {};
  Cursor cursor = children();
  do {
    if (!cursor.next()) return {};
  } while (index-- != 0);
  return cursor.value();
}

Element Element::find(std::string_view key) const {
  Element found;
  if (kind() != Kind::object) return found;
  for (Cursor cursor = children(); cursor.next();) {
    if (cursor.key() == key) found = cursor.value();
  }
  return found;
}

bool Element::Cursor::next() {
  return document_ && document_->advance(*this);
}

namespace value {

namespace {

void copy_children(const Element& from, Writer& to) {
  const bool object = from.kind() == Kind::object;
  object ? to.begin_object() : to.begin_array();
  for (auto child = from.children(); child.next();) {
    if (object) to.key(child.key());
    copy(child.value(), to);
  }
  object ? to.end_object() : to.end_array();
}

// The value of a kind already known, read by the member function that fits it.
template <class T>
T get(const Element& from, bool (Element::*as)(T&) const) {
  T out{};
  (from.*as)(out);
  return out;
}

}  // namespace

void copy(const Element& from, Writer& to) {
  switch (from.kind()) {
    case Kind::null:
      return to.null();
    case Kind::boolean:
      return to.boolean(get(from, &Element::as_bool));
    case Kind::integer:
      return to.integer(get(from, &Element::as_integer));
    case Kind::unsigned_integer:
      return to.unsigned_integer(get(from, &Element::as_unsigned));
    case Kind::number:
      return to.number(get(from, &Element::as_number));
    case Kind::string:
      return to.string(get(from, &Element::as_string));
    case Kind::binary:
      return to.binary(get(from, &Element::as_binary));
    case Kind::array:
    case Kind::object:
      return copy_children(from, to);
  }
}

}  // namespace value
}  // namespace socketio
