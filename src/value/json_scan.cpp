#include "value/json_scan.hpp"

#include <charconv>
#include <cstddef>

#include "value/json_block.hpp"
#include "value/json_read.hpp"
#include "value/number.hpp"

namespace socketio::value {

namespace {

constexpr std::ptrdiff_t kMaxDigits = 18;  // of an integer: always fits 64 bits
constexpr std::ptrdiff_t kMaxFraction =
    32;  // characters of a number with a point: far from infinity

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The character an escape of two stands for; 0: none, or \u.
char escape_of(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

}  // namespace

// One pass, its state in registers. Each read_x() takes what begins at `at` and returns the end of
// it, or null when it is for simdjson.
struct JsonScan::Reader {
  Node* node;  // the next one
  Node* const nodes;
  Node* const no_more;
  const char* const text;
  const char* const end;
  std::string& unescaped;
  bool has_escapes = false;
  base::Block seen{};  // all bytes of strings, or'ed: bit 7s tell of non-ASCII

  Node& add(const char* from, const char* to, Kind kind) {
    Node& added = *node++;
    added.begin = static_cast<std::uint32_t>(from - text);
    added.end = static_cast<std::uint32_t>(to - text);
    added.after = static_cast<std::uint16_t>(node - nodes);
    added.count = 0;
    added.kind = kind;
    return added;
  }
  const char* skip_spaces(const char* at) const {
    while (at < end && is_space(*at)) ++at;
    return at;
  }
  const char* read_all(const char* at);
  const char* read_scalar(const char* at);
  const char* read_number(const char* at);
  const char* read_word(const char* at, base::Bytes word, Kind kind);
  const char* read_escaped(const char* begin, const char* plain);

  // With blocks that may reach into the padding.
  const char* read_string(const char* const begin) {
    for (const char* at = begin + 1; at < end; at += base::kBlock) {
      const base::Block block = base::load_block(at);
      const base::Block special = special_bytes(block);
      // What lies behind the string may be taken for non-ASCII: that costs a check, no more.
      seen |= block;
      if (!base::any(special)) continue;
      at += base::bytes_before(special);
      if (at >= end) return nullptr;
      if (*at != '"') return *at == '\\' ? read_escaped(begin, at) : nullptr;
      add(begin, at + 1, Kind::string);
      return at + 1;
    }
    return nullptr;
  }
};

bool JsonScan::read(base::Bytes text) {
  if (text.empty() || text.size() > kMaxScan) return false;
  text_ = text.data();
  const char* const end = text.data() + text.size();
  Reader reader{nodes_.data(), nodes_.data(), nodes_.data() + nodes_.size(),
                text_,         end,           unescaped_};
  const char* at = reader.read_all(is_space(*text_) ? reader.skip_spaces(text_) : text_);
  if (at == nullptr || (at != end && reader.skip_spaces(at) != end)) return false;
  return !base::any(reader.seen & 0x80) || valid_utf8(text);
}

// A value and what it holds. White space is looked for only where something else would be wrong.
const char* JsonScan::Reader::read_all(const char* at) {
  Node* parent = nullptr;
  std::array<Node*, kMaxScanDepth> outer;
  std::size_t depth = 0;
  for (;;) {
    if (at >= end || node == no_more) return nullptr;
    if (*at == '"') {
      at = read_string(at);
    } else if (*at == '[' || *at == '{') {
      if (depth == kMaxScanDepth) return nullptr;
      outer[depth++] = parent;
      parent = &add(at, at, *at == '[' ? Kind::array : Kind::object);
      ++at;
    } else {
      at = read_scalar(at);
    }
    if (at == nullptr) return nullptr;
    // Behind a value: what ends ends, and the next one is looked for.
    char c = 0;
    for (;;) {
      if (parent == nullptr) return at;
      if (at >= end) return nullptr;
      c = *at;
      if (is_space(c)) {
        at = skip_spaces(at);
        if (at == end) return nullptr;
        c = *at;
      }
      if (c != (parent->kind == Kind::array ? ']' : '}')) break;
      ++at;
      parent->end = static_cast<std::uint32_t>(at - text);
      parent->after = static_cast<std::uint16_t>(node - nodes);
      parent = outer[--depth];
    }
    // Members are counted when they begin: a comma comes before every one but the first.
    if (parent->count++ != 0) {
      if (c != ',') return nullptr;
      at = skip_spaces(at + 1);
    }
    if (parent->kind == Kind::array) continue;
    if (at >= end || *at != '"' || node == no_more) return nullptr;
    at = read_string(at);
    if (at == nullptr) return nullptr;
    at = skip_spaces(at);
    if (at >= end || *at != ':') return nullptr;
    at = skip_spaces(at + 1);
  }
}

const char* JsonScan::Reader::read_scalar(const char* at) {
  switch (*at) {
    case 't':
      return read_word(at, "true", Kind::boolean);
    case 'f':
      return read_word(at, "false", Kind::boolean);
    case 'n':
      return read_word(at, "null", Kind::null);
    default:
      return read_number(at);
  }
}

// `plain` is the first backslash.
const char* JsonScan::Reader::read_escaped(const char* begin, const char* plain) {
  if (!has_escapes) {
    has_escapes = true;
    unescaped.clear();
    // What was read before stays where it is: each escape and each pair of quotes makes room.
    unescaped.reserve(kMaxScan);
  }
  const std::size_t from = unescaped.size();
  unescaped.append(2, '\0');
  unescaped.append(begin + 1, plain);
  for (const char* at = plain; at < end; ++at) {
    char c = *at;
    if (c == '"') {
      const std::size_t size = unescaped.size() - from - 2;
      unescaped[from] = static_cast<char>(size & 0xFF);
      unescaped[from + 1] = static_cast<char>(size >> 8);
      add(begin, at + 1, Kind::string).count = static_cast<std::uint16_t>(1 + from);
      return at + 1;
    }
    if (static_cast<unsigned char>(c) < 0x20) return nullptr;
    if (c == '\\') {
      if (++at == end) return nullptr;
      c = escape_of(*at);
      if (c == 0) return nullptr;
    }
    seen[0] |= static_cast<std::uint8_t>(c);
    unescaped += c;
  }
  return nullptr;
}

const char* JsonScan::Reader::read_number(const char* const begin) {
  const char* at = begin;
  if (*at == '-') ++at;
  const char* const digits = at;
  while (at < end && is_digit(*at)) ++at;
  const bool zero = at != digits && *digits == '0';
  // No leading zeros; and -0, which simdjson and JS take for different numbers.
  if (at == digits || (zero && (at - digits > 1 || (begin != digits && (at == end || *at != '.')))))
    return nullptr;
  Kind kind = Kind::integer;
  std::ptrdiff_t most = kMaxDigits;
  if (at < end && *at == '.') {
    const char* const fraction = ++at;
    while (at < end && is_digit(*at)) ++at;
    if (at == fraction) return nullptr;
    kind = Kind::number;
    most = kMaxFraction;
  }
  if (at - digits > most) return nullptr;
  if (at < end && (*at == 'e' || *at == 'E')) return nullptr;
  add(begin, at, kind);
  return at;
}

const char* JsonScan::Reader::read_word(const char* at, base::Bytes word, Kind kind) {
  if (base::Bytes(at, static_cast<std::size_t>(end - at)).substr(0, word.size()) != word)
    return nullptr;
  add(at, at + word.size(), kind);
  return at + word.size();
}

base::Bytes JsonScan::unescaped(const Node& node) const {
  const std::size_t from = node.count - std::size_t{1};
  const auto byte = [this](std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(unescaped_[at]));
  };
  return base::Bytes(unescaped_).substr(from + 2, byte(from) | byte(from + 1) << 8);
}

bool JsonScan::as_bool(std::size_t at, bool& out) const {
  if (kind(at) != Kind::boolean) return false;
  out = text_[nodes_[at].begin] == 't';
  return true;
}

bool JsonScan::as_integer(std::size_t at, std::int64_t& out) const {
  const base::Bytes text = raw(at);
  if (kind(at) == Kind::integer)
    return std::from_chars(text.data(), text.data() + text.size(), out).ec == std::errc();
  double number = 0;
  return as_number(at, number) && exact_integer(number, out);
}

bool JsonScan::as_unsigned(std::size_t at, std::uint64_t& out) const {
  if (kind(at) == Kind::integer) {
    std::int64_t number = 0;
    if (!as_integer(at, number) || number < 0) return false;
    out = static_cast<std::uint64_t>(number);
    return true;
  }
  double number = 0;
  return as_number(at, number) && exact_unsigned(number, out);
}

bool JsonScan::as_number(std::size_t at, double& out) const {
  std::int64_t integer = 0;
  const base::Bytes text = raw(at);
  if (kind(at) == Kind::number)
    return std::from_chars(text.data(), text.data() + text.size(), out).ec == std::errc();
  if (kind(at) != Kind::integer || !as_integer(at, integer)) return false;
  out = static_cast<double>(integer);
  return true;
}

base::Bytes JsonScan::rest_of_array() const {
  if (nodes_[0].kind != Kind::array || nodes_[0].count < 2) return {};
  // From the second value to the bracket, without white space: where the last value ends.
  const char* const begin = text_ + nodes_[nodes_[1].after].begin;
  const char* end = text_ + nodes_[0].end - 1;
  while (is_space(end[-1])) --end;
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace socketio::value
