#include "value/number.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace socketio::value {

namespace {

// Up to here every integer is a double of its own, and the shortest digits are all of its digits.
constexpr double kTwoTo53 = 9007199254740992.0;

template <class Integer>
char* write_integer(char* to, Integer v) {
  return std::to_chars(to, to + kMaxNumber, v).ptr;
}

char* write(char* to, std::string_view text) {
  return std::copy(text.begin(), text.end(), to);
}

// The shortest digits that read back as `v` (> 0), and n such that v = 0.digits * 10^n.
struct Decimal {
  std::array<char, 32> text;
  std::size_t size = 0;
  int point = 0;
  std::string_view digits() const { return {text.data(), size}; }
};

Decimal shortest(double v) {
  Decimal out;
  std::array<char, 32> text;
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), v, std::chars_format::scientific).ptr;
  const char* at = text.data();
  for (; *at != 'e'; ++at) {
    if (*at != '.') out.text[out.size++] = *at;
  }
  ++at;
  if (*at == '+') ++at;
  std::from_chars(at, end, out.point);
  ++out.point;
  return out;
}

}  // namespace

char* write_number(char* to, std::int64_t v) {
  return write_integer(to, v);
}

char* write_number(char* to, std::uint64_t v) {
  return write_integer(to, v);
}

// ECMA-262, 6.1.6.1.20 Number::toString; n there is `point` here.
char* write_number(char* to, double v) {
  if (!std::isfinite(v)) return write(to, "null");
  if (std::abs(v) < kTwoTo53 && v == std::trunc(v))
    return write_integer(to, static_cast<std::int64_t>(v));
  if (v < 0) *to++ = '-';
  const Decimal decimal = shortest(std::abs(v));
  const std::string_view digits = decimal.digits();
  const int count = static_cast<int>(digits.size());
  const int point = decimal.point;
  if (point >= count && point <= 21) {
    to = write(to, digits);
    return std::fill_n(to, point - count, '0');
  }
  if (point > 0 && point <= 21) {
    to = write(to, digits.substr(0, static_cast<std::size_t>(point)));
    *to++ = '.';
    return write(to, digits.substr(static_cast<std::size_t>(point)));
  }
  if (point > -6 && point <= 0) {
    to = write(to, "0.");
    to = std::fill_n(to, -point, '0');
    return write(to, digits);
  }
  *to++ = digits[0];
  if (count > 1) {
    *to++ = '.';
    to = write(to, digits.substr(1));
  }
  to = write(to, point > 0 ? "e+" : "e-");
  return std::to_chars(to, to + 4, std::abs(point - 1)).ptr;
}

}  // namespace socketio::value
