// What one of our compilers takes and the other does not: clang 14 cannot capture a structured
// binding, unless the capture is an initialisation (`[&, id = id]`).
#include <algorithm>

#include "tidy.hpp"

namespace tidy {
namespace {

constexpr auto kNone = std::string_view::npos;

class Bindings {
 public:
  Bindings(const std::string& path, const SourceFile& file, Findings& findings)
      : path_(path), findings_(findings) {
    for (const std::string& line : file.code) {
      starts_.push_back(code_.size());
      if (!trim(line).starts_with('#')) code_ += line;
      code_ += ' ';
    }
  }

  void run() {
    for (auto at = find_word(code_, "auto"); at != kNone; at = find_word(code_, "auto", at + 1)) {
      auto open = at + 4;
      while (open < code_.size() && (code_[open] == '&' || code_[open] == ' ')) ++open;
      if (open >= code_.size() || code_[open] != '[') continue;
      const auto close = closing(open);
      std::string names(text(open + 1, close));
      std::replace(names.begin(), names.end(), ',', ' ');
      check_scope(split_words(names), close + 1, end_of_scope(close + 1));
    }
  }

 private:
  std::string_view text(std::size_t from, std::size_t to) const {
    return std::string_view(code_).substr(from, to - from);
  }
  std::size_t skip_blanks(std::size_t at) const {
    while (at < code_.size() && code_[at] == ' ') ++at;
    return at;
  }

  // Where what opens at `open` is closed.
  std::size_t closing(std::size_t open) const {
    std::size_t depth = 0;
    for (auto at = open; at < code_.size(); ++at) {
      if (std::string_view("([{").find(code_[at]) != kNone) ++depth;
      if (std::string_view(")]}").find(code_[at]) != kNone && --depth == 0) return at;
    }
    return code_.size();
  }

  // The end of the block around `at`; behind a `for (auto [a, b] : c)` that of the statement that
  // it repeats.
  std::size_t end_of_scope(std::size_t at) const {
    for (; at < code_.size(); ++at) {
      const char c = code_[at];
      if (c == '(' || c == '[' || c == '{') at = closing(at);
      if (c == '}') return at;
      if (c == ')') return end_of_statement(at + 1);
    }
    return at;
  }

  std::size_t end_of_statement(std::size_t at) const {
    for (; at < code_.size() && code_[at] != ';'; ++at) {
      const char c = code_[at];
      if (c == '{' || c == '(' || c == '[') at = closing(at);
      if (c == '{') return at;
    }
    return at;
  }

  void check_scope(const std::vector<std::string_view>& names, std::size_t from, std::size_t end) {
    for (auto at = from; at < end; ++at) {
      if (code_[at] != '[' || code_[at + 1] == '[') continue;
      const auto before = trim(text(from, at));
      if (!before.empty() &&
          (is_word(before.back()) || before.back() == ')' || before.back() == ']' ||
           before.back() == '&') &&
          !before.ends_with("return") && !before.ends_with("co_await"))
        continue;
      const auto close = closing(at);
      const auto next = skip_blanks(close + 1);
      if (next < end && (code_[next] == '(' || code_[next] == '{')) check_lambda(names, at, close);
    }
  }

  void check_lambda(const std::vector<std::string_view>& names, std::size_t open,
                    std::size_t close) {
    const std::string_view captures = text(open + 1, close);
    const auto start = skip_blanks(close + 1);
    const bool takes = code_[start] == '(';
    const std::string_view parameters = takes ? text(start, closing(start)) : std::string_view();
    auto body = takes ? closing(start) : start;
    while (body < code_.size() && code_[body] != '{') ++body;
    const std::string_view inside = text(body, closing(body));
    for (const std::string_view name : names) {
      if (!captures_it(entries_of(captures), name,
                       find_word(parameters, name) == kNone && uses(inside, name)))
        continue;
      const auto line = std::upper_bound(starts_.begin(), starts_.end(), open) - starts_.begin();
      findings_.push_back({path_, static_cast<std::size_t>(line),
                           "clang 14 captures no structured binding: [" + std::string(name) +
                               " = " + std::string(name) + "]"});
    }
  }

  // What stands between the commas of a capture list.
  static std::vector<std::string_view> entries_of(std::string_view captures) {
    std::vector<std::string_view> entries;
    std::size_t depth = 0;
    std::size_t begun = 0;
    for (std::size_t at = 0; at <= captures.size(); ++at) {
      const char c = at < captures.size() ? captures[at] : ',';
      if (std::string_view("([{").find(c) != kNone) ++depth;
      if (std::string_view(")]}").find(c) != kNone) --depth;
      if (c != ',' || (depth > 0 && at < captures.size())) continue;
      entries.push_back(trim(captures.substr(begun, at - begun)));
      begun = at + 1;
    }
    return entries;
  }

  static bool captures_it(const std::vector<std::string_view>& entries, std::string_view name,
                          bool used) {
    bool all = false;
    for (std::string_view entry : entries) {
      all = all || entry == "&" || entry == "=";
      if (entry.starts_with('&')) entry.remove_prefix(1);
      if (entry == name) return true;
      if (find_word(entry, name) == 0) return false;  // `name = ...`: one of its own
    }
    return all && used;
  }

  static bool uses(std::string_view body, std::string_view name) {
    for (auto at = find_word(body, name); at != kNone; at = find_word(body, name, at + 1)) {
      const auto before = trim(body.substr(0, at));
      if (!before.ends_with('.') && !before.ends_with("->") && !before.ends_with("::")) return true;
    }
    return false;
  }

  const std::string& path_;
  Findings& findings_;
  std::string code_;                 // of all lines, a blank between two
  std::vector<std::size_t> starts_;  // of each line in it
};

}  // namespace

void check_bindings(const Tree& tree, Findings& findings) {
  for (const auto& [path, file] : tree.files) {
    if (is_cpp(path)) Bindings(path, file, findings).run();
  }
}

}  // namespace tidy
