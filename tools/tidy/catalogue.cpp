// The catalogue of hostile inputs (tests/hostile/ids.txt) against the tests: each id is named by
// one.
#include <charconv>

#include "tidy.hpp"

namespace tidy {
namespace {

constexpr std::string_view kCatalogue = "tests/hostile/ids.txt";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Adds what is written like an id in `text`: T01, and T01b, a variant of it, as T01; T01_MeansThis
// is a test's name.
void find_ids(std::string_view text, std::set<std::string, std::less<>>& ids) {
  for (std::size_t at = 0; at + 3 <= text.size(); ++at) {
    const std::string_view id = text.substr(at, 3);
    if (id[0] < 'A' || id[0] > 'Z' || !is_digit(id[1]) || !is_digit(id[2])) continue;
    if (at > 0 && is_word(text[at - 1])) continue;
    auto end = at + id.size();
    if (end < text.size() && text[end] >= 'a' && text[end] <= 'z') ++end;
    if (end == text.size() || text[end] == '_' || !is_word(text[end])) ids.emplace(id);
  }
}

bool names_inputs(std::string_view path) {
  return path.ends_with("_test.cpp") || path.ends_with(".test.mjs") ||
         (under(path, "tests/hostile") && path.ends_with(".mjs"));
}

std::string id_of(std::string_view letter, int number) {
  return std::string(letter) + (number < 10 ? "0" : "") + std::to_string(number);
}

}  // namespace

void check_catalogue(const Tree& tree, Findings& findings) {
  const auto list = tree.files.find(std::string(kCatalogue));
  if (list == tree.files.end()) return;
  std::set<std::string, std::less<>> named;
  for (const auto& [path, file] : tree.files) {
    if (names_inputs(path)) find_ids(file.text, named);
  }
  std::set<std::string, std::less<>> excused;
  const auto& lines = list->second.lines;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto words = split_words(lines[i]);
    if (words.size() < 2 || words[1] != "none") continue;
    excused.emplace(words[0]);
    if (words.size() < 3) findings.push_back({list->first, i + 1, "why has it no test?"});
    if (named.contains(words[0]))
      findings.push_back({list->first, i + 1, std::string(words[0]) + " has a test"});
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto words = split_words(lines[i]);
    if (words.size() < 2 || words[0].starts_with('#') || words[1] == "none") continue;
    int count = 0;
    const auto read = std::from_chars(words[1].data(), words[1].data() + words[1].size(), count);
    if (read.ec != std::errc()) {
      findings.push_back({list->first, i + 1, "how many?"});
      continue;
    }
    for (int number = 1; number <= count; ++number) {
      const std::string id = id_of(words[0], number);
      if (!excused.contains(id) && !named.contains(id))
        findings.push_back({list->first, i + 1, "no test names " + id});
    }
  }
}

}  // namespace tidy
