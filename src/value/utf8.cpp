#include "value/utf8.hpp"

#include <algorithm>

namespace socketio::value {

namespace {

struct Sequence {
  std::size_t size = 1;  // of the valid sequence, or of the part to replace
  bool valid = false;
};

bool between(unsigned char c, unsigned char low, unsigned char high) {
  return c >= low && c <= high;
}

// The table of well-formed sequences of Unicode 15, 3.9 (D92): the second byte's range depends on
// the first.
Sequence sequence_at(base::Bytes text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, true};
  if (!between(lead, 0xC2, 0xF4)) return {1, false};
  const std::size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (std::size_t i = 1; i < size; ++i) {
    if (i >= text.size() || !between(byte(i), low, high)) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {size, true};
}

}  // namespace

std::string replace_invalid_utf8(base::Bytes text) {
  std::string out;
  out.reserve(text.size() + 16);
  while (!text.empty()) {
    const Sequence sequence = sequence_at(text);
    out += sequence.valid ? text.substr(0, sequence.size) : base::Bytes("\xEF\xBF\xBD");
    text.remove_prefix(sequence.size);
  }
  return out;
}

}  // namespace socketio::value
