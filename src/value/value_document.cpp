#include "value/value_document.hpp"

#include "value/number.hpp"

namespace socketio::value {

namespace {

template <class T>
std::size_t address(const T* object) {
  return reinterpret_cast<std::size_t>(object);
}

template <class T>
const T& object_at(std::size_t address) {
  return *reinterpret_cast<const T*>(address);
}

template <class T>
const T* get(std::size_t at) {
  return object_at<Value>(at).get_if<T>();
}

}  // namespace

void ValueDocument::show(const Value& root) {
  forget_texts();
  root_ = &root;
}

Element ValueDocument::root() const {
  return root_ == nullptr ? Element() : Element(this, address(root_));
}

Kind ValueDocument::kind(std::size_t at) const {
  return object_at<Value>(at).kind();
}

bool ValueDocument::as_bool(std::size_t at, bool& out) const {
  const bool* v = get<bool>(at);
  if (v != nullptr) out = *v;
  return v != nullptr;
}

bool ValueDocument::as_integer(std::size_t at, std::int64_t& out) const {
  if (const auto* v = get<double>(at)) return exact_integer(*v, out);
  const auto* v = get<std::int64_t>(at);
  if (v != nullptr) out = *v;
  return v != nullptr;
}

bool ValueDocument::as_unsigned(std::size_t at, std::uint64_t& out) const {
  if (const auto* v = get<double>(at)) return exact_unsigned(*v, out);
  if (const auto* v = get<std::uint64_t>(at)) return out = *v, true;
  const auto* v = get<std::int64_t>(at);
  if (v == nullptr || *v < 0) return false;
  out = static_cast<std::uint64_t>(*v);
  return true;
}

bool ValueDocument::as_number(std::size_t at, double& out) const {
  const Kind of = kind(at);
  if (of != Kind::integer && of != Kind::unsigned_integer && of != Kind::number) return false;
  out = object_at<Value>(at).to_number();
  return true;
}

bool ValueDocument::as_string(std::size_t at, std::string_view& out) const {
  const auto* v = get<std::string>(at);
  if (v != nullptr) out = *v;
  return v != nullptr;
}

bool ValueDocument::as_binary(std::size_t at, std::string_view& out) const {
  const auto* v = get<Binary>(at);
  if (v != nullptr) out = v->view();
  return v != nullptr;
}

std::size_t ValueDocument::size(std::size_t at) const {
  return object_at<Value>(at).size();
}

Element::Cursor ValueDocument::children(std::size_t at) const {
  if (object_at<Value>(at).size() == 0) return {};
  if (const auto* array = get<Array>(at))
    return make_cursor(this, address(array->data()), address(array->data() + array->size()), false);
  const Object::Member* first = &*get<Object>(at)->begin();
  return make_cursor(this, address(first), address(first + object_at<Value>(at).size()), true);
}

bool ValueDocument::advance(Element::Cursor& cursor) const {
  const std::size_t at = position(cursor);
  if (at >= end(cursor)) return false;
  if (is_object(cursor)) {
    const auto& member = object_at<Object::Member>(at);
    move(cursor, address(&member + 1), member.first, Element(this, address(&member.second)));
  } else {
    move(cursor, address(&object_at<Value>(at) + 1), {}, Element(this, at));
  }
  return true;
}

}  // namespace socketio::value
