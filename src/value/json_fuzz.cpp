// What the reader accepts, the writer repeats: read -> write -> read gives an equal Value, the
// rewritten text is a fixed point, raw views are JSON themselves, and nothing reads past the
// padding. With and without JsonScan it accepts and shows the same.
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "base/check.hpp"
#include "value/json_read.hpp"
#include "value/json_scan.hpp"
#include "value/json_write.hpp"
#include "value/testing.hpp"

namespace {

using socketio::Element;
using socketio::Value;
using socketio::value::JsonDocument;
namespace base = socketio::base;

void check_texts(const JsonDocument& document) {
  JsonDocument part;
  std::string raw;
  for (auto child = document.root().children(); child.next();) {
    std::string_view view;
    SIO_CHECK(child.value().as_raw(raw) && child.value().as_raw_view(view));
    SIO_CHECK(part.parse_copy(raw));
    const Value from_raw = Value::read(part.root());
    SIO_CHECK(part.parse_copy(view));
    SIO_CHECK(Value::read(part.root()).to_json() == from_raw.to_json());
  }
  if (document.root().kind() != socketio::Kind::array || document.root().size() < 2) return;
  SIO_CHECK(part.parse_copy("[" + std::string(document.rest_of_array()) + "]"));
  SIO_CHECK(part.root().size() + 1 == document.root().size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::unique_ptr<char[]> padded(new char[size + base::kPadding]());
  const base::Bytes text(padded.get(), size);
  base::Bytes(reinterpret_cast<const char*>(data), size).copy(padded.get(), size);
  JsonDocument document;
  JsonDocument tape(JsonDocument::Reader::tape_only);
  const bool read = document.parse(text);
  SIO_CHECK(tape.parse(text) == read);
  if (!read) return 0;
  constexpr std::size_t kCompared = 4096;  // comparing is quadratic in the depth
  if (size <= kCompared) SIO_CHECK(socketio::value::same(document, tape));
  check_texts(document);
  const std::string once = Value::read(document.root()).to_json();
  const auto again = Value::parse(once);
  SIO_CHECK(again.has_value());
  SIO_CHECK(again->to_json() == once);
  // Infinities have become null, and doubles from 2^53 to 10^21 are read as other integers.
  SIO_CHECK(Value::parse(again->to_json()) == again);
  const std::string bytes = "x";
  const base::Bytes attachments[] = {bytes, bytes};
  if (document.bind_attachments(attachments)) {
    base::TextBuffer out;
    std::vector<base::Bytes> written;
    socketio::value::JsonWriter writer(out, written);
    Value::read(document.root()).write(writer);
    SIO_CHECK(document.parse_copy(out.view()) && document.bind_attachments(written));
  }
  return 0;
}
