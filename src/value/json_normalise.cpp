#include "value/json_normalise.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "value/json_scan.hpp"

namespace socketio::value {

namespace {

constexpr base::Bytes kReplacement = "\\ufffd";
constexpr std::size_t kEscape = 6;  // \uXXXX
constexpr base::Bytes kDelimiters = " \t\n\r,:[]{}\"";
// Exponents of more digits are cut off; the text cannot be long enough to make up for it.
constexpr std::int64_t kExponentLimit = std::int64_t{1} << 40;

// The parts of a number of RFC 8259, section 6.
struct Number {
  base::Bytes text;
  base::Bytes whole;
  base::Bytes fraction;
  std::int64_t exponent = 0;
  bool integer = true;
  bool valid = false;
};

class NumberScanner {
 public:
  explicit NumberScanner(base::Bytes text) : text_(text) {}

  Number scan() {
    Number out;
    skip("-");
    out.whole = digits();
    bool valid = !out.whole.empty() && (out.whole.size() == 1 || out.whole[0] != '0');
    if (skip(".")) {
      out.integer = false;
      out.fraction = digits();
      valid = valid && !out.fraction.empty();
    }
    if (skip("eE")) {
      out.integer = false;
      const bool negative = at_ < text_.size() && text_[at_] == '-';
      skip("+-");
      const base::Bytes exponent = digits();
      valid = valid && !exponent.empty();
      for (const char c : exponent) {
        out.exponent = std::min(out.exponent * 10 + (c - '0'), kExponentLimit);
      }
      if (negative) out.exponent = -out.exponent;
    }
    out.text = text_.substr(0, at_);
    out.valid = valid;
    return out;
  }

 private:
  bool skip(base::Bytes any_of) {
    if (at_ == text_.size() || any_of.find(text_[at_]) == base::Bytes::npos) return false;
    ++at_;
    return true;
  }
  base::Bytes digits() {
    const std::size_t from = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    return text_.substr(from, at_ - from);
  }

  base::Bytes text_;
  std::size_t at_ = 0;
};

template <class Integer>
bool fits(base::Bytes text) {
  Integer v = 0;
  return std::from_chars(text.data(), text.data() + text.size(), v).ec == std::errc();
}

// Of a number std::from_chars calls out of range: too big, not too small.
bool is_too_big(const Number& number) {
  const std::size_t leading = number.whole.find_first_not_of('0');
  if (leading != base::Bytes::npos) {
    return static_cast<std::int64_t>(number.whole.size()) + number.exponent > 0;
  }
  const std::size_t zeros = number.fraction.find_first_not_of('0');
  return zeros != base::Bytes::npos && number.exponent > static_cast<std::int64_t>(zeros);
}

// The value of four hex digits, else 0.
unsigned hex4(base::Bytes text) {
  unsigned v = 0;
  const auto end = text.data() + 4;
  if (text.size() < 4 || std::from_chars(text.data(), end, v, 16).ptr != end) return 0;
  return v;
}

// The code unit of the \uXXXX that `text` starts with, else 0: no surrogate.
unsigned unit_at(base::Bytes text) {
  return text.starts_with("\\u") ? hex4(text.substr(2)) : 0;
}

bool is_high(unsigned unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}

bool is_low(unsigned unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

class Normaliser {
 public:
  Normaliser(base::Bytes text, std::string& out, std::vector<Overflow>& overflows)
      : text_(text), out_(out), overflows_(overflows) {}

  bool run() {
    out_.reserve(out_.size() + text_.size() + base::kPadding);
    while (!text_.empty()) {
      if (text_[0] == '"') {
        string();
      } else if (text_[0] == '-' || is_digit(text_[0])) {
        number();
      } else {
        keep(std::min(text_.find_first_of("\"-0123456789"), text_.size()));
      }
    }
    return changed_;
  }

 private:
  void keep(std::size_t n) {
    out_ += text_.substr(0, n);
    text_.remove_prefix(n);
  }
  void replace(std::size_t n, base::Bytes by) {
    out_ += by;
    text_.remove_prefix(n);
    changed_ = true;
  }

  void string() {
    keep(1);
    while (!text_.empty()) {
      keep(std::min(text_.find_first_of("\"\\"), text_.size()));
      if (text_.starts_with('"')) return keep(1);
      escape();
    }
  }

  void escape() {
    const unsigned unit = unit_at(text_);
    if (!is_high(unit) && !is_low(unit)) return keep(std::min(text_.size(), std::size_t{2}));
    if (is_high(unit) && is_low(unit_at(text_.substr(kEscape)))) return keep(2 * kEscape);
    replace(kEscape, kReplacement);
  }

  void number() {
    const Number number = NumberScanner(text_).scan();
    const std::size_t ordinal = numbers_++;
    const base::Bytes text = number.text;
    // Mended by halves, "9-1e999" would become the number 91e99.
    const std::size_t token = std::min(text_.find_first_of(kDelimiters), text_.size());
    if (!number.valid || text.size() != token) return keep(token);
    if (number.integer && (fits<std::int64_t>(text) || fits<std::uint64_t>(text))) {
      return keep(text.size());
    }
    double v = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), v).ec == std::errc()) {
      if (!number.integer) return keep(text.size());
      // Scientific, since 2^64 in JS's own notation would be an integer again.
      std::array<char, 32> digits;
      const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), v,
                                     std::chars_format::scientific)
                           .ptr;
      return replace(text.size(), {digits.data(), static_cast<std::size_t>(end - digits.data())});
    }
    if (!is_too_big(number)) return keep(text.size());
    overflows_.push_back({out_.size(), ordinal, text[0] == '-'});
    replace(text.size(), kOverflowStandIn);
  }

  base::Bytes text_;
  std::string& out_;
  std::vector<Overflow>& overflows_;
  std::size_t numbers_ = 0;
  bool changed_ = false;
};

}  // namespace

bool normalise_json(base::Bytes text, std::string& out, std::vector<Overflow>& overflows) {
  return Normaliser(text, out, overflows).run();
}

}  // namespace socketio::value
