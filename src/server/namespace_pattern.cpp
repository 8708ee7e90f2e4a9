#include <regex>
#include <stdexcept>
#include <string>

#include <socketio/namespace_pattern.hpp>

namespace socketio {

namespace {

// libstdc++ runs an expression by backtracking (exponential for some, and recursive in the length
// of the text) unless asked otherwise.
constexpr std::regex_constants::syntax_option_type syntax() {
#if defined(__GLIBCXX__)
  return std::regex_constants::ECMAScript | std::regex_constants::__polynomial;
#else
  return std::regex_constants::ECMAScript;
#endif
}

}  // namespace

struct NamespacePattern::Compiled {
  std::regex expression;
};

NamespacePattern::NamespacePattern(std::string_view expression) {
  try {
    compiled_ = std::make_shared<const Compiled>(
        Compiled{std::regex(expression.begin(), expression.end(), syntax())});
  } catch (const std::regex_error& e) {
    throw std::invalid_argument("socketio::NamespacePattern: \"" + std::string(expression) +
                                "\": " + e.what());
  }
}

bool NamespacePattern::matches(std::string_view name) const {
  return name.size() <= kMaxName &&
         std::regex_search(name.begin(), name.end(), compiled_->expression);
}

}  // namespace socketio
