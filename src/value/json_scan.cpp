#include "value/json_scan.hpp"

#include <charconv>

#include "value/json_read.hpp"
#include "value/json_swar.hpp"
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

const char* skip_spaces(const char* at, const char* end) {
  while (at < end && is_space(*at)) ++at;
  return at;
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

bool JsonScan::read(base::Bytes text) {
  if (text.empty() || text.size() > kMaxScan) return false;
  text_ = text.data();
  seen_ = 0;
  size_ = 0;
  depth_ = 0;
  unescaped_.clear();
  const char* const end = text.data() + text.size();
  const char* at = read_all(skip_spaces(text_, end), end);
  if (at == nullptr || (at != end && skip_spaces(at, end) != end)) return false;
  return (seen_ & swar::kHighs) == 0 || valid_utf8(text);
}

// One value and what it holds; null when that is for simdjson. White space is looked for only where
// something else would be wrong.
const char* JsonScan::read_all(const char* at, const char* end) {
  at = read_value(at, end);
  while (at != nullptr && depth_ > 0) {
    if (at >= end) return nullptr;
    Node& parent = nodes_[open_[depth_ - 1U]];
    const bool object = parent.kind == Kind::object;
    char c = *at;
    if (is_space(c)) {
      at = skip_spaces(at, end);
      if (at >= end) return nullptr;
      c = *at;
    }
    if (c == (object ? '}' : ']')) {
      close(++at);
      continue;
    }
    // Values are counted when they begin: a comma comes before every one but the first.
    if (parent.count != 0) {
      if (c != ',') return nullptr;
      at = skip_spaces(at + 1, end);
    }
    ++parent.count;
    if (object) {
      at = at < end && *at == '"' ? read_string(at, end) : nullptr;
      if (at == nullptr) return nullptr;
      at = skip_spaces(at, end);
      if (at >= end || *at != ':') return nullptr;
      at = skip_spaces(at + 1, end);
    }
    at = read_value(at, end);
  }
  return at;
}

// What begins here. A container is only opened.
const char* JsonScan::read_value(const char* at, const char* end) {
  if (at >= end) return nullptr;
  switch (*at) {
    case '"':
      return read_string(at, end);
    case '[':
      return open(at, Kind::array) ? at + 1 : nullptr;
    case '{':
      return open(at, Kind::object) ? at + 1 : nullptr;
    case 't':
      return read_word(at, end, "true", Kind::boolean);
    case 'f':
      return read_word(at, end, "false", Kind::boolean);
    case 'n':
      return read_word(at, end, "null", Kind::null);
    default:
      return read_number(at, end);
  }
}

JsonScan::Node* JsonScan::add(const char* begin, const char* end, Kind kind) {
  if (size_ == kMaxScanNodes) return nullptr;
  Node& node = nodes_[size_++];
  node.begin = static_cast<std::uint16_t>(begin - text_);
  node.end = static_cast<std::uint16_t>(end - text_);
  node.after = size_;
  node.count = 0;
  node.kind = kind;
  return &node;
}

bool JsonScan::open(const char* at, Kind kind) {
  if (depth_ == kMaxScanDepth) return false;
  open_[depth_] = size_;
  if (add(at, at, kind) == nullptr) return false;
  ++depth_;
  return true;
}

void JsonScan::close(const char* end) {
  Node& node = nodes_[open_[--depth_]];
  node.end = static_cast<std::uint16_t>(end - text_);
  node.after = size_;
}

const char* JsonScan::read_string(const char* const begin, const char* end) {
  std::uint64_t seen = 0;
  for (const char* at = begin + 1; at < end; at += sizeof(std::uint64_t)) {
    const std::uint64_t bytes = swar::load(at);
    const std::uint64_t special = swar::special_bytes(bytes);
    seen |= bytes;
    if (special == 0) continue;
    // What lies behind the string may be taken for non-ASCII: that costs a check, no more.
    seen_ |= seen;
    at += swar::bytes_before(special);
    if (at >= end) return nullptr;
    if (*at == '"') return add(begin, at + 1, Kind::string) != nullptr ? at + 1 : nullptr;
    return *at == '\\' ? read_escaped(begin, at, end) : nullptr;
  }
  return nullptr;
}

// `plain` is the first backslash.
const char* JsonScan::read_escaped(const char* begin, const char* plain, const char* end) {
  // What was read before stays where it is: each escape and each pair of quotes makes room.
  unescaped_.reserve(kMaxScan);
  const std::size_t from = unescaped_.size();
  unescaped_.append(2, '\0');
  unescaped_.append(begin + 1, plain);
  for (const char* at = plain; at < end; ++at) {
    char c = *at;
    if (c == '"') {
      const std::size_t size = unescaped_.size() - from - 2;
      unescaped_[from] = static_cast<char>(size & 0xFF);
      unescaped_[from + 1] = static_cast<char>(size >> 8);
      Node* node = add(begin, at + 1, Kind::string);
      if (node == nullptr) return nullptr;
      node->count = static_cast<std::uint16_t>(1 + from);
      return at + 1;
    }
    if (static_cast<unsigned char>(c) < 0x20) return nullptr;
    if (c == '\\') {
      if (++at == end) return nullptr;
      c = escape_of(*at);
      if (c == 0) return nullptr;
    }
    seen_ |= static_cast<unsigned char>(c);
    unescaped_ += c;
  }
  return nullptr;
}

base::Bytes JsonScan::unescaped(const Node& node) const {
  const std::size_t from = node.count - std::size_t{1};
  const auto byte = [this](std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(unescaped_[at]));
  };
  return base::Bytes(unescaped_).substr(from + 2, byte(from) | byte(from + 1) << 8);
}

const char* JsonScan::read_number(const char* const begin, const char* end) {
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
  return add(begin, at, kind) != nullptr ? at : nullptr;
}

const char* JsonScan::read_word(const char* at, const char* end, base::Bytes word, Kind kind) {
  if (base::Bytes(at, static_cast<std::size_t>(end - at)).substr(0, word.size()) != word)
    return nullptr;
  return add(at, at + word.size(), kind) != nullptr ? at + word.size() : nullptr;
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
