// The usual event's JSON in one pass over its text: few values, flat, numbers of a few digits,
// strings with plain escapes. simdjson's setup alone costs such a text several times what reading
// it does, and a string without escapes need not be copied at all.
//
// What it takes is exactly what simdjson would have made of it; what it is not sure of, errors
// included, it leaves to simdjson. So `false` says nothing about the text, and there is one judge
// of what is JSON.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include <socketio/value.hpp>

#include "base/bytes.hpp"

namespace socketio::value {

// Longer texts, and those with more values, are simdjson's: the work given up is bounded. A long
// text of few values is read faster here than there, and takes no memory, which simdjson needs 14
// bytes of per byte.
inline constexpr std::size_t kMaxScan = std::size_t{1} << 20;
// The same with escapes in its strings, which have to be copied.
inline constexpr std::size_t kMaxScanEscaped = 4096;
inline constexpr std::size_t kMaxScanNodes = 256;
inline constexpr std::size_t kMaxScanDepth = 16;

inline bool is_digit(char c) {
  return static_cast<unsigned char>(c - '0') < 10;
}

inline bool is_json_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

class JsonScan {
 public:
  // `text` is followed by base::kPadding readable bytes and outlives the use of what is read.
  bool read(base::Bytes text);

  // Values by number, in the order of the text and with keys among them; the root is 0. For the
  // rest see Document.
  Kind kind(std::size_t at) const { return nodes_[at].kind; }
  bool as_bool(std::size_t at, bool& out) const;
  bool as_integer(std::size_t at, std::int64_t& out) const;
  bool as_unsigned(std::size_t at, std::uint64_t& out) const;
  bool as_number(std::size_t at, double& out) const;
  bool as_string(std::size_t at, base::Bytes& out) const {
    if (nodes_[at].kind != Kind::string) return false;
    out = string(at);
    return true;
  }
  base::Bytes string(std::size_t at) const {
    const Node& node = nodes_[at];
    if (node.count != 0) return unescaped(node);
    return {text_ + node.begin + 1, static_cast<std::size_t>(node.end - node.begin) - 2};
  }
  base::Bytes raw(std::size_t at) const {
    return {text_ + nodes_[at].begin, static_cast<std::size_t>(nodes_[at].end - nodes_[at].begin)};
  }
  // Members of an array or an object.
  std::size_t size(std::size_t at) const {
    return nodes_[at].kind == Kind::string ? 0 : nodes_[at].count;
  }
  // The value behind this one and what it holds.
  std::size_t after(std::size_t at) const { return nodes_[at].after; }

  // See JsonDocument.
  bool first_string(base::Bytes& out) const {
    return kind(0) == Kind::array && nodes_[0].count != 0 && as_string(1, out);
  }
  base::Bytes rest_of_array() const {
    if (nodes_[0].kind != Kind::array || nodes_[0].count < 2) return {};
    // From the second value to the bracket, without white space: where the last value ends.
    const char* const begin = text_ + nodes_[nodes_[1].after].begin;
    const char* end = text_ + nodes_[0].end - 1;
    while (is_json_space(end[-1])) --end;
    return {begin, static_cast<std::size_t>(end - begin)};
  }

 private:
  // Without initialisers: they are not cleared for each text. 16 bytes, so that an index is cheap.
  struct Node {
    std::uint32_t begin;  // in the text, as written: a string's quotes belong to it
    std::uint32_t end;
    std::uint16_t after;
    std::uint16_t count;  // of members; a string with escapes: 1 + where it lies in unescaped_
    Kind kind;
  };

  struct Reader;
  const char* read_all(const char* at, Reader& state);
  const char* unescape(const char* begin, const char* plain, const char* end);
  base::Bytes unescaped(const Node& node) const;

  const char* text_ = nullptr;
  std::array<Node, kMaxScanNodes> nodes_;
  std::string unescaped_;  // [size, two bytes][bytes] …
};

}  // namespace socketio::value
