// JsonDocument over JsonScan, or over simdjson's tape (its format: doc/tape.md there). One word per
// value, its type in the top byte; numbers take a second word; a container's word has the index
// behind its end in the low half and the count of its members in 24 bits above.
#include "value/json_read.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <new>
#include <string>
#include <vector>

#include <simdjson.h>

#include "base/check.hpp"
#include "value/json_normalise.hpp"
#include "value/json_scan.hpp"
#include "value/json_write.hpp"
#include "value/number.hpp"

namespace socketio::value {

namespace {

constexpr std::size_t kRoot = 1;  // word 0 belongs to the document
constexpr std::size_t kLeastCapacity = 1024;
constexpr std::uint32_t kCountMask = 0xFFFFFF;  // a count of this much means "or more"
// A placeholder, in the place of the object's type: its num takes the place of the count.
constexpr char kBinary = 'b';
constexpr base::Bytes kByteOrderMark = "\xEF\xBB\xBF";
// NUMBER_ERROR and STRING_ERROR are what can be mended; the text may hold both, in any order.
bool can_mend(simdjson::error_code error) {
  return error == simdjson::NUMBER_ERROR || error == simdjson::STRING_ERROR;
}

// Hardly ever does anything, so it looks at two characters and not through a set of them.
base::Bytes trim(base::Bytes text) {
  while (!text.empty() && is_json_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_json_space(text.back())) text.remove_suffix(1);
  return text;
}

// The text, with zeros as the padding: parsers decide by it before they see where the text ends.
base::Bytes padded(std::string& text) {
  const std::size_t size = text.size();
  text.append(base::kPadding, '\0');
  return {text.data(), size};
}

}  // namespace

struct JsonDocument::Tape {
  simdjson::dom::parser parser;
  simdjson::dom::document doc;
  base::Bytes text;  // what was parsed: the caller's, or one of the two below
  std::string copied;
  std::string normalised;
  std::vector<Overflow> overflows;
  std::span<const base::Bytes> attachments;
  std::size_t max_depth = kMaxDepth;
  bool scans = true;
  bool scanned = false;  // the document is in `scan`, and there is nothing on the tape
  bool ok = false;
  // Where the last as_raw_view ended up, so that reading one argument after the other is linear.
  std::size_t seen_word = kRoot;
  std::size_t seen_structural = 0;
  JsonScan scan;

  void ensure_capacity(std::size_t size);
  // What the buffers were last needed for; more than kKeptCapacity is given back with the next
  // short text.
  std::size_t held = 0;
  void release(std::size_t size);
  simdjson::error_code parse(base::Bytes from);
  void apply_overflows();

  std::uint64_t word(std::size_t at) const { return doc.tape[at]; }
  char type(std::size_t at) const { return static_cast<char>(word(at) >> 56); }
  std::size_t behind(std::size_t at) const { return static_cast<std::uint32_t>(word(at)); }
  std::uint32_t count(std::size_t at) const {
    return static_cast<std::uint32_t>(word(at) >> 32) & kCountMask;
  }
  double as_double(std::size_t at) const { return std::bit_cast<double>(word(at + 1)); }

  // The next word that starts something; `after` steps over what a container holds.
  std::size_t step(std::size_t at) const {
    const char t = type(at);
    return t == 'l' || t == 'u' || t == 'd' ? at + 2 : at + 1;
  }
  std::size_t after(std::size_t at) const {
    const char t = type(at);
    return t == '[' || t == '{' || t == kBinary ? behind(at) : step(at);
  }

  base::Bytes string(std::size_t at) const {
    const std::uint8_t* entry = doc.string_buf.get() + (word(at) & 0x00FFFFFFFFFFFFFF);
    std::uint32_t size = 0;
    std::memcpy(&size, entry, sizeof size);
    return {reinterpret_cast<const char*>(entry) + sizeof size, size};
  }

  // Positions in the text of brackets, commas, colons, and of the first character of every scalar.
  std::size_t structurals() const { return parser.implementation->n_structural_indexes; }
  std::size_t position(std::size_t structural) const {
    return structural < structurals() ? parser.implementation->structural_indexes[structural]
                                      : text.size();
  }
  char structural(std::size_t i) const { return text[position(i)]; }
  std::size_t after_value(std::size_t structural) const;
  base::Bytes text_of(std::size_t at);

  bool holds_binary(std::size_t at) const;
  bool bind_placeholder(std::size_t at);
};

// Powers of two while buffers are kept, so that slowly growing messages do not reallocate each
// time.
void JsonDocument::Tape::ensure_capacity(std::size_t size) {
  if (size <= doc.capacity()) return;
  const std::size_t want =
      size <= kKeptCapacity ? std::bit_ceil(std::max(size, kLeastCapacity)) : size;
  ok = false;
  if (doc.allocate(want) != simdjson::SUCCESS ||
      parser.allocate(want, max_depth + 1) != simdjson::SUCCESS) {
    // One of the two, or half of the parser, would pass for enough the next time.
    doc = {};
    parser = simdjson::dom::parser(simdjson::SIMDJSON_MAXSIZE_BYTES);
    throw std::bad_alloc();
  }
}

void JsonDocument::Tape::release(std::size_t size) {
  if (size > kKeptCapacity) return;
  held = 0;
  doc = {};
  parser = simdjson::dom::parser(simdjson::SIMDJSON_MAXSIZE_BYTES);
  // Assigning an empty string would keep the buffer.
  std::string().swap(copied);
  std::string().swap(normalised);
  overflows = {};
}

simdjson::error_code JsonDocument::Tape::parse(base::Bytes from) {
  ensure_capacity(from.size());
  text = from;
  return parser.parse_into_document(doc, from.data(), from.size(), false).error();
}

void JsonDocument::Tape::apply_overflows() {
  auto overflow = overflows.begin();
  std::size_t ordinal = 0;
  for (std::size_t at = kRoot; overflow != overflows.end(); at = step(at)) {
    if (step(at) != at + 2 || ordinal++ != overflow->ordinal) continue;
    const double infinity = std::numeric_limits<double>::infinity();
    doc.tape[at + 1] = std::bit_cast<std::uint64_t>(overflow->negative ? -infinity : infinity);
    normalised.replace(overflow->at, kOverflowStandIn.size(), kOverflowText);
    ++overflow;
  }
}

// The structural behind the value that starts at this one.
std::size_t JsonDocument::Tape::after_value(std::size_t i) const {
  std::size_t depth = 0;
  do {
    const char c = structural(i++);
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
  } while (depth != 0);
  return i;
}

base::Bytes JsonDocument::Tape::text_of(std::size_t at) {
  std::size_t w = seen_word;
  std::size_t i = seen_structural;
  if (at < w) {
    w = kRoot;
    i = 0;
  }
  // Words and structurals come in the same order; commas and colons have no word.
  for (; w < at; w = step(w)) {
    ++i;
    while (i < structurals() && (structural(i) == ',' || structural(i) == ':')) ++i;
  }
  seen_word = w;
  seen_structural = i;
  const std::size_t from = position(i);
  return trim(text.substr(from, position(after_value(i)) - from));
}

bool JsonDocument::Tape::holds_binary(std::size_t at) const {
  if (attachments.empty()) return false;
  const std::size_t end = after(at);
  for (; at < end; at = step(at)) {
    if (type(at) == kBinary) return true;
  }
  return false;
}

// False: an object with "_placeholder": true whose num is no attachment. Of duplicate keys the last
// counts.
bool JsonDocument::Tape::bind_placeholder(std::size_t at) {
  bool placeholder = false;
  std::size_t num = 0;
  const std::size_t end = behind(at) - 1;
  for (std::size_t key = at + 1; key < end; key = after(key + 1)) {
    const base::Bytes name = string(key);
    if (name == "_placeholder") placeholder = type(key + 1) == 't';
    if (name == "num") num = key + 1;
  }
  if (!placeholder) return true;
  std::uint64_t index = 0;
  const char t = num != 0 ? type(num) : 'n';
  if (t == 'l' || t == 'u') {
    index = word(num + 1);  // a negative one is out of range as well
  } else if (t != 'd' || !exact_unsigned(as_double(num), index)) {
    return false;
  }
  if (index >= std::min<std::size_t>(attachments.size(), kCountMask)) return false;
  doc.tape[at] = std::uint64_t{kBinary} << 56 | index << 32 | behind(at);
  return true;
}

JsonDocument::JsonDocument(Reader reader, std::size_t max_depth) : tape_(std::make_unique<Tape>()) {
  SIO_CHECK(max_depth >= kMaxScanDepth && max_depth <= kMaxDepth);
  tape_->max_depth = max_depth;
  tape_->scans = reader == Reader::usual;
}
JsonDocument::~JsonDocument() = default;

bool JsonDocument::parse(base::Bytes text) {
  if (tape_->held > kKeptCapacity) tape_->release(text.size());
  return read(text);
}

bool JsonDocument::parse_event(base::Bytes text, base::Bytes& name, base::Bytes& rest) {
  if (!parse(text)) return false;
  if (const JsonScan& scan = tape_->scan; tape_->scanned) [[likely]] {
    if (!scan.first_string(name)) return false;
    rest = scan.rest_of_array();
    return true;
  }
  if (!first_string(name)) return false;
  rest = rest_of_array();
  return true;
}

bool JsonDocument::parse_copy(base::Bytes text) {
  if (tape_->held > kKeptCapacity) tape_->release(text.size());
  tape_->held = std::max(tape_->held, text.size());
  tape_->copied.reserve(text.size() + base::kPadding);
  return read(padded(tape_->copied.assign(text)));
}

bool JsonDocument::read(base::Bytes text) {
  Tape& tape = *tape_;
  tape.attachments = {};
  tape.scanned = tape.scans && tape.scan.read(text);
  if (!tape.scanned) return read_tape(text);
  tape.text = text;
  return tape.ok = true;
}

bool JsonDocument::read_tape(base::Bytes text) {
  Tape& tape = *tape_;
  tape.scanned = false;
  tape.ok = false;
  tape.seen_word = kRoot;
  tape.seen_structural = 0;
  tape.held = std::max(tape.held, text.size());
  // Newer simdjson skips it; JSON.parse does not.
  if (text.empty() || text.starts_with(kByteOrderMark)) return false;
  const auto error = tape.parse(text);
  tape.ok = error == simdjson::SUCCESS;
  if (tape.ok || !can_mend(error)) return tape.ok;
  tape.normalised.clear();
  tape.overflows.clear();
  if (!normalise_json(text, tape.normalised, tape.overflows)) return false;
  tape.held = std::max(tape.held, tape.overflows.size() * sizeof(Overflow));
  if (tape.parse(padded(tape.normalised)) != simdjson::SUCCESS) return false;
  tape.apply_overflows();
  tape.ok = true;
  return true;
}

Element JsonDocument::root() const {
  return tape_->ok ? Element(this, tape_->scanned ? 0 : kRoot) : Element();
}

bool JsonDocument::bind_attachments(std::span<const base::Bytes> attachments) {
  Tape& tape = *tape_;
  // Only the tape knows placeholders.
  if (tape.scanned) read_tape(tape.text);
  tape.attachments = attachments;
  if (!tape.ok) return true;
  const std::size_t end = tape.after(kRoot);
  // What a placeholder holds beside its two members is not looked into.
  for (std::size_t at = kRoot; at < end;) {
    if (tape.type(at) == '{' && !tape.bind_placeholder(at)) return false;
    at = tape.type(at) == kBinary ? tape.behind(at) : tape.step(at);
  }
  return true;
}

bool JsonDocument::first_string(std::string_view& out) const {
  const Tape& tape = *tape_;
  if (tape.scanned) return tape.scan.first_string(out);
  if (!tape.ok || tape.type(kRoot) != '[' || tape.type(kRoot + 1) != '"') return false;
  out = tape.string(kRoot + 1);
  return true;
}

base::Bytes JsonDocument::rest_of_array() const {
  const Tape& tape = *tape_;
  if (tape.scanned) return tape.scan.rest_of_array();
  if (!tape.ok || tape.type(kRoot) != '[' || tape.structural(1) == ']') return {};
  const std::size_t comma = tape.after_value(1);
  if (tape.structural(comma) != ',') return {};
  const std::size_t from = tape.position(comma) + 1;
  return trim(tape.text.substr(from, tape.position(tape.structurals() - 1) - from));
}

void JsonDocument::release() {
  tape_->release(0);
  tape_->ok = false;
}

std::size_t JsonDocument::capacity() const {
  return tape_->doc.capacity();
}

Kind JsonDocument::kind(std::size_t at) const {
  if (tape_->scanned) return tape_->scan.kind(at);
  switch (tape_->type(at)) {
    case 't':
    case 'f':
      return Kind::boolean;
    case 'l':
      return Kind::integer;
    case 'u':
      return Kind::unsigned_integer;
    case 'd':
      return Kind::number;
    case '"':
      return Kind::string;
    case kBinary:
      return Kind::binary;
    case '[':
      return Kind::array;
    case '{':
      return Kind::object;
    default:
      return Kind::null;
  }
}

bool JsonDocument::as_bool(std::size_t at, bool& out) const {
  if (tape_->scanned) return tape_->scan.as_bool(at, out);
  const char t = tape_->type(at);
  if (t != 't' && t != 'f') return false;
  out = t == 't';
  return true;
}

bool JsonDocument::as_integer(std::size_t at, std::int64_t& out) const {
  if (tape_->scanned) return tape_->scan.as_integer(at, out);
  const char t = tape_->type(at);
  if (t == 'd') return exact_integer(tape_->as_double(at), out);
  if (t != 'l') return false;
  out = static_cast<std::int64_t>(tape_->word(at + 1));
  return true;
}

bool JsonDocument::as_unsigned(std::size_t at, std::uint64_t& out) const {
  if (tape_->scanned) return tape_->scan.as_unsigned(at, out);
  const char t = tape_->type(at);
  if (t == 'd') return exact_unsigned(tape_->as_double(at), out);
  if (t != 'u' && t != 'l') return false;
  const std::uint64_t v = tape_->word(at + 1);
  if (t == 'l' && static_cast<std::int64_t>(v) < 0) return false;
  out = v;
  return true;
}

bool JsonDocument::as_number(std::size_t at, double& out) const {
  if (tape_->scanned) return tape_->scan.as_number(at, out);
  const char t = tape_->type(at);
  if (t == 'd') {
    out = tape_->as_double(at);
  } else if (t == 'l') {
    out = static_cast<double>(static_cast<std::int64_t>(tape_->word(at + 1)));
  } else if (t == 'u') {
    out = static_cast<double>(tape_->word(at + 1));
  } else {
    return false;
  }
  return true;
}

bool JsonDocument::as_string(std::size_t at, std::string_view& out) const {
  if (tape_->scanned) return tape_->scan.as_string(at, out);
  if (tape_->type(at) != '"') return false;
  out = tape_->string(at);
  return true;
}

bool JsonDocument::as_binary(std::size_t at, std::string_view& out) const {
  if (tape_->scanned) return false;
  if (tape_->type(at) != kBinary) return false;
  out = tape_->attachments[tape_->count(at)];
  return true;
}

bool JsonDocument::as_raw(std::size_t at, std::string& out) const {
  if (!tape_->scanned && tape_->holds_binary(at)) return false;
  base::TextBuffer text;
  std::vector<base::Bytes> none;
  JsonWriter writer(text, none);
  copy(Element(this, at), writer);
  out = text.view();
  return true;
}

bool JsonDocument::as_raw_view(std::size_t at, std::string_view& out) const {
  if (tape_->scanned) return out = tape_->scan.raw(at), true;
  if (tape_->holds_binary(at)) return false;
  out = tape_->text_of(at);
  return true;
}

std::size_t JsonDocument::size(std::size_t at) const {
  if (tape_->scanned) return tape_->scan.size(at);
  const char t = tape_->type(at);
  if (t != '[' && t != '{') return 0;
  std::size_t count = tape_->count(at);
  if (count < kCountMask) return count;
  count = 0;
  for (auto cursor = children(at); advance(cursor);) ++count;
  return count;
}

Element::Cursor JsonDocument::children(std::size_t at) const {
  if (tape_->scanned) {
    const Kind kind = tape_->scan.kind(at);
    if (kind != Kind::array && kind != Kind::object) return {};
    return make_cursor(this, at + 1, tape_->scan.after(at), kind == Kind::object);
  }
  const char t = tape_->type(at);
  if (t != '[' && t != '{') return {};
  return make_cursor(this, at + 1, tape_->behind(at) - 1, t == '{');
}

bool JsonDocument::advance(Element::Cursor& cursor) const {
  std::size_t at = position(cursor);
  if (at >= end(cursor)) return false;
  const bool scanned = tape_->scanned;
  base::Bytes key;
  if (is_object(cursor)) key = scanned ? tape_->scan.string(at++) : tape_->string(at++);
  move(cursor, scanned ? tape_->scan.after(at) : tape_->after(at), key, Element(this, at));
  return true;
}

bool valid_utf8(base::Bytes text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

}  // namespace socketio::value
