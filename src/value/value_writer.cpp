#include "value/value_writer.hpp"

#include <utility>

namespace socketio::value {

void ValueWriter::null() {
  add(nullptr);
}

void ValueWriter::boolean(bool v) {
  add(v);
}

void ValueWriter::integer(std::int64_t v) {
  add(v);
}

void ValueWriter::unsigned_integer(std::uint64_t v) {
  add(v);
}

void ValueWriter::number(double v) {
  add(v);
}

void ValueWriter::string(std::string_view utf8) {
  add(utf8);
}

void ValueWriter::binary(std::string_view bytes) {
  add(Binary(std::string(bytes)));
}

void ValueWriter::raw(std::string_view json) {
  add(Value::parse(json).value_or(Value()));
}

void ValueWriter::begin_array() {
  open_.emplace_back(Array());
}

void ValueWriter::end_array() {
  close();
}

void ValueWriter::begin_object() {
  open_.emplace_back(Object());
}

void ValueWriter::end_object() {
  close();
}

void ValueWriter::key(std::string_view name) {
  keys_.emplace_back(name);
}

Args ValueWriter::take() {
  open_.clear();
  keys_.clear();
  return std::exchange(done_, {});
}

void ValueWriter::add(Value value) {
  if (open_.empty()) {
    done_.push_back(std::move(value));
  } else if (Array* array = open_.back().get_if<Array>(); array != nullptr) {
    array->push_back(std::move(value));
  } else if (!keys_.empty()) {
    open_.back()[keys_.back()] = std::move(value);
    keys_.pop_back();
  }
}

void ValueWriter::close() {
  if (open_.empty()) return;
  Value value = std::move(open_.back());
  open_.pop_back();
  add(std::move(value));
}

}  // namespace socketio::value
