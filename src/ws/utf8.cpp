#include "ws/utf8.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <simdjson.h>

namespace socketio::ws {
namespace {

// Byte classes and states of the grammar in RFC 3629 §4. After a lead byte the state says what may
// come next: so many continuation bytes, the first of them in a smaller range after E0 (no overlong
// forms), ED (no surrogates), F0 (no overlong forms) and F4 (nothing above U+10FFFF).
enum Class : std::uint8_t { ascii, c80, c90, ca0, two, e0, three, ed, f0, four, f4, bad, kClasses };
enum State : std::uint8_t {
  accept,
  reject,
  one_more,
  two_more,
  three_more,
  after_e0,
  after_ed,
  after_f0,
  after_f4,
  kStates
};

constexpr Class class_of(unsigned byte) {
  if (byte < 0x80) return ascii;
  if (byte < 0x90) return c80;
  if (byte < 0xA0) return c90;
  if (byte < 0xC0) return ca0;
  if (byte < 0xC2) return bad;
  if (byte < 0xE0) return two;
  if (byte == 0xE0) return e0;
  if (byte == 0xED) return ed;
  if (byte < 0xF0) return three;
  if (byte == 0xF0) return f0;
  if (byte < 0xF4) return four;
  return byte == 0xF4 ? f4 : bad;
}

constexpr auto kClassOf = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) table[byte] = class_of(byte);
  return table;
}();

constexpr auto kNext = [] {
  std::array<std::array<std::uint8_t, kClasses>, kStates> next{};
  for (auto& row : next) row.fill(reject);
  next[accept] = {accept,   reject,   reject,   reject,     one_more, after_e0,
                  two_more, after_ed, after_f0, three_more, after_f4, reject};
  for (const Class c : {c80, c90, ca0}) {
    next[one_more][c] = accept;
    next[two_more][c] = one_more;
    next[three_more][c] = two_more;
  }
  next[after_e0][ca0] = one_more;
  next[after_ed][c80] = next[after_ed][c90] = one_more;
  next[after_f0][c90] = next[after_f0][ca0] = two_more;
  next[after_f4][c80] = two_more;
  return next;
}();

// Below this the vectorised validator's set-up costs more than it saves.
constexpr std::size_t kBulkFrom = 32;

template <class Word>
Word load(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

bool is_ascii(base::Bytes text) {
  const char* at = text.data();
  const std::size_t size = text.size();
  if (size < 8) {
    std::uint8_t all = 0;
    for (const char c : text) all = static_cast<std::uint8_t>(all | static_cast<std::uint8_t>(c));
    return all < 0x80;
  }
  auto all = load<std::uint64_t>(at + size - 8);  // overlaps the last whole word
  for (std::size_t i = 0; i + 8 < size; i += 8) all |= load<std::uint64_t>(at + i);
  return (all & 0x8080808080808080U) == 0;
}

// Bytes at the end that may be the start of a code point: at most three.
std::size_t open_tail(base::Bytes text) {
  for (std::size_t n = 1; n <= std::min<std::size_t>(3, text.size()); ++n) {
    const auto byte = static_cast<std::uint8_t>(text[text.size() - n]);
    if (byte < 0x80) return 0;
    if (byte >= 0xC0) return n;
  }
  return 0;
}

}  // namespace

bool valid_utf8(base::Bytes text) {
  // Most messages are short and ASCII.
  if (text.size() <= 128 && is_ascii(text)) return true;
  return simdjson::validate_utf8(text.data(), text.size());
}

bool Utf8Validator::step_all(base::Bytes bytes) {
  std::uint8_t state = state_;
  for (const char c : bytes) state = kNext[state][kClassOf[static_cast<std::uint8_t>(c)]];
  state_ = state;  // reject stays reject
  return state != reject;
}

bool Utf8Validator::feed(base::Bytes piece) {
  if (piece.size() < kBulkFrom) return step_all(piece);
  // Finish the code point that was cut, check the whole ones at once, leave the last cut one open.
  std::size_t head = 0;
  while (state_ != accept && head < piece.size()) {
    if (!step_all(piece.substr(head++, 1))) return false;
  }
  piece.remove_prefix(head);
  const std::size_t tail = open_tail(piece);
  if (!valid_utf8(piece.substr(0, piece.size() - tail))) {
    state_ = reject;
    return false;
  }
  return step_all(piece.substr(piece.size() - tail));
}

}  // namespace socketio::ws
