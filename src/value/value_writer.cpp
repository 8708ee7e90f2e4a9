#include "value/value_writer.hpp"

#include <optional>
#include <string>
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

void ValueWriter::given_binary(Binary bytes) {
  add(std::move(bytes));
}

// Several values joined by commas are several values, as in JSON.
void ValueWriter::raw(std::string_view json) {
  const std::optional<Value> parsed = Value::parse("[" + std::string(json) + "]");
  const Array* const values = parsed ? parsed->get_if<Array>() : nullptr;
  if (values == nullptr || values->empty()) return null();
  for (const Value& value : *values) add(value);
}

void ValueWriter::begin_array() {
  open_.emplace_back();
}

void ValueWriter::end_array() {
  if (open_.empty()) return;
  Value array(std::move(open_.back().items));
  open_.pop_back();
  add(std::move(array));
}

void ValueWriter::begin_object() {
  open_.push_back({true});
}

void ValueWriter::end_object() {
  if (open_.empty()) return;
  Value object(Object::received(std::move(open_.back().members)));
  open_.pop_back();
  add(std::move(object));
}

void ValueWriter::key(std::string_view name) {
  if (open_.empty()) return;
  open_.back().members.emplace_back(name, Value());
  open_.back().has_key = true;
}

Args ValueWriter::take() {
  open_.clear();
  return std::exchange(done_, {});
}

void ValueWriter::add(Value value) {
  if (open_.empty()) {
    done_.push_back(std::move(value));
  } else if (Level& level = open_.back(); !level.is_object) {
    level.items.push_back(std::move(value));
  } else if (std::exchange(level.has_key, false)) {
    level.members.back().second = std::move(value);
  }
}

}  // namespace socketio::value
