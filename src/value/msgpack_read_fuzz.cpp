// What the reader accepts, the writer repeats: read -> write -> read gives an equal Value and the
// same bytes from then on, whatever handlers ask of an element answers without fault, the JSON text
// made of it is JSON, and nothing reads past the end.
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "base/check.hpp"
#include "value/json_read.hpp"
#include "value/msgpack_read.hpp"
#include "value/msgpack_testing.hpp"
#include "value/value_document.hpp"

namespace {

using socketio::Element;
using socketio::Kind;
using socketio::Value;
namespace base = socketio::base;
namespace value = socketio::value;

// Making the text of every element is quadratic in the depth.
constexpr std::size_t kTextsBelow = 128;

// Every question about every element.
void ask(const Element& element, bool texts) {
  bool boolean = false;
  std::int64_t integer = 0;
  std::uint64_t natural = 0;
  double number = 0;
  std::string_view text;
  std::string raw;
  element.as_bool(boolean);
  const bool is_number = element.as_number(number);
  SIO_CHECK(is_number || !(element.as_integer(integer) || element.as_unsigned(natural)));
  SIO_CHECK(element.as_string(text) == (element.kind() == Kind::string));
  SIO_CHECK(!element.as_string(text) || value::valid_utf8(text));
  SIO_CHECK(element.as_binary(text) == (element.kind() == Kind::binary));
  if (texts) {
    const bool has_raw = element.as_raw(raw);
    SIO_CHECK(has_raw == element.as_raw_view(text));
    SIO_CHECK(!has_raw || (raw == text && Value::parse(text).has_value()));
  }
  std::size_t count = 0;
  for (auto child = element.children(); child.next(); ++count) {
    SIO_CHECK(value::valid_utf8(child.key()));
    ask(child.value(), texts);
  }
  SIO_CHECK(count == element.size());
}

// NaN is not equal to itself; the bytes are compared then.
bool equal(const Value& a, const Value& b) {
  return a == b || value::testing::packed(a) == value::testing::packed(b);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A block of its own, so that the sanitizer sees the first byte behind it.
  const std::unique_ptr<char[]> copy(new char[size]);
  const base::Bytes bytes(copy.get(), size);
  base::Bytes(reinterpret_cast<const char*>(data), size).copy(copy.get(), size);
  value::MsgpackDocument document;
  if (!document.parse(bytes, value::kMaxDepth).empty()) {
    SIO_CHECK(!document.root().exists());
    return 0;
  }
  ask(document.root(), size <= kTextsBelow);
  const Value read = Value::read(document.root());
  const std::string once = value::testing::packed(read);
  value::MsgpackDocument again;
  SIO_CHECK(again.parse(once, value::kMaxDepth).empty());
  const Value second = Value::read(again.root());
  SIO_CHECK(equal(second, read));
  SIO_CHECK(value::testing::packed(second) == once);
  value::ValueDocument shown;
  shown.show(read);
  ask(shown.root(), size <= kTextsBelow);
  SIO_CHECK(equal(Value::read(shown.root()), read));
  return 0;
}
