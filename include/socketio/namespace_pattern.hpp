// NamespacePattern: which names a family of namespaces has, as a regular expression. It is not
// std::regex, because names come from strangers: matching takes time in proportion to the name,
// whatever the expression, and names longer than kMaxName never match.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include <socketio/export.hpp>

namespace socketio {

class SOCKETIO_EXPORT NamespacePattern {
 public:
  static constexpr std::size_t kMaxName = 256;  // bytes

  // ECMAScript's syntax without back-references, look-around, \b and \u, over bytes; as JS's
  // test(), it matches anywhere unless anchored: "^/room-\\d+$". Throws std::invalid_argument with
  // the reason when it is not an expression, or one of more than 4,096 steps.
  explicit NamespacePattern(std::string_view expression);

  // Any thread.
  bool matches(std::string_view name) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace socketio
