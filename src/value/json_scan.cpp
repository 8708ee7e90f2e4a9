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
constexpr std::ptrdiff_t kLongestEscaped = kMaxScanEscaped;
constexpr std::size_t kStride = 4 * base::kBlock;

// Hardly ever there is one, so only what might be one is looked at closely.
const char* skip_spaces(const char* at, const char* end) {
  if (static_cast<unsigned char>(*at) > ' ') return at;
  while (at < end && is_json_space(*at)) ++at;
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

// Where a scalar ends and what it is; a null end: it is for simdjson.
struct Scalar {
  const char* end = nullptr;
  Kind kind = Kind::null;
};

Scalar read_word(const char* at, const char* end, base::Bytes word, Kind kind) {
  if (base::Bytes(at, static_cast<std::size_t>(end - at)).substr(0, word.size()) != word) return {};
  return {at + word.size(), kind};
}

Scalar read_number(const char* const begin, const char* end) {
  const char* at = begin;
  if (*at == '-') ++at;
  const char* const digits = at;
  while (at < end && is_digit(*at)) ++at;
  const char next = at < end ? *at : '\0';
  // No leading zeros; and -0, which simdjson and JS take for different numbers.
  if (at == digits || (*digits == '0' && (at - digits > 1 || (begin != digits && next != '.'))))
    return {};
  if (next != '.' && next != 'e' && next != 'E')
    return at - digits <= kMaxDigits ? Scalar{at, Kind::integer} : Scalar{};
  const char* const fraction = ++at;
  while (at < end && is_digit(*at)) ++at;
  if (next != '.' || at == fraction || at - digits > kMaxFraction) return {};
  if (at < end && (*at == 'e' || *at == 'E')) return {};
  return {at, Kind::number};
}

Scalar read_scalar(const char* at, const char* end) {
  switch (*at) {
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

}  // namespace

// One pass; what it writes at each step is kept in registers.
struct JsonScan::Reader {
  const char* const text;
  const char* const end;
  Node* const nodes;
  Node* node;          // the next one
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

  // The end of the string that begins here, or null. With blocks that may reach into the padding,
  // where the beginning may be already.
  [[gnu::always_inline]] const char* read_string(const char* const begin, JsonScan& scan) {
    const char* at = begin + 1;
    // Long strings: four blocks for the price of one look.
    for (; end - at >= static_cast<std::ptrdiff_t>(kStride); at += kStride) {
      base::Block special{};
      base::Block all{};
      for (std::size_t i = 0; i < kStride; i += base::kBlock) {
        const base::Block block = base::load_block(at + i);
        special |= special_bytes(block);
        all |= block;
      }
      if (base::any_marked(special)) break;
      seen |= all;
    }
    for (; at < end; at += base::kBlock) {
      const base::Block block = base::load_block(at);
      const base::Block special = special_bytes(block);
      // What lies behind the string may be taken for non-ASCII: that costs a check, no more.
      seen |= block;
      if (!base::any_marked(special)) continue;
      at += base::before_marked(special);
      if (at >= end) return nullptr;
      if (*at == '"') {
        add(begin, at + 1, Kind::string);
        return at + 1;
      }
      if (*at != '\\' || end - text > kLongestEscaped) return nullptr;
      const std::size_t from = scan.unescaped_.size();
      at = scan.unescape(begin, at, end);
      if (at == nullptr) return nullptr;
      seen |= 0x80;
      add(begin, at, Kind::string).count = static_cast<std::uint16_t>(1 + from);
      return at;
    }
    return nullptr;
  }
};

// A value and what it holds. White space is looked for only where something else would be wrong,
// and the end only before each value: there are not more brackets to close than padding.
[[gnu::always_inline]] inline const char* JsonScan::read_all(const char* at, Reader& reader) {
  static_assert(kMaxScanDepth + 8 < base::kPadding);
  const char* const end = reader.end;
  Node* const no_more = reader.nodes + kMaxScanNodes;
  Node* parent = nullptr;
  char closer = 0;
  std::array<Node*, kMaxScanDepth> outer;
  std::size_t depth = 0;
  for (;;) {
    if (at >= end || reader.node == no_more) return nullptr;
    const char first = *at;
    if (first == '"') {
      at = reader.read_string(at, *this);
      if (at == nullptr) return nullptr;
    } else if (first == '[' || first == '{') {
      if (depth == kMaxScanDepth) return nullptr;
      outer[depth++] = parent;
      parent = &reader.add(at, at, first == '[' ? Kind::array : Kind::object);
      closer = static_cast<char>(first + 2);
      ++at;
    } else {
      const Scalar scalar = read_scalar(at, end);
      if (scalar.end == nullptr) return nullptr;
      reader.add(at, scalar.end, scalar.kind);
      at = scalar.end;
    }
    // Behind a value: what ends ends, and the next one is looked for.
    for (; parent != nullptr; ++at) {
      at = skip_spaces(at, end);
      if (*at != closer) break;
      parent->end = static_cast<std::uint32_t>(at + 1 - reader.text);
      parent->after = static_cast<std::uint16_t>(reader.node - reader.nodes);
      parent = outer[--depth];
      if (parent != nullptr) closer = parent->kind == Kind::array ? ']' : '}';
    }
    if (parent == nullptr) return at;
    // Members are counted when they begin: a comma comes before every one but the first.
    if (parent->count++ != 0) {
      if (*at != ',') return nullptr;
      at = skip_spaces(at + 1, end);
    }
    if (closer == ']') continue;
    if (*at != '"' || reader.node == no_more) return nullptr;
    at = reader.read_string(at, *this);
    if (at == nullptr) return nullptr;
    at = skip_spaces(at, end);
    if (*at != ':') return nullptr;
    at = skip_spaces(at + 1, end);
  }
}

bool JsonScan::read(base::Bytes text) {
  if (text.empty() || text.size() > kMaxScan) return false;
  if (!unescaped_.empty()) unescaped_.clear();
  text_ = text.data();
  const char* const end = text.data() + text.size();
  Reader reader{text_, end, nodes_.data(), nodes_.data()};
  const char* at = read_all(skip_spaces(text_, end), reader);
  // Brackets in the padding may have been taken: then it is behind the end.
  if (at != end && (at == nullptr || skip_spaces(at, end) != end)) return false;
  return !base::any_marked(reader.seen) || valid_utf8(text);
}

// Copies a string's characters; `plain` is the first backslash. Returns the end of the string.
const char* JsonScan::unescape(const char* begin, const char* plain, const char* end) {
  // What was read before stays where it is: each escape and each pair of quotes makes room.
  if (unescaped_.empty()) unescaped_.reserve(kMaxScanEscaped);
  const std::size_t from = unescaped_.size();
  unescaped_.append(2, '\0');
  unescaped_.append(begin + 1, plain);
  for (const char* at = plain; at < end; ++at) {
    char c = *at;
    if (c == '"') {
      const std::size_t size = unescaped_.size() - from - 2;
      unescaped_[from] = static_cast<char>(size & 0xFF);
      unescaped_[from + 1] = static_cast<char>(size >> 8);
      return at + 1;
    }
    if (static_cast<unsigned char>(c) < 0x20) return nullptr;
    if (c == '\\') {
      if (++at == end) return nullptr;
      c = escape_of(*at);
      if (c == 0) return nullptr;
    }
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

}  // namespace socketio::value
