// Sizes and heads: a file earns its place, a function fits on a screen.
#include <array>

#include "tidy.hpp"

namespace tidy {
namespace {

constexpr auto kNone = std::string_view::npos;
constexpr std::size_t kFileLines = 500;
constexpr std::size_t kExemptFileLines = 800;
constexpr std::size_t kFunctionLines = 70;

struct Exemption {
  std::string_view path;
  std::string_view reason;
};
// Files that may have up to kExemptFileLines.
constexpr std::array kLongFiles = {
    Exemption{
        "tests/e2e/engineio.test.mjs",
        "the rows of one protocol table in its order, against three servers that are started once"},
};

bool is_exempt(std::string_view path) {
  for (const auto& entry : kLongFiles) {
    if (entry.path == path) return true;
  }
  return false;
}

// Follows the braces of one file and measures the functions. What a brace opens is told by the text
// since the last brace or semicolon: clang-formatted code leaves few doubts.
class Functions {
 public:
  Functions(const std::string& path, const SourceFile& file, Findings& findings)
      : path_(path), file_(file), findings_(findings) {}

  void run() {
    for (line_ = 0; line_ < file_.code.size(); ++line_) {
      const std::string_view code = file_.code[line_];
      const bool directive = trim(code).starts_with('#');
      // A macro's braces balance within the directive.
      if (directive || continued_) {
        continued_ = code.ends_with('\\');
        continue;
      }
      for (const char c : code) step(c);
      if (is_row(trim(code))) ++rows_;
      head_ += ' ';
    }
  }

 private:
  enum class Kind { space, type, function, member_init, other };
  struct Scope {
    Kind kind;
    std::size_t opened;
    std::size_t rows;  // of tables, met before this scope
    std::string name;
    std::string head;  // given back when a member's initialiser closes
  };

  void step(char c) {
    if (c == '{') {
      open();
    } else if (c == '}') {
      close();
    } else if (c == ';') {
      if (parens_ == 0) head_.clear();
    } else {
      if (c == '(') ++parens_;
      if (c == ')' && parens_ > 0) --parens_;
      head_ += c;
    }
  }

  // The rows of a table inside a function are data, not length.
  static bool is_row(std::string_view code) {
    return code.starts_with('{') && (code.ends_with("},") || code.ends_with('}'));
  }

  bool inside_function() const {
    for (const auto& scope : scopes_) {
      if (scope.kind == Kind::function) return true;
    }
    return false;
  }

  Kind kind() const {
    if (inside_function() || parens_ > 0) return Kind::other;
    const auto head = trim(head_);
    if (find_word(head, "namespace") != kNone || head == "extern \"\"" ||
        head.starts_with("extern \" ")) {
      return Kind::space;
    }
    const auto open = head.find('(');
    for (const std::string_view word : {"class", "struct", "union", "enum"}) {
      const auto at = find_word(head, word);
      if (at != kNone && (open == kNone || at < open) && !head.ends_with(')')) return Kind::type;
    }
    if (open == kNone || head.ends_with('=')) return Kind::other;
    // Foo::Foo(int x) : a_{x}, b_ {...} the braces of a member, not of the body
    auto word = head.size();
    while (word > 0 && is_word(head[word - 1])) --word;
    const auto before = trim(head.substr(0, word));
    const bool after_colon = before.ends_with(':') && !before.ends_with("::");
    if (word < head.size() && (after_colon || before.ends_with(','))) return Kind::member_init;
    return Kind::function;
  }

  void open() {
    const auto opened = kind();
    scopes_.push_back(
        {opened, line_, rows_, name(), opened == Kind::member_init ? head_ : std::string{}});
    if (parens_ == 0) head_.clear();
  }

  void close() {
    if (scopes_.empty()) return;
    const auto scope = std::move(scopes_.back());
    scopes_.pop_back();
    if (parens_ == 0) head_ = scope.kind == Kind::member_init ? scope.head + "{}" : std::string{};
    const auto length = line_ - scope.opened + 1 - (rows_ - scope.rows);
    if (scope.kind == Kind::function && length > kFunctionLines) {
      findings_.push_back({path_, scope.opened + 1,
                           scope.name + " has " + std::to_string(length) + " lines; at most " +
                               std::to_string(kFunctionLines)});
    }
  }

  // The word before the first parenthesis.
  std::string name() const {
    const std::string_view head = head_;
    const auto end = std::min(head.find('('), head.size());
    auto begin = end;
    while (begin > 0 &&
           (is_word(head[begin - 1]) || head[begin - 1] == ':' || head[begin - 1] == '~'))
      --begin;
    return std::string(head.substr(begin, end - begin));
  }

  const std::string& path_;
  const SourceFile& file_;
  Findings& findings_;
  std::vector<Scope> scopes_;
  std::string head_;
  std::size_t line_ = 0;
  std::size_t rows_ = 0;
  int parens_ = 0;
  bool continued_ = false;
};

bool has_size_limit(std::string_view path) {
  return is_cpp(path) || path.ends_with(".js") || path.ends_with(".mjs") || path.ends_with(".sh") ||
         path.ends_with(".cmake") || path == "dev";
}

}  // namespace

void check_file_sizes(const Tree& tree, Findings& findings) {
  for (const auto& [path, file] : tree.files) {
    if (!has_size_limit(path)) continue;
    const auto limit = is_exempt(path) ? kExemptFileLines : kFileLines;
    if (file.lines.size() <= limit) continue;
    findings.push_back(
        {path, 0, std::to_string(file.lines.size()) + " lines; at most " + std::to_string(limit)});
  }
}

void check_function_sizes(const Tree& tree, Findings& findings) {
  for (const auto& [path, file] : tree.files) {
    if (is_cpp(path)) Functions(path, file, findings).run();
  }
}

// A header says what it is and why it exists; so does a source file that has no header, and a fuzz
// target names its property.
void check_heads(const Tree& tree, Findings& findings) {
  for (const auto& [path, file] : tree.files) {
    if (!is_cpp(path) || file.lines.empty()) continue;
    const bool header = path.ends_with(".hpp");
    const auto own_header = path.substr(0, path.rfind('.')) + ".hpp";
    const bool fuzz = path.ends_with("_fuzz.cpp");
    const bool needs_head = header || fuzz || (!is_test(path) && !tree.files.contains(own_header));
    if (needs_head && !file.lines.front().starts_with("//")) {
      findings.push_back({path, 1,
                          fuzz ? "the first line states the property that is tested"
                               : "begin with a comment: what this file is and why it exists"});
    }
    if (header && file.text.find("\n#pragma once\n") == kNone) {
      findings.push_back({path, 1, "a header has #pragma once"});
    }
  }
}

void check_whitespace(const Tree& tree, Findings& findings) {
  for (const auto& [path, file] : tree.files) {
    // A corpus is exactly what it is; a table's last column may be empty.
    if (under(path, "tests/corpus") || path.ends_with(".tsv") || file.text.empty()) continue;
    if (file.text.back() != '\n')
      findings.push_back({path, file.lines.size(), "no newline at the end of the file"});
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const std::string_view line = file.lines[i];
      if (line.ends_with('\r')) {
        findings.push_back({path, i + 1, "carriage return at the end of the line"});
      } else if (line.ends_with(' ') || line.ends_with('\t')) {
        findings.push_back({path, i + 1, "white space at the end of the line"});
      }
    }
  }
}

}  // namespace tidy
