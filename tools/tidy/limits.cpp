// The limits that are documented (docs/reference/limits.md) against tests/limits.txt, which says
// for each where its value stands in the code and which test goes past it.
#include "tidy.hpp"

namespace tidy {
namespace {

constexpr auto kNone = std::string_view::npos;
constexpr std::string_view kDoc = "docs/reference/limits.md";
constexpr std::string_view kList = "tests/limits.txt";
constexpr std::string_view kBetween = " | ";

// With each run of blanks and line ends as one blank: code may be broken anywhere.
std::string on_one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n';
    if (!blank || line.empty() || line.back() != ' ') line += blank ? ' ' : c;
  }
  return line;
}

// What a row of one of the document's tables begins with; empty: it is none.
std::string_view first_cell(std::string_view line) {
  if (!line.starts_with("| ") || line.starts_with("| Limit |")) return {};
  return trim(line.substr(1, line.find('|', 1) - 1));
}

struct Line {
  std::string_view limit, value, test;
};
Line split(std::string_view line) {
  const auto first = line.find(kBetween);
  if (first == kNone) return {};
  const auto second = line.find(kBetween, first + kBetween.size());
  if (second == kNone) return {};
  const auto value = line.substr(first + kBetween.size(), second - first - kBetween.size());
  return {line.substr(0, first), value, line.substr(second + kBetween.size())};
}

// "file: text", or "-".
bool holds(const Tree& tree, std::string_view place) {
  if (place == "-") return true;
  const auto colon = place.find(": ");
  if (colon == kNone) return false;
  const auto file = tree.files.find(std::string(place.substr(0, colon)));
  return file != tree.files.end() &&
         on_one_line(file->second.text).find(place.substr(colon + 2)) != kNone;
}

}  // namespace

void check_limits(const Tree& tree, Findings& findings) {
  const auto doc = tree.files.find(std::string(kDoc));
  const auto list = tree.files.find(std::string(kList));
  if (doc == tree.files.end() || list == tree.files.end()) return;
  std::set<std::string_view> listed;
  const auto& lines = list->second.lines;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].empty() || lines[i].starts_with('#')) continue;
    const Line line = split(lines[i]);
    const std::string limit(line.limit);
    if (limit.empty()) {
      findings.push_back({list->first, i + 1, "limit | file: value | file: test"});
      continue;
    }
    if (!listed.insert(line.limit).second)
      findings.push_back({list->first, i + 1, limit + " comes twice"});
    if (!holds(tree, line.value))
      findings.push_back({list->first, i + 1, limit + ": the code does not say so"});
    if (!holds(tree, line.test))
      findings.push_back({list->first, i + 1, limit + ": there is no such test"});
  }
  const auto& rows = doc->second.lines;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string_view limit = first_cell(rows[i]);
    if (!limit.empty() && listed.erase(limit) == 0)
      findings.push_back(
          {doc->first, i + 1, std::string(limit) + " is missing from " + std::string(kList)});
  }
  for (const std::string_view limit : listed)
    findings.push_back({list->first, 0, std::string(limit) + " is no limit of the document"});
}

}  // namespace tidy
