#include "value/number.hpp"

#include <array>
#include <charconv>
#include <string_view>

namespace socketio::value {

namespace {

// Up to here every integer is a double of its own, and the shortest digits are all of its digits.
constexpr double kTwoTo53 = 9007199254740992.0;

template <class Integer>
void write_integer(std::string& out, Integer v) {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), v).ptr;
  out.append(text.data(), end);
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

void write_number(std::string& out, std::int64_t v) {
  write_integer(out, v);
}

void write_number(std::string& out, std::uint64_t v) {
  write_integer(out, v);
}

// ECMA-262, 6.1.6.1.20 Number::toString; n there is `point` here.
void write_number(std::string& out, double v) {
  if (!std::isfinite(v)) {
    out += "null";
    return;
  }
  if (std::abs(v) < kTwoTo53 && v == std::trunc(v)) {
    return write_integer(out, static_cast<std::int64_t>(v));
  }
  if (v < 0) out += '-';
  const Decimal decimal = shortest(std::abs(v));
  const std::string_view digits = decimal.digits();
  const int count = static_cast<int>(digits.size());
  const int point = decimal.point;
  if (point >= count && point <= 21) {
    out += digits;
    out.append(static_cast<std::size_t>(point - count), '0');
  } else if (point > 0 && point <= 21) {
    out += digits.substr(0, static_cast<std::size_t>(point));
    out += '.';
    out += digits.substr(static_cast<std::size_t>(point));
  } else if (point > -6 && point <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-point), '0');
    out += digits;
  } else {
    out += digits[0];
    if (count > 1) {
      out += '.';
      out += digits.substr(1);
    }
    out += point > 0 ? "e+" : "e-";
    write_integer(out, std::abs(point - 1));
  }
}

}  // namespace socketio::value
