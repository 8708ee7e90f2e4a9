// Reading the tree, and the view of C++ in which comments and literals cannot be mistaken for code.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include <fnmatch.h>

#include "tidy.hpp"

namespace tidy {
namespace {

namespace fs = std::filesystem;

// Blanks comments and the insides of literals, one character at a time.
class Blanker {
 public:
  explicit Blanker(const std::string& text) : text_(text), out_(text) {}

  std::string run() {
    while (at_ < text_.size()) step();
    return std::move(out_);
  }

 private:
  bool starts(std::string_view what) const { return text_.compare(at_, what.size(), what) == 0; }

  void blank_to(std::size_t end) {
    for (; at_ < end && at_ < text_.size(); ++at_) {
      if (text_[at_] != '\n') out_[at_] = ' ';
    }
  }

  std::size_t find(std::string_view what, std::size_t from) const {
    const auto found = text_.find(what, from);
    return found == std::string::npos ? text_.size() : found;
  }

  void step() {
    const char c = text_[at_];
    if (starts("//")) {
      blank_to(find("\n", at_));
    } else if (starts("/*")) {
      blank_to(find("*/", at_ + 2) + 2);
    } else if (starts("R\"") && (at_ == 0 || !is_word(text_[at_ - 1]))) {
      const auto open = find("(", at_);
      const auto end = ")" + text_.substr(at_ + 2, open - at_ - 2) + "\"";
      at_ = open + 1;
      blank_to(find(end, at_));
      at_ += end.size();
    } else if (c == '"' || (c == '\'' && (at_ == 0 || !is_word(text_[at_ - 1])))) {
      ++at_;
      blank_to(end_of_literal(c));
      ++at_;
    } else {
      ++at_;
    }
  }

  std::size_t end_of_literal(char quote) const {
    auto end = at_;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n') {
      end += text_[end] == '\\' ? 2U : 1U;
    }
    return end;
  }

  const std::string& text_;
  std::string out_;
  std::size_t at_ = 0;
};

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t from = 0;
  while (from < text.size()) {
    const auto end = std::min(text.find('\n', from), text.size());
    lines.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return lines;
}

// What the root's .gitignore says, as it is written here: without ** and without files of its kind
// in folders below.
class Ignored {
 public:
  explicit Ignored(const fs::path& root) {
    std::ifstream in(root / ".gitignore");
    for (std::string line; std::getline(in, line);) add(trim(line));
  }

  bool contains(const fs::path& path, bool folder) const {
    bool ignored = false;
    for (const auto& rule : rules_) {
      if (rule.folder && !folder) continue;
      const auto subject = (rule.whole ? path : path.filename()).generic_string();
      if (::fnmatch(rule.pattern.c_str(), subject.c_str(), FNM_PATHNAME) == 0)
        ignored = rule.ignore;
    }
    return ignored;
  }

 private:
  struct Rule {
    std::string pattern;
    bool ignore = true;
    bool folder = false;  // of folders only
    bool whole = false;   // of the path from the root, not of the last name in it
  };

  void add(std::string_view line) {
    if (line.empty() || line.front() == '#') return;
    Rule rule;
    if (line.front() == '!') {
      rule.ignore = false;
      line.remove_prefix(1);
    }
    if (line.ends_with('/')) {
      rule.folder = true;
      line.remove_suffix(1);
    }
    rule.whole = line.find('/') != std::string_view::npos;
    if (line.starts_with('/')) line.remove_prefix(1);
    rule.pattern = line;
    rules_.push_back(std::move(rule));
  }

  std::vector<Rule> rules_;
};

bool skipped_folder(const std::string& name) {
  return name == "build" || name == "node_modules" || (name.starts_with('.') && name != ".ci");
}

}  // namespace

SourceFile::SourceFile(std::string content, bool cpp)
    : text(std::move(content)), lines(split_lines(text)) {
  if (cpp) code = split_lines(Blanker(text).run());
}

void Tree::add(const std::string& path, std::string content) {
  files.emplace(path, SourceFile(std::move(content), is_cpp(path)));
  for (fs::path folder = fs::path(path).parent_path(); !folder.empty();
       folder = folder.parent_path()) {
    folders.insert(folder.generic_string());
  }
}

bool Tree::exists(const std::string& path) const {
  return files.contains(path) || folders.contains(path);
}

Tree load_tree(const std::string& root) {
  Tree tree;
  const Ignored ignored(root);
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator();
       ++it) {
    const auto name = it->path().filename().string();
    const auto relative = it->path().lexically_relative(root);
    if (it->is_directory()) {
      if (skipped_folder(name) || ignored.contains(relative, true)) it.disable_recursion_pending();
      continue;
    }
    // In a linked work tree .git is a file.
    if (!it->is_regular_file() || name == ".git" || ignored.contains(relative, false)) continue;
    std::ifstream in(it->path(), std::ios::binary);
    std::string content((std::istreambuf_iterator<char>(in)), {});
    // A file with a zero byte is not text, but a link may lead to it.
    if (content.find('\0') != std::string::npos) content.clear();
    tree.add(relative.generic_string(), std::move(content));
  }
  return tree;
}

bool is_cpp(std::string_view path) {
  return path.ends_with(".cpp") || path.ends_with(".hpp");
}

bool is_test(std::string_view path) {
  const auto stem = path.substr(0, path.rfind('.'));
  return under(path, "tests") || stem.ends_with("_test") || stem.ends_with("_bench") ||
         stem.ends_with("_fuzz");
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool under(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/';
}

std::string_view layer_of(std::string_view path) {
  if (!under(path, "src")) return {};
  path.remove_prefix(4);
  const auto slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  for (text = trim(text); !text.empty(); text = trim(text)) {
    const auto end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

std::size_t find_word(std::string_view line, std::string_view word, std::size_t from) {
  for (auto at = line.find(word, from); at != std::string_view::npos;
       at = line.find(word, at + 1)) {
    const auto end = at + word.size();
    const bool begins = at == 0 || !is_word(word.front()) || !is_word(line[at - 1]);
    const bool ends = end == line.size() || !is_word(word.back()) || !is_word(line[end]);
    if (begins && ends) return at;
  }
  return std::string_view::npos;
}

}  // namespace tidy
