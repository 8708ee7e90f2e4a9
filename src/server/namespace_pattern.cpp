// The public face of PatternProgram.
#include <stdexcept>
#include <string>

#include <socketio/namespace_pattern.hpp>

#include "server/pattern_program.hpp"

namespace socketio {

struct NamespacePattern::Compiled {
  server::PatternProgram program;
};

NamespacePattern::NamespacePattern(std::string_view expression) {
  try {
    compiled_ = std::make_shared<const Compiled>(Compiled{server::PatternProgram(expression)});
  } catch (const std::invalid_argument& e) {
    throw std::invalid_argument(std::string("socketio::NamespacePattern: ") + e.what());
  }
}

bool NamespacePattern::matches(std::string_view name) const {
  return name.size() <= kMaxName && compiled_->program.found_in(name);
}

}  // namespace socketio
