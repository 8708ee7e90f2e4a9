#include "value/json_write.hpp"

#include <array>
#include <cstdint>
#include <cstring>

#include "value/json_read.hpp"
#include "value/number.hpp"
#include "value/utf8.hpp"

namespace socketio::value {

namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kHighs = 0x8080808080808080;

// Non-zero when some byte of the word is zero.
constexpr std::uint64_t zero_bytes(std::uint64_t word) {
  return (word - kOnes) & ~word & kHighs;
}

// Non-zero when the word holds a control character, a quote, a backslash, or one of the bits of
// `refused` (bit 7 of each byte while non-ASCII is not known to be valid). Bytes of 0x80 and more
// never look like one of the others: each term is masked by ~word.
std::uint64_t special_bytes(std::uint64_t word, std::uint64_t refused) {
  return ((word - kOnes * 0x20) & ~word & kHighs) | (word & refused) |
         zero_bytes(word ^ kOnes * '"') | zero_bytes(word ^ kOnes * '\\');
}

bool must_escape(unsigned char c) {
  return c < 0x20 || c == '"' || c == '\\';
}

std::uint64_t load(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Bytes from `from` on that need no escape: ASCII only, or known to be valid UTF-8.
std::size_t plain_end(base::Bytes text, std::size_t from, bool valid) {
  const std::uint64_t refused = valid ? 0 : kHighs;
  std::size_t i = from;
  while (i + 16 <= text.size() && (special_bytes(load(text.data() + i), refused) |
                                   special_bytes(load(text.data() + i + 8), refused)) == 0) {
    i += 16;
  }
  for (; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (must_escape(c) || (c >= 0x80 && !valid)) break;
  }
  return i;
}

void write_escape(std::string& out, unsigned char c) {
  static constexpr std::string_view kShort = "\b\t\n\f\r\"\\";
  static constexpr std::string_view kLetter = "btnfr\"\\";
  static constexpr std::string_view kHex = "0123456789abcdef";
  const std::size_t at = kShort.find(static_cast<char>(c));
  out += '\\';
  if (at != std::string_view::npos) {
    out += kLetter[at];
    return;
  }
  out += "u00";
  out += kHex[c >> 4];
  out += kHex[c & 15];
}

void write_body(std::string& out, base::Bytes text) {
  bool valid = false;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = plain_end(text, at, valid);
    out.append(text, at, end - at);
    at = end;
    if (at == text.size()) return;
    const auto c = static_cast<unsigned char>(text[at]);
    if (must_escape(c)) {
      write_escape(out, c);
      ++at;
    } else if (valid_utf8(text.substr(at))) {
      valid = true;
    } else {
      return write_body(out, replace_invalid_utf8(text.substr(at)));
    }
  }
}

}  // namespace

void write_json_string(std::string& out, std::string_view utf8) {
  out += '"';
  write_body(out, utf8);
  out += '"';
}

void JsonWriter::separate() {
  if (comma_) out_ += ',';
  comma_ = true;
}

void JsonWriter::null() {
  separate();
  out_ += "null";
}

void JsonWriter::boolean(bool v) {
  separate();
  out_ += v ? "true" : "false";
}

void JsonWriter::integer(std::int64_t v) {
  separate();
  write_number(out_, v);
}

void JsonWriter::unsigned_integer(std::uint64_t v) {
  separate();
  write_number(out_, v);
}

void JsonWriter::number(double v) {
  separate();
  write_number(out_, v);
}

void JsonWriter::string(std::string_view utf8) {
  separate();
  write_json_string(out_, utf8);
}

void JsonWriter::binary(std::string_view bytes) {
  separate();
  out_ += R"({"_placeholder":true,"num":)";
  write_number(out_, std::uint64_t{attachments_.size()});
  out_ += '}';
  attachments_.push_back(bytes);
}

void JsonWriter::raw(std::string_view json) {
  separate();
  // Nothing at all would leave a hole between two commas.
  out_ += json.empty() ? std::string_view("null") : json;
}

void JsonWriter::begin_array() {
  separate();
  out_ += '[';
  comma_ = false;
}

void JsonWriter::end_array() {
  out_ += ']';
  comma_ = true;
}

void JsonWriter::begin_object() {
  separate();
  out_ += '{';
  comma_ = false;
}

void JsonWriter::key(std::string_view name) {
  separate();
  write_json_string(out_, name);
  out_ += ':';
  comma_ = false;
}

void JsonWriter::end_object() {
  out_ += '}';
  comma_ = true;
}

}  // namespace socketio::value
