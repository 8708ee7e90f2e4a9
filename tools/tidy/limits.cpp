// The limits that are documented (docs/reference/limits.md) against tests/limits.txt, which says
// for each where its value stands in the code and which test goes past it; and the documented value
// against the one in the code.
#include <algorithm>

#include "quantity.hpp"
#include "tidy.hpp"

namespace tidy {
namespace {

constexpr auto kNone = std::string_view::npos;
constexpr std::string_view kDoc = "docs/reference/limits.md";
constexpr std::string_view kList = "tests/limits.txt";
constexpr std::string_view kBetween = " | ";
constexpr std::string_view kAnd = " && ";

// With each run of blanks and line ends as one blank: code may be broken anywhere.
std::string on_one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n';
    if (!blank || line.empty() || line.back() != ' ') line += blank ? ' ' : c;
  }
  return line;
}

// A row of one of the document's tables; without a limit: it is none.
struct Row {
  std::string_view limit, value;
};
Row row_of(std::string_view line) {
  if (!line.starts_with("| ") || line.starts_with("| Limit |")) return {};
  const auto first = line.find(" | ");
  const auto second = line.find(" |", first + 3);
  return {trim(line.substr(1, first - 1)), trim(line.substr(first + 3, second - first - 3))};
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

// The parts of "a && b".
std::vector<std::string_view> places(std::string_view text) {
  std::vector<std::string_view> all;
  for (auto at = text.find(kAnd); at != kNone; at = text.find(kAnd)) {
    all.push_back(text.substr(0, at));
    text.remove_prefix(at + kAnd.size());
  }
  all.push_back(text);
  return all;
}

// "-", or "- and why": there is none.
bool is_nowhere(std::string_view place) {
  return place == "-" || place.starts_with("- ");
}

// What stands at "file: text", and the word in front of it.
struct Found {
  bool there = false;
  std::string_view text;
  std::string before;
};
Found find(const Tree& tree, std::string_view place) {
  const auto colon = place.find(": ");
  if (colon == kNone) return {};
  const auto file = tree.files.find(std::string(place.substr(0, colon)));
  if (file == tree.files.end()) return {};
  const std::string line = on_one_line(file->second.text);
  const std::string_view text = place.substr(colon + 2);
  const auto at = line.find(text);
  if (at == kNone) return {};
  const auto words = split_words(std::string_view(line).substr(0, at));
  return {true, text, words.empty() ? std::string() : std::string(words.back())};
}
bool holds(const Tree& tree, std::string_view place) {
  if (is_nowhere(place)) return true;
  const auto all = places(place);
  return std::ranges::all_of(all, [&](std::string_view one) { return find(tree, one).there; });
}

// Are all names of the code's text in code spans of the cell? They are then the value.
bool names(std::string_view cell, std::string_view code) {
  if (const auto end = code.find_first_of("={;"); end != kNone) code = code.substr(0, end);
  std::size_t named = 0;
  for (std::size_t at = 0; at < code.size();) {
    std::size_t end = at;
    while (end < code.size() && is_word(code[end])) ++end;
    const std::string_view word = code.substr(at, end - at);
    const bool object = end < code.size() && code[end] == '.';
    at = std::max(end, at + 1);
    if (word.empty() || object) continue;
    ++named;
    bool span = false;
    bool found = false;
    for (std::size_t i = 0; i < cell.size(); ++i) {
      if (cell[i] == '`') span = !span;
      const bool begins = i == 0 || !is_word(cell[i - 1]);
      const bool ends = i + word.size() >= cell.size() || !is_word(cell[i + word.size()]);
      found = found || (span && begins && ends && cell.substr(i).starts_with(word));
    }
    if (!found) return false;
  }
  return named > 0;
}

std::string strange(std::string_view cell) {
  return "its value is \"" + std::string(cell) + "\"";
}

// Why the cell does not say what the code does; empty: it does. Every number of the cell must be in
// the code, and everything in the code in the cell, by number or by name.
std::string contradiction(const Tree& tree, std::string_view cell, std::string_view value) {
  std::vector<Quantity> told = quantities_in_prose(cell);
  if (value.starts_with("- ")) return {};
  if (!holds(tree, value)) return {};  // told elsewhere
  if (value == "-") return told.empty() ? "" : strange(cell) + ", and no code";
  std::vector<Quantity> known;
  for (const std::string_view place : places(value)) {
    const Found found = find(tree, place);
    const auto quantity = quantity_in_code(found.text, found.before);
    const bool none = quantity && quantity->value == 0 && cell.starts_with("none");
    const bool said = quantity && std::ranges::count(told, *quantity) > 0;
    if (!said && !none && !names(cell, found.text))
      return strange(cell) + ", the code says " + std::string(found.text);
    if (quantity) known.push_back(*quantity);
  }
  for (const Quantity& one : told) {
    if (std::ranges::count(known, one) == 0)
      return strange(cell) + ", of which the code lacks a number";
  }
  return {};
}

}  // namespace

void check_limits(const Tree& tree, Findings& findings) {
  const auto doc = tree.files.find(std::string(kDoc));
  const auto list = tree.files.find(std::string(kList));
  if (doc == tree.files.end() || list == tree.files.end()) return;
  std::map<std::string_view, std::string_view> listed;
  const auto& lines = list->second.lines;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].empty() || lines[i].starts_with('#')) continue;
    const Line line = split(lines[i]);
    const std::string limit(line.limit);
    if (limit.empty()) {
      findings.push_back({list->first, i + 1, "limit | file: value | file: test"});
      continue;
    }
    if (!listed.emplace(line.limit, line.value).second)
      findings.push_back({list->first, i + 1, limit + " comes twice"});
    if (!holds(tree, line.value))
      findings.push_back({list->first, i + 1, limit + ": the code does not say so"});
    if (!holds(tree, line.test))
      findings.push_back({list->first, i + 1, limit + ": there is no such test"});
  }
  const auto& rows = doc->second.lines;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row row = row_of(rows[i]);
    if (row.limit.empty()) continue;
    const std::string limit(row.limit);
    const auto found = listed.find(row.limit);
    if (found == listed.end()) {
      findings.push_back({doc->first, i + 1, limit + " is missing from " + std::string(kList)});
      continue;
    }
    if (const std::string why = contradiction(tree, row.value, found->second); !why.empty())
      findings.push_back({doc->first, i + 1, limit + ": " + why});
    listed.erase(found);
  }
  for (const auto& [limit, value] : listed)
    findings.push_back({list->first, 0, std::string(limit) + " is no limit of the document"});
}

}  // namespace tidy
