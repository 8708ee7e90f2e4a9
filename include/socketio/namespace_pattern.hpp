// NamespacePattern: which names a family of namespaces has, as a regular expression. A class of its
// own because names come from strangers: matching takes time proportional to the name (the
// expression is run without backtracking where the standard library can), and names longer than
// kMaxName never match.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include <socketio/export.hpp>

namespace socketio {

class SOCKETIO_EXPORT NamespacePattern {
 public:
  static constexpr std::size_t kMaxName = 256;  // bytes

  // ECMAScript syntax; as JS's test(), it matches anywhere unless anchored: "^/room-\\d+$". Throws
  // std::invalid_argument with the reason when it is not an expression.
  explicit NamespacePattern(std::string_view expression);

  // Any thread.
  bool matches(std::string_view name) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace socketio
