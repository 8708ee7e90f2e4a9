// The documentation against the tree: links, the files and functions it names, and the options it
// must describe.
#include <algorithm>
#include <filesystem>
#include <optional>

#include "quantity.hpp"
#include "tidy.hpp"

namespace tidy {
namespace {

constexpr auto kNone = std::string_view::npos;
constexpr std::string_view kOptionsDoc = "docs/reference/options.md";
constexpr std::string_view kOptionTests = "docs/reference/option-tests.md";

bool is_doc(std::string_view path) {
  return path.ends_with(".md");
}

std::string resolve(const std::string& doc, std::string_view target) {
  const auto folder = std::filesystem::path(doc).parent_path();
  auto path = (folder / target).lexically_normal().generic_string();
  if (path.ends_with('/')) path.pop_back();
  return path;
}

// The lines of a document, with those inside a fenced block left empty.
std::vector<std::string_view> prose_of(const SourceFile& file) {
  std::vector<std::string_view> prose;
  bool fenced = false;
  for (const std::string_view line : file.lines) {
    const bool fence = trim(line).starts_with("```");
    prose.push_back(fenced || fence ? std::string_view{} : line);
    if (fence) fenced = !fenced;
  }
  return prose;
}

std::vector<std::string_view> backticked(std::string_view line) {
  std::vector<std::string_view> spans;
  for (auto open = line.find('`'); open != kNone; open = line.find('`', open)) {
    const auto close = line.find('`', open + 1);
    if (close == kNone) break;
    spans.push_back(line.substr(open + 1, close - open - 1));
    open = close + 1;
  }
  return spans;
}

bool is_path_text(std::string_view text) {
  for (const char c : text) {
    if (!is_word(c) && c != '/' && c != '.' && c != '-') return false;
  }
  return !text.empty() && text.front() != '/';
}

bool begins_in_tree(const Tree& tree, std::string_view path) {
  const auto slash = path.find('/');
  return slash != kNone && slash + 1 < path.size() &&
         tree.folders.contains(std::string(path.substr(0, slash)));
}

// The files `path` may mean: itself, or src/path; with or without its ending.
std::vector<const SourceFile*> files_named(const Tree& tree, std::string_view path) {
  std::vector<const SourceFile*> found;
  for (const std::string_view folder : {"", "src/", "include/"}) {
    for (const std::string_view ending : {"", ".cpp", ".hpp"}) {
      const auto it = tree.files.find(std::string(folder).append(path).append(ending));
      if (it != tree.files.end()) found.push_back(&it->second);
    }
  }
  return found;
}

// `ws/machine.cpp:next` or `src/ws/machine.hpp:Machine::next`, with or without "()"
void check_function_mention(const Tree& tree, const std::string& doc, std::size_t line,
                            std::string_view mention, Findings& findings) {
  const auto colon = mention.find(':');
  const auto path = mention.substr(0, colon);
  auto function = mention.substr(colon + 1);
  if (function.ends_with("()")) function.remove_suffix(2);
  if (!is_path_text(path) || function.empty() || function.starts_with(':')) return;
  if (path.find('/') == kNone && path.find('.') == kNone) return;
  for (const char c : function) {
    if (!is_word(c) && c != ':' && c != '~') return;
  }
  const auto files = files_named(tree, path);
  if (files.empty()) {
    findings.push_back({doc, line, "there is no file " + std::string(path)});
    return;
  }
  const auto last = function.rfind(':');
  const auto name = last == kNone ? function : function.substr(last + 1);
  for (const auto* file : files) {
    for (const auto& code : file->code) {
      if (find_word(code, name) != kNone) return;
    }
    if (file->code.empty() && file->text.find(name) != std::string::npos) return;
  }
  findings.push_back({doc, line, std::string(path) + " has no " + std::string(function)});
}

void check_line_links(const Tree& tree, const std::string& doc, std::size_t number,
                      std::string_view line, Findings& findings) {
  for (auto at = line.find("]("); at != kNone; at = line.find("](", at + 2)) {
    const auto close = line.find(')', at);
    if (close == kNone) return;
    // A lambda in code, `[](int a) {}`, is no link.
    if (std::count(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(at), '`') % 2 != 0)
      continue;
    auto target = line.substr(at + 2, close - at - 2);
    target = target.substr(0, target.find('#'));
    if (target.empty() || target.find("://") != kNone || target.starts_with("mailto:")) continue;
    if (!tree.exists(resolve(doc, target))) {
      findings.push_back({doc, number, "the link to " + std::string(target) + " leads nowhere"});
    }
  }
}

// The member's name in `  Duration ping_interval = 25s;  // …`
std::optional<std::string_view> field_of(std::string_view code) {
  code = trim(code);
  const auto end = code.find_first_of("={;");
  if (end == kNone || code.starts_with("using ") || code.starts_with("static ")) return {};
  code = trim(code.substr(0, end));
  auto begin = code.size();
  while (begin > 0 && is_word(code[begin - 1])) --begin;
  // A type stands before it; a function's name stands before a parenthesis.
  const bool function =
      code.ends_with(')') || code.ends_with("const") || code.find("operator") != kNone;
  if (begin == 0 || begin == code.size() || function) return {};
  if (code[begin] >= '0' && code[begin] <= '9') return {};  // the rest of the line before
  return code.substr(begin);
}

// The name of the options struct that begins here.
std::optional<std::string_view> options_opened_by(std::string_view code) {
  const auto words = split_words(code);
  if (words.size() < 3 || words[0] != "struct" || words.back() != "{") return {};
  const std::string_view name = words[words.size() - 2];
  if (name.find("Options") == kNone && name != "PerMessageDeflate" && name != "HttpCompression" &&
      name != "TlsCertificate")
    return {};
  return name;
}

// The row of the page of tests that begins with `Struct::field`; it goes on with
// `file`: title, or with `file:Name`.
void check_option_test(const Tree& tree, const std::string& option, const std::string& path,
                       std::size_t line, Findings& findings) {
  const auto doc = tree.files.find(std::string(kOptionTests));
  if (doc == tree.files.end()) return;
  for (std::size_t i = 0; i < doc->second.lines.size(); ++i) {
    const std::string_view row = doc->second.lines[i];
    if (!row.starts_with("| `" + option + "` |")) continue;
    const auto spans = backticked(row);
    const auto place = spans.size() < 2 ? std::string_view() : spans[1];
    const auto file = tree.files.find(std::string(place.substr(0, place.find(':'))));
    const bool is_test = place.find("_test.cpp:") != kNone || place.ends_with(".test.mjs");
    bool found = is_test && file != tree.files.end();
    if (found && place.find(':') == kNone) {
      const auto title = row.find("`: ", row.find(place));
      const auto end = row.rfind(" |");
      found = title != kNone && end > title + 3 &&
              file->second.text.find(row.substr(title + 3, end - title - 3)) != std::string::npos;
    }
    if (!found) findings.push_back({doc->first, i + 1, "the test of " + option + " is not there"});
    return;
  }
  findings.push_back({path, line, option + " is missing from " + std::string(kOptionTests)});
}

// What `code`, a field's declaration, gives it: a number, or the words of a truth or an enumerator.
// Anything else is not compared.
bool is_default(std::string_view code, std::string_view field, std::string_view cell) {
  const auto at = find_word(code, field);
  const auto types = split_words(code.substr(0, at));
  const std::string_view declared = trim(code.substr(at));
  if (const auto number =
          quantity_in_code(declared, types.empty() ? std::string_view() : types.back()))
    return quantities_in_prose(cell) == std::vector<Quantity>{*number};
  const auto assigned = declared.find(" = ");
  const auto value = assigned == kNone ? std::string_view() : declared.substr(assigned + 3);
  const auto word = value.substr(0, value.find(';'));
  if (word != "true" && word != "false" && word.find("::") == kNone) return true;
  if (word.find_first_of("({") != kNone) return true;
  const auto spans = backticked(cell);
  return std::ranges::find(spans, word) != spans.end();
}

// The second cell of the row that begins with the field: its default. Several structs may have a
// field of that name; one of the rows is right.
void check_option_default(const SourceFile& doc, std::string_view code, std::string_view field,
                          const std::string& path, std::size_t line, Findings& findings) {
  const std::string begin = "| `" + std::string(field) + "` | ";
  bool rows = false;
  for (const std::string_view row : doc.lines) {
    if (!row.starts_with(begin)) continue;
    rows = true;
    const auto cell = row.substr(begin.size(), row.find(" |", begin.size()) - begin.size());
    if (is_default(code, field, cell)) return;
  }
  if (rows) {
    findings.push_back(
        {path, line, std::string(kOptionsDoc) + " has another default of " + std::string(field)});
  }
}

}  // namespace

void check_links(const Tree& tree, Findings& findings) {
  for (const auto& [path, file] : tree.files) {
    if (!is_doc(path)) continue;
    const auto prose = prose_of(file);
    for (std::size_t i = 0; i < prose.size(); ++i)
      check_line_links(tree, path, i + 1, prose[i], findings);
  }
}

void check_mentions(const Tree& tree, Findings& findings) {
  for (const auto& [path, file] : tree.files) {
    // What a change log or a decision named may be gone since.
    if (!is_doc(path) || under(path, "docs/adr") || path == "CHANGELOG.md") continue;
    const auto prose = prose_of(file);
    for (std::size_t i = 0; i < prose.size(); ++i) {
      for (const auto span : backticked(prose[i])) {
        if (span.find(':') != kNone) {
          check_function_mention(tree, path, i + 1, span, findings);
        } else if (is_path_text(span) && begins_in_tree(tree, span)) {
          std::string target(span.substr(0, span.ends_with('/') ? span.size() - 1 : kNone));
          if (!tree.exists(target)) findings.push_back({path, i + 1, "there is no " + target});
        }
      }
    }
  }
}

void check_options(const Tree& tree, Findings& findings) {
  const auto doc = tree.files.find(std::string(kOptionsDoc));
  if (doc == tree.files.end()) return;
  for (const auto& [path, file] : tree.files) {
    if (!under(path, "include")) continue;
    int depth = 0;  // 1 among the fields of an options struct
    std::string name;
    for (std::size_t i = 0; i < file.code.size(); ++i) {
      const std::string_view code = file.code[i];
      if (depth == 0) {
        if (const auto opened = options_opened_by(code)) {
          depth = 1;
          name = *opened;
        }
        continue;
      }
      if (const auto field = depth == 1 ? field_of(code) : std::nullopt) {
        if (find_word(doc->second.text, *field) == kNone) {
          findings.push_back(
              {path, i + 1, std::string(*field) + " is missing from " + std::string(kOptionsDoc)});
        }
        // A long one goes on in the next line.
        const bool whole = code.find(';') != kNone || i + 1 == file.code.size();
        check_option_default(doc->second,
                             whole ? std::string(code)
                                   : std::string(code).append(" ").append(trim(file.code[i + 1])),
                             *field, path, i + 1, findings);
        check_option_test(tree, name + "::" + std::string(*field), path, i + 1, findings);
      }
      for (const char c : code) depth += c == '{' ? 1 : c == '}' ? -1 : 0;
    }
  }
}

}  // namespace tidy
