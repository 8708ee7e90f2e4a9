// The rules of this repository that a machine can check. A check is a function of the whole tree,
// so that its test can hand it a tree of three lines; only load_tree() touches the disk. It reads
// text, not C++: clang-formatted code is regular enough, and the program builds in a second.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tidy {

struct SourceFile {
  std::string text;
  std::vector<std::string> lines;
  // The lines with comments and the insides of literals blanked; same length, same columns. Only
  // for C++.
  std::vector<std::string> code;

  explicit SourceFile(std::string content, bool cpp);
};

// Paths are relative to the root of the repository. `folders` holds every directory, for links to
// one.
struct Tree {
  std::map<std::string, SourceFile> files;
  std::set<std::string> folders;

  void add(const std::string& path, std::string content);
  bool exists(const std::string& path) const;
};

struct Finding {
  std::string path;
  std::size_t line;  // from 1; 0 for the whole file
  std::string message;
};
using Findings = std::vector<Finding>;

// All text files below `root`, but for what its .gitignore names, build trees, installed packages
// and folders that begin with a dot.
Tree load_tree(const std::string& root);

// Words and paths.
bool is_cpp(std::string_view path);
bool is_test(
    std::string_view path);  // a unit test, benchmark or fuzz target, or anything in tests/
bool is_word(char c);
bool under(std::string_view path, std::string_view folder);
std::string_view layer_of(std::string_view path);  // "ws" for src/ws/frame.cpp, else empty
std::string_view trim(std::string_view text);
std::vector<std::string_view> split_words(std::string_view text);
// Where `word` stands as a whole word in `line` at or after `from`; npos when nowhere.
std::size_t find_word(std::string_view line, std::string_view word, std::size_t from = 0);

// layers.cpp
void check_layers(const Tree& tree, Findings& findings);
void check_public_headers(const Tree& tree, Findings& findings);
// words.cpp
void check_pure_layers(const Tree& tree, Findings& findings);
void check_banned(const Tree& tree, Findings& findings);
void check_marks(const Tree& tree, Findings& findings);
void check_machine_traces(const Tree& tree, Findings& findings);
// shape.cpp
void check_file_sizes(const Tree& tree, Findings& findings);
void check_function_sizes(const Tree& tree, Findings& findings);
void check_heads(const Tree& tree, Findings& findings);
void check_whitespace(const Tree& tree, Findings& findings);
// docs.cpp
void check_links(const Tree& tree, Findings& findings);
void check_mentions(const Tree& tree, Findings& findings);
void check_options(const Tree& tree, Findings& findings);
// catalogue.cpp
void check_catalogue(const Tree& tree, Findings& findings);
// bindings.cpp
void check_bindings(const Tree& tree, Findings& findings);
// limits.cpp
void check_limits(const Tree& tree, Findings& findings);

}  // namespace tidy
