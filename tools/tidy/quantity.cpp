#include "quantity.hpp"

#include <array>
#include <cctype>
#include <string>
#include <utility>

#include "tidy.hpp"

namespace tidy {
namespace {

struct Unit {
  std::string_view name;
  long double factor;
  bool time;
};
constexpr std::array kProseUnits{Unit{"KiB", 1024, false},
                                 Unit{"MiB", 1024 * 1024, false},
                                 Unit{"GiB", 1024 * 1024 * 1024, false},
                                 Unit{"µs", 1, true},
                                 Unit{"ms", 1e3L, true},
                                 Unit{"s", 1e6L, true},
                                 Unit{"min", 60e6L, true},
                                 Unit{"h", 3600e6L, true}};
constexpr std::array kCodeUnits{Unit{"microseconds", 1, true}, Unit{"milliseconds", 1e3L, true},
                                Unit{"seconds", 1e6L, true}, Unit{"minutes", 60e6L, true}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

const Unit* unit_named(std::string_view name) {
  for (const Unit& unit : kCodeUnits) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

// The constant expressions that limits are written as: numbers, + - * <<, parentheses, casts and
// durations in either kind of brackets.
class Expression {
 public:
  explicit Expression(std::string_view text) : text_(text) {}

  std::optional<Quantity> all() {
    const Quantity value = shifted();
    blanks();
    if (!good_ || at_ != text_.size()) return std::nullopt;
    return value;
  }

 private:
  void blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(std::string_view token) {
    blanks();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  Quantity shifted() {
    Quantity left = summed();
    while (take("<<")) {
      for (long double n = summed().value; n > 0; --n) left.value *= 2;
    }
    return left;
  }
  Quantity summed() {
    Quantity left = multiplied();
    while (true) {
      if (take("+")) {
        left.value += multiplied().value;
      } else if (take("-")) {
        left.value -= multiplied().value;
      } else {
        return left;
      }
    }
  }
  Quantity multiplied() {
    Quantity left = single();
    while (take("*")) {
      const Quantity right = single();
      left = {left.value * right.value, left.time || right.time};
    }
    return left;
  }
  Quantity single() {
    blanks();
    if (at_ == text_.size()) return fail();
    if (take("(")) return bracketed(")");
    if (is_digit(text_[at_])) return number();
    std::string_view name;
    do {
      const std::size_t begin = at_;
      while (at_ < text_.size() && is_word(text_[at_])) ++at_;
      name = text_.substr(begin, at_ - begin);
    } while (take("::"));
    if (name.empty()) return fail();
    Quantity inner;
    if (take("{")) {
      inner = bracketed("}");
    } else if (take("(")) {
      inner = bracketed(")");
    } else {
      return fail();  // a name, whose value is not here
    }
    if (const Unit* unit = unit_named(name); unit != nullptr)
      return {inner.value * unit->factor, true};
    return inner;
  }
  Quantity bracketed(std::string_view end) {
    const Quantity inner = shifted();
    return take(end) ? inner : fail();
  }
  Quantity number() {
    std::string digits;
    for (; at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '\''); ++at_) {
      const char c = text_[at_];
      if (is_digit(c))
        digits += c;
      else if (c != '\'' && c != 'U' && c != 'L' && c != 'u')
        return fail();
    }
    return {std::stold(digits), false};
  }
  Quantity fail() {
    good_ = false;
    at_ = text_.size();
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool good_ = true;
};

}  // namespace

std::optional<Quantity> quantity_in_code(std::string_view text, std::string_view before) {
  text = trim(text);
  if (text.ends_with(';') || text.ends_with(',')) text.remove_suffix(1);
  if (const auto assigned = text.find(" = "); assigned != std::string_view::npos)
    return Expression(text.substr(assigned + 3)).all();
  std::size_t name = 0;
  while (name < text.size() && is_word(text[name])) ++name;
  if (name == 0 || name == text.size() || text[name] != '{') return Expression(text).all();
  // A member with its initialiser.
  std::optional<Quantity> value = Expression("value" + std::string(text.substr(name))).all();
  const auto colon = before.rfind(':');
  const Unit* unit =
      unit_named(colon == std::string_view::npos ? before : before.substr(colon + 1));
  if (value && unit != nullptr) *value = {value->value * unit->factor, true};
  return value;
}

std::vector<Quantity> quantities_in_prose(std::string_view cell) {
  std::vector<Quantity> all;
  bool code = false;
  for (std::size_t at = 0; at < cell.size();) {
    if (cell[at] == '`') code = !code;
    const bool inside = code || (at > 0 && (is_word(cell[at - 1]) || cell[at - 1] == '/'));
    if (inside || !is_digit(cell[at])) {
      ++at;
      continue;
    }
    std::string digits;
    for (; at < cell.size(); ++at) {
      const bool more = at + 1 < cell.size() && is_digit(cell[at + 1]);
      if (cell[at] != ',' && cell[at] != '.' && !is_digit(cell[at])) break;
      if (!is_digit(cell[at]) && !more) break;
      if (cell[at] != ',') digits += cell[at];
    }
    Quantity quantity{std::stold(digits), false};
    std::string_view rest = cell.substr(at);
    if (rest.starts_with(' ')) rest.remove_prefix(1);
    for (const Unit& unit : kProseUnits) {
      if (!rest.starts_with(unit.name)) continue;
      if (rest.size() > unit.name.size() && is_word(rest[unit.name.size()])) continue;
      quantity = {quantity.value * unit.factor, unit.time};
      break;
    }
    all.push_back(quantity);
  }
  return all;
}

}  // namespace tidy
