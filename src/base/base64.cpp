#include "base/base64.hpp"

#include <array>

namespace socketio::base {
namespace {

constexpr char kStandard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char kUrl[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kBad = 64;

constexpr std::array<std::uint8_t, 256> make_table() {
  std::array<std::uint8_t, 256> table{};
  table.fill(kBad);
  for (std::uint8_t i = 0; i < 64; ++i) {
    table[static_cast<std::uint8_t>(kStandard[i])] = i;
    table[static_cast<std::uint8_t>(kUrl[i])] = i;
  }
  return table;
}
constexpr auto kTable = make_table();

bool is_break(char c) {
  return c == '\n' || c == '\r';
}

std::uint32_t byte_at(Bytes in, std::size_t i) {
  return static_cast<std::uint8_t>(in[i]);
}

// Encodes all of `in`; returns one past the last character written (padding excluded).
char* encode(Bytes in, char* out) {
  std::size_t i = 0;
  for (; i + 3 <= in.size(); i += 3) {
    const std::uint32_t v = byte_at(in, i) << 16 | byte_at(in, i + 1) << 8 | byte_at(in, i + 2);
    *out++ = kStandard[v >> 18];
    *out++ = kStandard[v >> 12 & 63];
    *out++ = kStandard[v >> 6 & 63];
    *out++ = kStandard[v & 63];
  }
  if (in.size() - i == 1) {
    const std::uint32_t v = byte_at(in, i) << 16;
    *out++ = kStandard[v >> 18];
    *out++ = kStandard[v >> 12 & 63];
  } else if (in.size() - i == 2) {
    const std::uint32_t v = byte_at(in, i) << 16 | byte_at(in, i + 1) << 8;
    *out++ = kStandard[v >> 18];
    *out++ = kStandard[v >> 12 & 63];
    *out++ = kStandard[v >> 6 & 63];
  }
  return out;
}

}  // namespace

void base64_encode(Bytes in, char* out) {
  char* const end = out + base64_size(in.size());
  for (char* p = encode(in, out); p != end; ++p) *p = '=';
}

std::string base64_encode(Bytes in) {
  std::string out(base64_size(in.size()), '\0');
  base64_encode(in, out.data());
  return out;
}

std::ptrdiff_t base64_decode(Bytes in, char* out) {
  while (!in.empty() && is_break(in.back())) in.remove_suffix(1);
  std::size_t padding = 0;
  while (padding < 2 && !in.empty() && in.back() == '=') {
    in.remove_suffix(1);
    ++padding;
  }
  char* const begin = out;
  std::uint32_t bits = 0;
  int held = 0;
  std::size_t breaks = 0;
  for (const char c : in) {
    const std::uint8_t six = kTable[static_cast<std::uint8_t>(c)];
    if (six == kBad) {
      if (!is_break(c)) return -1;
      ++breaks;
      continue;
    }
    bits = bits << 6 | six;
    held += 6;
    if (held >= 8) {
      held -= 8;
      *out++ = static_cast<char>(bits >> held & 0xFF);
    }
  }
  const std::size_t digits = in.size() - breaks;
  if (digits % 4 == 1 || (padding > 0 && (digits + padding) % 4 != 0)) return -1;
  return out - begin;
}

}  // namespace socketio::base
