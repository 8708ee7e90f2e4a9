#include "value/json_write.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

#include "value/json_block.hpp"
#include "value/json_read.hpp"
#include "value/number.hpp"
#include "value/utf8.hpp"

namespace socketio::value {

namespace {

bool must_escape(unsigned char c) {
  return c < 0x20 || c == '"' || c == '\\';
}

// What must be escaped, and with `ascii` what is not ASCII.
bool plain(base::Block block, bool ascii) {
  return !base::any_marked(ascii ? special_bytes(block) | block : special_bytes(block));
}

template <class Word>
Word load(const char* at) {
  Word word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// A text of 4 bytes or more and less than a block, some of its bytes more than once.
base::Block short_block(base::Bytes text) {
  const char* const at = text.data();
  const std::size_t size = text.size();
  if (size >= 8) {
    const std::array halves = {load<std::uint64_t>(at), load<std::uint64_t>(at + size - 8)};
    return std::bit_cast<base::Block>(halves);
  }
  const auto half =
      std::uint64_t{load<std::uint32_t>(at)} << 32 | load<std::uint32_t>(at + size - 4);
  return std::bit_cast<base::Block>(std::array{half, half});
}

bool plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x80 && !must_escape(byte);
}

// ASCII without anything to escape: most strings.
bool all_plain(base::Bytes text) {
  if (text.size() < 4)
    return std::all_of(text.begin(), text.end(), [](char c) { return plain(c); });
  if (text.size() < base::kBlock) return plain(short_block(text), true);
  std::size_t i = 0;
  for (; i + base::kBlock < text.size(); i += base::kBlock) {
    if (!plain(base::load_block(text.data() + i), true)) return false;
  }
  return plain(base::load_block(text.data() + text.size() - base::kBlock), true);
}

// Bytes from `from` on that need no escape: ASCII only, or known to be valid UTF-8.
std::size_t plain_end(base::Bytes text, std::size_t from, bool valid) {
  std::size_t i = from;
  while (i + base::kBlock <= text.size() && plain(base::load_block(text.data() + i), !valid))
    i += base::kBlock;
  for (; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (must_escape(c) || (c >= 0x80 && !valid)) break;
  }
  return i;
}

void write_escape(base::TextBuffer& out, unsigned char c) {
  static constexpr std::string_view kShort = "\b\t\n\f\r\"\\";
  static constexpr std::string_view kLetter = "btnfr\"\\";
  static constexpr std::string_view kHex = "0123456789abcdef";
  const std::size_t at = kShort.find(static_cast<char>(c));
  out.push_back('\\');
  if (at != std::string_view::npos) return out.push_back(kLetter[at]);
  out.append("u00");
  out.push_back(kHex[c >> 4]);
  out.push_back(kHex[c & 15]);
}

void write_body(base::TextBuffer& out, base::Bytes text) {
  bool valid = false;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = plain_end(text, at, valid);
    out.append(text.substr(at, end - at));
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

char* copy(char* to, base::Bytes text) {
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

}  // namespace

void write_json_string(base::TextBuffer& out, std::string_view utf8) {
  out.push_back('"');
  write_body(out, utf8);
  out.push_back('"');
}

// Room for a value of `size` bytes, behind the comma it may need.
char* JsonWriter::start(std::size_t size) {
  char* at = out_.room(size + 1);
  if (comma_) *at++ = ',';
  comma_ = true;
  return at;
}

void JsonWriter::word(std::string_view text) {
  out_.to(copy(start(text.size()), text));
}

template <class Number>
void JsonWriter::digits(Number v) {
  out_.to(write_number(start(kMaxNumber), v));
}

void JsonWriter::null() {
  word("null");
}

void JsonWriter::boolean(bool v) {
  word(v ? "true" : "false");
}

void JsonWriter::integer(std::int64_t v) {
  digits(v);
}

void JsonWriter::unsigned_integer(std::uint64_t v) {
  digits(v);
}

void JsonWriter::number(double v) {
  digits(v);
}

void JsonWriter::string(std::string_view utf8) {
  if (all_plain(utf8)) {
    char* at = start(utf8.size() + 2);
    *at++ = '"';
    at = copy(at, utf8);
    *at++ = '"';
    return out_.to(at);
  }
  out_.to(start(0));
  write_json_string(out_, utf8);
}

void JsonWriter::binary(std::string_view bytes) {
  static constexpr std::string_view kPlaceholder = R"({"_placeholder":true,"num":)";
  char* at = copy(start(kPlaceholder.size() + kMaxNumber + 1), kPlaceholder);
  at = write_number(at, std::uint64_t{attachments_.size()});
  *at++ = '}';
  out_.to(at);
  attachments_.push_back(bytes);
}

void JsonWriter::given_binary(Binary bytes) {
  binary(given_.emplace_front(std::move(bytes)).view());
}

void JsonWriter::raw(std::string_view json) {
  // Nothing at all would leave a hole between two commas.
  word(json.empty() ? std::string_view("null") : json);
}

void JsonWriter::begin_array() {
  char* at = start(1);
  *at++ = '[';
  out_.to(at);
  comma_ = false;
}

void JsonWriter::begin_object() {
  char* at = start(1);
  *at++ = '{';
  out_.to(at);
  comma_ = false;
}

void JsonWriter::begin_event(std::string_view name) {
  comma_ = false;
  if (!all_plain(name)) {
    begin_array();
    return string(name);
  }
  char* at = out_.room(name.size() + 3);
  *at++ = '[';
  *at++ = '"';
  at = copy(at, name);
  *at++ = '"';
  out_.to(at);
  comma_ = true;
}

void JsonWriter::end_array() {
  close(']');
}

void JsonWriter::end_object() {
  close('}');
}

void JsonWriter::close(char bracket) {
  out_.push_back(bracket);
  comma_ = true;
}

void JsonWriter::key(std::string_view name) {
  string(name);
  out_.push_back(':');
  comma_ = false;
}

}  // namespace socketio::value
